from httpx import AsyncClient

from tests.builders import a_ticket


async def test_a_ticket_is_taken_and_answered_with_number_deadlines_and_clauses(client: AsyncClient) -> None:
    response = await client.post("/v1/tickets", json=a_ticket())
    assert response.status_code == 201, response.text
    ticket = response.json()
    assert ticket["number"] == "AS-20261122-000001"
    assert {c["milestone"]: c["due_at"] for c in ticket["commitments"]} == {
        "first_response": "2026-11-23T04:00:00.000Z",
        "resolution": "2026-11-25T04:00:00.000Z",
    }
    assert {d["clause"] for d in ticket["decisions"] if d["kind"] == "sla"} == {"第十八条"}
