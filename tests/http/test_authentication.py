"""Who may call: the key comes before everything else, and every operation asks for exactly one scope."""

import asyncio
import time
from datetime import timedelta

import httpx
import pytest

from app.services.rules.return_requests import ReturnMove
from app.services.scopes import Scope
from tests.http.operations import in_bytes, operations
from tests.http.problems import Findings, check_problem
from tests.http.service import Service

SCOPES: dict[str, Scope] = {
    "POST /v1/tickets": Scope.TICKETS_WRITE,
    "GET /v1/tickets": Scope.TICKETS_READ,
    "POST /v1/tickets/search": Scope.TICKETS_READ,
    "POST /v1/tickets/{ticket}/reveal": Scope.PERSONAL_REVEAL,
    "POST /v1/customers/{customer}/reveal": Scope.PERSONAL_REVEAL,
    "GET /v1/access-log": Scope.ACCESS_LOG_READ,
    "POST /v1/erasures": Scope.PRIVACY_ERASE,
    "GET /v1/erasures": Scope.PRIVACY_ERASE,
    "GET /v1/erasures/{erasure}": Scope.PRIVACY_ERASE,
    "GET /v1/tickets/{ticket}": Scope.TICKETS_READ,
    "PATCH /v1/tickets/{ticket}": Scope.TICKETS_WRITE,
    "PUT /v1/tickets/{ticket}/classification": Scope.TICKETS_WRITE,
    "GET /v1/tickets/{ticket}/assignments": Scope.TICKETS_READ,
    "GET /v1/tickets/{ticket}/timeline": Scope.TICKETS_READ,
    "GET /v1/tickets/{ticket}/commitments/{commitment}/explanation": Scope.TICKETS_READ,
    "POST /v1/tickets/{ticket}/comments": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/delay-reasons": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/acknowledge": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/assign": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/start": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/wait": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/resume": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/resolve": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/accept": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/close": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/reopen": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/cancel": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/transfer": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/escalate": Scope.TICKETS_WRITE,
    "GET /v1/tickets/{ticket}/report": Scope.COMPLAINTS_READ,
    "GET /v1/tickets/{ticket}/report.html": Scope.COMPLAINTS_READ,
    "GET /v1/tickets/{ticket}/report.pdf": Scope.COMPLAINTS_READ,
    "POST /v1/tickets/{ticket}/report": Scope.COMPLAINTS_WRITE,
    "PATCH /v1/tickets/{ticket}/report": Scope.COMPLAINTS_WRITE,
    "POST /v1/tickets/{ticket}/report/measures": Scope.COMPLAINTS_WRITE,
    "POST /v1/tickets/{ticket}/report/measures/done": Scope.COMPLAINTS_WRITE,
    "POST /v1/tickets/{ticket}/report/settle": Scope.COMPLAINTS_WRITE,
    "POST /v1/tickets/{ticket}/report/approvals": Scope.COMPLAINTS_WRITE,
    "POST /v1/tickets/{ticket}/report/answer": Scope.COMPLAINTS_WRITE,
    "POST /v1/test-clocks": Scope.TICKETS_WRITE,
    "GET /v1/test-clocks": Scope.TICKETS_READ,
    "GET /v1/test-clocks/{test_clock}": Scope.TICKETS_READ,
    "POST /v1/test-clocks/{test_clock}/advance": Scope.TICKETS_WRITE,
    "POST /v1/tickets/{ticket}/escalations/acknowledge": Scope.TICKETS_WRITE,
    "POST /v1/sla/preview": Scope.SLA_READ,
    "GET /v1/sla/overdue": Scope.SLA_READ,
    "GET /v1/sla/performance": Scope.SLA_READ,
    "GET /v1/sla/handling-times": Scope.SLA_READ,
    "GET /v1/complaints/batches": Scope.COMPLAINTS_READ,
    "GET /v1/complaints/batches/holders": Scope.COMPLAINTS_READ,
    "GET /v1/complaints/analysis": Scope.COMPLAINTS_READ,
    "GET /v1/complaints/analysis.html": Scope.COMPLAINTS_READ,
    "GET /v1/quality-alerts": Scope.COMPLAINTS_READ,
    "GET /v1/quality-alerts/{alert}": Scope.COMPLAINTS_READ,
    "POST /v1/quality-alerts/{alert}/close": Scope.COMPLAINTS_WRITE,
    "POST /v1/tickets/{ticket}/inspections": Scope.COMPLAINTS_WRITE,
    "GET /v1/tickets/{ticket}/inspections": Scope.COMPLAINTS_READ,
    "POST /v1/tickets/{ticket}/responsibility": Scope.COMPLAINTS_WRITE,
    "GET /v1/tickets/{ticket}/responsibility": Scope.COMPLAINTS_READ,
    "GET /v1/tickets/{ticket}/responsibility/letter": Scope.COMPLAINTS_READ,
    "POST /v1/tickets/{ticket}/responsibility/letter/sent": Scope.COMPLAINTS_WRITE,
    "POST /v1/tickets/{ticket}/capa": Scope.COMPLAINTS_WRITE,
    "GET /v1/tickets/{ticket}/capa": Scope.COMPLAINTS_READ,
    "POST /v1/tickets/{ticket}/attachments": Scope.TICKETS_WRITE,
    "GET /v1/tickets/{ticket}/attachments": Scope.TICKETS_READ,
    "GET /v1/tickets/{ticket}/attachments/{attachment}/content": Scope.TICKETS_READ,
    "POST /v1/tickets/{ticket}/attachments/{attachment}/remove": Scope.TICKETS_WRITE,
    "POST /v1/capas": Scope.COMPLAINTS_WRITE,
    "GET /v1/capas": Scope.COMPLAINTS_READ,
    "GET /v1/capas/{capa}": Scope.COMPLAINTS_READ,
    "PATCH /v1/capas/{capa}": Scope.COMPLAINTS_WRITE,
    "GET /v1/capas/{capa}/report.html": Scope.COMPLAINTS_READ,
    "PATCH /v1/capas/{capa}/actions/{action}": Scope.COMPLAINTS_WRITE,
    "POST /v1/capas/{capa}/actions/{action}/complete": Scope.COMPLAINTS_WRITE,
    "POST /v1/capas/{capa}/actions/{action}/drop": Scope.COMPLAINTS_WRITE,
    "POST /v1/capas/{capa}/analyse": Scope.COMPLAINTS_WRITE,
    "POST /v1/capas/{capa}/plan": Scope.COMPLAINTS_WRITE,
    "POST /v1/capas/{capa}/verify": Scope.COMPLAINTS_WRITE,
    "POST /v1/capas/{capa}/close": Scope.COMPLAINTS_WRITE,
    "POST /v1/capas/{capa}/reopen": Scope.COMPLAINTS_WRITE,
    "POST /v1/capas/{capa}/cancel": Scope.COMPLAINTS_WRITE,
    "POST /v1/nonconformities": Scope.COMPLAINTS_WRITE,
    "GET /v1/nonconformities": Scope.COMPLAINTS_READ,
    "GET /v1/nonconformities/{nonconformity}": Scope.COMPLAINTS_READ,
    "PATCH /v1/nonconformities/{nonconformity}": Scope.COMPLAINTS_WRITE,
    "POST /v1/nonconformities/{nonconformity}/review": Scope.COMPLAINTS_WRITE,
    "POST /v1/nonconformities/{nonconformity}/dispose": Scope.COMPLAINTS_WRITE,
    "POST /v1/nonconformities/{nonconformity}/correct": Scope.COMPLAINTS_WRITE,
    "POST /v1/nonconformities/{nonconformity}/verify": Scope.COMPLAINTS_WRITE,
    "POST /v1/nonconformities/{nonconformity}/close": Scope.COMPLAINTS_WRITE,
    "POST /v1/nonconformities/{nonconformity}/cancel": Scope.COMPLAINTS_WRITE,
    "POST /v1/nonconformities/{nonconformity}/capa": Scope.COMPLAINTS_WRITE,
    "POST /v1/service-points": Scope.SERVICE_POINTS_WRITE,
    "GET /v1/service-points": Scope.SERVICE_POINTS_READ,
    "GET /v1/service-points/{point}": Scope.SERVICE_POINTS_READ,
    "PATCH /v1/service-points/{point}": Scope.SERVICE_POINTS_WRITE,
    "POST /v1/staff": Scope.STAFF_WRITE,
    "GET /v1/staff": Scope.STAFF_READ,
    "GET /v1/staff/{member}": Scope.STAFF_READ,
    "PATCH /v1/staff/{member}": Scope.STAFF_WRITE,
    "POST /v1/staff/{member}/availability": Scope.STAFF_WRITE,
    "GET /v1/queues": Scope.STAFF_READ,
    "POST /v1/surveys": Scope.SURVEYS_WRITE,
    "GET /v1/surveys": Scope.SURVEYS_READ,
    "POST /v1/surveys/opt-ins": Scope.SURVEYS_WRITE,
    "POST /v1/surveys/opt-outs": Scope.SURVEYS_WRITE,
    "GET /v1/surveys/{survey}": Scope.SURVEYS_READ,
    "POST /v1/surveys/{survey}/answers": Scope.SURVEYS_WRITE,
    "POST /v1/survey-campaigns": Scope.SURVEYS_WRITE,
    "GET /v1/survey-campaigns": Scope.SURVEYS_READ,
    "GET /v1/survey-campaigns/{campaign}": Scope.SURVEYS_READ,
    "GET /v1/satisfaction": Scope.SURVEYS_READ,
    "POST /v1/complaints/classify": Scope.COMPLAINTS_CLASSIFY,
    "POST /v1/returns/eligibility": Scope.RETURNS_CHECK,
    "POST /v1/returns": Scope.RETURNS_WRITE,
    "GET /v1/returns": Scope.RETURNS_READ,
    "GET /v1/returns/{number}": Scope.RETURNS_READ,
    **{f"POST /v1/returns/{{number}}/{move}": Scope.RETURNS_WRITE for move in ReturnMove},
    "GET /v1/complaints/agreement": Scope.COMPLAINTS_READ,
    "GET /v1/policies": Scope.POLICIES_READ,
    "POST /v1/policies": Scope.POLICIES_WRITE,
    "GET /v1/policies/{name}": Scope.POLICIES_READ,
    "POST /v1/policies/check": Scope.POLICIES_READ,
    "GET /v1/events": Scope.EVENTS_READ,
    "POST /v1/notice-channels": Scope.NOTICES_WRITE,
    "GET /v1/notice-channels": Scope.NOTICES_READ,
    "GET /v1/notice-channels/{channel}": Scope.NOTICES_READ,
    "PATCH /v1/notice-channels/{channel}": Scope.NOTICES_WRITE,
    "DELETE /v1/notice-channels/{channel}": Scope.NOTICES_WRITE,
    "POST /v1/notice-channels/{channel}/test": Scope.NOTICES_WRITE,
    "GET /v1/notices": Scope.NOTICES_READ,
    "POST /v1/notices/{notice}/resend": Scope.NOTICES_WRITE,
    "POST /v1/webhook-endpoints": Scope.WEBHOOKS_WRITE,
    "GET /v1/webhook-endpoints": Scope.WEBHOOKS_READ,
    "GET /v1/webhook-endpoints/{endpoint}": Scope.WEBHOOKS_READ,
    "PATCH /v1/webhook-endpoints/{endpoint}": Scope.WEBHOOKS_WRITE,
    "DELETE /v1/webhook-endpoints/{endpoint}": Scope.WEBHOOKS_WRITE,
    "POST /v1/webhook-endpoints/{endpoint}/rotate-secret": Scope.WEBHOOKS_WRITE,
    "POST /v1/webhook-endpoints/{endpoint}/enable": Scope.WEBHOOKS_WRITE,
    "POST /v1/webhook-endpoints/{endpoint}/disable": Scope.WEBHOOKS_WRITE,
    "POST /v1/webhook-endpoints/{endpoint}/test": Scope.WEBHOOKS_WRITE,
    "POST /v1/webhook-endpoints/{endpoint}/replay": Scope.WEBHOOKS_WRITE,
    "GET /v1/webhook-deliveries": Scope.WEBHOOKS_READ,
    "GET /v1/webhook-deliveries/{delivery}": Scope.WEBHOOKS_READ,
    "POST /v1/webhook-deliveries/{delivery}/redeliver": Scope.WEBHOOKS_WRITE,
    "GET /v1/customers": Scope.ARCHIVE_READ,
    "GET /v1/customers/{customer}": Scope.ARCHIVE_READ,
    "GET /v1/customers/{customer}/history": Scope.ARCHIVE_READ,
    "POST /v1/customers/search": Scope.ARCHIVE_READ,
    "GET /v1/catalogue-items": Scope.ARCHIVE_READ,
    "GET /v1/catalogue-items/{item}": Scope.ARCHIVE_READ,
    "GET /v1/purchases": Scope.ARCHIVE_READ,
    "GET /v1/purchases/{purchase}": Scope.ARCHIVE_READ,
    "POST /v1/purchases/search": Scope.ARCHIVE_READ,
    "GET /v1/warranty-cards": Scope.ARCHIVE_READ,
    "GET /v1/warranty-cards/{card}": Scope.ARCHIVE_READ,
    "POST /v1/warranty/check": Scope.ARCHIVE_READ,
    "POST /v1/customers": Scope.ARCHIVE_WRITE,
    "PATCH /v1/customers/{customer}": Scope.ARCHIVE_WRITE,
    "POST /v1/catalogue-items": Scope.ARCHIVE_WRITE,
    "PATCH /v1/catalogue-items/{item}": Scope.ARCHIVE_WRITE,
    "POST /v1/purchases": Scope.ARCHIVE_WRITE,
    "PATCH /v1/purchases/{purchase}": Scope.ARCHIVE_WRITE,
    "POST /v1/purchases/import": Scope.ARCHIVE_WRITE,
    "POST /v1/order-tokens": Scope.ARCHIVE_WRITE,
    "POST /v1/warranty-cards": Scope.ARCHIVE_WRITE,
    "PATCH /v1/warranty-cards/{card}": Scope.ARCHIVE_WRITE,
    "POST /v1/warranty-cards/{card}/extensions": Scope.ARCHIVE_WRITE,
    "POST /v1/tickets/{ticket}/charges": Scope.TICKETS_WRITE,
}
# What would be refused for other reasons, had the caller a key.
WRONG_OTHERWISE = [
    ("GET", "/v1/nothing", b""),
    ("GET", "/v1", b""),
    ("GET", "/v1/", b""),
    ("BREW", "/v1/tickets", b""),
    ("OPTIONS", "/v1/tickets", b""),
    ("GET", "/v1/tickets?stauts=open", b""),
    ("GET", "/v1/tickets?limit=0", b""),
    ("GET", "/v1/tickets/%00", b""),
    ("POST", "/v1/tickets", b"{"),
    ("POST", "/v1/tickets", b" " * 2_000_000),
]


def test_R17_every_operation_has_its_scope_in_the_table_and_the_table_no_others(service: Service) -> None:
    assert {operation.name for operation in operations(service.app)} == SCOPES.keys()


def test_nothing_under_v1_is_left_out_of_the_document(service: Service) -> None:
    hidden = [route for route in service.app.routes if getattr(route, "include_in_schema", True) is False]
    assert not [route for route in hidden if str(getattr(route, "path", "")).startswith("/v1")]


BAD_KEYS = {
    "none": None,
    "empty": "",
    "another scheme": "Basic YTpi",
    "no scheme": "as_sk_x",
    "no key": "Bearer",
    "blank key": "Bearer   ",
    "unknown": "Bearer as_sk_" + "A" * 43,
    "another prefix": "Bearer as_pk_" + "A" * 43,
    "long": "Bearer as_sk_" + "A" * 10_000,
    "not ASCII": "Bearer as_sk_é键",
    "NUL": "Bearer as_sk_\x00",
    "SQL": "Bearer as_sk_' OR '1'='1",
    "two": "Bearer as_sk_a, Bearer as_sk_b",
}


@pytest.mark.parametrize("authorization", BAD_KEYS.values(), ids=BAD_KEYS.keys())
async def test_nobody_is_told_anything_without_a_key(service: Service, authorization: str | None) -> None:
    nobody = service.anonymous()
    headers = in_bytes({} if authorization is None else {"Authorization": authorization})
    findings = Findings()
    requests = [
        (operation.method, operation.url(**dict.fromkeys(operation.references, "x")), b"{}")
        for operation in operations(service.app)
    ]
    for method, url, body in [*requests, *WRONG_OTHERWISE]:
        response = await nobody.request(method, url, content=body, headers=headers)
        findings(f"{method} {url}", response, (401, "invalid_api_key"))
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.headers["cache-control"] == "no-store"
    assert not findings


async def test_R18_an_expired_key_is_told_so_from_its_last_second_on(service: Service) -> None:
    client = await service.client(lifetime=timedelta(hours=1))
    service.clock.advance(seconds=3599)
    assert (await client.get("/v1/events")).status_code == 200
    service.clock.advance(seconds=1)
    for operation in operations(service.app):
        url = operation.url(**dict.fromkeys(operation.references, "x"))
        response = await client.request(operation.method, url, content=b"{")
        check_problem(response, 401, "expired_api_key")
        assert response.headers["www-authenticate"] == "Bearer"


async def test_R18_a_revoked_key_stops_working_within_five_seconds(service: Service) -> None:
    client = await service.client()
    assert (await client.get("/v1/events")).status_code == 200
    key_hash = "sha256(convert_to($1, 'UTF8'))"
    secret = client.headers["authorization"].removeprefix("Bearer ")
    await service.sql(f"UPDATE api_key SET revoked_at = $2 WHERE key_hash = {key_hash}", secret, service.clock())
    revoked = time.monotonic()
    while (response := await client.get("/v1/events")).status_code == 200:
        assert time.monotonic() - revoked < 5
        await asyncio.sleep(0.1)
    check_problem(response, 401, "expired_api_key")


async def test_a_key_that_is_deleted_is_unknown(service: Service) -> None:
    client = await service.client()
    secret = client.headers["authorization"].removeprefix("Bearer ")
    await service.sql("DELETE FROM api_key WHERE key_hash = sha256(convert_to($1, 'UTF8'))", secret)
    check_problem(await client.get("/v1/events"), 401, "invalid_api_key")


async def test_R17_every_scope_but_the_right_one_is_not_enough(service: Service) -> None:
    findings = Findings()
    for scope in Scope:
        others = await service.client(scopes=tuple(other for other in Scope if other is not scope))
        for operation in operations(service.app):
            if SCOPES[operation.name] is scope:
                response = await ask(
                    others, operation.method, operation.url(**dict.fromkeys(operation.references, "x"))
                )
                findings(operation.name, response, (403, "insufficient_scope"))
                assert response.json()["required_scope"] == scope
    assert not findings


async def test_R17_the_right_scope_alone_is_enough(service: Service) -> None:
    refused = []
    for scope in Scope:
        client = await service.client(scopes=(scope,))
        for operation in operations(service.app):
            if SCOPES[operation.name] is scope:
                response = await ask(
                    client, operation.method, operation.url(**dict.fromkeys(operation.references, "x"))
                )
                if response.status_code in (401, 403, 500):
                    refused.append((operation.name, response.status_code))
    assert not refused


async def ask(client: httpx.AsyncClient, method: str, url: str) -> httpx.Response:
    return await client.request(method, url, json=None if method == "GET" else {})


async def test_a_key_without_scopes_or_lines_may_nothing_and_sees_nothing(service: Service) -> None:
    check_problem(await (await service.client(scopes=())).get("/v1/events"), 403, "insufficient_scope")
    blind = await service.client(lines=())
    assert (await blind.get("/v1/tickets")).json()["items"] == []
    assert (await blind.get("/v1/events")).json()["items"] == []


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(days=365, seconds=1), timedelta(days=-1)])
async def test_R18_no_key_is_made_that_lives_too_long_or_not_at_all(service: Service, lifetime: timedelta) -> None:
    with pytest.raises(ValueError, match="365 days"):
        await service.key(lifetime=lifetime)


async def test_operators_pages_need_no_key_and_tell_nothing(service: Service) -> None:
    nobody = service.anonymous()
    for path in ("/healthz", "/readyz"):
        assert (await nobody.get(path)).status_code in (200, 503)
    check_problem(await nobody.get("/nothing"), 404, "not_found")
