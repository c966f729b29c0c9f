"""Business lines are kept apart: what is another line's looks exactly like what does not exist, on every operation."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.outbox import seal_events
from app.core.personal import Tier
from tests.builders import a_ticket
from tests.http.matrix import CLOCK, LINE, LINES, LIST, MATRIX, REFERENCE, WEBHOOK
from tests.http.operations import Operation, ask, operations
from tests.http.problems import check_problem
from tests.http.service import Service, hook, notices_of, take

OURS, THEIRS = "tableware", "chemicals"
UNKNOWN_ID, UNKNOWN_NUMBER = "tkt_" + "0" * 32, "AS-20261122-999999"
ANY_VERSION = {"If-Match": "*"}
EVERYTHING_DUE = "31622400"


@dataclass
class World:
    """Two lines with a ticket each, told apart by every field, and a client for each."""

    us: httpx.AsyncClient
    them: httpx.AsyncClient
    ours: dict[str, Any]
    theirs: dict[str, Any]
    their_clock: dict[str, Any]
    their_notice: dict[str, Any]
    their_webhooks: dict[str, str]  # the ids of an endpoint and of a delivery

    def their_names(self) -> list[dict[str, str]]:
        """What stands in the braces of a path, by id and by number."""
        notice = self.their_notice
        names = {"channel": notice["channel_id"], "notice": notice["id"], "commitment": self.their_commitment()}
        return [{"ticket": self.theirs[name], **names} for name in ("id", "number")]

    def no_names(self) -> list[dict[str, str]]:
        """The same of what does not exist; the commitment is theirs all the same."""
        names = {"channel": "nch_" + "0" * 32, "notice": "ntc_" + "0" * 32, "commitment": self.their_commitment()}
        return [{"ticket": name, **names} for name in (UNKNOWN_ID, UNKNOWN_NUMBER)]

    def their_commitment(self) -> str:
        commitment: str = self.theirs["commitments"][0]["id"]
        return commitment

    def their_words(self) -> list[str]:
        """Whatever must never reach us."""
        commitments = [commitment["id"] for commitment in self.theirs["commitments"]]
        others = [self.their_clock["id"], self.their_notice["id"], self.their_notice["channel_id"]]
        words = [self.theirs["id"], self.theirs["number"], THEIRS, "溶剂", "BATCH-THEIRS", "their-ref"]
        return [*words, *commitments, *others, *self.their_webhooks.values(), "https://crm.test/theirs"]


@pytest.fixture(scope="module")
async def world(service: Service) -> World:
    us, them = await service.client(lines=(OURS,)), await service.client(lines=(THEIRS,))
    person = {"name": "王芳", "phone": "13800001234"}  # the same customer at both companies
    ours = await take(us, customer=person, external_ref="our-ref", product={"batch": "BATCH-OURS"})
    theirs = await take(
        them, business_line=THEIRS, customer=person, external_ref="their-ref", product={"batch": "BATCH-THEIRS"},
        description="溶剂泄漏，味道很大", staff_no="7777",
    )  # fmt: skip
    await notices_of(us, ours, channels=1)
    [notice] = await notices_of(them, theirs, channels=1)
    async with service.db.begin() as session:
        await seal_events(session)
    clocks = [await client.post("/v1/test-clocks", json={"now": "2026-11-22T04:00:00Z"}) for client in (us, them)]
    await hook(us, "ours")
    return World(us, them, ours, theirs, clocks[1].json(), notice, await hook(them, "theirs"))


def test_R16_every_operation_has_its_place_in_the_matrix(service: Service) -> None:
    assert {operation.name for operation in operations(service.app)} == MATRIX.keys()


def test_every_test_the_matrix_names_exists() -> None:
    for named in {value for value in MATRIX.values() if "::" in value}:
        file, _, test = named.partition("::")
        assert f"async def {test}(" in Path(file).read_text(encoding="utf-8"), named


def of_kind(service: Service, kind: str) -> list[Operation]:
    return [operation for operation in operations(service.app) if MATRIX[operation.name] == kind]


def nameless(response: httpx.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return a problem without what differs from request to request by itself."""
    problem = {name: value for name, value in response.json().items() if name not in ("request_id", "instance")}
    own = ("x-request-id", "content-length", "ratelimit")
    headers = {name: value for name, value in response.headers.items() if name not in own}
    return response.status_code, problem, headers


async def test_R16_a_foreign_ticket_looks_like_none_on_every_operation(service: Service, world: World) -> None:
    before = await service.sql("SELECT version, status FROM ticket ORDER BY number")
    for operation in of_kind(service, REFERENCE):
        unknown, foreign = [
            [await ask(world.us, operation, operation.url(**name), ANY_VERSION) for name in names]
            for names in (world.no_names(), world.their_names())
        ]
        for response in (*unknown, *foreign):
            check_problem(response, 404, "not_found")
        assert [nameless(response) for response in foreign] == [nameless(response) for response in unknown], (
            operation.name
        )
    assert await service.sql("SELECT version, status FROM ticket ORDER BY number") == before


async def test_a_foreign_test_clock_looks_like_none(service: Service, world: World) -> None:
    for operation in of_kind(service, CLOCK):
        answers = [
            nameless(await ask(world.us, operation, operation.url(test_clock=clock)))
            for clock in ("clk_" + "0" * 32, world.their_clock["id"])
        ]
        assert answers[0] == answers[1], operation.name
        assert answers[0][0] == 404
    bound = [
        await world.us.post("/v1/tickets", json=a_ticket(test_clock=clock))
        for clock in ("clk_" + "0" * 32, world.their_clock["id"])
    ]
    assert nameless(bound[0]) == nameless(bound[1])
    check_problem(bound[0], 422, "validation_failed")


async def test_a_foreign_commitment_is_not_found_under_a_ticket_of_ours(world: World) -> None:
    theirs = world.theirs["commitments"][0]["id"]
    for commitment in (theirs, "cmt_" + "0" * 32):
        response = await world.us.get(f"/v1/tickets/{world.ours['id']}/commitments/{commitment}/explanation")
        check_problem(response, 404, "not_found")
    reason = {"reason": "等待供应商", "commitment_id": theirs}
    check_problem(
        await world.us.post(f"/v1/tickets/{world.ours['id']}/delay-reasons", json=reason), 422, "validation_failed"
    )


async def test_a_foreign_webhook_looks_like_none_on_every_operation(service: Service, world: World) -> None:
    unknown = {"endpoint": "whe_" + "0" * 32, "delivery": "whd_" + "0" * 32}
    state = "SELECT e::text FROM webhook_endpoint e UNION ALL SELECT d::text FROM webhook_delivery d ORDER BY 1"
    before = await service.sql(state)
    for operation in of_kind(service, WEBHOOK):
        answers = [
            await ask(world.us, operation, operation.url(**references), ANY_VERSION)
            for references in (unknown, world.their_webhooks)
        ]
        check_problem(answers[0], 404, "not_found")
        assert nameless(answers[0]) == nameless(answers[1]), operation.name
    assert await service.sql(state) == before


async def test_an_endpoint_for_several_lines_is_for_keys_that_see_them_all(service: Service, world: World) -> None:
    both = await service.client(lines=(OURS, THEIRS))
    shared = await hook(both, "theirs-and-ours")
    check_problem(await world.us.get(f"/v1/webhook-endpoints/{shared['endpoint']}"), 404, "not_found")
    listed = (await world.us.get("/v1/webhook-endpoints")).json()["items"]
    assert [endpoint["url"] for endpoint in listed] == ["https://crm.test/ours"]
    for path in ("", f"/{shared['endpoint']}"):
        request = {"url": "https://crm.test/x", "business_lines": [OURS, THEIRS]}
        method = world.us.patch if path else world.us.post
        check_problem(await method(f"/v1/webhook-endpoints{path}", json=request, headers=ANY_VERSION), 404, "not_found")


@pytest.mark.parametrize(
    "conditional", [{"If-Match": '"1.general"'}, {"If-None-Match": '"1.general"'}, {"Idempotency-Key": "same-key-1"}]
)
async def test_no_header_tells_whether_a_foreign_ticket_exists(
    service: Service, world: World, conditional: dict[str, str]
) -> None:
    for operation in of_kind(service, REFERENCE):
        answers = [
            nameless(await ask(world.us, operation, operation.url(**names), conditional))
            for names in (world.no_names()[0], world.their_names()[0])
        ]
        # A key that was used for one address is refused for the next, whichever it is.
        assert [status for status, *_ in answers] in ([404, 404], [404, 422]), operation.name


async def test_a_foreign_line_looks_like_none_wherever_one_is_named(service: Service, world: World) -> None:
    for operation in of_kind(service, LINE):
        answers = [
            await world.us.request(operation.method, operation.path, json=operation.body | {"business_line": line})
            for line in (THEIRS, "nowhere")
        ]
        assert nameless(answers[0]) == nameless(answers[1]), operation.name
        check_problem(answers[0], 404, "not_found")
    for operation in of_kind(service, LINES):
        for lines in ([THEIRS], ["nowhere"], [OURS, THEIRS], ["*"], [""]):
            body = operation.body | {"business_lines": lines}
            check_problem(await world.us.request(operation.method, operation.path, json=body), 404, "not_found")
    for operation in of_kind(service, LIST):
        if "business_line" in operation.parameters():
            for line in (THEIRS, "nowhere", f"{OURS},{THEIRS}", "", ",", f"{OURS},", THEIRS.upper(), "*"):
                check_problem(await world.us.get(operation.path, params={"business_line": line}), 404, "not_found")
    for line in (THEIRS, "nowhere"):
        body = {"business_line": line, "phone": "13800001234"}
        check_problem(await world.us.post("/v1/tickets/search", json=body), 404, "not_found")


async def test_R16_no_list_shows_counts_or_hints_at_what_is_foreign(service: Service, world: World) -> None:
    for operation in of_kind(service, LIST):
        if operation.method == "GET":
            query = {"within_seconds": EVERYTHING_DUE} if "overdue" in operation.path else {}
            shown = await world.us.get(operation.path, params=query)
            listed = shown.json()
            assert listed.get("items") or listed["rows"], operation.name
            assert not [word for word in world.their_words() if word in shown.text], operation.name
    kept = (await world.us.get("/v1/sla/performance", params={"group_by": "business_line"})).json()["rows"]
    assert {row["key"] for row in kept} == {OURS}
    assert {row["n"] for row in kept} == {1}
    counted = (await world.us.get("/v1/tickets", params={"include": "total"})).json()
    assert (counted["total"], len(counted["items"])) == (1, 1)


SEARCHES = [
    {"external_id": "x"},
    {"phone": "13800001234"},
    {"name": "王芳"},
    {"text": "溶剂泄漏"},
    {"text": "餐盘"},
    {"batch": "BATCH-THEIRS"},
]


@pytest.mark.parametrize("criteria", SEARCHES)
async def test_R16_no_search_finds_what_is_foreign(world: World, criteria: dict[str, str]) -> None:
    found = await world.us.post("/v1/tickets/search", json=criteria)
    assert {item["number"] for item in found.json()["items"]} <= {world.ours["number"]}
    assert not [word for word in world.their_words() if word in found.text]
    by_number = await world.us.post("/v1/tickets/search", json={"number": world.theirs["number"]})
    assert by_number.json()["items"] == []


@pytest.mark.parametrize("query", [{"external_ref": "their-ref"}, {"owner_staff_no": "7777"}])
async def test_no_filter_reaches_what_is_foreign(world: World, query: dict[str, str]) -> None:
    shown = (await world.us.get("/v1/tickets", params={**query, "include": "total"})).json()
    assert (shown["items"], shown["total"]) == ([], 0)
    assert (await world.them.get("/v1/tickets", params={**query, "include": "total"})).json()["total"] == 1


async def test_R16_the_feed_has_gaps_but_nothing_foreign(world: World) -> None:
    events = (await world.us.get("/v1/events", params={"limit": 200})).json()["items"]
    assert {event["source"] for event in events} == {f"/business-lines/{OURS}"}
    assert {event["subject"] for event in events} == {f"tickets/{world.ours['id']}"}


async def test_R16_a_cursor_of_another_line_leads_nowhere(service: Service, world: World) -> None:
    both = await service.client(lines=(OURS, THEIRS))
    cursor = (await both.get("/v1/tickets", params={"limit": 1})).json()["next_cursor"]
    check_problem(await world.us.get("/v1/tickets", params={"cursor": cursor}), 400, "cursor_filter_mismatch")
    timeline = f"/v1/tickets/{world.theirs['id']}/timeline"
    check_problem(await world.us.get(timeline, params={"cursor": cursor}), 404, "not_found")


async def test_R3_the_same_idempotency_key_of_two_clients_is_two_keys(service: Service, world: World) -> None:
    headers = {"Idempotency-Key": "one-and-the-same"}
    first = await world.us.post("/v1/tickets", json=a_ticket(), headers=headers)
    second = await world.them.post("/v1/tickets", json=a_ticket(business_line=THEIRS), headers=headers)
    neighbour = await service.client(lines=(OURS,))  # another client of the same line
    third = await neighbour.post("/v1/tickets", json=a_ticket(), headers=headers)
    assert [response.status_code for response in (first, second, third)] == [201, 201, 201]
    assert len({response.json()["number"] for response in (first, second, third)}) == 3
    assert not any("idempotent-replayed" in response.headers for response in (first, second, third))


async def test_R3_the_same_external_ref_of_two_clients_is_two_tickets(service: Service, world: World) -> None:
    neighbour = await service.client(lines=(OURS,))
    for client, line in ((world.them, THEIRS), (neighbour, OURS)):
        response = await client.post("/v1/tickets", json=a_ticket(business_line=line, external_ref="our-ref"))
        assert response.status_code == 201
        assert world.ours["number"] not in response.text


Narrow = Callable[[httpx.AsyncClient, str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
def narrowed(service: Service) -> Narrow:
    """Give a client a second key that sees one line only, as after a rotation."""

    async def narrow(client: httpx.AsyncClient, line: str) -> httpx.AsyncClient:
        old = client.headers["authorization"].removeprefix("Bearer ")
        key = await service.key(lines=(line,), tier=Tier.GENERAL)
        theirs = "(SELECT client_id FROM api_key WHERE key_hash = sha256(convert_to($1, 'UTF8')))"
        mine = "key_hash = sha256(convert_to($2, 'UTF8'))"
        await service.sql(f"UPDATE api_key SET client_id = {theirs} WHERE {mine}", old, key)
        return await service.client(key)

    return narrow


async def test_R16_a_replay_shows_nothing_of_a_line_the_key_no_longer_sees(service: Service, narrowed: Narrow) -> None:
    both = await service.client(lines=(OURS, THEIRS))
    ticket = await take(both, business_line=THEIRS)
    url, headers = f"/v1/tickets/{ticket['number']}/acknowledge", {"Idempotency-Key": "before-the-rotation"}
    assert (await both.post(url, json={}, headers=headers)).status_code == 200
    later = await narrowed(both, OURS)
    replayed = await later.post(url, json={}, headers=headers)
    check_problem(replayed, 422, "idempotency_key_reused")
    check_problem(await later.post(url, json={}), 404, "not_found")


async def test_a_repeated_reference_names_no_ticket_of_a_line_the_key_no_longer_sees(
    service: Service, narrowed: Narrow
) -> None:
    both = await service.client(lines=(OURS, THEIRS))
    ticket = await take(both, business_line=THEIRS, external_ref="before-the-rotation")
    later = await narrowed(both, OURS)
    again = await later.post("/v1/tickets", json=a_ticket(external_ref="before-the-rotation"))
    assert ticket["number"] not in again.text
