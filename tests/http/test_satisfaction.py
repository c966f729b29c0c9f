"""What customers said, added up: by group, by month, and what changed."""

import pytest
from httpx import AsyncClient

from tests.conftest import FakeClock
from tests.http.service import take
from tests.http.test_surveys import surveys


async def answer(client: AsyncClient, n: int, score: int, *, staff: str = "1101", comment: str = "谢谢") -> None:
    """Let a customer of their own answer after a finished matter."""
    ticket = await take(client, customer={"phone": f"1380000{n:04d}"}, staff_no=staff, product={"model": "P-1"})
    for move in ("resolve", "close"):
        await client.post(f"/v1/tickets/{ticket['id']}/{move}", json={"delay_reason": "等待"})
    [survey] = await surveys(client, ticket=ticket["number"])
    body = {"scores": {"overall": score, "attitude": score}, "nps": score * 2, "comment": comment}
    assert (await client.post(f"/v1/surveys/{survey['id']}/answers", json=body)).status_code == 200


async def test_groups_have_their_figures_and_people_are_not_compared_by_four_answers(client: AsyncClient) -> None:
    for n, (score, staff) in enumerate([(5, "1101")] * 5 + [(2, "1102")] * 4):
        await answer(client, n, score, staff=staff)
    today = {"from": "2026-11-22", "to": "2026-11-22"}
    by_staff = (await client.get("/v1/satisfaction", params=today | {"group_by": "staff"})).json()
    good, bad = by_staff["rows"]
    assert (good["key"], good["n"], good["mean"], good["too_small"]) == ("1101", 5, 5, False)
    assert (bad["key"], bad["n"], bad["mean"], bad["means"], bad["ci95"], bad["too_small"]) == (
        "1102", 4, None, {}, None, True,
    )  # fmt: skip
    total = by_staff["total"]
    assert (total["invited"], total["response_rate"], total["satisfied_rate"]) == (9, 1, 0.5556)
    assert (total["nps"], total["means"]) == (pytest.approx(100 / 9, abs=1e-3), {"attitude": pytest.approx(3.6667)})
    for group, key in (
        ("product", "P-1"),
        ("channel", "hotline"),
        ("month", "2026-11"),
        ("business_line", "tableware"),
    ):
        [row] = (await client.get("/v1/satisfaction", params={"group_by": group})).json()["rows"]
        assert (row["key"], row["n"]) == (key, 9)
    yesterday = {"from": "2026-11-21", "to": "2026-11-21"}
    assert (await client.get("/v1/satisfaction", params=yesterday)).json()["total"]["invited"] == 0


async def test_a_month_from_which_things_are_worse_is_marked_with_what_is_complained_of(
    client: AsyncClient, clock: FakeClock
) -> None:
    for n in range(12):
        await answer(client, n, 5)
    clock.advance(days=30)
    for n in range(12, 24):
        await answer(client, n, 2, comment="服务态度太差了，师傅骂人")
    found = (await client.get("/v1/satisfaction", params={"group_by": "month"})).json()
    assert [(row["key"], row["satisfied_rate"]) for row in found["trend"]] == [("2026-11", 1), ("2026-12", 0)]
    assert found["rows"] == found["trend"]
    [change] = found["change_points"]
    assert (change["month"], change["rate_before"], change["rate_after"]) == ("2026-12", 1, 0)
    assert change["p_value"] < 1e-6
    assert [(theme["key"], theme["n"]) for theme in found["themes"]] == [("service_attitude", 12)]
    assert found["follow_ups"] == 12
