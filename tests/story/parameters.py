"""Example values of parameters that the story does not send."""

from collections.abc import Mapping
from typing import Any, Final

EXAMPLE_KEY: Final = "crm-case-1-step-2"


def _id(prefix: str) -> str:
    return f"{prefix}_{0x0190 << 112 | 1:032x}"


# By name. A word of a fixed list needs no entry: its first is taken.
_VALUES: Final[Mapping[str, Any]] = {
    "X-Staff-No": "1101", "Idempotency-Key": EXAMPLE_KEY, "If-Match": "*",
    "Content-Disposition": 'attachment; filename="photo.png"',
    "lang": "zh", "on": "2026-11-22", "token": "1x2y3z",
    "limit": 50, "cursor": "eyJhZnRlciI6ImV4YW1wbGUifQ", "after": 0,
    "business_line": "tableware", "ticket": "AS-20261122-100001", "capa": "CA-20261122-000001",
    "purchase": _id("pur"), "customer": _id("cus"),
    "staff_no": "1101", "owner_staff_no": ["1101"], "assignee_staff_no": ["1102"], "department": ["after_sales"],
    "name": "tableware", "group_by": "department", "attachment": _id("att"), "available": "true",
    "key_id": _id("key"), "subject": f"tickets/{_id('tkt')}", "model": "NM60-T", "batch": "B2026-1101",
    "about": _id("ins"), "point": _id("spt"), "number": "HZ-01", "region": "CN-3301", "served_by": ["HZ-01"],
    "external_ref": "crm-case-1", "instance": 1, "types": ["ticket.opened"], "version": "1",
    "milestone": ["resolution"],
    "within_seconds": 86400, "campaign": _id("svc"), "endpoint": _id("whe"), "from": "2026-11-01", "to": "2026-11-30",
    "at_gte": "2026-11-01T00:00:00+08:00", "at_lt": "2026-12-01T00:00:00+08:00",
    "since_gte": "2026-11-01T00:00:00+08:00", "since_lt": "2026-12-01T00:00:00+08:00",
    "opened_at_gte": "2026-11-01T00:00:00+08:00", "opened_at_lt": "2026-12-01T00:00:00+08:00",
    "confirmed_at_gte": "2026-11-01T00:00:00+08:00", "confirmed_at_lt": "2026-12-01T00:00:00+08:00",
}  # fmt: skip


def parameters(operation: Mapping[str, Any], definitions: Mapping[str, Any], sent: Mapping[str, str]) -> dict[str, Any]:
    """Return an example of every parameter an operation takes: what was sent, otherwise a usual value.

    Raises: KeyError for a name nobody thought of.
    """
    return {one["name"]: _example(one, definitions, sent) for one in operation.get("parameters", ())}


def _example(parameter: Mapping[str, Any], definitions: Mapping[str, Any], sent: Mapping[str, str]) -> Any:
    schema, name = _resolved(parameter["schema"], definitions), parameter["name"]
    if schema.get("type") == "array":
        words = _resolved(schema["items"], definitions).get("enum")
        return sent[name].split(",") if name in sent else _VALUES[name] if words is None else words[:1]
    if name in sent:
        return int(sent[name]) if schema.get("type") == "integer" else sent[name]
    if "enum" in schema or "const" in schema:
        return schema.get("const") or schema["enum"][0]
    value = _VALUES[name]
    return value[0] if isinstance(value, list) else value


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a schema is besides `null`."""
    if "anyOf" in schema:
        return _resolved(schema["anyOf"][0], definitions)
    return definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
