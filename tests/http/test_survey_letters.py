"""Surveys by email: the letter, the mail server's moods, and the customer who wants no more of it."""

import logging
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import text

from app.core.db import Database
from app.core.settings import Settings
from app.services.policy_book import SHIPPED, PolicyBook
from app.services.surveys.mailing import send_next_letter
from tests.conftest import SECRET_KEYS, FakeClock
from tests.http.browser import CHROMIUM, open_browser
from tests.http.test_surveys import Round, ask, finish, link_for, phone, surveys, told
from tests.notices.servers import MailServer, mail_at_work

__all__ = ["ask", "phone"]  # fixtures
ADDRESS = "wang.fang@example.com"
WRITTEN = {"customer": {"name": "王芳", "phone": "13800001234", "email": ADDRESS}}
PUBLIC = "https://care.example.com"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PolicyBook:
    """The shipped editions, but that of tableware has its customers written to."""
    folder = tmp_path_factory.mktemp("policies") / "policies"
    shutil.copytree(SHIPPED, folder)
    edition = folder / "tableware" / "edition_1.toml"
    shipped = edition.read_text(encoding="utf-8")
    assert shipped.count('invited_by = { value = "crm"') == 1
    edition.write_text(shipped.replace('invited_by = { value = "crm"', 'invited_by = { value = "email"'), "utf-8")
    return PolicyBook.load(folder)


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with mail_at_work() as mail:
        yield mail


@pytest.fixture
def settings(database_url: str, mail: MailServer) -> Settings:
    return Settings(
        DATABASE_URL=database_url, secret_keys=SECRET_KEYS, log_level="info", public_url=PUBLIC,
        smtp_url=f"smtp+plain://127.0.0.1:{mail.port}", smtp_from="care@example.com",
    )  # fmt: skip


@pytest.fixture
def write(app: FastAPI, db: Database, clock: FakeClock) -> Callable[[], Awaitable[int]]:
    """Do the worker's work on letters until none is due; return how many were looked at."""

    async def all_due() -> int:
        kit, n = app.state.kit, 0
        known = await kit.directory.known()
        while await send_next_letter(db, kit.courier, kit.keyring, known, kit.public_url, now=clock()):
            n += 1
        return n

    return all_due


async def letters(client: AsyncClient) -> list[dict[str, Any]]:
    [survey] = await surveys(client)
    found: list[dict[str, Any]] = survey["letters"]
    return found


async def test_a_customer_is_written_to_and_reminded_once_with_a_link_that_leads_to_the_page(
    client: AsyncClient, phone: AsyncClient, ask: Round, seal: Round, write: Round, mail: MailServer, clock: FakeClock
) -> None:
    ticket = await finish(client, **WRITTEN)
    await ask()
    assert await write() == 1
    [invited] = await told(client, seal, "survey.invited")
    assert (invited["invited_by"], mail.envelopes[0].rcpt_tos) == ("email", [ADDRESS])
    letter = mail.letters[0]
    assert letter["Subject"] == "请您评价我们的服务 / How did we do?"
    plain, html = (part.get_content() for part in letter.iter_parts())
    for body in (plain, html):
        assert ticket["number"] in body
        assert invited["url"] in body
        assert "您满意吗" in body
        assert "Are you satisfied" in body
    assert (await phone.get(invited["url"].removeprefix(PUBLIC))).status_code == 200
    [row] = await letters(client)
    assert (row["purpose"], row["state"], row["attempts"], row["last_status"]) == ("invitation", "sent", 1, 250)

    for _ in range(3):
        clock.advance(days=3)
        await ask()
        await write()
    assert [letter["Subject"] for letter in mail.letters][1:] == ["还差您的评价 / We would still like to hear from you"]
    assert [row["purpose"] for row in await letters(client)] == ["invitation", "reminder"]


async def test_headers_let_a_mail_program_stop_it_with_one_click(
    client: AsyncClient, phone: AsyncClient, ask: Round, write: Round, mail: MailServer, clock: FakeClock
) -> None:
    await finish(client, **WRITTEN)
    await ask()
    await write()
    raw = (mail.envelopes[0].original_content or b"").decode("ascii")
    found = re.search(r"^List-Unsubscribe: <(https://care\.example\.com(/s/[\w-]{43}/stop))>\r$", raw, re.MULTILINE)
    assert found is not None
    assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert found[1] in mail.letters[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]

    page = await phone.get(found[2])  # a scanner that follows links stops nothing
    assert (page.status_code, "Shall we stop asking you?" in page.text) == (200, True)
    assert "set-cookie" not in page.headers
    assert (await phone.get(found[2])).text == page.text
    clicked = await phone.post(found[2], data={"List-Unsubscribe": "One-Click"})
    assert (clicked.status_code, "we will not ask again" in clicked.text) == (200, True)
    assert "we will not ask again" in (await phone.get(found[2])).text

    clock.advance(days=3)
    await ask()
    assert await write() == 0
    clock.advance(days=40)
    await finish(client, customer={"phone": "13800001234"})  # another contact of the same customer
    await ask()
    assert (await surveys(client))[0]["skipped_because"] == "opted_out"


@pytest.mark.parametrize("way", ["crm", "page"])
async def test_who_opts_out_gets_no_letter_that_waits_already(
    client: AsyncClient, phone: AsyncClient, ask: Round, write: Round, mail: MailServer, way: str
) -> None:
    ticket = await finish(client, **WRITTEN)
    await ask()
    if way == "crm":
        body = {"business_line": "tableware", "email": ADDRESS}
        assert (await client.post("/v1/surveys/opt-outs", json=body)).status_code == 201
    else:
        link = (await link_for(client, ticket)).removeprefix(PUBLIC)
        assert (await phone.post(f"{link}/stop")).status_code == 200
    assert await write() == 1
    assert mail.letters == []
    assert [row["state"] for row in await letters(client)] == ["dropped"]


async def test_who_wants_to_be_asked_again_is_by_the_contact_they_name_and_in_that_line_only(
    client: AsyncClient, ask: Round
) -> None:
    person = {"phone": "13800001234", "email": "wang@example.com"}
    for line in ("tableware", "mall"):
        assert (await client.post("/v1/surveys/opt-outs", json={"business_line": line, **person})).status_code == 201
    again = {"business_line": "tableware", **person}
    for _ in "12":  # said twice is said once
        assert (await client.post("/v1/surveys/opt-ins", json=again)).status_code == 201
    await finish(client, customer=person)
    await finish(client, customer=person, business_line="mall")
    await ask()
    states = {survey["business_line"]: survey["state"] for survey in await surveys(client)}
    assert states == {"tableware": "invited", "mall": "skipped"}


async def test_nobody_is_written_to_at_night_or_after_an_answer(
    client: AsyncClient, phone: AsyncClient, write: Round, mail: MailServer, clock: FakeClock
) -> None:
    clock.advance(hours=9)  # 21:00 in Shanghai
    link = await link_for(client, await finish(client, **WRITTEN))  # asked by hand, at this hour
    assert await write() == 1
    [row] = await letters(client)
    assert (mail.letters, row["state"], row["attempts"]) == ([], "waiting", 0)
    assert row["next_try_at"] == "2026-11-23T01:00:00.000Z"
    await phone.post(link.removeprefix(PUBLIC), data={"overall": "5"})
    clock.advance(hours=12)
    await write()
    assert (mail.letters, [row["state"] for row in await letters(client)]) == ([], ["dropped"])


async def test_a_refused_letter_is_tried_again_later_and_later_and_can_be_seen(
    client: AsyncClient, ask: Round, write: Round, mail: MailServer, clock: FakeClock
) -> None:
    await finish(client, **WRITTEN)
    await ask()
    mail.refusal = f"450 4.2.0 <{ADDRESS}> greylisted"
    waited = []
    for _ in range(3):
        assert await write() == 1
        assert await write() == 0
        [row] = await letters(client)
        assert (row["state"], row["last_status"]) == ("waiting", 450)
        waited.append(row["next_try_at"])
        clock.advance(minutes=6)
    assert len(set(waited)) == 3
    assert len(await surveys(client, letter="waiting")) == 1
    mail.refusal = None
    await write()
    [row] = await letters(client)
    assert (row["state"], row["attempts"], row["next_try_at"]) == ("sent", 4, None)
    assert len(mail.letters) == 1
    assert await surveys(client, letter="waiting") == []


async def test_an_address_that_does_not_exist_is_not_tried_again(
    client: AsyncClient, ask: Round, write: Round, mail: MailServer, clock: FakeClock
) -> None:
    await finish(client, **WRITTEN)
    await ask()
    mail.refusal = f"550 5.1.1 <{ADDRESS}> no such user"
    await write()
    [row] = await letters(client)
    assert (row["state"], row["last_status"], row["attempts"]) == ("failed", 550, 1)
    assert "refused" in row["advice"]["en"]
    clock.advance(hours=3)
    assert await write() == 0
    clock.advance(days=4)  # there is nobody to remind
    await ask()
    assert await write() == 0
    [survey] = await surveys(client)
    assert (len(survey["letters"]), survey["reminded_at"]) == (1, None)


async def test_neither_table_nor_log_nor_event_holds_who_was_written_to(
    client: AsyncClient, ask: Round, write: Round, mail: MailServer, db: Database, capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.CRITICAL, "mail.log")  # the test's own mail server
    await finish(client, **WRITTEN)
    await ask()
    mail.refusal = f"450 4.2.0 <{ADDRESS}> greylisted"
    await write()
    printed = "".join(capfd.readouterr()) + caplog.text
    assert "survey letter refused" in printed
    async with db.begin() as session:
        for table in ("survey", "survey_letter", "event"):
            printed += "\n".join(await session.scalars(text(f"SELECT t::text FROM {table} t")))
    assert ADDRESS not in printed
    assert "/s/" not in printed


async def test_without_an_email_the_crm_sends_the_link(
    client: AsyncClient, ask: Round, seal: Round, write: Round
) -> None:
    await finish(client, customer={"phone": "13800001234", "external_id": "crm-7"})
    await ask()
    assert await write() == 0
    [invited] = await told(client, seal, "survey.invited")
    assert (invited["invited_by"], invited["customer_external_id"]) == ("crm", "crm-7")


async def test_without_a_public_address_letters_wait_until_there_is_one(
    app: FastAPI, client: AsyncClient, ask: Round, db: Database, mail: MailServer, clock: FakeClock
) -> None:
    await finish(client, **WRITTEN)
    await ask()
    kit = app.state.kit
    known = await kit.directory.known()
    await send_next_letter(db, kit.courier, kit.keyring, known, "", now=clock())
    [row] = await letters(client)
    assert (row["state"], row["last_code"]) == ("waiting", "public_url_not_set")
    await send_next_letter(db, kit.courier, kit.keyring, known, PUBLIC, now=clock() + timedelta(minutes=1))
    assert len(mail.letters) == 1


async def test_a_wrong_link_stops_nobody_and_tells_nothing(client: AsyncClient, phone: AsyncClient) -> None:
    wrong = [await phone.get(f"/s/{'A' * 43}/stop"), await phone.post(f"/s/{'A' * 43}/stop")]
    assert [answer.status_code for answer in wrong] == [404, 404]
    assert {answer.text for answer in wrong} == {(await phone.get(f"/s/{'B' * 43}")).text}


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the letter is not looked at")
@pytest.mark.parametrize("width", [360, 1280])
async def test_the_letter_fits_and_has_nothing_axe_minds(
    client: AsyncClient, ask: Round, write: Round, mail: MailServer, tmp_path: Path, project: Path, width: int
) -> None:
    await finish(client, **WRITTEN)
    await ask()
    await write()
    html = mail.letters[0].get_body(("html",))
    assert html is not None
    (tmp_path / "letter.html").write_text(html.get_content(), "utf-8")
    async with open_browser(tmp_path / "profile") as browser:
        await browser.open((tmp_path / "letter.html").as_uri(), width=width)
        assert len(browser.requests) == 1  # nothing is fetched: no picture counts who opens it
        assert await browser.run("document.documentElement.scrollWidth") == width
        assert await browser.violations() == []
        await browser.picture(project / "artefacts" / f"survey_letter_{width}.png")


@pytest.fixture
async def phone_in_chinese(app: FastAPI) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app), base_url="http://test")


async def test_the_page_that_stops_it_is_there_in_chinese(client: AsyncClient, phone_in_chinese: AsyncClient) -> None:
    link = (await link_for(client, await finish(client, **WRITTEN))).removeprefix(PUBLIC)
    assert "不再邀请您评价" in (await phone_in_chinese.get(f"{link}/stop")).text
