"""The interface as a collection for Postman, Bruno, Insomnia and others that read its format (v2.1)."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

Document = Mapping[str, Any]
_SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_LANGUAGE: Final = "zh"


def collection(document: Document) -> dict[str, Any]:
    """Return every operation in a folder of its subject, with the document's examples.

    `base_url` and `key` are to be filled in once.
    """
    folders = defaultdict[str, list[dict[str, Any]]](list)
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                folders[operations[method]["tags"][0]].append(_request(path, method, operations[method]))
    return {
        "info": {"name": document["info"]["title"], "description": document["info"]["summary"], "schema": _SCHEMA},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{key}}", "type": "string"}]},
        "variable": [
            {"key": "base_url", "value": "http://127.0.0.1:8000"},
            {"key": "key", "value": ""},
        ],
        "item": [{"name": name, "item": folders[name]} for name in sorted(folders)],
    }


def _request(path: str, method: str, operation: Document) -> dict[str, Any]:
    parameters = operation.get("parameters", ())
    asked = [
        {
            "key": one["name"],
            "value": _written(one["example"]),
            "description": one.get("description", ""),
            "disabled": not one.get("required"),
        }
        for one in parameters
        if one["in"] == "query"
    ]
    headers = [
        {"key": one["name"], "value": one["example"], "disabled": True} for one in parameters if one["in"] == "header"
    ]
    named = {one["name"]: one["example"] for one in parameters if one["in"] == "path"}
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
            "variable": [{"key": name, "value": value} for name, value in named.items()],
        },
    }
    examples = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples")
    if examples is not None:
        body = json.dumps(examples[_LANGUAGE]["value"], ensure_ascii=False, indent=2)
        request["body"] = {"mode": "raw", "raw": body, "options": {"raw": {"language": "json"}}}
    return {"name": operation["summary"], "request": request}


def _written(value: object) -> str:
    """Return a value as it stands in an address: several separated by commas."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
