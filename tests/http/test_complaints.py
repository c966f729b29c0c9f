"""Reading a text without taking a ticket."""

from httpx import AsyncClient


async def test_a_text_is_classified_and_routed_with_its_evidence(client: AsyncClient) -> None:
    text = "刚买的粘合剂一开桶就结块了，根本没法用，要求退货"
    body = {"business_line": "chemicals", "text": text}
    shown = (await client.post("/v1/complaints/classify", json=body)).json()
    assert shown["complaint_class"] == "quality"
    assert shown["department"] == "quality_control"
    assert all(text[entry["start"] : entry["end"]] == entry["text"] for entry in shown["evidence"])
    assert {decision["kind"] for decision in shown["decisions"]} >= {"classification", "routing"}


async def test_what_is_no_complaint_has_neither_issue_nor_severity(client: AsyncClient) -> None:
    body = {"business_line": "general", "text": "请问你们周末上班吗？"}
    shown = (await client.post("/v1/complaints/classify", json=body)).json()
    assert (shown["complaint_class"], shown["issue_type"], shown["severity"]) == ("not_complaint", "none", "none")
