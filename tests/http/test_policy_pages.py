"""The public pages of policies: what they say, how they are served, and that they fit a phone."""

import asyncio
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from html import escape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.core.db import Database
from app.core.errors import DatabaseUnavailable
from app.core.ids import new_id
from app.models.business_lines import BusinessLine
from app.services.policy_book import PolicyBook
from tests.conftest import FakeClock, MakeClient
from tests.http.policies import an_edition

NAMES = ("bath_appliances", "chemicals", "components", "general", "home_furnishing", "mall", "statute", "tableware")
LANGUAGES = ("zh", "en")
LARGEST = 60_000
CJK = re.compile("[\u4e00-\u9fff]")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass
class Page(HTMLParser):
    """A page taken apart: its text in order, and what matters to somebody who cannot see it."""

    html: str
    texts: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)  # text outside any element marked as Chinese
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        self._open: list[tuple[str, bool]] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag not in ("meta", "link", "col", "br"):
            self._open.append((tag, given.get("lang") == "zh-CN"))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag, f"{tag} closes nothing"

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open[-1][0] != "style":
            self.texts.append(data.strip())
            if not any(chinese for _, chinese in self._open):
                self.foreign.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).replace("\u2060", "").split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
async def visitor(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """Somebody without a key and without a preferred language."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def page_of(visitor: AsyncClient, path: str, **headers: str) -> Page:
    response = await visitor.get(path, headers=headers)
    assert response.status_code == 200, response.text
    return Page(response.text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
async def test_every_page_is_small_sound_and_complete(visitor: AsyncClient, name: str, language: str) -> None:
    response = await visitor.get(f"/policies/{name}?lang={language}")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert len(response.content) < LARGEST
    page = Page(response.text)
    assert page.all("html") == [{"lang": {"zh": "zh-CN", "en": "en"}[language]}]
    assert not page.all("script")
    assert not re.search(r"(src|href)=\"(https?:)?//", response.text)
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    pointed = {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")}
    pointed |= {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes}
    assert pointed <= set(ids)
    assert len(page.all("table")) == len(page.all("caption")) + sum("aria-labelledby" in t for t in page.all("table"))
    assert all(cell["scope"] in ("row", "col") for cell in page.all("th"))
    assert "{" not in page.text
    assert "None" not in page.text
    wanted = {"times", "reach", "hours", "returns", "promises", "responsible", "complaints", "survey", "privacy"}
    assert wanted <= set(ids)


@pytest.mark.parametrize("name", NAMES)
async def test_a_page_is_in_one_language(visitor: AsyncClient, name: str) -> None:
    english = await page_of(visitor, f"/policies/{name}?lang=en")
    assert [text for text in english.foreign if CJK.search(text)] == []
    chinese = await page_of(visitor, f"/policies/{name}?lang=zh")
    words = {text for text in chinese.texts if re.fullmatch(r"[A-Za-z_ ,]{3,}", text)}
    assert words <= {"English"}


async def test_what_a_policy_lays_down_stands_with_its_clause(visitor: AsyncClient) -> None:
    text = (await page_of(visitor, "/policies/tableware")).text
    assert "环保餐具科技公司售后服务质量管理办法" in text
    assert "版本 1 2026 年 1 月 1 日 起施行" in text
    assert "首次响应 2 小时 第十八条 处理完成 24 小时 第十八条" in text
    assert "首次响应 24 小时 第十八条 处理完成 72 小时 第十八条" in text
    assert "受理渠道 热线电话、电子邮件、网站、门店 第十一条" in text
    assert "《产品质量法》第四十条" in text


async def test_what_a_policy_leaves_open_is_never_shown_as_its_promise(visitor: AsyncClient) -> None:
    chinese = (await page_of(visitor, "/policies/chemicals")).text
    assert "首次响应 本公司尚未明文规定，暂按 2 小时 未规定" in chinese
    assert "邮件回复 适用于：电子邮件 本公司尚未明文规定，暂按 8 个工作小时 见 三.2" in chinese
    assert "工作时间 本公司尚未明文规定，暂按 周一至周五 08:30–17:30" in chinese
    assert "收费与补偿 本公司尚未明文规定 未规定" in chinese
    assert "环保餐具" not in chinese  # where a default was taken from is no customer's business
    english = (await page_of(visitor, "/policies/chemicals?lang=en")).text
    assert "First response Not yet laid down; for now 2 hours" in english


async def test_what_the_law_says_names_the_law(visitor: AsyncClient) -> None:
    chinese = (await page_of(visitor, "/policies/statute")).text
    assert "运费 由商家承担 法定 《消费者权益保护法》第二十四条" in chinese
    assert "退款 收到退回商品后 7 天内 法定 《消费者权益保护法》第二十五条" in chinese
    english = (await page_of(visitor, "/policies/statute?lang=en")).text
    assert "Freight Paid by the merchant By law Consumer Protection Law, article 24" in english
    for name in NAMES:
        assert "法律赋予的权利" in (await page_of(visitor, f"/policies/{name}")).text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bath_appliances", "上门服务 适用于：安装调试 2 天 4.4.2(3)"),
        ("bath_appliances", "热线接听 响铃 3 声之内接听 4.4.2(1)"),
        ("general", "约定时间内未修好的，给予适当补偿 售后服务规章制度 第十四条"),
        ("general", "适用于：维修；未按时处理完成即适用"),
        ("general", "不收取额外费用，不进行不正当交易 售后服务规章制度 第十一条"),
        ("general", "维修、保养 购买凭证、故障情况描述 售后服务规章制度 第六条"),
        ("general", "周末和节假日由公司另行安排"),
        ("home_furnishing", "特别重大 6 小时 6.2"),
        ("home_furnishing", "首问负责 最先接待您的人员负责到底 1.2"),
        ("home_furnishing", "保修期内 修理、换货、退货 1.3、2.2"),
        ("chemicals", "可办理 退货、换货（须经本公司同意） 六.1②"),
        ("chemicals", "办理入库 六.3③"),
        ("mall", "接待窗口 设售后服务接待窗口 第十条"),
    ],
)
async def test_customers_find_what_they_are_entitled_to(visitor: AsyncClient, name: str, said: str) -> None:
    assert said in (await page_of(visitor, f"/policies/{name}?lang=zh")).text


async def test_chinese_comes_first_and_english_by_preference_or_switch(visitor: AsyncClient) -> None:
    assert (await page_of(visitor, "/policies/mall")).all("html") == [{"lang": "zh-CN"}]
    assert (await page_of(visitor, "/policies/mall?lang=fr")).all("html") == [{"lang": "zh-CN"}]
    english = await page_of(visitor, "/policies/mall", **{"Accept-Language": "en-GB,zh;q=0.5"})
    assert english.all("html") == [{"lang": "en"}]
    [switch] = [a for a in english.all("a") if "hreflang" in a]
    assert (switch["href"], switch["hreflang"]) == ("/policies/mall?lang=zh", "zh-CN")
    chosen = await page_of(visitor, switch["href"], **{"Accept-Language": "en"})
    assert chosen.all("html") == [{"lang": "zh-CN"}]


async def test_a_page_may_be_kept_a_minute_and_asked_for_again(visitor: AsyncClient) -> None:
    for path in ("/policies", "/policies/mall"):
        response = await visitor.get(path)
        assert response.headers["cache-control"] == "public, max-age=60"
        assert response.headers["vary"] == "Accept-Language"
        again = await visitor.get(path, headers={"If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == "public, max-age=60"
        other = await visitor.get(path, headers={"Accept-Language": "en"})
        assert other.headers["etag"] != response.headers["etag"]


async def test_nothing_may_be_loaded_or_run(visitor: AsyncClient) -> None:
    for path in ("/policies", "/policies/mall", "/policies/nobody"):
        response = await visitor.get(path)
        rules = dict(rule.strip().split(" ", 1) for rule in response.headers["content-security-policy"].split(";"))
        [style] = re.findall("<style>(.*?)</style>", response.text, re.DOTALL)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
        assert rules["style-src"] == f"'sha256-{digest}'"
        assert not re.search(r"<[^>]+ style=", response.text)
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/policies/nobody", "没有找到这项制度"),
        ("/policies/%3Cscript%3E", "没有找到这项制度"),
        ("/policies/%00", "没有找到这项制度"),
        ("/policies/tableware?on=2025-12-31", "那一天还没有施行的版本"),
        ("/policies/tableware?on=31.12.2026", "日期无法识别"),
    ],
)
async def test_what_is_not_there_gets_a_kind_page(visitor: AsyncClient, path: str, said: str) -> None:
    response = await visitor.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, "text/html; charset=utf-8")
    page = Page(response.text)
    assert said in page.text
    assert {"href": "/policies?lang=zh"} in page.all("a")
    assert "script" not in page.text
    assert response.headers["cache-control"] == "no-store"


async def test_parameters_of_other_sites_do_no_harm(visitor: AsyncClient) -> None:
    plain = await visitor.get("/policies/mall")
    shared = await visitor.get("/policies/mall?from=singlemessage&isappinstalled=0&from=timeline")
    assert shared.content == plain.content


async def test_a_database_that_was_never_there_gets_a_page_too(
    app: FastAPI, visitor: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> None:
        raise DatabaseUnavailable(headers={"Retry-After": "1"})

    monkeypatch.setattr(app.state.kit.directory, "known", away)
    response = await visitor.get("/policies/mall")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "数据库暂不可用" in Page(response.text).text


async def test_the_index_leads_to_every_policy(visitor: AsyncClient) -> None:
    for path in ("/policies", "/policies/"):
        page = await page_of(visitor, path)
        links = [a["href"] for a in page.all("a") if a["href"].startswith("/policies/")]
        assert links == [f"/policies/{name}?lang=zh" for name in NAMES]
    for link in links:
        assert (await visitor.get(link)).status_code == 200


async def test_earlier_and_coming_editions_are_linked_and_marked(
    client: AsyncClient, visitor: AsyncClient, book: PolicyBook, clock: FakeClock
) -> None:
    for version, begins, hours in (("2", date(2026, 12, 1), 5), ("2b", date(2026, 12, 1), 1)):
        shipped = book.get("tableware", "1").text
        body = an_edition(shipped, version=version, effective_from=begins, hours=hours)
        assert (await client.post("/v1/policies", json=body)).status_code == 201
    now = await page_of(visitor, "/policies/tableware")
    assert "首次响应 2 小时" in now.text
    assert "版本 2b · 2026 年 12 月 1 日 起施行 · 尚未施行" in now.text
    assert "版本 2 ·" not in now.text  # replaced before it began: it never applies
    link = "/policies/tableware?lang=zh&on=2026-12-01"
    assert {"href": link} in now.all("a")
    coming = await page_of(visitor, link)
    assert "这是将来的版本，自 2026 年 12 月 1 日 起受理的事项按它办理。" in coming.text
    assert "首次响应 1 小时" in coming.text
    [switch] = [a["href"] for a in coming.all("a") if "hreflang" in a]
    assert switch == "/policies/tableware?lang=en&on=2026-12-01"
    clock.now = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)  # midnight in Shanghai
    assert "首次响应 1 小时" in (await page_of(visitor, "/policies/tableware")).text
    past = await page_of(visitor, "/policies/tableware?on=2026-11-30")
    assert "这是过去的版本" in past.text
    assert {"href": "/policies/tableware?lang=zh"} in past.all("a")


async def test_a_registered_policy_is_public_once_a_line_is_under_it(
    make_client: MakeClient, app: FastAPI, visitor: AsyncClient, db: Database, book: PolicyBook
) -> None:
    client = await make_client()
    shipped = book.get("tableware", "1").text.replace("环保餐具", "<b>&新品</b>")
    assert (await client.post("/v1/policies", json=an_edition(shipped, name="brand_new"))).status_code == 201
    assert (await visitor.get("/policies/brand_new")).status_code == 404
    assert "brand_new" not in (await visitor.get("/policies")).text
    async with db.begin() as session:
        session.add(BusinessLine(id=new_id(), name="novelty", policy="brand_new", created_at=datetime.now(UTC)))
    await app.state.kit.directory.refresh()
    page = await page_of(visitor, "/policies/brand_new")
    assert "<b>&新品</b>" in page.text
    assert not page.all("b")
    assert "brand_new" in (await visitor.get("/policies")).text


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_stands_out_from_its_ground_by_day_and_by_night(project: Path) -> None:
    style = (project / "app/pages/style.html").read_text(encoding="utf-8")
    palettes = [dict(re.findall(r"--([\w-]+):(#\w+)", block)) for block in re.findall(r":root\{([^}]+)\}", style)]
    assert len(palettes) == 3  # day, night, paper
    pairs = [("ink", "paper"), ("ink", "ground"), ("soft", "paper"), ("soft", "ground"), ("brand", "paper")]
    pairs += [
        ("brand", "ground"),
        ("open", "open-ground"),
        ("law", "law-ground"),
        ("brand", "tint"),
        ("paper", "brand"),
    ]
    for palette in palettes:
        for ink, ground in pairs:
            if {ink, ground} <= palette.keys():
                light, dark = sorted((_luminance(palette[ink]), _luminance(palette[ground])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground, palette)


def _browse(*arguments: str, folder: Path) -> str:
    """Run Chromium once, without network, and return what it prints."""
    assert CHROMIUM is not None
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
    run = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *quiet]
    run += [f"--user-data-dir={folder / 'profile'}", "--timeout=10000", *arguments]
    return subprocess.run(run, capture_output=True, check=True, timeout=60).stdout.decode()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: pages are not looked at")
@pytest.mark.parametrize(
    "path", ["tableware?lang=zh", "chemicals?lang=zh", "home_furnishing?lang=en", "general?lang=en", ""]
)
async def test_nothing_is_wider_than_a_phone(visitor: AsyncClient, path: str, tmp_path: Path, project: Path) -> None:
    """Chromium's own window is never narrower than 500, so the page is measured in a frame."""
    html = (await visitor.get(f"/policies/{path}" if path else "/policies")).text
    frame = f'<iframe id="frame" width="360" height="800" style="border:0" srcdoc="{escape(html)}"></iframe>'
    widths = "[frame.contentWindow.innerWidth, frame.contentDocument.documentElement.scrollWidth]"
    ruler = f"frame.onload = () => document.title = {widths}.join(' ')"
    measured, file, artefacts = tmp_path / "measured.html", tmp_path / "page.html", project / "artefacts"
    artefacts.mkdir(exist_ok=True)
    measured.write_text(f'<meta charset="utf-8"><title></title>{frame}<script>{ruler}</script>', encoding="utf-8")
    file.write_text(html, encoding="utf-8")
    dom = await asyncio.to_thread(_browse, "--dump-dom", measured.as_uri(), folder=tmp_path)
    [(inner, wide)] = re.findall(r"<title>(\d+) (\d+)</title>", dom)
    assert (int(inner), int(wide)) == (360, 360)
    name = re.sub(r"\W+", "_", f"policies_{path}").strip("_")
    for width, height in ((360, 5000), (1280, 3600)):
        picture = artefacts / f"{name}_{width}.png"
        taken = (f"--screenshot={picture}", f"--window-size={width},{height}", file.as_uri())
        await asyncio.to_thread(_browse, *taken, folder=tmp_path)
        assert picture.stat().st_size > 10_000
