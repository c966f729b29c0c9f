"""What would be promised, and what is late."""

from typing import Any

import pytest
from httpx import AsyncClient

from tests.conftest import FakeClock
from tests.http.test_tickets import take


async def preview(client: AsyncClient, **facts: Any) -> dict[str, Any]:
    body = {"kind": "complaint", "urgency": "general", "opened_at": "2026-11-20T17:00:00+08:00"} | facts
    response = await client.post("/v1/sla/preview", json=body)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


@pytest.mark.parametrize(
    ("line", "urgency", "level", "response_due", "resolution_due"),
    [
        ("tableware", "emergency", "emergency", "2026-11-20T11:00:00.000Z", "2026-11-21T09:00:00.000Z"),
        ("tableware", "general", "general", "2026-11-21T09:00:00.000Z", "2026-11-23T09:00:00.000Z"),
        ("statute", "general", "general", "2026-11-21T09:00:00.000Z", "2026-11-23T09:00:00.000Z"),
    ],
)
async def test_a_preview_says_the_level_and_the_deadlines(
    client: AsyncClient, line: str, urgency: str, level: str, response_due: str, resolution_due: str
) -> None:
    shown = await preview(client, business_line=line, urgency=urgency)
    assert shown["service_level"] == level
    assert {c["milestone"]: c["due_at"] for c in shown["commitments"]} == {
        "first_response": response_due,
        "resolution": resolution_due,
    }
    assert all(decision["clause"] for decision in shown["decisions"])


async def test_working_hours_skip_the_weekend_and_lunch_is_not_in_the_assumed_hours(client: AsyncClient) -> None:
    # Friday 17:00: half an hour is left of the day, 7.5 h of Monday from 8:30 on
    shown = await preview(client, business_line="chemicals", kind="technical_support", channel="email")
    analysis = next(c for c in shown["commitments"] if c["milestone"] == "engineer_analysis")
    assert analysis["target"] == {"value": 8, "unit": "working_hours"}
    assert (analysis["clock"], analysis["due_at"]) == ("working", "2026-11-23T08:00:00.000Z")


async def test_a_deadline_in_a_year_without_announced_make_up_days_says_so(client: AsyncClient) -> None:
    shown = await preview(
        client, business_line="chemicals", kind="technical_support", opened_at="2026-12-31T16:00:00+08:00"
    )
    confirmed = {c["milestone"]: c["calendar_confirmed"] for c in shown["commitments"]}
    assert confirmed["engineer_analysis"] is False
    assert confirmed["resolution"] is True  # hours run round the clock and need no calendar


async def test_a_deadline_is_explained_to_the_second(client: AsyncClient) -> None:
    ticket = await take(client, business_line="chemicals", kind="technical_support", description="请问固化剂比例是多少")
    analysis = next(c for c in ticket["commitments"] if c["milestone"] == "engineer_analysis")
    path = f"/v1/tickets/{ticket['number']}/commitments/{analysis['id']}/explanation"
    told = (await client.get(path)).json()
    # Sunday noon: the day is closed, and the eight hours are all of Monday's from 8:30 to 16:30
    assert told["days"] == [
        {"on": "2026-11-22", "nature": "closed", "title": {"zh": "休息日，不计时", "en": "closed, not counted"}}
    ]
    assert told["counted"] == [
        {"since": "2026-11-23T00:30:00.000Z", "until": "2026-11-23T08:30:00.000Z", "seconds": 28_800}
    ]
    assert (told["allowance_seconds"], told["commitment"]["due_at"]) == (28_800, analysis["due_at"])
    assert told["decisions"][0]["clause"] == "三.2"
    unknown = await client.get(path.replace(analysis["id"], "cmt_" + "0" * 32))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_a_preview_explains_its_deadlines_to_the_second(client: AsyncClient) -> None:
    # Wednesday before the National Day holidays of 2026, which end with a make-up Saturday
    shown = await preview(
        client, business_line="chemicals", kind="technical_support", opened_at="2026-09-30T16:30:00+08:00"
    )
    analysis = next(c for c in shown["commitments"] if c["milestone"] == "engineer_analysis")
    told = analysis["explanation"]
    assert [(each["since"], each["until"], each["seconds"]) for each in told["counted"]] == [
        ("2026-09-30T08:30:00.000Z", "2026-09-30T09:30:00.000Z", 3_600),
        ("2026-10-08T00:30:00.000Z", "2026-10-08T07:30:00.000Z", 25_200),
    ]
    assert (told["allowance_seconds"], analysis["due_at"]) == (28_800, "2026-10-08T07:30:00.000Z")
    assert [day["on"] for day in told["days"]] == [f"2026-10-0{day}" for day in range(1, 8)]
    assert {day["nature"] for day in told["days"]} == {"public_holiday"}
    assert analysis["used_seconds"] > 28_800  # by now, on 22 November, it would be late
    worked = await preview(
        client, business_line="chemicals", kind="technical_support", opened_at="2026-10-09T16:30:00+08:00"
    )
    days = next(c for c in worked["commitments"] if c["milestone"] == "engineer_analysis")["explanation"]["days"]
    assert [(day["on"], day["nature"]) for day in days] == [("2026-10-10", "make_up_workday")]
    round_the_clock = next(c for c in shown["commitments"] if c["milestone"] == "resolution")["explanation"]
    assert (round_the_clock["allowance_seconds"], round_the_clock["days"]) == (72 * 3600, [])


async def test_what_is_late_or_soon_due_comes_first(client: AsyncClient, clock: FakeClock) -> None:
    slow, quick = await take(client), await take(client, urgency="emergency")
    clock.advance(hours=1)
    assert (await client.get("/v1/sla/overdue")).json()["items"] == []
    soon = (await client.get("/v1/sla/overdue", params={"within_seconds": 3600})).json()["items"]
    assert [(item["ticket_number"], item["milestone"], item["seconds_left"]) for item in soon] == [
        (quick["number"], "first_response", 3600)
    ]
    clock.advance(hours=23)
    late = (await client.get("/v1/sla/overdue", params={"limit": 2})).json()
    assert [(item["ticket_number"], item["milestone"]) for item in late["items"]] == [
        (quick["number"], "first_response"),
        (slow["number"], "first_response"),
    ] or late["has_more"]
    rest = (await client.get("/v1/sla/overdue", params={"limit": 2, "cursor": late["next_cursor"]})).json()
    assert len(late["items"]) + len(rest["items"]) == 3
    assert late["items"][0]["seconds_left"] == -22 * 3600


async def test_how_promises_were_kept_is_counted_by_milestone_and_group(client: AsyncClient, clock: FakeClock) -> None:
    prompt, slow = await take(client), await take(client, business_line="mall")
    clock.advance(hours=1)
    await client.post(f"/v1/tickets/{prompt['number']}/acknowledge", json={"staff_no": "1101"})
    clock.advance(hours=29)
    await client.post(f"/v1/tickets/{slow['number']}/acknowledge", json={"delay_reason": "漏接", "staff_no": "2002"})
    shown = (await client.get("/v1/sla/performance", params={"group_by": "staff"})).json()
    responses = {row["key"]: row for row in shown["rows"] if row["milestone"] == "first_response"}
    kept, broken = responses["1101"], responses["2002"]
    assert (kept["met"], kept["met_rate"], kept["mean_used_seconds"]) == (1, 1, 3600)
    assert (broken["breached"], broken["met_rate"]) == (1, 0)
    lines = (await client.get("/v1/sla/performance", params={"group_by": "business_line"})).json()["rows"]
    assert {row["key"]: row["running"] for row in lines if row["milestone"] == "resolution"} == {
        "mall": 1, "tableware": 1,
    }  # fmt: skip
    months = (await client.get("/v1/sla/performance", params={"group_by": "month"})).json()["rows"]
    assert {row["key"] for row in months} == {"2026-11"}
    clock.advance(hours=50)
    total = (await client.get("/v1/sla/performance")).json()["rows"]
    assert [(row["milestone"], row["n"], row["met"], row["breached"]) for row in total] == [
        ("first_response", 2, 1, 1),
        ("resolution", 2, 0, 2),
    ]
    later = await client.get("/v1/sla/performance", params={"opened_at_gte": "2026-12-01T00:00:00Z"})
    assert later.json()["rows"] == []
