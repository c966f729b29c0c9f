"""Business lines are kept apart: what is another line's looks exactly like what does not exist, on every operation."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.core.outbox import seal_events
from app.core.personal import Tier
from tests.builders import a_ticket
from tests.http.operations import Operation, ask, operations
from tests.http.problems import check_problem
from tests.http.service import Service, take

OURS, THEIRS = "tableware", "chemicals"
UNKNOWN_ID, UNKNOWN_NUMBER = "tkt_" + "0" * 32, "AS-20261122-999999"
ANY_VERSION = {"If-Match": "*"}
EVERYTHING_DUE = "31622400"
_MOVES = (
    "acknowledge",
    "assign",
    "start",
    "wait",
    "resume",
    "resolve",
    "accept",
    "close",
    "reopen",
    "cancel",
    "transfer",
    "escalate",
)

# How each operation could reach into another line, and so which test below holds it back.
REFERENCE, LINE, LIST, SHIPPED = "a ticket's reference", "a line's name", "a list", "shipped policies only"
MATRIX: dict[str, str] = {
    "POST /v1/tickets": LINE,
    "GET /v1/tickets": LIST,
    "POST /v1/tickets/search": LIST,
    "GET /v1/tickets/{ticket}": REFERENCE,
    "PATCH /v1/tickets/{ticket}": REFERENCE,
    "PUT /v1/tickets/{ticket}/classification": REFERENCE,
    "GET /v1/tickets/{ticket}/assignments": REFERENCE,
    "GET /v1/tickets/{ticket}/timeline": REFERENCE,
    "GET /v1/tickets/{ticket}/commitments/{commitment}/explanation": REFERENCE,
    "POST /v1/tickets/{ticket}/comments": REFERENCE,
    "POST /v1/tickets/{ticket}/delay-reasons": REFERENCE,
    **{f"POST /v1/tickets/{{ticket}}/{move}": REFERENCE for move in _MOVES},
    "POST /v1/sla/preview": LINE,
    "GET /v1/sla/overdue": LIST,
    "GET /v1/sla/performance": LIST,
    "POST /v1/complaints/classify": LINE,
    "GET /v1/complaints/agreement": LIST,
    "GET /v1/policies": SHIPPED,
    "POST /v1/policies": SHIPPED,
    "GET /v1/policies/{name}": SHIPPED,
    "POST /v1/policies/check": SHIPPED,
    "GET /v1/events": LIST,
}


@dataclass
class World:
    """Two lines with a ticket each, told apart by every field, and a client for each."""

    us: httpx.AsyncClient
    them: httpx.AsyncClient
    ours: dict[str, Any]
    theirs: dict[str, Any]

    def their_words(self) -> list[str]:
        """Whatever must never reach us."""
        commitments = [commitment["id"] for commitment in self.theirs["commitments"]]
        return [self.theirs["id"], self.theirs["number"], THEIRS, "溶剂", "BATCH-THEIRS", "their-ref", *commitments]


@pytest.fixture(scope="module")
async def world(service: Service) -> World:
    us, them = await service.client(lines=(OURS,)), await service.client(lines=(THEIRS,))
    person = {"name": "王芳", "phone": "13800001234"}  # the same customer at both companies
    ours = await take(us, customer=person, external_ref="our-ref", product={"batch": "BATCH-OURS"})
    theirs = await take(
        them, business_line=THEIRS, customer=person, external_ref="their-ref", product={"batch": "BATCH-THEIRS"},
        description="溶剂泄漏，味道很大", staff_no="7777",
    )  # fmt: skip
    async with service.db.begin() as session:
        await seal_events(session)
    return World(us, them, ours, theirs)


def test_every_operation_has_its_place_in_the_matrix(service: Service) -> None:
    assert {operation.name for operation in operations(service.app)} == MATRIX.keys()


def of_kind(service: Service, kind: str) -> list[Operation]:
    return [operation for operation in operations(service.app) if MATRIX[operation.name] == kind]


def nameless(response: httpx.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return a problem without what differs from request to request by itself."""
    problem = {name: value for name, value in response.json().items() if name not in ("request_id", "instance")}
    headers = {
        name: value for name, value in response.headers.items() if name not in ("x-request-id", "content-length")
    }
    return response.status_code, problem, headers


async def test_a_foreign_ticket_looks_like_none_on_every_operation(service: Service, world: World) -> None:
    before = await service.sql("SELECT version, status FROM ticket ORDER BY number")
    for operation in of_kind(service, REFERENCE):
        commitment = world.theirs["commitments"][0]["id"]
        unknown = [
            await ask(world.us, operation, operation.url(ticket=name, commitment=commitment), ANY_VERSION)
            for name in (UNKNOWN_ID, UNKNOWN_NUMBER)
        ]
        foreign = [
            await ask(
                world.us,
                operation,
                operation.url(ticket=world.theirs[name], commitment=commitment),
                ANY_VERSION,
            )
            for name in ("id", "number")
        ]
        for response in (*unknown, *foreign):
            check_problem(response, 404, "not_found")
        assert [nameless(response) for response in foreign] == [nameless(response) for response in unknown], (
            operation.name
        )
    assert await service.sql("SELECT version, status FROM ticket ORDER BY number") == before


async def test_a_foreign_commitment_is_not_found_under_a_ticket_of_ours(world: World) -> None:
    theirs = world.theirs["commitments"][0]["id"]
    for commitment in (theirs, "cmt_" + "0" * 32):
        response = await world.us.get(f"/v1/tickets/{world.ours['id']}/commitments/{commitment}/explanation")
        check_problem(response, 404, "not_found")
    reason = {"reason": "等待供应商", "commitment_id": theirs}
    check_problem(
        await world.us.post(f"/v1/tickets/{world.ours['id']}/delay-reasons", json=reason), 422, "validation_failed"
    )


@pytest.mark.parametrize(
    "conditional", [{"If-Match": '"1.general"'}, {"If-None-Match": '"1.general"'}, {"Idempotency-Key": "same-key-1"}]
)
async def test_no_header_tells_whether_a_foreign_ticket_exists(
    service: Service, world: World, conditional: dict[str, str]
) -> None:
    for operation in of_kind(service, REFERENCE):
        commitment = world.theirs["commitments"][0]["id"]
        answers = [
            nameless(await ask(world.us, operation, operation.url(ticket=name, commitment=commitment), conditional))
            for name in (UNKNOWN_ID, world.theirs["id"])
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
    for operation in of_kind(service, LIST):
        if "business_line" in operation.parameters():
            for line in (THEIRS, "nowhere", f"{OURS},{THEIRS}", "", ",", f"{OURS},", THEIRS.upper(), "*"):
                check_problem(await world.us.get(operation.path, params={"business_line": line}), 404, "not_found")
    for line in (THEIRS, "nowhere"):
        body = {"business_line": line, "phone": "13800001234"}
        check_problem(await world.us.post("/v1/tickets/search", json=body), 404, "not_found")


async def test_no_list_shows_counts_or_hints_at_what_is_foreign(service: Service, world: World) -> None:
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
async def test_no_search_finds_what_is_foreign(world: World, criteria: dict[str, str]) -> None:
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


async def test_the_feed_has_gaps_but_nothing_foreign(world: World) -> None:
    events = (await world.us.get("/v1/events", params={"limit": 200})).json()["items"]
    assert {event["source"] for event in events} == {f"/business-lines/{OURS}"}
    assert {event["subject"] for event in events} == {f"tickets/{world.ours['id']}"}


async def test_a_cursor_of_another_line_leads_nowhere(service: Service, world: World) -> None:
    both = await service.client(lines=(OURS, THEIRS))
    cursor = (await both.get("/v1/tickets", params={"limit": 1})).json()["next_cursor"]
    check_problem(await world.us.get("/v1/tickets", params={"cursor": cursor}), 400, "cursor_filter_mismatch")
    timeline = f"/v1/tickets/{world.theirs['id']}/timeline"
    check_problem(await world.us.get(timeline, params={"cursor": cursor}), 404, "not_found")


async def test_the_same_idempotency_key_of_two_clients_is_two_keys(service: Service, world: World) -> None:
    headers = {"Idempotency-Key": "one-and-the-same"}
    first = await world.us.post("/v1/tickets", json=a_ticket(), headers=headers)
    second = await world.them.post("/v1/tickets", json=a_ticket(business_line=THEIRS), headers=headers)
    neighbour = await service.client(lines=(OURS,))  # another client of the same line
    third = await neighbour.post("/v1/tickets", json=a_ticket(), headers=headers)
    assert [response.status_code for response in (first, second, third)] == [201, 201, 201]
    assert len({response.json()["number"] for response in (first, second, third)}) == 3
    assert not any("idempotent-replayed" in response.headers for response in (first, second, third))


async def test_the_same_external_ref_of_two_clients_is_two_tickets(service: Service, world: World) -> None:
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


async def test_a_replay_shows_nothing_of_a_line_the_key_no_longer_sees(service: Service, narrowed: Narrow) -> None:
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
