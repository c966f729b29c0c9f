"""Corrective and preventive actions, from a complaint or of their own."""

from tests.story.player import Player

_CAPA = "POST /v1/capas/{capa}"
_BY_QUALITY = {"staff_no": "3001"}


async def play(player: Player) -> None:
    await player.does(
        "POST /v1/tickets/{ticket}/capa",
        _BY_QUALITY | {"title": "功率MOS管引脚断裂", "problem": "B2026-1101批引脚断裂"},
    )
    await player.does(
        "POST /v1/capas",
        {
            "business_line": "components", "title": "引脚断裂", "source": "audit", "problem": "B2026-1101批引脚断裂",
            "opened_by": "3001",
        },
        capa="number",
    )  # fmt: skip
    await player.does("POST /v1/tickets/{ticket}/capa", _BY_QUALITY | {"capa": "{capa}"})
    await player.does("GET /v1/tickets/{ticket}/capa")
    await player.does("GET /v1/capas", query={"business_line": "components", "status": "open", "limit": "20"})
    await player.does("PATCH /v1/capas/{capa}", _BY_QUALITY | {"title": "引脚受力断裂"})
    await player.does(
        f"{_CAPA}/analyse",
        _BY_QUALITY | {
            "method": "five_whys", "whys": ["引脚受力断裂", "弯折半径过小", "模具磨损"], "root_cause": "模具无更换周期",
        },
    )  # fmt: skip
    await _act(player)
    await player.does(f"{_CAPA}/close", _BY_QUALITY | {"department": "quality_department"})
    await player.does(f"{_CAPA}/reopen", _BY_QUALITY | {"reason": "再次出现"})
    await player.does("GET /v1/capas/{capa}")
    await player.does("GET /v1/capas/{capa}/report.html")
    await player.does(f"{_CAPA}/cancel", _BY_QUALITY | {"reason": "并入另一项"})


async def _act(player: Player) -> None:
    action = {
        "kind": "correction", "text": "隔离B2026-1101批库存", "owner_staff_no": "3002", "department": "production",
        "due_on": "2026-12-24",
    }  # fmt: skip
    await player.does(
        f"{_CAPA}/plan",
        _BY_QUALITY | {
            "actions": [action, action | {"kind": "corrective", "text": "更换模具", "due_on": "2026-12-31"}],
            "criteria": "连续三批无断裂",
        },
        action="actions.0.id", other="actions.1.id",
    )  # fmt: skip
    one = "/v1/capas/{capa}/actions/{action}"
    await player.does(f"PATCH {one}", _BY_QUALITY | {"due_on": "2026-12-28", "reason": "等待新模具"})
    await player.does(f"POST {one}/drop", _BY_QUALITY | {"reason": "库存已售完"})
    player.known["action"] = player.known["other"]
    await player.does(f"POST {one}/complete", {"staff_no": "3002", "evidence": ["更换记录M-3"]})
    player.service.clock.advance(days=30)
    await player.does(
        f"{_CAPA}/verify",
        _BY_QUALITY | {"result": "effective", "finding": "三批无断裂", "evidence": ["报告QC-9"]},
    )
