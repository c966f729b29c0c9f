"""Notices are written with what they tell, to whom the edition and the line say, and say nothing of the customer."""

import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from app.core.db import Database
from app.services.upkeep import fire, fire_deadlines, fire_tasks
from tests.capas import CORRECTIVE, planned
from tests.conftest import FakeClock
from tests.http.service import run_sql
from tests.http.test_ticket_moves import move
from tests.http.test_tickets import take
from tests.notices.conftest import Send, channel, explain_delay, listed
from tests.notices.servers import MailServer, Robots
from tests.returns_way import DEFECT, bought, submitted


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
    # A bare "139" would now and then stand in the random id of a notice.
    for word in ("司马", "13912345678", "139*", "139 1", "5678", "sima", "文君", "碗"):
        assert word not in re.sub(r"\bntc_[0-9a-f]+\b", "", said)


async def test_no_notice_is_written_for_what_is_rolled_back(
    app: FastAPI, client: AsyncClient, db: Database, database_url: str, clock: FakeClock, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("all"))
    await take(client)
    clock.advance(hours=13)
    known = await app.state.kit.directory.known()
    await run_sql(database_url, "ALTER TABLE notice ADD CONSTRAINT no_more CHECK (attempts > 0)")
    with pytest.raises(Exception, match="no_more"):
        await fire(db, known, clock())
    await run_sql(database_url, "ALTER TABLE notice DROP CONSTRAINT no_more")
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


async def test_a_ticket_whose_edition_is_lost_is_told_of_all_the_same(
    client: AsyncClient, db: Database, send: Send, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("all"))
    ticket = await take(client)
    await explain_delay(client, ticket)
    async with db.begin() as session:
        await session.execute(text("UPDATE notice SET policy_version = 'lost'"))
    assert await send() == 1
    assert "通知对象：company_leader" in robots.told("all")[0].text


async def test_the_deadlines_of_a_return_request_are_told_too(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, send_all: Send, robots: Robots
) -> None:
    await channel(client, "dingtalk", robots.address("all"), business_line="chemicals")
    request = await submitted(client, {"purchase_id": await bought(client)} | DEFECT)  # answered by 7 December
    known = await app.state.kit.directory.known()
    clock.advance(days=8, seconds=1)
    await fire_deadlines(db, known, clock())
    await send_all()
    [warned] = robots.told("all")
    assert f"退换货工单 {request['number']} 答复客户时限已用 50%" in warned.text
    assert f"Return request {request['number']}: 50 % of the time for the answer to the customer is used" in warned.text
    assert "crm.example.com" not in warned.text  # that page shows tickets
    clock.advance(days=8)
    await fire_deadlines(db, known, clock())
    await send_all(timedelta(minutes=1))  # a robot is given its time
    _, escalated = robots.told("all")  # of what came at one time the latest only
    assert f"{request['number']} 答复客户超时，升级至第 1 级" in escalated.text
    notices = await listed(client)
    assert {(each["return_id"], each["ticket_id"], each["number"]) for each in notices} == {
        (request["id"], None, request["number"])
    }
    assert {each["state"] for each in notices} == {"sent"}
    again = await client.post(f"/v1/notices/{notices[0]['id']}/resend")
    assert (again.status_code, again.json()["state"]) == (200, "waiting")


async def test_what_is_due_in_a_capa_is_told_too(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, send_all: Send, robots: Robots
) -> None:
    await channel(client, "wecom", robots.address("all"), business_line="components")
    capa = await planned(client, CORRECTIVE)  # ten and a half days
    clock.advance(days=5, hours=6, seconds=1)
    await fire_tasks(db, await app.state.kit.directory.known(), clock())
    await send_all()
    [warned] = robots.told("all")
    assert f"纠正预防措施工单 {capa['number']} 纠正措施时限已用 50%" in warned.text
    [notice] = await listed(client)
    assert (notice["capa_id"], notice["ticket_id"], notice["number"]) == (capa["id"], None, capa["number"])
