"""Short hands for tests of the handling report: a serious complaint of the components line, and its steps."""

from typing import Any

from httpx import AsyncClient, Response

from tests.http.test_tickets import take

MEASURES = ("research_institute", "production", "technical_application_centre")
APPROVERS = ("sales_centre", "quality_department", *MEASURES)
PRODUCT = {
    "name": "功率MOS管", "model": "NM60-T", "batch": "B2026-1101", "quantity": 20_000, "defective_quantity": 37,
    "delivered_on": "2026-11-01",
}  # fmt: skip
ANSWER = {"text": "已安排补货，失效分析报告随函附上。", "staff_no": "5501"}
TEXT = "批次B2026-1101的功率MOS管上板后失效37只，客户停线，要求给失效分析和补货。"


async def complain(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    """A serious complaint, for which 6.4.2c asks a report."""
    facts = {"business_line": "components", "severity": "serious", "description": TEXT, "product": PRODUCT}
    return await take(client, **facts | changes)


async def step(client: AsyncClient, ticket: dict[str, Any], path: str, **body: Any) -> Response:
    return await client.post(f"/v1/tickets/{ticket['number']}/report{path}", json=body)


async def done(client: AsyncClient, ticket: dict[str, Any], path: str, **body: Any) -> dict[str, Any]:
    response = await step(client, ticket, path, **body)
    assert response.status_code in (200, 201), response.text
    report: dict[str, Any] = response.json()
    return report


async def report_of(client: AsyncClient, ticket: dict[str, Any], **query: Any) -> dict[str, Any]:
    response = await client.get(f"/v1/tickets/{ticket['number']}/report", params=query)
    assert response.status_code == 200, response.text
    report: dict[str, Any] = response.json()
    return report


async def propose(
    client: AsyncClient, ticket: dict[str, Any], department: str, text: str = "隔离同批库存并复检"
) -> dict[str, Any]:
    body = {"department": department, "text": text, "owner_staff_no": "7101", "due_on": "2026-11-25"}
    return await done(client, ticket, "/measures", **body)


async def settle(client: AsyncClient, ticket: dict[str, Any], remedy: str = "补货20000只") -> dict[str, Any]:
    """Propose a measure for every department that is asked, and settle the remedy."""
    for department in MEASURES:
        await propose(client, ticket, department)
    body = {"remedy": remedy, "agreed_with_customer_on": "2026-11-22"}
    return await done(client, ticket, "/settle", department="sales_centre", staff_no="5501", **body)


async def decide(
    client: AsyncClient, ticket: dict[str, Any], department: str, decision: str = "approve", **more: Any
) -> Response:
    body = {"department": department, "decision": decision, "staff_no": "7001", **more}
    return await step(client, ticket, "/approvals", **body)


async def approve(client: AsyncClient, ticket: dict[str, Any], *departments: str) -> dict[str, Any]:
    """Approve for these departments, by default for all."""
    for department in departments or APPROVERS:
        response = await decide(client, ticket, department)
        assert response.status_code == 200, response.text
    report: dict[str, Any] = response.json()
    return report


async def told(client: AsyncClient, seal: Any, beginning: str = "report.") -> list[dict[str, Any]]:
    await seal()
    events = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    return [event for event in events if event["type"].startswith(beginning)]


async def timeline(client: AsyncClient, ticket: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (
        await client.get(f"/v1/tickets/{ticket['number']}/timeline", params={"limit": 200, **query})
    ).json()["items"]
    return items
