"""Nonconforming goods from the record to what became of them, and what is watched of a batch."""

from uuid import UUID

from tests.story.player import Player

_GOODS = "POST /v1/nonconformities/{nonconformity}"
_SIGNED = {"staff_no": "3001", "department": "quality_department"}
_RECORD = {
    "business_line": "components", "source": "complaint", "product": {"model": "NM60-T", "batch": "B2026-1101"},
    "quantity": 100, "unit": "只", "severity": "serious", "defect": "引脚断裂", "recorded_by": "3001",
}  # fmt: skip
_ALERT = UUID(int=0x0190 << 112)


async def play(player: Player) -> None:
    await player.does("POST /v1/nonconformities", _RECORD, nonconformity="number")
    await player.does("GET /v1/nonconformities", query={"business_line": "components", "batch": "B2026-1101"})
    await player.does(
        "PATCH /v1/nonconformities/{nonconformity}", {"staff_no": "3001", "quantity": 120, "reason": "复点"}
    )
    await player.does(f"{_GOODS}/review", _SIGNED | {"finding": "弯折半径过小", "cause": "模具磨损"})
    await player.does(
        f"{_GOODS}/dispose",
        _SIGNED | {
            "portions": [{"disposition": "rework", "quantity": 100}, {"disposition": "scrap", "quantity": 20}],
            "reason": "评审意见",
        },
    )  # fmt: skip
    await player.does(f"{_GOODS}/correct", _SIGNED | {"text": "已返工并隔离", "evidence": ["返工单R-1"]})
    await player.does(
        f"{_GOODS}/verify", _SIGNED | {"failed_quantity": 0, "finding": "拉力试验合格", "evidence": ["报告QC-2"]}
    )
    await player.does(f"{_GOODS}/capa", {"staff_no": "3001", "title": "引脚断裂"})
    await player.does(f"{_GOODS}/close", {"staff_no": "3001", "department": "marketing", "conclusion": "已告知客户"})
    await player.does("GET /v1/nonconformities/{nonconformity}")
    await player.does("POST /v1/nonconformities", _RECORD, nonconformity="number")
    await player.does(f"{_GOODS}/cancel", {"staff_no": "3001", "reason": "误记"})
    await _alert(player)


async def _alert(player: Player) -> None:
    """A worker's finding, put in beside it."""
    await player.service.sql(
        "INSERT INTO quality_alert (id, business_line_id, version, model, batch, raised_at, since,"
        " complaints_before, complaints_after, rate_before, rate_after, evidence, false_alarm_rate)"
        " SELECT $1, id, 1, 'NM60-T', 'B2026-1101', $2, $2, 20, 12, 0.5, 3.5, 200, 0.01"
        " FROM business_line WHERE name = 'components'",
        _ALERT, player.service.clock(),
    )  # fmt: skip
    player.known["alert"] = f"qal_{_ALERT.hex}"
    await player.does("GET /v1/quality-alerts", query={"business_line": "components", "status": "open"})
    await player.does("GET /v1/quality-alerts/{alert}")
    await player.does(
        "POST /v1/quality-alerts/{alert}/close", {"staff_no": "3001", "conclusion": "批次已隔离，原因为模具磨损"}
    )
