"""Webhook endpoints and deliveries over HTTP: what is shown, to whom, and what is refused."""

import json
from typing import Any

import httpx
import pytest

from app.core.personal import Tier
from tests.builders import a_ticket
from tests.http.problems import check_problem
from tests.http.service import Service, hook, take

URL = "/v1/webhook-endpoints"


async def created(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await client.post(URL, json={"url": "https://crm.test/hooks", **fields})
    assert response.status_code == 201, response.text
    endpoint: dict[str, Any] = response.json()
    return endpoint


async def test_a_secret_is_shown_when_it_is_made_and_never_again(service: Service, caller: httpx.AsyncClient) -> None:
    endpoint = await created(caller)
    address = f"{URL}/{endpoint['id']}"
    rotated = (await caller.post(f"{address}/rotate-secret")).json()
    secrets = [endpoint["secret"], rotated["secret"]]
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in secrets)
    assert rotated["previous_secret_until"] == "2026-11-23T04:00:00.000Z"
    shown = [(await caller.get(url)).text for url in (address, URL)]
    shown.append((await caller.patch(address, json={"description": "CRM"}, headers={"If-Match": "*"})).text)
    stored = [str(row) for row in await service.sql("SELECT e::text FROM webhook_endpoint e")]
    assert not [secret for secret in secrets for text in (*shown, *stored) if secret in text]


async def test_an_endpoint_is_for_the_lines_it_names_or_those_of_its_key(service: Service) -> None:
    bound = await service.client(lines=("tableware",))
    assert (await created(bound))["business_lines"] == ["tableware"]
    several = await service.client(lines=("tableware", "chemicals"))
    assert sorted((await created(several))["business_lines"]) == ["chemicals", "tableware"]
    assert (await created(several, business_lines=["chemicals"]))["business_lines"] == ["chemicals"]
    blind = await service.client(lines=())
    check_problem(await blind.post(URL, json={"url": "https://crm.test/"}), 404, "not_found")


REFUSED: dict[str, list[object]] = {
    "invalid_url": ["crm.test", "https://user@crm.test/", "https://127.0.0.1/", "ftp://crm.test/", "https://crm.test/#x"],
    "https_required": ["http://crm.example.com/"],
    "port_not_allowed": ["https://crm.example.com:22/"],
    "too_short": [""],
    "too_long": ["https://crm.test/" + "x" * 500],
    "not_text": [None, 1, []],
}  # fmt: skip


@pytest.mark.parametrize(("code", "url"), [(code, url) for code, urls in REFUSED.items() for url in urls])
async def test_an_address_that_may_not_be_called_is_refused_at_registration_and_at_change(
    caller: httpx.AsyncClient, code: str, url: object
) -> None:
    endpoint = await created(caller)
    for method, path in (("POST", URL), ("PATCH", f"{URL}/{endpoint['id']}")):
        response = await caller.request(method, path, json={"url": url}, headers={"If-Match": "*"})
        [error] = check_problem(response, 422, "validation_failed")["errors"]
        assert (error["pointer"], error["code"]) == ("#/url", "required" if url is None and path != URL else code)
    assert (await caller.get(f"{URL}/{endpoint['id']}")).json()["url"] == "https://crm.test/hooks"


@pytest.mark.parametrize(
    "types",
    [["ticket"], ["*"], ["ticket.*.x"], ["*.closed"], ["Ticket.closed"], ["ticket.closed "], ["ticket."], "ticket.*"],
)
async def test_a_filter_names_types_or_whole_groups_of_them(caller: httpx.AsyncClient, types: object) -> None:
    check_problem(await caller.post(URL, json={"url": "https://crm.test/", "types": types}), 422, "validation_failed")
    assert (await created(caller, types=["ticket.*", "sla.breached"]))["types"] == ["ticket.*", "sla.breached"]


async def test_a_registration_that_is_repeated_under_its_key_is_made_once(
    service: Service, caller: httpx.AsyncClient
) -> None:
    before = (await service.sql("SELECT count(*) FROM webhook_endpoint"))[0][0]
    body, headers = {"url": "https://crm.test/once"}, {"Idempotency-Key": "register-once"}
    first, again = [await caller.post(URL, json=body, headers=headers) for _ in "12"]
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert (await service.sql("SELECT count(*) FROM webhook_endpoint"))[0][0] == before + 1


async def test_every_change_is_a_version_and_what_changes_nothing_is_none(caller: httpx.AsyncClient) -> None:
    address = f"{URL}/{(await created(caller))['id']}"
    first = await caller.get(address)
    assert first.headers["etag"] == '"1.general"'
    assert (await caller.get(address, headers={"If-None-Match": '"1.general"'})).status_code == 304
    for path, version in (("disable", 2), ("disable", 2), ("enable", 3), ("enable", 3), ("rotate-secret", 4)):
        assert (await caller.post(f"{address}/{path}")).json()["version"] == version
    same = await caller.patch(address, json={"url": "https://crm.test/hooks"}, headers={"If-Match": '"4.general"'})
    assert same.headers["etag"] == '"4.general"'
    other = await caller.patch(address, json={"url": "https://crm.test/other"}, headers={"If-Match": '"4.general"'})
    assert (other.headers["etag"], other.json()["url"]) == ('"5.general"', "https://crm.test/other")
    stale = await caller.post(f"{address}/disable", headers={"If-Match": '"4.general"'})
    check_problem(stale, 412, "version_mismatch")


@pytest.mark.parametrize("name", ["url", "business_lines", "types"])
async def test_what_an_endpoint_needs_cannot_be_taken_away(caller: httpx.AsyncClient, name: str) -> None:
    address = f"{URL}/{(await created(caller, description='CRM'))['id']}"
    response = await caller.patch(address, json={name: None}, headers={"If-Match": "*"})
    [error] = check_problem(response, 422, "validation_failed")["errors"]
    assert (error["pointer"], error["code"]) == (f"#/{name}", "required")
    cleared = await caller.patch(address, json={"description": None}, headers={"If-Match": "*"})
    assert cleared.json()["description"] is None


async def test_a_deleted_endpoint_is_not_found_and_its_secrets_are_gone(
    service: Service, caller: httpx.AsyncClient
) -> None:
    there = await hook(caller)
    address = f"{URL}/{there['endpoint']}"
    gone = await caller.delete(address, headers={"If-Match": "*"})
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "DELETE"):
        check_problem(await caller.request(method, address, headers={"If-Match": "*"}), 404, "not_found")
    assert there["endpoint"] not in (await caller.get(URL, params={"limit": 200})).text
    assert (await caller.get(f"/v1/webhook-deliveries/{there['delivery']}")).status_code == 200
    redelivered = await caller.post(f"/v1/webhook-deliveries/{there['delivery']}/redeliver")
    check_problem(redelivered, 409, "webhook_endpoint_deleted")
    sealed = await service.sql("SELECT secrets_sealed FROM webhook_endpoint WHERE deleted_at IS NOT NULL")
    assert {bytes(row[0]) for row in sealed} == {b""}


async def test_a_disabled_endpoint_takes_no_test(caller: httpx.AsyncClient) -> None:
    address = f"{URL}/{(await created(caller))['id']}"
    await caller.post(f"{address}/disable")
    check_problem(await caller.post(f"{address}/test"), 409, "webhook_endpoint_disabled")


async def test_deliveries_are_found_by_state_endpoint_and_ticket(service: Service, caller: httpx.AsyncClient) -> None:
    there, other = await hook(caller), await hook(caller)
    ticket = await take(caller)
    listed = "/v1/webhook-deliveries"

    async def ids(**query: str) -> set[str]:
        response = await caller.get(listed, params={"limit": 200, **query})
        assert response.status_code == 200, response.text
        return {item["id"] for item in response.json()["items"]}

    assert await ids(endpoint=there["endpoint"]) == {there["delivery"]}
    assert {there["delivery"], other["delivery"]} <= await ids(state="pending,dead")
    assert (
        await ids(state="dead") == await ids(endpoint="whe_" + "0" * 32) == await ids(ticket=ticket["number"]) == set()
    )
    event = "SELECT id FROM event WHERE subject = $1"
    [[event_id]] = await service.sql(event, f"tickets/{ticket['id']}")
    await service.sql(
        "UPDATE webhook_delivery SET event_id = $1 WHERE id = $2::text::uuid", event_id, there["delivery"][4:]
    )
    for reference in (ticket["number"], ticket["id"]):
        assert await ids(ticket=reference) == {there["delivery"]}
    check_problem(await caller.get(listed, params={"ticket": "AS-20261122-999999"}), 404, "not_found")
    check_problem(await caller.get(listed, params={"state": "lost"}), 422, "validation_failed")


async def test_what_a_receiver_said_is_not_for_the_lowest_tier(service: Service, caller: httpx.AsyncClient) -> None:
    there = await hook(caller)
    attempt = {"at": "2026-11-22T04:00:00.5+00:00", "status": 500, "error": None, "duration_ms": 12, "reply": "oops"}
    statement = "UPDATE webhook_delivery SET attempts = $1::text::jsonb WHERE id = $2::text::uuid"
    await service.sql(statement, json.dumps([attempt]), there["delivery"][4:])
    for tier, reply in ((Tier.PUBLIC, None), (Tier.GENERAL, "oops"), (Tier.SENSITIVE, "oops")):
        shown = await (await service.client(tier=tier)).get(f"/v1/webhook-deliveries/{there['delivery']}")
        expected = attempt | {"at": "2026-11-22T04:00:00.500Z", "reply": reply}
        assert (shown.json()["attempts"], shown.json()["last_attempt"]) == ([expected], expected)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"after": "2026-11-22T00:00:00"}, "timezone_required"),
        ({"after": "2026-11-23T00:00:00Z", "until": "2026-11-22T00:00:00Z"}, "empty_range"),
        ({"which": "some"}, "unknown_value"),
        ({"types": ["x"]}, "wrong_format"),
    ],
)
async def test_a_replay_of_nothing_sensible_is_refused(
    caller: httpx.AsyncClient, body: dict[str, object], code: str
) -> None:
    endpoint = await created(caller)
    response = await caller.post(f"{URL}/{endpoint['id']}/replay", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["code"] == code


async def test_a_replay_that_is_repeated_under_its_key_is_made_once(caller: httpx.AsyncClient) -> None:
    endpoint = await created(caller)
    await caller.post("/v1/tickets", json=a_ticket())
    headers = {"Idempotency-Key": "replay-once"}
    first, again = [await caller.post(f"{URL}/{endpoint['id']}/replay", headers=headers) for _ in "12"]
    assert (first.status_code, again.content) == (202, first.content)
    assert first.json() == {"queued": 0, "has_more": False, "next_after": None}
