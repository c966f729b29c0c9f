"""What integrators build on does not break under them: a change that would is found, the committed document current."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from app.commands.openapi import document
from tools.breaking import breaking
from tools.collection import collection
from tools.interface import COLLECTION, DOCUMENT, ERRORS, error_codes, rendered

Change = Callable[[dict[str, Any]], Any]

SCHEMAS: dict[str, Any] = {
    "In": {
        "type": "object",
        "additionalProperties": False,
        "required": ["kind"],
        "properties": {
            "kind": {"type": "string", "enum": ["repair", "complaint"]},
            "phone": {"anyOf": [{"type": "string", "maxLength": 30, "pattern": "^[0-9]+$"}, {"type": "null"}]},
            "count": {"type": "number", "minimum": 1},
            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/In"}, "maxItems": 10},
            "more": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 9}},
        },
    },
    "Out": {
        "type": "object",
        "required": ["id", "lines"],
        "properties": {
            "id": {"type": "string"},
            "until": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Out"}},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
    },
}


def small() -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/In"}}}}
    said = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Out"}}}}
    limit = {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 200}}
    return copy.deepcopy({
        "paths": {
            "/v1/things": {
                "post": {"requestBody": body, "responses": {"201": said, "404": {}}, "security": [{"Key": ["t:add"]}]},
                "get": {"parameters": [limit], "responses": {"200": said}, "security": [{"Key": ["t:read"]}]},
            }
        },
        "components": {"schemas": SCHEMAS},
    })  # fmt: skip


def _post(document: dict[str, Any]) -> Any:
    return document["paths"]["/v1/things"]["post"]


def _get(document: dict[str, Any]) -> Any:
    return document["paths"]["/v1/things"]["get"]


def _in(document: dict[str, Any]) -> Any:
    return document["components"]["schemas"]["In"]


def _out(document: dict[str, Any]) -> Any:
    return document["components"]["schemas"]["Out"]


BREAKS: dict[str, tuple[Change, str]] = {
    "a path goes": (lambda d: d["paths"].clear(), "POST /v1/things: gone"),
    "a method goes": (lambda d: d["paths"]["/v1/things"].pop("get"), "GET /v1/things: gone"),
    "a scope changes": (lambda d: _get(d).update(security=[{"Key": ["t:all"]}]), "other scopes"),
    "a parameter goes": (lambda d: _get(d)["parameters"].clear(), "query limit gone"),
    "a parameter is needed": (lambda d: _get(d)["parameters"][0].update(required=True), "query limit needed"),
    "a new parameter is needed": (
        lambda d: _get(d)["parameters"].append({"in": "query", "name": "x", "schema": {}, "required": True}),
        "query x needed",
    ),
    "a parameter narrows": (lambda d: _get(d)["parameters"][0]["schema"].update(maximum=100), "narrower maximum"),
    "a body is taken no more": (lambda d: _post(d).pop("requestBody"), "takes no body"),
    "a body is needed": (lambda d: _post(d)["requestBody"].update(required=True), "needs a body"),
    "a success goes": (lambda d: _post(d)["responses"].update({"202": _post(d)["responses"].pop("201")}), "201 gone"),
    "a field is taken no more": (lambda d: _in(d)["properties"].pop("count"), "body.count: no longer taken"),
    "a field is needed": (lambda d: _in(d)["required"].append("count"), "body.count: needed"),
    "a new field is needed": (
        lambda d: (_in(d)["required"].append("x"), _in(d)["properties"].update(x={})), "body.x: needed",
    ),
    "a word is taken no more": (
        lambda d: _in(d)["properties"]["kind"].update(enum=["repair"]), "complaint no longer taken",
    ),
    "words are fixed": (lambda d: _in(d)["properties"]["count"].update(enum=[1, 2]), "others no longer taken"),
    "a type changes": (lambda d: _in(d)["properties"].update(count={"type": "string"}), "number no longer taken"),
    "fewer numbers": (lambda d: _in(d)["properties"]["count"].update(type="integer"), "number no longer taken"),
    "null is taken no more": (lambda d: _in(d)["properties"]["phone"]["anyOf"].pop(), "null no longer taken"),
    "a text narrows": (
        lambda d: _in(d)["properties"]["phone"]["anyOf"][0].update(maxLength=20), "narrower maxLength",
    ),
    "a least comes": (lambda d: _in(d)["properties"]["lines"].update(minItems=1), "narrower minItems"),
    "a pattern changes": (
        lambda d: _in(d)["properties"]["phone"]["anyOf"][0].update(pattern="^1[0-9]+$"), "other pattern",
    ),
    "a map's values narrow": (
        lambda d: _in(d)["properties"]["more"]["additionalProperties"].update(maxLength=5), "body.more.*: narrower",
    ),
    "an answer's field goes": (lambda d: _out(d)["properties"].pop("until"), ".until: gone"),
    "an answer's field is not sure": (lambda d: _out(d)["required"].pop(0), ".id: not always there now"),
    "an answer's type changes": (lambda d: _out(d)["properties"].update(id={"type": "integer"}), "may be integer now"),
    "an answer may be null": (
        lambda d: _out(d)["properties"].update(id={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "may be null now",
    ),
    "an answer's list changes": (
        lambda d: _out(d)["properties"]["lines"].update(items={"type": "string"}), ".lines[]: may be string now",
    ),
    "an answer's map changes": (
        lambda d: _out(d)["properties"]["counts"].update(additionalProperties={"type": "string"}), ".counts.*",
    ),
}  # fmt: skip
HARMLESS: dict[str, Change] = {
    "nothing": lambda d: d,
    "a new path": lambda d: d["paths"].update({"/v1/others": {"get": {"responses": {}}}}),
    "a new optional field": lambda d: _in(d)["properties"].update(x={"type": "string"}),
    "a new parameter": lambda d: _get(d)["parameters"].append({"in": "query", "name": "x", "schema": {}}),
    "a field need not be sent": lambda d: _in(d)["required"].clear(),
    "a wider text": lambda d: _in(d)["properties"]["phone"]["anyOf"][0].update(maxLength=40),
    "any text": lambda d: _in(d)["properties"]["phone"]["anyOf"][0].pop("pattern"),
    "a new word is taken": lambda d: _in(d)["properties"]["kind"]["enum"].append("return"),
    "an answer says more": lambda d: _out(d)["properties"].update(x={"type": "string"}),
    "an answer says something surely": lambda d: _out(d)["required"].append("until"),
    "an answer is never null": lambda d: _out(d)["properties"]["until"]["anyOf"].pop(),
    "a new problem": lambda d: _post(d)["responses"].update({"409": {}}),
}


@pytest.mark.parametrize(("change", "named"), BREAKS.values(), ids=BREAKS.keys())
def test_R49_what_breaks_a_client_is_found_and_named(change: Change, named: str) -> None:
    now = small()
    change(now)
    assert any(named in found for found in breaking(small(), now)), breaking(small(), now)


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_clients_do_not_mind_is_not_held_up(change: Change) -> None:
    now = small()
    change(now)
    assert breaking(small(), now) == []


@pytest.fixture(scope="module")
def current() -> dict[str, Any]:
    return document()


def test_R49_the_committed_document_is_the_current_one(current: dict[str, Any]) -> None:
    committed = DOCUMENT.read_text(encoding="utf-8")
    assert breaking(json.loads(committed), current) == []
    assert committed == rendered(current), "run `python -m tools.interface`"


def test_the_committed_collection_is_current_and_holds_every_operation(current: dict[str, Any]) -> None:
    committed = COLLECTION.read_text(encoding="utf-8")
    assert committed == rendered(collection(current)), "run `python -m tools.interface`"
    requests = [one["request"] for folder in json.loads(committed)["item"] for one in folder["item"]]
    assert len(requests) == sum(len(operations) for operations in current["paths"].values())
    for request in requests:
        json.loads(request.get("body", {}).get("raw", "{}"))


def test_every_operation_that_goes_is_found(current: dict[str, Any]) -> None:
    for path, operations in current["paths"].items():
        now = {**current, "paths": {other: it for other, it in current["paths"].items() if other != path}}
        assert len(breaking(current, now)) == len(operations), path


def test_the_reference_of_error_codes_is_current() -> None:
    assert ERRORS.read_text(encoding="utf-8") == error_codes(), "run `python -m tools.interface`"
