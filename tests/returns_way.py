"""Return requests that tests work with, and short hands for their way."""

from typing import Any

from httpx import AsyncClient, Response

from tests.http.operations import RETURN_MOVES

CHEMICALS = "chemicals"
STAFF = {"staff_no": "2001"}
INSPECTED = {"staff_no": "5001", "result": "passed", "finding": "含量低于标准值，批次 B-7 不合格"}
PICKUP = STAFF | {
    "agreed_from": "2026-11-25T09:00:00+08:00", "agreed_until": "2026-11-25T12:00:00+08:00", "carrier": "顺丰",
}  # fmt: skip


async def post(client: AsyncClient, path: str, body: dict[str, Any], **headers: str) -> Response:
    return await client.post(f"/v1/{path}", json=body, headers=headers)


async def done(client: AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = await post(client, path, body)
    assert response.status_code in (200, 201), response.text
    made: dict[str, Any] = response.json()
    return made


async def bought(client: AsyncClient, order_no: str = "D-1", **changes: Any) -> str:
    """Put a purchase on file and return its id: five drums of a business, delivered the day before."""
    body = {
        "business_line": CHEMICALS, "order_no": order_no, "product_name": "环氧树脂", "spec_model": "E-51 20kg",
        "quantity": 5, "unit_price": "299.90", "purchased_on": "2026-11-18", "channel": "b2b_contract",
        "buyer_type": "business", "delivered_at": "2026-11-21T10:00:00+08:00",
    }  # fmt: skip
    made: str = (await done(client, "purchases", body | changes))["id"]
    return made


DEFECT = {
    "reason": "quality", "problem": "固化后发黏",
    "facts": {"quality_defect": "claimed", "condition": "tried", "product_category": "chemical"},
}  # fmt: skip


async def submitted(client: AsyncClient, *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return await done(client, "returns", {"business_line": CHEMICALS, "lines": list(lines)} | changes)


async def moved(client: AsyncClient, request: dict[str, Any], move: str, body: dict[str, Any]) -> dict[str, Any]:
    return await done(client, f"returns/{request['number']}/{move}", body)


def received(*lines: dict[str, Any]) -> dict[str, Any]:
    """A parcel in which everything is as the form says but for what is given."""
    return STAFF | {"lines": [{"spec_matches": True, "appearance_matches": True} | line for line in lines]}


CONSUMER = {
    "product_name": "餐盘", "purchased_on": "2026-11-18", "spec_model": "26cm", "reason": "no_reason", "quantity": 2,
    "facts": {
        "buyer_type": "consumer", "purchase_channel": "online", "product_category": "tableware", "condition": "unused",
        "delivered_at": "2026-11-20T10:00:00+08:00", "price_paid": "100.00",
    },
}  # fmt: skip
# The customer's own wrong choice, which the chemicals edition lets come back by consent (六.1②).
WRONG_CHOICE = {"reason": "customer_mis_selection", "facts": {"condition": "unused", "product_category": "chemical"}}


async def way_to(client: AsyncClient, request: dict[str, Any], *moves: str) -> dict[str, Any]:
    """Make moves with the bodies they are usually made with."""
    for move in moves:
        request = await moved(client, request, move, RETURN_MOVES[move])
    return request


TO_RECEIPT = ("review", "inspect", "approve", "schedule-pickup")
TO_GOODS = (*TO_RECEIPT, "receive", "reinspect")
