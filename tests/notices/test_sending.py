"""Notices on their way: sent once, tried again, at their robot's pace, and never in each other's way."""

import asyncio
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import func, select, update

from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.ids import id_from
from app.models.notices import Notice, NoticeChannel
from app.services.notices.history import list_failed, resend_failed
from app.services.notices.sending import send_next
from tests.conftest import FakeClock
from tests.http.test_tickets import take
from tests.notices.conftest import Send, channel, explain_delay, listed
from tests.notices.servers import MailServer, Robots, answers, hangs, never_ends, resets


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
    assert [(failed.number, failed.last_code) for failed in await list_failed(db)] == [(ticket["number"], "310000")]
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
    assert (notice["state"], notice["last_code"]) == ("waiting", "not_a_robot")


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


async def test_a_message_that_kills_each_of_its_workers_fails_in_the_end(
    client: AsyncClient, db: Database, send: Send, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("all"))
    await explain_delay(client, await take(client))
    async with db.begin() as session:
        await session.execute(update(Notice).values(attempts=6))
    robots.behave("all", hangs)
    dies = asyncio.create_task(send())
    await robots.spoken_to.wait()
    dies.cancel()
    await asyncio.gather(dies, return_exceptions=True)
    [notice] = await listed(client, state="failed")
    assert (notice["attempts"], notice["next_try_at"]) == (7, None)
    assert await send(timedelta(days=1)) == 0


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


@pytest.mark.parametrize("then", ["another worker sent it", "somebody wants it sent again"])
async def test_a_late_record_of_an_earlier_try_changes_nothing(
    client: AsyncClient, db: Database, send: Send, robots: Robots, then: str
) -> None:
    await channel(client, "wecom", robots.address("slow"))
    await explain_delay(client, await take(client))
    freed = asyncio.Event()

    async def refuse_late(writer: asyncio.StreamWriter) -> None:
        await freed.wait()
        await answers({"errcode": 93000, "errmsg": "invalid webhook url"})(writer)

    robots.behave("slow", refuse_late)
    late = asyncio.create_task(send())
    await robots.spoken_to.wait()
    [notice] = await listed(client)
    if then == "another worker sent it":
        assert await send(timedelta(seconds=31)) == 1
    else:
        assert (await client.post(f"/v1/notices/{notice['id']}/resend")).status_code == 200
    [before] = await listed(client)
    freed.set()
    assert await late == 1
    assert await listed(client) == [before]
    assert before["state"] == ("sent" if then == "another worker sent it" else "waiting")


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
