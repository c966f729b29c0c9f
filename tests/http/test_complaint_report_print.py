"""The report on paper: the page and the PDF, in two languages, as each tier may see it."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx import AsyncClient

from app.core.db import Database
from app.core.personal import Tier
from app.services.complaint_reports.printing import TEMPLATE
from app.services.policy_book import PolicyBook
from tests.conftest import Databases, MakeClient
from tests.http.complaint_reports import MEASURES, approve, complain, decide, done, propose, report_of, settle
from tests.http.pdf import needs_a_font, pages, signs
from tests.http.problems import check_problem
from tests.http.service import open_service

PERSON = {"name": "司马相如", "phone": "13912345678"}
HOSTILE = '#eval("1") $x$ \\ *粗* _斜_ <b>@c</b> `d` // [e] {{ 7*7 }} <script>alert(1)</script>'


async def page(client: AsyncClient, ticket: dict[str, Any], language: str = "zh") -> httpx.Response:
    path = f"/v1/tickets/{ticket['number']}/report.html"
    return await client.get(path, headers={"Accept-Language": language})


async def pdf(client: AsyncClient, ticket: dict[str, Any], language: str = "zh") -> httpx.Response:
    path = f"/v1/tickets/{ticket['number']}/report.pdf"
    return await client.get(path, headers={"Accept-Language": language})


async def worked_through(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    """A report with a refusal in its first round, approved in its second, and answered."""
    ticket = await complain(client, customer=PERSON, **changes)
    await settle(client, ticket)
    await decide(client, ticket, "production", "refuse", reason="复检数量不足")
    await settle(client, ticket, "全部换货")
    await approve(client, ticket)
    await done(client, ticket, "/answer", text="已安排换货。", staff_no="5501")
    return ticket


async def test_the_page_shows_the_whole_form(client: AsyncClient) -> None:
    ticket = await worked_through(client)
    response = await page(client, ticket)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (response.headers["cache-control"], response.headers["vary"]) == ("no-store", "Authorization")
    for words in (
        "客户投诉处理报告单", "产品交付后活动控制规程", f"{ticket['number']}-R1", "6.4.2c", "B2026-1101", "20000",
        "2026-11-01", "功率MOS管", "质量异常", "隔离同批库存并复检", "研究院", "全部换货", "同意", "复检数量不足",
        "以前各轮审批意见", "已安排换货。", "已答复客户", "7001",
    ):  # fmt: skip
        assert words in response.text, words
    english = (await page(client, ticket, "en")).text
    for words in ("Complaint handling report", "Research institute", "Approvals", "Customer answered"):
        assert words in english, words


@needs_a_font
async def test_the_pdf_is_the_same_form_on_a4(client: AsyncClient) -> None:
    ticket = await worked_through(client)
    response = await pdf(client, ticket)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/pdf")
    assert response.headers["content-disposition"] == f'inline; filename="{ticket["number"]}-R1.pdf"'
    assert (response.headers["cache-control"], response.headers["content-language"]) == ("no-store", "zh")
    assert b"595.27" in response.content  # A4: 210 mm in points
    assert b"841.88" in response.content
    shown = signs(response.content)
    assert shown >= set(
        "客户投诉处理报告单产品交付后活动控制规程功率管质量异常隔离同批库存复检研究院全部换货同意不足已安排"
    )
    english = await pdf(client, ticket, "en")
    assert english.headers["content-language"] == "en"
    assert signs(english.content) >= set("ComplainthandlingreportApproved")


@needs_a_font
async def test_a_fresh_report_fits_one_page_and_a_long_one_takes_more(client: AsyncClient) -> None:
    fresh = await complain(client, customer=PERSON)
    assert pages((await pdf(client, fresh)).content) == 1
    long = await complain(client, customer=PERSON, description="参数漂移，请尽快答复。" * 300 + "A" * 500)
    for department in MEASURES:
        await propose(client, long, department, "逐项分析并复检。" * 200)
    assert pages((await pdf(client, long)).content) > 3


@needs_a_font
async def test_what_people_wrote_is_shown_as_they_wrote_it(client: AsyncClient) -> None:
    ticket = await complain(client, customer=PERSON, description=HOSTILE)
    for department in MEASURES:
        await propose(client, ticket, department, HOSTILE)
    response = await pdf(client, ticket)
    assert response.status_code == 200
    assert signs(response.content) >= set(HOSTILE) - {" "}
    shown = (await page(client, ticket)).text
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "{{ 7*7 }}" in shown


@needs_a_font
async def test_signs_that_would_turn_the_text_round_are_left_out(client: AsyncClient) -> None:
    ticket = await complain(client, description="同意\u202e退货\u200b\u0007 😀\n第二行")
    assert not signs((await pdf(client, ticket)).content) & set("\u202e\u0007")
    assert "\u202e" not in (await page(client, ticket)).text


@needs_a_font
@pytest.mark.parametrize("tier", list(Tier))
async def test_a_form_shows_of_the_person_what_the_tier_may_see(
    client: AsyncClient, make_client: MakeClient, db: Database, tier: Tier
) -> None:
    ticket = await complain(client, customer=PERSON, description="请回电13787654321，司马相如")
    viewer = await make_client(tier=tier)
    shown = (await page(viewer, ticket)).text
    full = tier is Tier.SENSITIVE
    assert (PERSON["name"] in shown, "13912345678" in shown, "13787654321" in shown) == (full, full, full)
    assert ("139****5678" in shown, "137****4321" in shown) == ((tier is Tier.GENERAL,) * 2)
    assert ("个人信息已按权限遮盖" in shown) is not full
    assert (await pdf(viewer, ticket)).status_code == 200
    async with db.begin() as session:
        rows = (await (await session.connection()).exec_driver_sql("SELECT fields FROM access_log")).all()
    assert len(rows) == (2 if full else 0)
    assert all("name" in row[0] for row in rows)


async def test_without_a_font_the_pdf_says_what_to_install_and_the_page_still_works(
    databases: Databases, book: PolicyBook, tmp_path: Path
) -> None:
    async with open_service(await databases.clone(), book, fonts_folder=tmp_path) as service:
        client = await service.client()
        ticket = await complain(client)
        problem = check_problem(await pdf(client, ticket), 503, "font_missing")
        assert "fonts-noto-cjk" in problem["detail"]
        assert problem["retryable"] is False
        assert (await page(client, ticket)).status_code == 200


@needs_a_font
async def test_an_earlier_rounds_report_is_printed_too(client: AsyncClient) -> None:
    ticket = await complain(client)
    number = (await report_of(client, ticket))["number"]
    path = f"/v1/tickets/{ticket['number']}/report"
    assert number in (await client.get(f"{path}.html", params={"instance": 1})).text
    for kind in ("html", "pdf"):
        check_problem(await client.get(f"{path}.{kind}", params={"instance": 2}), 404, "not_found")
        check_problem(await client.get(f"{path}.{kind}", params={"instance": 0}), 422, "validation_failed")
        check_problem(await client.get(f"{path}.{kind}", params={"round": 1}), 400, "unknown_parameter")


def test_the_template_takes_no_packages_and_no_markup() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    assert not [word for word in ("@preview", "import", "eval(", "read(", "include") if word in text]
