"""Policies over HTTP: reading editions, checking drafts."""

import json
import random
import tomllib
from typing import Any

import pytest
from httpx import AsyncClient

from app.services.policy_book import PolicyBook
from app.services.policy_documents import toml_text
from tests.conftest import MakeClient
from tests.http.policies import an_edition


@pytest.fixture
def shipped(book: PolicyBook) -> str:
    return book.get("tableware", "1").text


async def test_every_shipped_policy_is_listed_with_the_callers_lines_under_it(make_client: MakeClient) -> None:
    client = await make_client(lines=("tableware",))
    answer = (await client.get("/v1/policies")).json()
    assert (answer["next_cursor"], answer["has_more"]) == (None, False)
    listed = {item["name"]: item for item in answer["items"]}
    assert sorted(listed) == [
        "bath_appliances", "chemicals", "components", "general", "home_furnishing", "mall", "statute", "tableware"
    ]  # fmt: skip
    assert listed["tableware"]["business_lines"] == ["tableware"]
    assert listed["chemicals"]["business_lines"] == []
    [edition] = listed["tableware"]["editions"]
    assert edition.pop("sha256")
    assert edition == {"version": "1", "effective_from": "2026-01-01", "origin": "shipped", "in_force": True}


async def test_an_edition_is_read_with_basis_and_clause_and_its_digest_as_etag(
    client: AsyncClient, book: PolicyBook
) -> None:
    response = await client.get("/v1/policies/bath_appliances")
    policy = book.get("bath_appliances", "1")
    assert response.headers["etag"] == f'"{policy.sha256}"'
    document = response.json()
    assert document["edition"]["hotline"]["rings"] == {"value": 3, "basis": "policy", "clause": "4.4.2(1)"}
    assert document["warnings"][0].keys() == {"level", "path", "clause", "message"}
    assert len(document["warnings"]) == len(policy.warnings)
    again = await client.get("/v1/policies/bath_appliances", headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("nobody", 404, "not_found"),
        ("tableware?version=9", 404, "not_found"),
        ("tableware?on=2025-12-31", 404, "not_found"),
        ("tableware?on=2026-01-01", 200, None),
        ("tableware?version=1", 200, None),
        ("tableware?on=2026-01-01&version=1", 422, "validation_failed"),
        ("tableware?on=yesterday", 422, "validation_failed"),
        ("tableware?edition=1", 400, "unknown_parameter"),
        ("%00", 404, "not_found"),
    ],
)
async def test_what_is_asked_for_is_found_or_refused(
    client: AsyncClient, path: str, status: int, code: str | None
) -> None:
    response = await client.get(f"/v1/policies/{path}")
    assert (response.status_code, response.json().get("code")) == (status, code)


async def test_each_operation_needs_its_scope(make_client: MakeClient, shipped: str) -> None:
    reader = await make_client(scopes=("policies:read",))
    assert (await reader.post("/v1/policies/check", json=an_edition(shipped))).status_code == 200
    refused = await reader.post("/v1/policies", json=an_edition(shipped))
    assert (refused.status_code, refused.json()["required_scope"]) == (403, "policies:write")
    writer = await make_client(scopes=("policies:write",))
    for response in (await writer.get("/v1/policies"), await writer.get("/v1/policies/mall")):
        assert (response.status_code, response.json()["required_scope"]) == (403, "policies:read")


async def test_every_shipped_edition_can_be_read_and_sent_back(client: AsyncClient, book: PolicyBook) -> None:
    for name in book.names():
        edition = (await client.get(f"/v1/policies/{name}")).json()["edition"]
        answer = (await client.post("/v1/policies/check", json={"edition": edition})).json()
        assert answer["valid"], answer
        assert answer["edition"]["name"] == name
        assert tomllib.loads(toml_text(edition)) == edition


async def test_a_draft_below_the_law_is_told_the_article(client: AsyncClient, book: PolicyBook) -> None:
    text = book.get("statute", "1").text.replace("within_days = { value = 7", "within_days = { value = 6")
    response = await client.post("/v1/policies/check", json={"document": text})
    answer = response.json()
    assert (response.status_code, answer["valid"], answer["edition"]) == (200, False, None)
    found = {finding["path"]: finding for finding in answer["findings"]}
    assert "消费者权益保护法第25(1)条" in found["returns.no_reason.within_days"]["message"]["zh"]
    assert "article 25" in found["returns.no_reason.within_days"]["message"]["en"]
    assert found["returns.no_reason.within_days"]["clause"] == "消费者权益保护法 第二十五条"


@pytest.mark.parametrize("body", [{}, {"document": "a = 1", "edition": {}}, {"document": None}])
async def test_exactly_one_form_is_sent(client: AsyncClient, body: dict[str, Any]) -> None:
    for path in ("/v1/policies", "/v1/policies/check"):
        response = await client.post(path, json=body)
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "one_of")


HOSTILE = {
    "empty": "",
    "no_toml": "{",
    "deep": "a = " + "[" * 40_000,
    "deep_tables": "a = " + "{ a = " * 15_000,
    "long_key": ".".join(["a"] * 49_000) + " = 1",
    "long_number": "a = " + "9" * 90_000,
    "many": "a = [" + "1," * 49_000 + "]",
    "many_tables": "[[a]]\n" * 16_000,
    "dates": "[edition]\neffective_from = 2026-02-30",
    "times": "edition = 2026-01-01T00:00:00Z\ncalendar = 07:32:00",
    "special": "a = inf\nb = nan\n'' = 1\n'a.b' = {}",
    "words": 'a = "{zh} %s \\u0000 \\U0001F600"',
    "surrogate": 'a = "\\uD800"',
    "control": "a = 1\x7f\x01",
    "byte_order": "\ufeffa = 1",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_answered(client: AsyncClient, name: str) -> None:
    response = await client.post("/v1/policies/check", json={"document": HOSTILE[name]})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert not answer["valid"]
    assert answer["findings"]
    assert len(response.content) < 200_000


async def test_what_is_too_large_or_no_text_is_refused_before_it_is_read(client: AsyncClient) -> None:
    too_long = await client.post("/v1/policies/check", json={"document": "#" * 100_001})
    assert (too_long.status_code, too_long.json()["errors"][0]["code"]) == (422, "too_long")
    too_large = await client.post("/v1/policies/check", json={"document": "#" * 1_100_000})
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")
    nul = await client.post("/v1/policies/check", json={"document": "a = 1\x00"})
    assert (nul.status_code, nul.json()["code"]) == (400, "malformed_json")
    number = await client.post("/v1/policies/check", json={"document": 5})
    assert (number.status_code, number.json()["code"]) == (422, "validation_failed")


async def test_a_long_list_is_refused_before_it_is_compared(client: AsyncClient, shipped: str) -> None:
    route = '{ name = "r", department = "sales", basis = "policy", clause = "x" },\n'
    body = {"document": shipped.replace("routes = [\n", "routes = [\n" + route * 70)}
    answer = (await client.post("/v1/policies/check", json=body)).json()
    assert [finding["path"] for finding in answer["findings"]] == ["routing.routes"]


async def test_any_value_anywhere_is_answered(client: AsyncClient, book: PolicyBook) -> None:
    """Shipped editions, each with one value put in the wrong place, as JSON."""
    chance = random.Random(7)
    values: list[Any] = [None, "", "x", -1, 2**53 - 1, 1e308, True, [], {}, [[]], {"": None}, ["24:00", "24:00"], "{0}"]
    editions = [json.loads(json.dumps(tomllib.loads(book.get(n, "1").text), default=str)) for n in book.names()]
    for _ in range(120):
        edition = json.loads(json.dumps(chance.choice(editions)))
        node: Any = edition
        while isinstance(node, dict | list) and node:
            place: Any = chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
            if chance.random() < 0.3 or not isinstance(node[place], dict | list):
                node[place] = chance.choice(values)
                break
            node = node[place]
        response = await client.post("/v1/policies/check", json={"edition": edition})
        assert response.status_code == 200, response.text
