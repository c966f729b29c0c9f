"""Three or more of each thing the API keeps: sweeps over all operations fill addresses with one, and lists have pages.

A new kind of thing in an address gets its maker here.
"""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import httpx

from tests.builders import a_ticket
from tests.http.operations import A_PICTURE, BODIES
from tests.http.service import Service, hook, notices_of, put_in_channel, take

Maker = Callable[[Service, httpx.AsyncClient], Awaitable[str]]
LINE = "tableware"
BATCH = "SAMPLE-1"
# What a list needs in its query to show anything.
QUERIES: dict[str, dict[str, str]] = {
    "/v1/sla/overdue": {"within_seconds": "31622400"},
    "/v1/complaints/batches/holders": {"batch": BATCH},
}


async def posted(caller: httpx.AsyncClient, path: str, body: dict[str, object]) -> str:
    response = await caller.post(path, json=body)
    assert response.status_code in (201, 202), response.text
    made: str = response.json()["id"]
    return made


async def _tickets(_service: Service, caller: httpx.AsyncClient) -> str:
    made = [
        await take(caller, customer={"name": "王芳", "phone": f"1380000123{n}"}, product={"batch": BATCH})
        for n in range(4)
    ]
    for n in range(3):
        await caller.post(f"/v1/tickets/{made[0]['id']}/comments", json={"text": f"第{n}次联系"})
    number: str = made[0]["number"]
    return number


async def _staff(_service: Service, caller: httpx.AsyncClient) -> str:
    bodies = [{"business_line": LINE, "staff_no": f"s{n}", "departments": ["after_sales"]} for n in range(3)]
    made = [await posted(caller, "/v1/staff", dict(body)) for body in bodies]
    return made[0]


async def _service_points(_service: Service, caller: httpx.AsyncClient) -> str:
    path = "/v1/service-points"
    made = [await posted(caller, path, BODIES[f"POST {path}"] | {"number": f"sample-{n}"}) for n in range(3)]
    return made[0]


async def _alerts(service: Service, _caller: httpx.AsyncClient) -> str:
    made = [uuid4() for _ in range(3)]
    for alert in made:
        await service.sql(
            "INSERT INTO quality_alert (id, business_line_id, version, model, batch, raised_at, since,"
            " complaints_before, complaints_after, rate_before, rate_after, evidence, false_alarm_rate)"
            " SELECT $1, id, 1, 'M-1', $2, $3, $3, 20, 12, 0.5, 3.5, 200, 0.01 FROM business_line WHERE name = $4",
            alert, alert.hex, service.clock(), LINE,
        )  # fmt: skip
    return f"qal_{made[0].hex}"


async def _capas(_service: Service, caller: httpx.AsyncClient) -> str:
    made = [await posted(caller, "/v1/capas", BODIES["POST /v1/capas"]) for _ in range(3)]
    await caller.post(f"/v1/capas/{made[0]}/plan", json=BODIES["POST /v1/capas/{capa}/plan"])
    return made[0]


async def _nonconformities(_service: Service, caller: httpx.AsyncClient) -> str:
    made = [await posted(caller, "/v1/nonconformities", BODIES["POST /v1/nonconformities"]) for _ in range(3)]
    return made[0]


async def _clocks(_service: Service, caller: httpx.AsyncClient) -> str:
    made = [await posted(caller, "/v1/test-clocks", BODIES["POST /v1/test-clocks"]) for _ in range(3)]
    return made[0]


async def _channels(_service: Service, caller: httpx.AsyncClient) -> str:
    made = [await put_in_channel(caller, f"sample-{n}@example.com") for n in range(3)]
    channel: str = made[0]["id"]
    return channel


async def _notices(_service: Service, caller: httpx.AsyncClient) -> str:
    notices = await notices_of(caller, await take(caller), channels=3)
    notice: str = notices[0]["id"]
    return notice


async def _deliveries(_service: Service, caller: httpx.AsyncClient) -> str:
    made = [await hook(caller) for _ in range(3)]
    return made[0]["delivery"]


async def _endpoints(_service: Service, caller: httpx.AsyncClient) -> str:
    return (await hook(caller))["endpoint"]


async def _campaigns(_service: Service, caller: httpx.AsyncClient) -> str:
    path = "/v1/survey-campaigns"
    made = [await posted(caller, path, dict(BODIES[f"POST {path}"])) for _ in range(3)]
    return made[0]


async def _surveys(_service: Service, caller: httpx.AsyncClient) -> str:
    made = []
    for n in range(3):
        ticket = await take(caller, customer={"phone": f"1390000123{n}"})
        await caller.post(f"/v1/tickets/{ticket['id']}/resolve", json={})
        made.append(await posted(caller, "/v1/surveys", {"ticket_number": ticket["number"]}))
    return made[0]


async def _customers(_service: Service, caller: httpx.AsyncClient) -> str:
    bodies = [{"business_line": LINE, "name": "王芳", "phone": f"1390000123{n}"} for n in range(3)]
    made = [await posted(caller, "/v1/customers", dict(body)) for body in bodies]
    for customer in made:  # so that the access log has something to list
        await caller.post(f"/v1/customers/{customer}/reveal", json=BODIES["POST /v1/customers/{customer}/reveal"])
    return made[0]


async def _items(_service: Service, caller: httpx.AsyncClient) -> str:
    bodies = [{"business_line": LINE, "sku": f"sample-{n}", "name": "餐盘"} for n in range(3)]
    made = [await posted(caller, "/v1/catalogue-items", dict(body)) for body in bodies]
    return made[0]


async def _purchases(_service: Service, caller: httpx.AsyncClient) -> str:
    bodies = [{"business_line": LINE, "order_no": f"sample-{n}", "product_name": "餐盘"} for n in range(3)]
    made = [await posted(caller, "/v1/purchases", dict(body)) for body in bodies]
    return made[0]


async def _cards(_service: Service, caller: httpx.AsyncClient) -> str:
    bodies = [{"business_line": LINE, "order_no": f"card-{n}", "product_name": "餐盘"} for n in range(3)]
    made = [await posted(caller, "/v1/purchases", dict(body)) for body in bodies]
    cards = [await posted(caller, "/v1/warranty-cards", {"purchase_id": one, "months": 12}) for one in made]
    return cards[0]


async def _returns(_service: Service, caller: httpx.AsyncClient) -> str:
    made = [await posted(caller, "/v1/returns", BODIES["POST /v1/returns"]) for _ in range(3)]
    return made[0]


async def _erasures(_service: Service, caller: httpx.AsyncClient) -> str:
    asked = BODIES["POST /v1/erasures"]
    made = [await posted(caller, "/v1/erasures", asked | {"external_id": f"nobody-{n}"}) for n in range(3)]
    return made[0]


# By the name in an address.
MAKERS: dict[str, Maker] = {
    "delivery": _deliveries,
    "endpoint": _endpoints,
    "notice": _notices,
    "channel": _channels,
    "test_clock": _clocks,
    "ticket": _tickets,
    "capa": _capas,
    "nonconformity": _nonconformities,
    "member": _staff,
    "point": _service_points,
    "alert": _alerts,
    "survey": _surveys,
    "customer": _customers,
    "item": _items,
    "purchase": _purchases,
    "card": _cards,
    "number": _returns,
    "campaign": _campaigns,
    "erasure": _erasures,
}


async def make_samples(service: Service, caller: httpx.AsyncClient) -> dict[str, str]:
    """Return one of each kind, by the name it has in addresses; `commitment` is the ticket's, `action` the CAPA's."""
    made = {name: await maker(service, caller) for name, maker in MAKERS.items()}
    ticket = (await caller.get(f"/v1/tickets/{made['ticket']}")).json()
    capa = (await caller.get(f"/v1/capas/{made['capa']}")).json()
    sent = await caller.post(
        f"/v1/tickets/{made['ticket']}/attachments", params={"kind": "photo"}, content=A_PICTURE,
        headers={"Content-Disposition": "attachment; filename=a.png"},
    )  # fmt: skip
    inside = {
        "attachment": sent.json()["id"],
        "commitment": ticket["commitments"][0]["id"],
        "action": capa["actions"][0]["id"],
    }
    return made | inside | {"name": a_ticket()["business_line"]}
