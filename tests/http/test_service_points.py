"""The service network: its points, and on a ticket who sold and who serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from httpx import AsyncClient
from sqlalchemy import event

from app.core.db import Database
from tests.conftest import FakeClock, MakeClient
from tests.http.problems import check_problem
from tests.http.test_ticket_changes import patch
from tests.http.test_tickets import take

PATH = "/v1/service-points"
WEST_LAKE = "CN-330106"
READ = "WHERE service_point.business_line_id = $"  # how intake reads the points


async def put_in(client: AsyncClient, number: str, *regions: str, **changes: Any) -> dict[str, Any]:
    body = {"business_line": "tableware", "number": number, "name": f"服务站{number}", "kind": "service_provider"}
    response = await client.post(PATH, json=body | {"regions": list(regions)} | changes)
    assert response.status_code == 201, response.text
    point: dict[str, Any] = response.json()
    return point


async def change(client: AsyncClient, point: dict[str, Any], **body: Any) -> dict[str, Any]:
    response = await client.patch(f"{PATH}/{point['id']}", json=body, headers={"If-Match": "*"})
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()
    return changed


def network_decisions(ticket: dict[str, Any]) -> list[tuple[str, str]]:
    """Rule and outcome of each decision on who serves, in their order."""
    prefix = "routing.service_network."
    return [
        (decision["rule"].removeprefix(prefix), decision["outcome"])
        for decision in ticket["decisions"]
        if decision["rule"].startswith(prefix)
    ]


def duty(ticket: dict[str, Any]) -> tuple[str, str]:
    decision = [one for one in ticket["decisions"] if one["kind"] == "responsibility"][-1]
    return decision["outcome"], decision["reason"]["en"]


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """The statements that are sent during the block."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    engine = db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_a_point_is_put_in_once_read_changed_and_listed(client: AsyncClient, clock: FakeClock) -> None:
    point = await put_in(
        client, "H-1", "CN-330100", "CN-33", "CN-ZJ", department="after_sales", contact="0571-88886666"
    )
    assert (point["regions"], point["active_from"], point["version"]) == (["CN-3301", "CN-ZJ"], "2026-11-22", 1)
    again = {"business_line": "tableware", "number": "H-1", "name": "另一家", "kind": "dealer"}
    check_problem(await client.post(PATH, json=again), 409, "service_point_exists")
    path = f"{PATH}/{point['id']}"
    check_problem(await client.patch(path, json={"name": "杭州"}), 428, "if_match_required")
    read = await client.get(path)
    assert read.json() == point
    tag = {"If-Match": read.headers["etag"]}
    clock.advance(minutes=1)
    changed = (await client.patch(path, json={"regions": ["CN-320000"], "contact": None}, headers=tag)).json()
    assert (changed["regions"], changed["contact"], changed["name"]) == (["CN-JS"], None, point["name"])
    assert (changed["department"], changed["version"]) == ("after_sales", 2)
    check_problem(await client.patch(path, json={"name": "杭州"}, headers=tag), 412, "version_mismatch")
    await put_in(client, "D-1", kind="dealer", active_from="2027-01-01")
    listed = {
        name: [row["number"] for row in (await client.get(PATH, params=query)).json()["items"]]
        for name, query in {
            "all": {}, "dealers": {"kind": "dealer"}, "here": {"region": "CN-32"}, "today": {"active": "true"},
            "later": {"active": "false"}, "by number": {"number": "H-1"},
        }.items()
    }  # fmt: skip
    assert listed == {
        "all": ["D-1", "H-1"], "dealers": ["D-1"], "here": ["H-1"], "today": ["H-1"], "later": ["D-1"],
        "by number": ["H-1"],
    }  # fmt: skip


async def test_what_makes_no_sense_is_refused(client: AsyncClient) -> None:
    body = {"business_line": "tableware", "number": "H-1", "name": "杭州", "kind": "branch"}
    for fault, pointer in (
        ({"department": "astrology"}, "#/department"),
        ({"active_from": "2026-12-01", "active_until": "2026-11-30"}, "#/active_until"),
        ({"active_until": "2026-11-21"}, "#/active_until"),  # before today, from when it is active
        ({"regions": ["浙江"]}, "#/regions/0"),
        ({"kind": "friend"}, "#/kind"),
    ):
        refused = check_problem(await client.post(PATH, json=body | fault), 422, "validation_failed")
        assert refused["errors"][0]["pointer"] == pointer
    point = await put_in(client, "H-1")
    path, match = f"{PATH}/{point['id']}", {"If-Match": "*"}
    for change_, pointer in (({"active_until": "2026-11-21"}, "#/active_until"), ({"regions": None}, "#/regions")):
        refused = check_problem(await client.patch(path, json=change_, headers=match), 422, "validation_failed")
        assert refused["errors"][0]["pointer"] == pointer


async def test_a_ticket_names_who_serves_it_and_why(client: AsyncClient) -> None:
    await put_in(client, "Z-1", "CN-ZJ", kind="branch")
    await put_in(client, "W-1", WEST_LAKE)
    near = await take(client, region=WEST_LAKE)
    assert (near["sold_by"], near["served_by"]) == (None, "W-1")
    [decision] = [one for one in near["decisions"] if one["rule"] == "routing.service_network.region"]
    assert (decision["kind"], decision["outcome"], decision["basis"]) == ("routing", "W-1", "assumed")
    assert decision["reason"]["en"] == f"{WEST_LAKE} is served by 服务站W-1 (W-1)"
    assert (await take(client, region="CN-33"))["served_by"] == "Z-1"
    far = await take(client, region="CN-GD")
    assert (far["served_by"], network_decisions(far)) == (None, [("none", "none")])
    assert (await take(client))["served_by"] is None


async def test_who_is_responsible_is_named_by_the_network(client: AsyncClient) -> None:
    await put_in(client, "S-1", "CN-ZJ", business_line="home_furnishing", kind="dealer")
    await put_in(client, "Z-1", "CN-ZJ", business_line="home_furnishing")
    matter = {"business_line": "home_furnishing", "region": "CN-ZJ"}
    visit = await take(client, **matter, kind="installation", description="新买的橱柜请安排上门安装")
    assert (visit["served_by"], duty(visit)) == ("S-1", ("service_provider", "Who serves is responsible: S-1"))
    sold = await take(client, **matter, kind="repair", description="柜门合页松了，请上门维修", sold_by="Z-1")
    assert (sold["served_by"], network_decisions(sold)) == ("Z-1", [("seller", "Z-1")])
    cited = {one["rule"]: (one["clause"], one["basis"]) for one in sold["decisions"]}
    assert cited["routing.service_network.seller"] == ("1.3", "policy")
    assert duty(sold) == ("seller", "Who sells is responsible: Z-1")
    corrected = (await patch(client, sold, sold_by="S-1")).json()
    assert duty(corrected) == ("seller", "Who sells is responsible: S-1")
    assert network_decisions(corrected) == [("seller", "Z-1"), ("seller", "S-1")]


async def test_what_a_branch_answers_for_the_company_does(client: AsyncClient) -> None:
    matter = {"business_line": "home_furnishing", "description": "沙发面料开裂，是质量问题"}
    ours = {"ours": True, "department": "repair_department", "cause": "面料老化"}
    for kind, warned in (("dealer", ["duty_holder_differs", "not_inspected"]), ("branch", ["not_inspected"])):
        await put_in(client, kind, "CN-ZJ", kind=kind, business_line="home_furnishing")
        ticket = await take(client, **matter, sold_by=kind)
        found = (await client.post(f"/v1/tickets/{ticket['number']}/responsibility", json=ours)).json()
        assert found["duty_holder"]["party"] == kind
        assert [warning["code"] for warning in found["warnings"]] == warned


async def test_the_seller_is_as_the_purchase_on_file_says(client: AsyncClient, seal: Any) -> None:
    await put_in(client, "D-1", kind="dealer")
    await put_in(client, "W-1", WEST_LAKE)
    order = {"business_line": "tableware", "order_no": "D-100", "product_name": "餐盘"}
    unknown = await client.post("/v1/purchases", json=order | {"sold_by": "D-2"})
    assert check_problem(unknown, 422, "validation_failed")["errors"][0]["pointer"] == "#/sold_by"
    kept = await client.post("/v1/purchases", json=order | {"sold_by": "D-1"})
    assert kept.json()["sold_by"] == "D-1"
    ticket = await take(client, product={"order_no": "D-100"}, region=WEST_LAKE)
    assert (ticket["sold_by"], ticket["served_by"]) == ("D-1", "W-1")
    other = await take(client, product={"order_no": "D-101"})
    assert other["sold_by"] is None
    corrected = (await patch(client, other, product={"order_no": "D-100"})).json()
    assert corrected["sold_by"] == "D-1"
    await seal()
    [told] = (await client.get("/v1/events", params={"types": "ticket.routed"})).json()["items"]
    assert told["data"]["changed"] == ["sold_by"]
    said = await take(client, product={"order_no": "D-100"}, sold_by="W-1")
    assert said["sold_by"] == "W-1"


async def test_a_seller_known_by_the_purchase_goes_with_its_order_number(client: AsyncClient) -> None:
    for number in ("D-1", "D-2"):
        await put_in(client, number, kind="dealer")
        order = {"business_line": "tableware", "order_no": f"O-{number}", "product_name": "餐盘", "sold_by": number}
        assert (await client.post("/v1/purchases", json=order)).status_code == 201
    for corrected, seller in (("O-D-2", "D-2"), ("O-D-3", None), (None, None)):
        ticket = await take(client, product={"order_no": "O-D-1"})
        changed = await patch(client, ticket, product={"order_no": corrected})
        assert changed.json()["sold_by"] == seller
    said = await take(client, product={"order_no": "O-D-1"}, sold_by="D-2")
    assert (await patch(client, said, product={"order_no": "O-D-3"})).json()["sold_by"] == "D-2"


async def test_null_takes_no_point_from_a_ticket_that_is_settled(client: AsyncClient) -> None:
    await put_in(client, "W-1", WEST_LAKE)
    ticket = await take(client, region=WEST_LAKE, sold_by="W-1")
    cancelled = await client.post(f"/v1/tickets/{ticket['number']}/cancel", json={"reason": "客户撤回"})
    assert cancelled.status_code == 200
    kept = (await patch(client, cancelled.json(), sold_by=None, served_by=None)).json()
    assert (kept["sold_by"], kept["served_by"], kept["version"]) == ("W-1", "W-1", cancelled.json()["version"])


async def test_a_seller_that_the_line_does_not_have_is_refused(client: AsyncClient) -> None:
    elsewhere = {"number": "X-1", "business_line": "chemicals", "name": "上海", "kind": "dealer"}
    assert (await client.post(PATH, json=elsewhere)).status_code == 201
    ticket = await take(client)
    posted = await client.post("/v1/tickets", json={k: ticket[k] for k in ("business_line", "channel", "description")}
        | {"customer": {"phone": "13800001234"}, "sold_by": "X-1"})  # fmt: skip
    for refused in (posted, await patch(client, ticket, sold_by="X-1"), await patch(client, ticket, served_by="X-1")):
        check_problem(refused, 422, "validation_failed")


async def test_points_serve_from_their_first_day_to_their_last(client: AsyncClient, clock: FakeClock) -> None:
    point = await put_in(client, "W-1", WEST_LAKE, active_from="2026-11-23", active_until="2026-11-24")
    served = {}
    for day in (22, 23, 24, 25):
        served[day] = (await take(client, region=WEST_LAKE))["served_by"]
        clock.advance(days=1)
    assert served == {22: None, 23: "W-1", 24: "W-1", 25: None}
    ticket = await take(client, region=WEST_LAKE)
    refused = check_problem(await patch(client, ticket, served_by="W-1"), 422, "validation_failed")
    assert refused["errors"][0]["code"] == "not_active"
    await change(client, point, active_until=None)
    assert (await patch(client, ticket, served_by="W-1")).json()["served_by"] == "W-1"


async def test_a_change_of_facts_is_routed_again_but_not_over_the_head_of_staff(client: AsyncClient, seal: Any) -> None:
    for number, region in (("W-1", WEST_LAKE), ("N-1", "CN-320102"), ("B-1", "CN-BJ")):
        await put_in(client, number, region)
    ticket = await take(client, region=WEST_LAKE)
    moved = (await patch(client, ticket, region="CN-320102")).json()
    assert (moved["served_by"], moved["version"]) == ("N-1", 2)
    chosen = (await patch(client, ticket, served_by="B-1", staff_no="1101", reason="客户要求")).json()
    assert chosen["served_by"] == "B-1"
    assert (await patch(client, ticket, region=WEST_LAKE)).json()["served_by"] == "B-1"
    back = (await patch(client, ticket, served_by=None)).json()
    assert network_decisions(back) == [
        ("region", "W-1"), ("region", "N-1"), ("staff", "B-1"), ("staff", "none"), ("region", "W-1"),
    ]  # fmt: skip
    assert back["served_by"] == "W-1"
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    [noted] = [entry for entry in timeline if entry["text"] == "客户要求"]
    assert (noted["kind"], noted["staff_no"], noted["data"]) == ("changed", "1101", {"before": {"served_by": "N-1"}})
    await seal()
    events = (await client.get("/v1/events", params={"types": "ticket.routed,ticket.changed"})).json()["items"]
    told = [(one["type"], one["data"]["changed"]) for one in events]
    assert told == [
        ("ticket.changed", ["region"]), ("ticket.routed", ["served_by"]), ("ticket.changed", ["served_by"]),
        ("ticket.changed", ["region"]), ("ticket.changed", ["served_by"]), ("ticket.routed", ["served_by"]),
    ]  # fmt: skip


async def test_staff_may_choose_the_point_that_the_rules_named(client: AsyncClient) -> None:
    for number, region in (("W-1", WEST_LAKE), ("N-1", "CN-320102")):
        await put_in(client, number, region)
    ticket = await take(client, region=WEST_LAKE)
    chosen = (await patch(client, ticket, served_by="W-1")).json()
    assert (chosen["version"], network_decisions(chosen)) == (2, [("region", "W-1"), ("staff", "W-1")])
    again = (await patch(client, ticket, served_by="W-1")).json()
    assert again["version"] == 2
    assert (await patch(client, ticket, region="CN-320102")).json()["served_by"] == "W-1"


async def test_a_settled_ticket_keeps_who_served_it(client: AsyncClient) -> None:
    point = await put_in(client, "W-1", WEST_LAKE)
    ticket = await take(client, region=WEST_LAKE)
    await client.post(f"/v1/tickets/{ticket['number']}/resolve", json={"staff_no": "1101"})
    await change(client, point, regions=["CN-BJ"])
    assert (await patch(client, ticket, item_class="basic")).json()["served_by"] == "W-1"


async def test_tickets_are_listed_by_who_serves(client: AsyncClient) -> None:
    await put_in(client, "W-1", WEST_LAKE)
    await put_in(client, "B-1", "CN-BJ")
    near, north = await take(client, region=WEST_LAKE), await take(client, region="CN-BJ")
    await take(client)
    listed = {
        query: [row["number"] for row in (await client.get("/v1/tickets", params={"served_by": query})).json()["items"]]
        for query in ("W-1", "B-1", "W-1,B-1", "X-1")
    }
    assert listed == {
        "W-1": [near["number"]], "B-1": [north["number"]], "W-1,B-1": [north["number"], near["number"]], "X-1": [],
    }  # fmt: skip


async def test_intake_reads_the_points_by_one_statement_and_not_at_all_where_there_are_none(
    client: AsyncClient, db: Database
) -> None:
    await put_in(client, "X-1", WEST_LAKE, business_line="chemicals")
    await take(client, region=WEST_LAKE)  # what is read once only is read
    with statements(db) as without:
        await take(client, region=WEST_LAKE, product={"order_no": "D-1"})
    assert [one for one in without if READ in one] == []
    await put_in(client, "W-1", WEST_LAKE)
    with statements(db) as with_points:
        assert (await take(client, region=WEST_LAKE, product={"order_no": "D-1"}))["served_by"] == "W-1"
    assert len([one for one in with_points if READ in one]) == 1


async def test_a_follow_up_of_a_dissatisfied_customer_names_the_same_seller(client: AsyncClient) -> None:
    await put_in(client, "D-1", WEST_LAKE, kind="dealer")
    ticket = await take(client, region=WEST_LAKE, sold_by="D-1")
    await client.post(f"/v1/tickets/{ticket['number']}/resolve", json={})
    survey = (await client.post("/v1/surveys", json={"ticket_number": ticket["number"]})).json()
    answered = await client.post(f"/v1/surveys/{survey['id']}/answers", json={"scores": {"overall": 1}})
    assert answered.status_code in (200, 201), answered.text
    [follow_up] = [one for one in (await client.get("/v1/tickets")).json()["items"] if one["follow_up_of"]]
    assert (follow_up["sold_by"], follow_up["served_by"]) == ("D-1", "D-1")


async def test_what_is_another_lines_does_not_exist(client: AsyncClient, make_client: MakeClient) -> None:
    point = await put_in(client, "W-1", WEST_LAKE)
    theirs = await make_client(lines=("chemicals",))
    assert (await theirs.get(PATH)).json()["items"] == []
    check_problem(await theirs.get(PATH, params={"business_line": "tableware"}), 404, "not_found")
    for name in (point["id"], "spt_" + "0" * 32, "x"):
        check_problem(await theirs.get(f"{PATH}/{name}"), 404, "not_found")
        changed = await theirs.patch(f"{PATH}/{name}", json={"name": "x"}, headers={"If-Match": "*"})
        check_problem(changed, 404, "not_found")
    await put_in(theirs, "W-1", "CN-BJ", business_line="chemicals")  # the same number elsewhere
    assert (await take(client, region="CN-BJ"))["served_by"] is None
    assert (await take(theirs, business_line="chemicals", region=WEST_LAKE))["served_by"] is None
    assert (await take(client, region=WEST_LAKE))["served_by"] == "W-1"
