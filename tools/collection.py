"""The interface as a collection for Postman, Bruno, Insomnia and others that read its format (v2.1)."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

Document = Mapping[str, Any]
_SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_DEEPEST: Final = 4


def collection(document: Document) -> dict[str, Any]:
    """Return every operation in a folder of its subject; `base_url` and `key` are to be filled in once."""
    folders = defaultdict[str, list[dict[str, Any]]](list)
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                folders[operations[method]["tags"][0]].append(_request(document, path, method, operations[method]))
    return {
        "info": {"name": document["info"]["title"], "description": document["info"]["summary"], "schema": _SCHEMA},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{key}}", "type": "string"}]},
        "variable": [
            {"key": "base_url", "value": "http://127.0.0.1:8000"},
            {"key": "key", "value": ""},
        ],
        "item": [{"name": name, "item": folders[name]} for name in sorted(folders)],
    }


def _request(document: Document, path: str, method: str, operation: Document) -> dict[str, Any]:
    parameters = operation.get("parameters", ())
    asked = [
        {
            "key": one["name"],
            "value": "",
            "description": one.get("description", ""),
            "disabled": not one.get("required"),
        }
        for one in parameters
        if one["in"] == "query"
    ]
    headers = [
        {"key": one["name"], "value": "*" if one["name"] == "If-Match" else "", "disabled": True}
        for one in parameters
        if one["in"] == "header"
    ]
    steps = re.sub(r"\{(\w+)\}", r":\1", path).strip("/").split("/")
    request: dict[str, Any] = {
        "method": method.upper(),
        "description": operation.get("description", ""),
        "header": [{"key": "Accept-Language", "value": "zh-CN"}, *headers],
        "url": {
            "raw": "{{base_url}}/" + "/".join(steps),
            "host": ["{{base_url}}"],
            "path": steps,
            "query": asked,
            "variable": [{"key": step[1:], "value": ""} for step in steps if step.startswith(":")],
        },
    }
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if schema is not None:
        body = json.dumps(_sample(document, schema, 0), ensure_ascii=False, indent=2)
        request["body"] = {"mode": "raw", "raw": body, "options": {"raw": {"language": "json"}}}
    return {"name": operation["summary"], "request": request}


def _sample(document: Document, schema: Document, depth: int) -> Any:
    """Return a value of a schema's form: its example, or the fields it needs with the least that fits."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return _sample(document, schema["anyOf"][0], depth)
    if schema.get("examples"):
        return schema["examples"][0]
    for fixed in ("const", "default"):
        if schema.get(fixed) is not None:
            return schema[fixed]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("type") == "object":
        needed = schema.get("required", ()) if depth < _DEEPEST else ()
        return {name: _sample(document, schema["properties"][name], depth + 1) for name in needed}
    if schema.get("type") == "array":
        return [_sample(document, schema["items"], depth + 1)] if schema.get("minItems") else []
    return {"integer": schema.get("minimum", 1), "number": 1, "boolean": False}.get(schema.get("type", ""), "")
