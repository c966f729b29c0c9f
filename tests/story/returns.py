"""A return request by each of its ways: taken back, refused, exchanged, scrapped, sent to the customer again."""

from collections.abc import Mapping
from typing import Any

from tests.story.player import Player

_RETURN = "POST /v1/returns/{number}"
_BY_SERVICE = {"staff_no": "2001"}
_FOUND = {"staff_no": "5001", "result": "passed", "finding": "含量低于标准值，B-7批不合格"}
_PICKUP = _BY_SERVICE | {
    "agreed_from": "2027-01-25T09:00:00+08:00", "agreed_until": "2027-01-25T12:00:00+08:00", "carrier": "顺丰",
}  # fmt: skip
_RECEIVED = _BY_SERVICE | {
    "lines": [{"line": 1, "quantity": 1, "spec_matches": True, "appearance_matches": True}],
}  # fmt: skip
_TO_GOODS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("review", _BY_SERVICE | {"note": "批号齐全"}),
    ("inspect", _FOUND),
    ("approve", _BY_SERVICE),
    ("schedule-pickup", _PICKUP),
    ("receive", _RECEIVED),
    ("reinspect", _FOUND),
)


async def play(player: Player) -> None:
    await player.does(
        "POST /v1/returns/eligibility",
        {
            "business_line": "tableware",
            "facts": {
                "buyer_type": "consumer", "purchase_channel": "online", "product_category": "tableware",
                "condition": "unused", "delivered_at": "2026-11-20T10:00:00+08:00", "price_paid": "100.00",
                "reason": "no_reason", "requested_remedy": "return",
            },
        },
    )  # fmt: skip
    await _open(player)
    await _move(player, *_TO_GOODS)
    await _move(
        player,
        ("restock", _BY_SERVICE),
        ("refund", _BY_SERVICE | {"lines": [{"line": 1, "amount": "299.90"}], "reference": "TK-1"}),
        ("complete", _BY_SERVICE),
    )
    await player.does("GET /v1/returns/{number}")
    await player.does("GET /v1/returns", query={"business_line": "chemicals", "status": "completed", "limit": "20"})
    for last in (
        ("scrap", _BY_SERVICE | {"reason": "已开裂"}),
        ("return-to-customer", _BY_SERVICE | {"reason": "非本公司商品"}),
    ):
        await _open(player)
        await _move(player, *_TO_GOODS, last)
    await _exchange(player)
    await _other_ends(player)


async def _exchange(player: Player) -> None:
    await _open(player, remedy="exchange")
    await _move(
        player,
        *_TO_GOODS,
        ("restock", _BY_SERVICE),
        ("ship-replacement", _BY_SERVICE | {"carrier": "顺丰", "tracking_no": "SF1001"}),
    )


async def _other_ends(player: Player) -> None:
    await _open(player)
    await _move(
        player,
        ("review", _BY_SERVICE),
        ("redecide", _BY_SERVICE | {"line": 1, "facts": {"condition": "unused"}, "reason": "客户补充"}),
        ("cancel", _BY_SERVICE | {"reason": "客户撤回"}),
    )
    await _open(player)
    await _move(player, *_TO_GOODS[:3], ("ship-back", _BY_SERVICE | {"agreed_until": "2027-01-28T18:00:00+08:00"}))
    await _open(player)
    failed = _FOUND | {"result": "failed", "finding": "含量合格"}
    await _move(
        player, ("review", _BY_SERVICE), ("inspect", failed), ("refuse", _BY_SERVICE | {"reason": "不符合条件"})
    )


async def _open(player: Player, remedy: str = "return") -> None:
    """Ask for one of the drums on file: a defect as the customer says."""
    await player.does(
        "POST /v1/returns",
        {
            "business_line": "chemicals", "staff_no": "2001",
            "lines": [
                {
                    "purchase_id": "{purchase}", "quantity": 1, "reason": "quality", "problem": "固化后发黏",
                    "remedy": remedy,
                    "facts": {"quality_defect": "claimed", "condition": "tried", "product_category": "chemical"},
                }
            ],
        },
        number="number",
    )  # fmt: skip


async def _move(player: Player, *moves: tuple[str, Mapping[str, Any]]) -> None:
    for move, body in moves:
        await player.does(f"{_RETURN}/{move}", body)
