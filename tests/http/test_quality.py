"""Complaints seen together: batches, the alert on a rate that has risen, who holds a batch, and the analysis."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from app.core.db import Database
from app.core.personal import Tier
from app.services import upkeep
from app.services.directory import Known
from tests.builders import a_ticket
from tests.conftest import FakeClock, MakeClient
from tests.http.problems import check_problem

BROKEN = "加热一次就裂开，是质量问题"


@pytest.fixture
def watch(app: Any, db: Database, clock: FakeClock) -> Any:
    """Do the worker's look at the complaints; return how many alerts were raised."""

    async def look() -> int:
        known: Known = await app.state.kit.directory.known()
        return await upkeep.watch_quality(db, known, clock())

    return look


async def complain(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    body = a_ticket(description=BROKEN, product={"model": "T-9", "batch": "B1", "defective_quantity": 2}) | changes
    response = await client.post("/v1/tickets", json=body)
    assert response.status_code == 201, response.text
    ticket: dict[str, Any] = response.json()
    assert ticket["classification"]["complaint_class"] == "quality"
    return ticket


async def a_rise(client: AsyncClient, clock: FakeClock, **product: Any) -> None:
    """A complaint a day for three weeks, then six a day."""
    goods = {"model": "T-9", "batch": "B1"} | product
    start = clock() - timedelta(days=30)
    moments = [start + timedelta(days=n) for n in range(21)]
    moments += [start + timedelta(days=21, hours=4 * n) for n in range(30)]
    for moment in moments:
        await complain(client, product=goods, opened_at=moment.isoformat())


async def alerts(client: AsyncClient, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get("/v1/quality-alerts", params=query)).json()["items"]
    return items


async def test_a_rate_that_rises_raises_one_alert_for_the_batch_and_its_model(
    client: AsyncClient, clock: FakeClock, watch: Any, seal: Any
) -> None:
    await a_rise(client, clock)
    clock.now -= timedelta(days=3)
    assert await watch() == 2
    clock.advance(minutes=1)
    assert await watch() == 0
    found = await alerts(client, status="open")
    assert {(alert["model"], alert["batch"]) for alert in found} == {("T-9", None), ("T-9", "B1")}
    assert all(alert["rate_after"] > 3 * alert["rate_before"] for alert in found)
    assert {alert["false_alarm_rate"] for alert in found} == {0.01}
    assert "rose from" in found[0]["reason"]["en"]
    await seal()
    told = (await client.get("/v1/events", params={"types": "complaint.quality_alert"})).json()["items"]
    assert {event["subject"].removeprefix("quality-alerts/") for event in told} == {alert["id"] for alert in found}
    rows = (await client.get("/v1/complaints/batches")).json()["rows"]
    assert [(row["key"], row["complaints"], row["alert"] in {alert["id"] for alert in found}) for row in rows] == [
        ("B1", 51, True)
    ]


async def test_a_steady_rate_raises_none(client: AsyncClient, clock: FakeClock, watch: Any) -> None:
    for days in range(40, 0, -1):
        await complain(client, opened_at=(clock() - timedelta(days=days)).isoformat())
    assert await watch() == 0


async def test_an_alert_is_closed_once_with_what_was_found_and_the_same_rise_raises_no_other(
    client: AsyncClient, clock: FakeClock, watch: Any
) -> None:
    await a_rise(client, clock, batch="B2")
    clock.now -= timedelta(days=3)
    await watch()
    [alert] = [alert for alert in await alerts(client) if alert["batch"] == "B2"]
    path = f"/v1/quality-alerts/{alert['id']}/close"
    closed = await client.post(path, json={"staff_no": "1101", "conclusion": "釉料配方错误，批次已隔离"})
    assert (closed.status_code, closed.json()["status"], closed.json()["version"]) == (200, "closed", 2)
    again = await client.post(path, json={"staff_no": "1101", "conclusion": "再关一次"})
    check_problem(again, 409, "quality_alert_closed")
    await complain(client, product={"model": "T-9", "batch": "B2"})
    clock.advance(minutes=5)
    assert await watch() == 0
    assert [alert["batch"] for alert in await alerts(client, status="open")] == [None]


async def test_complaints_are_counted_by_model_cause_and_month(client: AsyncClient) -> None:
    await complain(client)
    await complain(client, product={"model": "T-1"}, opened_at="2026-10-31T16:30:00Z")  # November in Shanghai
    await complain(client, product={"model": "T-9"}, severity="serious", opened_at="2026-10-31T15:30:00Z")

    async def counted(**query: Any) -> list[tuple[str, int, int]]:
        rows = (await client.get("/v1/complaints/batches", params=query)).json()["rows"]
        return [(row["key"], row["complaints"], row["defective_quantity"]) for row in rows]

    assert await counted() == [("B1", 1, 2)]
    assert await counted(group_by="model") == [("T-9", 2, 2), ("T-1", 1, 0)]
    assert await counted(group_by="month") == [("2026-11", 2, 2), ("2026-10", 1, 0)]
    assert await counted(group_by="cause", model="T-1") == [("product_quality", 1, 0)]


async def test_who_holds_a_batch_shows_each_customer_once_as_the_tier_allows(
    client: AsyncClient, make_client: MakeClient, clock: FakeClock
) -> None:
    goods = {"model": "T-9", "batch": "B1", "quantity": 12}
    first = await complain(client, product=goods)
    clock.advance(minutes=1)
    second = await complain(client, product={"model": "T-9", "batch": "B1", "quantity": 30})
    await complain(client, product=goods, customer={"name": "李雷", "phone": "13911112222"})
    await complain(client, product={"model": "T-9", "batch": "B7"}, customer={"name": "韩梅", "phone": "13911113333"})
    held = (await client.get("/v1/complaints/batches/holders", params={"batch": "B1"})).json()["items"]
    assert sorted(item["quantity"] for item in held) == [12, 30]
    [mine] = [item for item in held if item["quantity"] == 30]
    assert mine["tickets"] == sorted([first["number"], second["number"]])
    assert mine["customer"]["phone"] != "+8613800001234"
    seer = await make_client(tier=Tier.SENSITIVE)
    shown = (await seer.get("/v1/complaints/batches/holders", params={"batch": "B1", "limit": 1})).json()
    assert shown["has_more"]
    rest = await seer.get("/v1/complaints/batches/holders", params={"batch": "B1", "cursor": shown["next_cursor"]})
    phones = {item["customer"]["phone"] for item in (*shown["items"], *rest.json()["items"])}
    assert phones == {"+8613800001234", "+8613911112222"}


async def test_the_analysis_counts_two_periods_and_names_the_main_problems(
    client: AsyncClient, clock: FakeClock
) -> None:
    for days in (1, 2, 3, 40):
        await complain(client, opened_at=(clock() - timedelta(days=days)).isoformat())
    asked = a_ticket(kind="consultation", description="请问保修期多长？", opened_at=(clock()).isoformat())
    await client.post("/v1/tickets", json=asked)
    shown = (await client.get("/v1/complaints/analysis", params={"business_line": "tableware"})).json()
    assert (shown["tickets"], shown["tickets_previous"], shown["complaints"], shown["complaints_previous"]) == (
        4, 1, 3, 1,
    )  # fmt: skip
    [problem] = shown["problems"]
    assert (problem["issue_type"], problem["n"], problem["previous"], problem["models"]) == (
        "product_quality", 3, 1, ["T-9"],
    )  # fmt: skip
    assert len(problem["tickets"]) == 3
    assert shown["handling"]["still_open"] == 4
    assert {row["key"]: row["n"] for row in shown["by_kind"]} == {"complaint": 3, "consultation": 1}
    assert [row["complaints"] for row in shown["trend"]][-5:] == [0, 1, 1, 1, 0]
    assert len(shown["trend"]) == 31
    year = {"opened_at_gte": "2026-01-01T00:00:00+08:00", "opened_at_lt": "2027-01-01T00:00:00+08:00"}
    months = (await client.get("/v1/complaints/analysis", params=year)).json()["trend"]
    assert [row["start"] for row in months] == [f"2026-{month:02}-01" for month in range(1, 13)]
    assert [row["complaints"] for row in months][9:] == [1, 3, 0]


async def test_the_analysis_page_shows_the_same_figures_and_is_the_callers_alone(client: AsyncClient) -> None:
    await complain(client)
    page = await client.get("/v1/complaints/analysis.html", headers={"Accept-Language": "zh"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-store"
    assert "客户反馈分析报告" in page.text
    assert "产品质量" in page.text
    quiet = {"opened_at_lt": "2020-01-01T00:00:00Z"}
    assert "Customer feedback" in (await client.get("/v1/complaints/analysis.html", params=quiet)).text


async def test_what_is_another_lines_does_not_exist(
    client: AsyncClient, make_client: MakeClient, clock: FakeClock, watch: Any
) -> None:
    await a_rise(client, clock)
    clock.now -= timedelta(days=3)
    await watch()
    [alert, _] = await alerts(client)
    foreign = await make_client(lines=("chemicals",))
    assert await alerts(foreign) == []
    assert (await foreign.get("/v1/complaints/batches")).json()["rows"] == []
    assert (await foreign.get("/v1/complaints/batches/holders", params={"batch": "B1"})).json()["items"] == []
    assert (await foreign.get("/v1/complaints/analysis")).json()["tickets"] == 0
    assert "T-9" not in (await foreign.get("/v1/complaints/analysis.html")).text
    for path in ("batches", "batches/holders?batch=B1", "analysis", "analysis.html"):
        joined = "&" if "?" in path else "?"
        refused = await foreign.get(f"/v1/complaints/{path}{joined}business_line=tableware")
        check_problem(refused, 404, "not_found")
    check_problem(await foreign.get("/v1/quality-alerts", params={"business_line": "tableware"}), 404, "not_found")
    for name in (alert["id"], "qal_" + "0" * 32, "x"):
        check_problem(await foreign.get(f"/v1/quality-alerts/{name}"), 404, "not_found")
        body = {"staff_no": "1", "conclusion": "不属于本线"}
        check_problem(await foreign.post(f"/v1/quality-alerts/{name}/close", json=body), 404, "not_found")
    assert len(await alerts(client, status="open")) == 2
