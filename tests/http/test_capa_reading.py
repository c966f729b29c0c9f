"""What CAPAs answer for, and how they are found, shown and printed."""

from typing import Any

from httpx import AsyncClient
from sqlalchemy import text

from app.core.personal import Tier
from tests.capas import (
    CORRECTION,
    CORRECTIVE,
    FIVE_WHYS,
    OPENED,
    PREVENTIVE,
    QUALITY,
    WORKED,
    closed,
    completed,
    done,
    opened,
    planned,
    pointers,
    post,
    read,
)
from tests.conftest import FakeClock, MakeClient
from tests.http.problems import check_problem
from tests.http.service import take


async def test_complaints_that_come_all_the_same_are_counted_after_closure(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await take(client, **QUALITY)
    await take(client, **QUALITY)  # before the closure
    capa = await closed(client, clock, tickets=[ticket["number"]])
    assert (capa["recurrences"], capa["recurred_in"]) == (0, [])
    clock.advance(hours=1)
    back = await take(client, **QUALITY | {"product": {"model": "C-7", "batch": "B9"}})
    await take(client, **QUALITY | {"product": {"model": "C-8"}})
    await take(client, **QUALITY | {"description": "芯片送货太慢，物流迟了一周"})
    dropped = await take(client, **QUALITY)
    await client.post(f"/v1/tickets/{dropped['number']}/cancel", json={})
    shown = await read(client, capa)
    assert (shown["recurrences"], shown["recurred_in"]) == (1, [back["number"]])
    refused = await post(client, f"tickets/{back['number']}/capa", {"capa": capa["number"], "staff_no": "3001"})
    assert check_problem(refused, 409, "invalid_transition")["allowed"] == ["reopen"]
    again = await done(client, f"capas/{capa['number']}/reopen", {"staff_no": "3001", "reason": "问题再次出现"})
    assert (again["status"], again["round"], again["recurrences"], again["closed_at"]) == ("open", 2, 0, None)


async def test_an_internal_finding_opens_one_without_a_customer(client: AsyncClient) -> None:
    found = await take(
        client, business_line="chemicals", channel="internal", customer=None,
        description="市场抽检发现粘合剂固化时间超标", kind="complaint",
    )  # fmt: skip
    body = {"title": "粘合剂固化时间超标", "problem": "抽检三批，两批超标", "staff_no": "3001"}
    capa = await done(client, f"tickets/{found['number']}/capa", body)
    assert (capa["source"], capa["tickets"], capa["business_line"]) == (
        "internal_finding", [found["number"]], "chemicals",
    )  # fmt: skip
    ours = await take(client, **QUALITY)
    assert (await done(client, f"tickets/{ours['number']}/capa", body))["source"] == "complaint"
    audit = await done(client, f"tickets/{ours['number']}/capa", body | {"source": "nonconforming_goods"})
    assert audit["source"] == "nonconforming_goods"


async def test_linking_is_done_once_and_within_the_line(client: AsyncClient) -> None:
    ticket, foreign = await take(client, **QUALITY), await take(client)
    capa = await opened(client)
    link = {"capa": capa["number"], "staff_no": "3001"}
    linked = await done(client, f"tickets/{ticket['number']}/capa", link)
    assert await done(client, f"tickets/{ticket['number']}/capa", link) == linked
    assert pointers(await post(client, f"tickets/{foreign['number']}/capa", link)) == [("#/capa", "unknown_value")]
    both = await post(client, f"tickets/{ticket['number']}/capa", link | {"title": "另一份"})
    assert pointers(both) == [("#/capa", "contradiction")]
    neither = await post(client, f"tickets/{ticket['number']}/capa", {"staff_no": "3001", "title": "只有标题"})
    assert pointers(neither) == [("#/problem", "required")]
    mixed = await post(client, "capas", OPENED | {"tickets": [ticket["id"], foreign["number"], "AS-20261122-999999"]})
    assert pointers(mixed) == [("#/tickets/1", "unknown_value"), ("#/tickets/2", "unknown_value")]
    assert (await opened(client, tickets=[ticket["id"], ticket["number"]]))["tickets"] == [ticket["number"]]


async def test_capas_are_listed_by_what_is_to_do_and_walked_page_by_page(client: AsyncClient, clock: FakeClock) -> None:
    first = await planned(client, CORRECTION | {"kind": "corrective"})
    clock.advance(minutes=1)
    second = await planned(client, PREVENTIVE | {"owner_staff_no": "3005"}, source="audit")
    clock.advance(minutes=1)
    third = await opened(client)

    async def listed(**query: Any) -> list[str]:
        return [item["number"] for item in (await client.get("/v1/capas", params=query)).json()["items"]]

    assert await listed() == [third["number"], second["number"], first["number"]]
    assert await listed(status="planned") == [second["number"], first["number"]]
    assert await listed(source="audit,internal_finding") == [second["number"]]
    assert await listed(owner_staff_no="3005") == [second["number"]]
    assert await listed(department="production") == [second["number"], first["number"]]
    clock.advance(days=3)
    assert await listed(overdue="true") == [first["number"]]
    assert await listed(overdue="false") == [third["number"], second["number"]]
    [item] = [item for item in (await client.get("/v1/capas")).json()["items"] if item["number"] == first["number"]]
    assert (item["open_tasks"], item["next_due_on"], item["overdue"]) == (1, "2026-11-24", True)
    walked, page = [], await client.get("/v1/capas", params={"limit": 1})
    walked += page.json()["items"]
    while link := page.links.get("next"):
        page = await client.get(link["url"])
        walked += page.json()["items"]
    assert [item["number"] for item in walked] == await listed()


async def test_a_repeat_under_the_same_key_opens_one(client: AsyncClient) -> None:
    key = {"Idempotency-Key": "opened-once"}
    first, again = await post(client, "capas", OPENED, **key), await post(client, "capas", OPENED, **key)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert first.headers["location"] == f"/v1/capas/{first.json()['number']}"
    assert len((await client.get("/v1/capas")).json()["items"]) == 1


async def test_the_report_shows_every_round_in_both_languages(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client, **QUALITY)
    capa = await completed(client, await planned(client, CORRECTION, CORRECTIVE, tickets=[ticket["number"]]))
    path = f"/v1/capas/{capa['number']}/report.html"
    page = await client.get(path, headers={"Accept-Language": "zh"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (page.headers["cache-control"], page.headers["vary"]) == ("no-store", "Authorization")
    said = (
        "模具无更换周期",
        "更换模具",
        "更换记录 M-3",
        "3002 生产部",
        "2026-12-22",
        "待验证效果",
        ticket["number"],
        "尚未关闭",
    )
    assert [words for words in said if words not in page.text] == []
    assert "第1轮" not in page.text
    clock.advance(days=30)
    await done(client, f"capas/{capa['number']}/verify", WORKED | {"result": "not_effective"})
    await done(client, f"capas/{capa['number']}/analyse", FIVE_WHYS | {"root_cause": "来料<硬度>超差"})
    english = (await client.get(path)).text
    in_english = ("Round 1", "Round 2", "Not effective", "production department", "来料&lt;硬度&gt;超差")
    assert [words for words in in_english if words not in english] == []


async def test_texts_are_shown_as_the_tier_allows_and_every_full_look_is_logged(
    client: AsyncClient, make_client: MakeClient, db: Any
) -> None:
    capa = await opened(client, problem="客户 13800001234 来电", title="问 13800001234")
    assert (capa["problem"], capa["title"]) == ("客户 138****1234 来电", "问 138****1234")
    await done(client, f"capas/{capa['number']}/analyse", FIVE_WHYS)
    hidden = await read(await make_client(tier=Tier.PUBLIC), capa)
    assert (hidden["problem"], hidden["analyses"][0]["whys"], hidden["history"][1]["text"]) == (None, [], None)
    seer = await make_client(tier=Tier.SENSITIVE)
    listed = (await seer.get("/v1/capas")).json()["items"][0]
    assert listed["title"] == "问 138****1234"
    assert (await read(seer, capa))["problem"] == "客户 13800001234 来电"
    assert "13800001234" in (await seer.get(f"/v1/capas/{capa['number']}/report.html")).text
    async with db.begin() as session:
        logged = (await session.execute(text("SELECT subject, fields FROM access_log"))).all()
    assert [(row.subject, row.fields) for row in logged] == [(f"capas/{capa['id']}", ["texts"])] * 2
