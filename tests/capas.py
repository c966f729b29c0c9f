"""CAPAs that tests work with, and short hands for their way."""

from typing import Any

from httpx import AsyncClient, Response

from tests.conftest import FakeClock
from tests.http.problems import check_problem

QUALITY = {
    "business_line": "components",
    "description": "芯片引脚断裂，是质量问题",
    "product": {"model": "C-7", "batch": "B1"},
}
OPENED = {
    "business_line": "components", "title": "C-7 引脚断裂", "source": "complaint", "problem": "B1 批引脚断裂",
    "opened_by": "3001",
}  # fmt: skip
FIVE_WHYS = {
    "staff_no": "3001", "method": "five_whys", "whys": ["引脚受力断裂", "弯折半径过小", "模具磨损"],
    "root_cause": "模具无更换周期",
}  # fmt: skip
CORRECTION = {
    "kind": "correction", "text": "隔离 B1 批", "owner_staff_no": "3002", "department": "production",
    "due_on": "2026-11-24",
}  # fmt: skip
CORRECTIVE = CORRECTION | {"kind": "corrective", "text": "更换模具", "due_on": "2026-12-02"}
PREVENTIVE = CORRECTION | {"kind": "preventive", "text": "建立模具更换周期", "due_on": "2026-12-20"}
DONE = {"staff_no": "3002", "evidence": ["更换记录 M-3"]}
WORKED = {"staff_no": "3001", "result": "effective", "finding": "三批无断裂", "evidence": ["报告 QC-9"]}
CLOSED = {"staff_no": "3001", "department": "quality_department"}


async def post(client: AsyncClient, path: str, body: dict[str, Any], **headers: str) -> Response:
    return await client.post(f"/v1/{path}", json=body, headers=headers)


async def done(client: AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = await post(client, path, body)
    assert response.status_code in (200, 201), response.text
    capa: dict[str, Any] = response.json()
    return capa


async def opened(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    return await done(client, "capas", OPENED | changes)


async def planned(client: AsyncClient, *actions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A CAPA with its cause found and these actions planned."""
    capa = await opened(client, **changes)
    await done(client, f"capas/{capa['number']}/analyse", FIVE_WHYS)
    body = {"staff_no": "3001", "actions": list(actions), "criteria": "连续三批无断裂"}
    return await done(client, f"capas/{capa['number']}/plan", body)


async def completed(client: AsyncClient, capa: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Complete every action that is not done."""
    for action in capa["actions"]:
        if action["state"] in ("open", "overdue"):
            capa = await done(client, f"capas/{capa['number']}/actions/{action['id']}/complete", DONE | changes)
    return capa


async def closed(client: AsyncClient, clock: FakeClock, **changes: Any) -> dict[str, Any]:
    capa = await completed(client, await planned(client, CORRECTIVE, **changes))
    clock.advance(days=30)
    await done(client, f"capas/{capa['number']}/verify", WORKED)
    return await done(client, f"capas/{capa['number']}/close", CLOSED)


async def read(client: AsyncClient, capa: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(f"/v1/capas/{capa['number']}")).json()
    return shown


def pointers(response: Response) -> list[tuple[str, str]]:
    problem = check_problem(response, 422, "validation_failed")
    return [(error["pointer"], error["code"]) for error in problem["errors"]]
