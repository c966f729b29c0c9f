"""Notices on their way: written with what they tell, sent once, tried again, and never in each other's way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import func, select, text, update

from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.ids import id_from
from app.core.settings import Settings
from app.models.notices import Notice, NoticeChannel
from app.services.notices.history import list_failed, resend_failed
from app.services.notices.sending import send_next
from app.services.upkeep import fire
from tests.conftest import SECRET_KEYS, FakeClock
from tests.http.test_ticket_moves import move
from tests.http.test_tickets import take
from tests.services.notice_servers import (
    MailServer,
    Robots,
    answers,
    hangs,
    mail_at_work,
    never_ends,
    resets,
    robots_at_work,
)

Send = Callable[..., Coroutine[Any, Any, int]]


@pytest.fixture
async def robots() -> AsyncIterator[Robots]:
    async with robots_at_work() as robots:
        yield robots


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with mail_at_work() as mail:
        yield mail


@pytest.fixture
def settings(database_url: str, robots: Robots, mail: MailServer) -> Settings:
    return Settings(
        DATABASE_URL=database_url,
        secret_keys=SECRET_KEYS,
        log_level="error",
        robot_gateways=robots.url,
        smtp_url=f"smtp+plain://127.0.0.1:{mail.port}",
        smtp_from="aftersales@example.com",
        ticket_url="https://crm.example.com/tickets/{ticket}",
    )


@pytest.fixture
def send(app: FastAPI, db: Database) -> Send:
    """Send one message, some time from now on."""
    kit = app.state.kit

    async def one(after: timedelta = timedelta(0)) -> int:
        async with db.begin() as session:
            now = await session.scalar(select(func.clock_timestamp()))
        assert now is not None
        return await send_next(db, kit.courier, kit.keyring, await kit.directory.known(), now=now + after)

    return one


@pytest.fixture
def send_all(send: Send) -> Send:
    """Send whatever is due, however fast."""

    async def every(after: timedelta = timedelta(0)) -> int:
        total = 0
        while await send(after + timedelta(seconds=4 * total)):  # robots are given their time
            total += 1
        return total

    return every


@pytest.fixture
def fire_all(app: FastAPI, db: Database, clock: FakeClock) -> Callable[[], Awaitable[None]]:
    async def all_due() -> None:
        while await fire(db, await app.state.kit.directory.known(), clock()):
            pass

    return all_due


async def channel(client: AsyncClient, kind: str, address: str, **changes: Any) -> dict[str, Any]:
    body = {"business_line": "tableware", "roles": ["*"], "kind": kind, "address": address, **changes}
    response = await client.post("/v1/notice-channels", json=body)
    assert response.status_code == 201, response.text
    put_in: dict[str, Any] = response.json()
    return put_in


async def explain_delay(client: AsyncClient, ticket: dict[str, Any]) -> None:
    """The shortest way to a notice for each channel of the leader's role."""
    answer = await client.post(f"/v1/tickets/{ticket['id']}/delay-reasons", json={"reason": "等待供应商"})
    assert answer.status_code == 200, answer.text


async def listed(client: AsyncClient, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get("/v1/notices", params={"limit": "200", **query})).json()["items"]
    return items


async def test_each_role_of_the_edition_is_told_where_the_line_says(
    client: AsyncClient, clock: FakeClock, fire_all: Any, send_all: Send, robots: Robots, mail: MailServer
) -> None:
    await channel(client, "dingtalk", robots.address("intake"), roles=["intake_agent"], secret="SECabc")
    await channel(client, "email", "leader@example.com", roles=["company_leader"])
    await channel(client, "wecom", robots.address("leader"), roles=["company_leader"])
    await channel(client, "feishu", robots.address("chemicals"), business_line="chemicals")
    await channel(client, "wecom", robots.address("off"), enabled=False)
    ticket = await take(client, urgency="emergency")
    await move(client, ticket, "start")  # responded; 24 h to resolve
    clock.advance(hours=24, seconds=1)
    await fire_all()
    await send_all()
    [told] = robots.told("intake")
    assert f"工单 {ticket['number']} 处理完成超时，升级至第 1 级" in told.text
    assert f"https://crm.example.com/tickets/{ticket['number']}" in told.text
    assert "sign=" in told.path
    assert mail.letters == []
    clock.advance(hours=24)
    await fire_all()
    await send_all()
    [letter] = mail.letters  # level 3: the edition asks for a letter to the leader, not for a word in a group
    assert letter["To"] == "leader@example.com"
    assert "升级至第 3 级" in letter["Subject"]
    assert {said.path.split("?")[0] for said in robots.said} == {"/intake"}


async def test_a_warning_reaches_whoever_handles_the_ticket(
    client: AsyncClient, clock: FakeClock, fire_all: Any, send_all: Send, robots: Robots
) -> None:
    ticket = await take(client, urgency="emergency")
    await channel(client, "dingtalk", robots.address("handler"), roles=[ticket["handler_role"]])
    clock.advance(hours=1, seconds=1)
    await fire_all()
    await send_all()
    [told] = robots.told("handler")
    assert "首次响应时限已用 50%" in told.text
    assert "还剩 59 分钟" in told.text
    assert "50 % of the time for first response is used" in told.text


async def test_a_channel_is_told_once_of_what_came_at_one_time_and_by_the_latest_of_it(
    client: AsyncClient, clock: FakeClock, fire_all: Any, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("all"))
    ticket = await take(client)
    clock.advance(days=30)  # a long downtime: six thresholds of two steps at once
    await fire_all()
    notices = await listed(client, ticket=ticket["number"])
    assert len(notices) == 2
    assert {notice["event"] for notice in notices} == {"sla.escalated"}


async def test_a_notice_says_nothing_of_the_customer(
    client: AsyncClient, clock: FakeClock, fire_all: Any, send_all: Send, robots: Robots, mail: MailServer
) -> None:
    person = {
        "name": "司马相如",
        "phone": "13912345678",
        "email": "sima@example.com",
        "address": "成都市青羊区文君街7号",
    }
    await channel(client, "dingtalk", robots.address("all"))
    await channel(client, "email", "duty@example.com")
    ticket = await take(client, customer=person, description="司马相如的碗裂了，请打13912345678")
    await client.post(f"/v1/tickets/{ticket['id']}/delay-reasons", json={"reason": "司马相如要求改期"})
    clock.advance(days=30)
    await fire_all()
    assert await send_all() == 6
    said = "".join(said.text for said in robots.said) + "".join(letter.get_content() for letter in mail.letters)
    assert ticket["number"] in said
    for word in ("司马", "139", "sima", "文君", "碗"):
        assert word not in said


async def test_a_letter_is_in_both_languages_and_keeps_its_id(
    client: AsyncClient, db: Database, send: Send, mail: MailServer
) -> None:
    await channel(client, "email", "leader@example.com")
    ticket = await take(client)
    await explain_delay(client, ticket)
    assert await send() == 1
    [letter], [envelope] = mail.letters, mail.envelopes
    [notice] = await listed(client)
    assert letter["Message-ID"] == f"<{notice['id']}@example.com>"
    assert letter["From"].addresses[0].addr_spec == "aftersales@example.com"
    assert (envelope.mail_from, envelope.rcpt_tos) == ("aftersales@example.com", ["leader@example.com"])
    assert letter["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(letter["Date"]).tzinfo is not None
    assert letter["Subject"].startswith(f"【售后】工单 {ticket['number']} ")
    assert f"/ [After-sales] Ticket {ticket['number']}: " in letter["Subject"]
    assert "通知对象：" in letter.get_content()
    assert "To: " in letter.get_content()
    assert (notice["state"], notice["last_status"], notice["attempts"], notice["next_try_at"]) == ("sent", 250, 1, None)
    # Sent again on request, it is known as a double.
    again = await client.post(f"/v1/notices/{notice['id']}/resend", json={})
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (200, "waiting", 0)
    assert await send() == 1
    assert [letter["Message-ID"] for letter in mail.letters] == [f"<{notice['id']}@example.com>"] * 2


async def test_what_is_refused_for_now_is_tried_again_by_the_schedule_and_fails_in_the_end(
    client: AsyncClient, send: Send, robots: Robots
) -> None:
    await channel(client, "wecom", robots.address("busy"))
    await explain_delay(client, await take(client))
    robots.behave("busy", *[answers({"errcode": -1, "errmsg": "system busy"})] * 7)
    passed = timedelta(0)
    for wait in (10, 60, 300, 1800, 7200, 21_600):
        assert await send(passed) == 1
        assert await send(passed + timedelta(seconds=wait - 2)) == 0
        passed += timedelta(seconds=wait + 1)
    [notice] = await listed(client)
    assert (notice["state"], notice["attempts"], notice["last_code"]) == ("waiting", 6, "-1")
    assert await send(passed) == 1
    [notice] = await listed(client, state="failed")
    assert (notice["attempts"], notice["next_try_at"], notice["last_text"]) == (7, None, "system busy")
    assert await send(passed + timedelta(days=1)) == 0
    assert len({said.reference for said in robots.said}) == 1


async def test_what_is_useless_to_try_again_fails_at_once_and_says_what_to_do(
    client: AsyncClient, db: Database, send: Send, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("strict"))
    ticket = await take(client)
    await explain_delay(client, ticket)
    robots.behave("strict", answers({"errcode": 310000, "errmsg": "sign not match"}))
    assert await send() == 1
    assert await send(timedelta(days=1)) == 0
    [notice] = await listed(client, state="failed")
    assert (notice["last_status"], notice["last_code"], notice["last_text"]) == (200, "310000", "sign not match")
    assert "signing secret" in notice["advice"]["en"]
    assert "加签密钥" in notice["advice"]["zh"]
    assert [(number, failed.last_code) for number, failed in await list_failed(db)] == [(ticket["number"], "310000")]
    assert await resend_failed(db) == 1  # mended
    assert await send(timedelta(minutes=1)) == 1
    [notice] = await listed(client)
    assert (notice["state"], notice["advice"]) == ("sent", None)


async def test_messages_to_one_robot_keep_its_pace_and_its_penalty(
    client: AsyncClient, send: Send, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("slow"))
    for _ in range(3):
        await explain_delay(client, await take(client))
    assert [await send(), await send(timedelta(seconds=1)), await send(timedelta(seconds=4))] == [1, 0, 1]
    robots.behave("slow", answers({"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}))
    assert await send(timedelta(seconds=10)) == 1
    await explain_delay(client, await take(client))
    assert await send(timedelta(minutes=9)) == 0  # nobody speaks while DingTalk sulks
    assert await send(timedelta(minutes=11)) == 1


@pytest.mark.parametrize("broken", [hangs, resets, never_ends], ids=["hangs", "resets", "never ends"])
async def test_an_address_that_does_not_answer_delays_no_other(
    client: AsyncClient, send: Send, robots: Robots, monkeypatch: pytest.MonkeyPatch, broken: Any
) -> None:
    monkeypatch.setattr("app.services.notices.courier.SEND_SECONDS", 0.5)
    await channel(client, "feishu", robots.address("broken"))
    await explain_delay(client, await take(client))
    await explain_delay(client, await take(client))
    await channel(client, "feishu", robots.address("whole"))
    await explain_delay(client, await take(client))
    robots.behave("broken", broken, broken, broken)
    senders = [asyncio.create_task(send()) for _ in range(3)]
    assert sum(await asyncio.gather(*senders)) == 2  # one to each; the second for the broken one waits
    assert (len(robots.told("broken")), len(robots.told("whole"))) == (1, 1)
    assert sorted(notice["state"] for notice in await listed(client)) == ["sent", "waiting", "waiting", "waiting"]


async def test_a_robot_that_talks_without_end_is_not_listened_to(
    client: AsyncClient, send: Send, robots: Robots
) -> None:
    await channel(client, "wecom", robots.address("talks"))
    await explain_delay(client, await take(client))
    robots.behave("talks", never_ends)
    assert await asyncio.wait_for(send(), 5) == 1
    [notice] = await listed(client)
    assert (notice["state"], notice["last_text"]) == ("waiting", "the answer is not a robot's")


async def test_a_redirect_is_not_followed(client: AsyncClient, send: Send, robots: Robots) -> None:
    await channel(client, "wecom", robots.address("moved"))
    await explain_delay(client, await take(client))
    robots.behave("moved", answers({}, 307, f"Location: {robots.address('inside')}\r\n"))
    assert await send() == 1
    assert [said.path.split("?")[0] for said in robots.said] == ["/moved"]
    [notice] = await listed(client, state="failed")
    assert notice["last_status"] == 307


async def test_a_worker_that_dies_between_sending_and_noting_it_leaves_a_double_that_is_known_as_one(
    client: AsyncClient, send: Send, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("all"))
    await explain_delay(client, await take(client))
    robots.behave("all", hangs)
    dies = asyncio.create_task(send())
    await robots.spoken_to.wait()
    dies.cancel()
    await asyncio.gather(dies, return_exceptions=True)
    assert await send(timedelta(seconds=29)) == 0  # it may still be at work
    assert await send(timedelta(seconds=31)) == 1
    first, second = robots.told("all")
    assert first.reference == second.reference
    [notice] = await listed(client)
    assert (notice["state"], notice["attempts"], notice["id"]) == ("sent", 2, first.reference)


async def test_workers_side_by_side_send_everything_once(
    app: FastAPI, client: AsyncClient, db: Database, robots: Robots, mail: MailServer
) -> None:
    for number in range(4):
        await channel(client, "email", f"duty-{number}@example.com")
    for _ in range(5):
        await explain_delay(client, await take(client))
    kit = app.state.kit

    async def worker() -> int:
        rounds = [await send_next(db, kit.courier, kit.keyring, await kit.directory.known()) for _ in range(40)]
        return sum(rounds)

    assert sum(await asyncio.gather(*(worker() for _ in range(6)))) == 20
    ids = [letter["Message-ID"] for letter in mail.letters]
    assert (len(ids), len(set(ids))) == (20, 20)
    assert {notice["attempts"] for notice in await listed(client)} == {1}


async def test_a_late_worker_does_not_undo_what_came_after_it(
    client: AsyncClient, db: Database, send: Send, robots: Robots
) -> None:
    await channel(client, "wecom", robots.address("slow"))
    await explain_delay(client, await take(client))

    async def refuse_late(writer: asyncio.StreamWriter) -> None:
        await freed.wait()
        await answers({"errcode": 93000, "errmsg": "invalid webhook url"})(writer)

    freed = asyncio.Event()
    robots.behave("slow", refuse_late)
    late = asyncio.create_task(send())
    await robots.spoken_to.wait()
    assert await send(timedelta(seconds=31)) == 1  # another took it over, and succeeded
    freed.set()
    assert await late == 1
    [notice] = await listed(client)
    assert (notice["state"], notice["attempts"]) == ("sent", 2)


async def test_no_notice_is_written_for_what_is_rolled_back(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("all"))
    await take(client)
    clock.advance(hours=13)
    known = await app.state.kit.directory.known()
    async with db.begin() as session:
        await session.execute(text("ALTER TABLE notice ADD CONSTRAINT no_more CHECK (attempts > 0)"))
    with pytest.raises(Exception, match="no_more"):
        await fire(db, known, clock())
    async with db.begin() as session:
        await session.execute(text("ALTER TABLE notice DROP CONSTRAINT no_more"))
    assert await fire(db, known, clock()) == 1
    assert len(await listed(client)) == 1


async def test_raising_a_ticket_by_hand_tells_the_level_it_is_raised_to(
    client: AsyncClient, send: Send, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("manager"), roles=["after_sales_manager"])
    ticket = await take(client)
    await move(client, ticket, "escalate", level=2, staff_no="1101")
    assert await send() == 1
    [told] = robots.told("manager")
    assert "由人工升级至第 2 级" in told.text
    assert "escalated to level 2 by hand" in told.text


@pytest.mark.parametrize("how", ["move", "comment"])
async def test_the_reason_for_a_late_step_is_reported_to_the_leader(
    client: AsyncClient, clock: FakeClock, send: Send, mail: MailServer, how: str
) -> None:
    await channel(client, "email", "leader@example.com", business_line="general", roles=["leader"])
    ticket = await take(client, business_line="general")
    clock.advance(days=40)
    body = {"delay_reason": "配件在途", "staff_no": "1101"}
    if how == "move":
        await move(client, ticket, "start", **body)
    else:
        said = {"text": "已联系", "visibility": "customer", **body}
        assert (await client.post(f"/v1/tickets/{ticket['id']}/comments", json=said)).status_code == 201
    assert await send() == 1
    [letter] = mail.letters
    assert "延迟，原因已记录" in letter["Subject"]
    [notice] = await listed(client)
    assert (notice["event"], notice["role"]) == ("ticket.delay_explained", "leader")


async def test_a_step_in_time_is_not_reported_though_a_reason_came_with_it(
    client: AsyncClient, mail: MailServer
) -> None:
    await channel(client, "email", "leader@example.com")
    await move(client, await take(client), "start", delay_reason="以防万一")
    assert await listed(client) == []


async def test_a_channel_that_is_not_enabled_waits_and_one_that_is_deleted_drops_what_waits(
    client: AsyncClient, send: Send, robots: Robots
) -> None:
    put_in = await channel(client, "dingtalk", robots.address("all"))
    ticket = await take(client)
    await explain_delay(client, ticket)
    url = f"/v1/notice-channels/{put_in['id']}"
    off = await client.patch(url, json={"enabled": False}, headers={"If-Match": "*"})
    assert off.json()["enabled"] is False
    await explain_delay(client, ticket)
    assert await send(timedelta(hours=1)) == 0
    assert len(await listed(client)) == 1
    gone = await client.delete(url, headers={"If-Match": '"2.general"'})
    assert (gone.status_code, gone.content) == (204, b"")
    [notice] = await listed(client)
    assert (notice["state"], notice["next_try_at"]) == ("dropped", None)
    again = await client.post(f"/v1/notices/{notice['id']}/resend", json={})
    assert (again.status_code, again.json()["code"]) == (409, "notice_channel_gone")
    assert robots.said == []


async def test_an_address_sealed_under_a_key_that_is_gone_fails_and_says_so(
    app: FastAPI, client: AsyncClient, db: Database, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("all"))
    await explain_delay(client, await take(client))
    stranger, kit = KeyRing.read(None, KeyRing.new_entry("stranger")), app.state.kit
    assert await send_next(db, kit.courier, stranger, await kit.directory.known()) == 1
    [notice] = await listed(client, state="failed")
    assert "key ring" in notice["advice"]["en"]


async def test_a_channel_moved_into_another_row_does_not_open(
    client: AsyncClient, db: Database, send: Send, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("one"))
    other = await channel(client, "dingtalk", robots.address("two"), business_line="chemicals")
    async with db.begin() as session:
        theirs = NoticeChannel.id == id_from("nch", other["id"])
        ours = await session.scalar(select(NoticeChannel.address_sealed).where(~theirs))
        await session.execute(update(NoticeChannel).where(theirs).values(address_sealed=ours))
    await explain_delay(client, await take(client, business_line="chemicals"))
    assert await send() == 1
    assert robots.said == []
    [notice] = await listed(client, state="failed")
    assert notice["business_line"] == "chemicals"


async def test_a_ticket_whose_edition_is_lost_is_told_of_all_the_same(
    client: AsyncClient, db: Database, send: Send, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("all"))
    ticket = await take(client)
    await explain_delay(client, ticket)
    async with db.begin() as session:
        await session.execute(text("UPDATE ticket SET policy_version = 'lost'"))
    assert await send() == 1
    assert "通知对象：company_leader" in robots.told("all")[0].text


async def test_the_oldest_message_goes_first_and_time_is_the_databases(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("all"))
    clock.advance(days=300)  # this process's clock says nothing about what is due
    first, second = await take(client), await take(client)
    await explain_delay(client, first)
    await explain_delay(client, second)
    kit = app.state.kit
    assert await send_next(db, kit.courier, kit.keyring, await kit.directory.known()) == 1
    assert first["number"] in robots.said[0].text
    async with db.begin() as session:
        created: datetime | None = await session.scalar(select(func.max(Notice.created_at)))
        now: datetime | None = await session.scalar(select(func.now()))
    assert created is not None
    assert now is not None
    assert timedelta(0) <= now - created < timedelta(minutes=5)
