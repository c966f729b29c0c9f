"""Every operation of the application, read from its OpenAPI document, and for each write a body that is right.

Sweeps go over this list, so a new route is swept as soon as it exists. A write without a body here fails
`test_every_write_has_a_body_to_try_it_with`.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from tests.builders import a_ticket

_MOVES = (
    "acknowledge", "start", "wait", "resume", "resolve", "accept", "close", "reopen", "cancel", "escalate",
)  # fmt: skip
_TICKET = "POST /v1/tickets/{ticket}"
_CAPA = "POST /v1/capas/{capa}"
_GOODS = "POST /v1/nonconformities/{nonconformity}"
_BY_QUALITY = {"staff_no": "3001", "department": "production"}
AN_ACTION = {
    "kind": "correction", "text": "隔离库存", "owner_staff_no": "3002", "department": "production",
    "due_on": "2026-12-01",
}  # fmt: skip
_RETURN = "POST /v1/returns/{number}"
_STAFF = {"staff_no": "2001"}
_FOUND = _STAFF | {"result": "passed", "finding": "两只开裂"}
RETURN_MOVES: dict[str, dict[str, Any]] = {
    "review": _STAFF,
    "inspect": _FOUND,
    "redecide": _STAFF | {"line": 1, "facts": {"buyer_type": "consumer"}, "reason": "客户补充"},
    "approve": _STAFF | {"goodwill": True, "reason": "老客户"},
    "refuse": _STAFF | {"reason": "不符合条件"},
    "schedule-pickup": _STAFF
    | {"agreed_from": "2026-11-25T09:00:00+08:00", "agreed_until": "2026-11-25T12:00:00+08:00"},
    "ship-back": _STAFF | {"agreed_until": "2026-11-28T18:00:00+08:00"},
    "receive": _STAFF | {"lines": [{"line": 1, "quantity": 2, "spec_matches": True, "appearance_matches": True}]},
    "reinspect": _FOUND,
    "restock": _STAFF,
    "scrap": _STAFF | {"reason": "已开裂"},
    "return-to-customer": _STAFF | {"reason": "非本公司商品"},
    "refund": _STAFF | {"lines": [{"line": 1, "amount": "10.00"}]},
    "ship-replacement": _STAFF,
    "complete": _STAFF,
    "cancel": _STAFF | {"reason": "客户撤回"},
}
_ENDPOINT = "/v1/webhook-endpoints/{endpoint}"
_CONFIRMED = {"complaint_class": "quality", "issue_type": "product_quality", "severity": "minor", "staff_no": "1101"}

BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/tickets": a_ticket(),
    "POST /v1/tickets/{ticket}/reveal": {"purpose": "回电核对地址", "fields": ["phone", "address"]},
    "POST /v1/customers/{customer}/reveal": {"purpose": "回电核对地址", "fields": ["phone", "address"]},
    "POST /v1/erasures": {
        "business_line": "tableware", "external_id": "crm-9001", "ground": "requested", "identity_verified": True,
        "reference": "DSR-2026-118", "staff_no": "9001",
    },
    "POST /v1/tickets/search": {"business_line": "tableware", "phone": "13800001234"},
    "PATCH /v1/tickets/{ticket}": {"urgency": "emergency", "reason": "客户催促"},
    "PUT /v1/tickets/{ticket}/classification": _CONFIRMED | {"reason": "与客户核实"},
    f"{_TICKET}/comments": {"text": "已联系客户"},
    f"{_TICKET}/delay-reasons": {"reason": "等待供应商"},
    f"{_TICKET}/escalations/acknowledge": {"staff_no": "1101", "note": "已联系客户"},
    **{f"{_TICKET}/{move}": {"staff_no": "1101", "note": "已联系客户"} for move in _MOVES},
    f"{_TICKET}/assign": {"assignee_staff_no": "1102"},
    f"{_TICKET}/transfer": {"department": "after_sales", "reason": "由售后统一处理"},
    f"{_TICKET}/report": {"staff_no": "1101", "demand": "退款"},
    "PATCH /v1/tickets/{ticket}/report": {"staff_no": "1101", "quantity": 20},
    f"{_TICKET}/report/measures": {
        "department": "production",
        "text": "隔离库存",
        "owner_staff_no": "7101",
        "due_on": "2026-12-31",
    },
    f"{_TICKET}/report/measures/done": {"department": "production", "staff_no": "7101"},
    f"{_TICKET}/report/settle": {
        "remedy": "补发",
        "agreed_with_customer_on": "2026-11-20",
        "department": "after_sales",
        "staff_no": "1101",
    },
    f"{_TICKET}/report/approvals": {"department": "after_sales", "decision": "approve", "staff_no": "1101"},
    f"{_TICKET}/report/answer": {"text": "已补发", "staff_no": "1101"},
    "POST /v1/test-clocks": {"business_line": "tableware", "name": "时限测试", "now": "2026-11-22T12:00:00+08:00"},
    "POST /v1/test-clocks/{test_clock}/advance": {"by_seconds": 3600},
    "POST /v1/sla/preview": {"business_line": "tableware", "kind": "complaint"},
    "POST /v1/policies": {"document": "[edition]"},
    "POST /v1/policies/check": {"document": "[edition]"},
    "POST /v1/staff": {"business_line": "tableware", "staff_no": "1101", "departments": ["after_sales"]},
    "PATCH /v1/staff/{member}": {"capacity": 5},
    "POST /v1/staff/{member}/availability": {"available": False},
    "POST /v1/service-points": {
        "business_line": "tableware", "number": "HZ-01", "name": "杭州服务站", "kind": "service_provider",
        "regions": ["CN-3301"], "contact": "0571-88886666",
    },
    "PATCH /v1/service-points/{point}": {"regions": ["CN-ZJ"]},
    "POST /v1/quality-alerts/{alert}/close": {"staff_no": "1101", "conclusion": "批次已隔离，原因为釉料"},
    f"{_TICKET}/inspections": {
        "sample": "同批次餐盘五只",
        "method": "热冲击试验",
        "finding": "两只开裂",
        "conclusion": "confirmed",
        "inspected_by": "3001",
        "department": "production",
    },
    f"{_TICKET}/responsibility": {"ours": True, "department": "production", "cause": "釉料配比有误"},
    f"{_TICKET}/responsibility/letter/sent": {"staff_no": "1101", "channel": "letter"},
    f"{_TICKET}/capa": {"title": "餐盘开裂", "problem": "同批次餐盘受热开裂", "staff_no": "3001"},
    "POST /v1/capas": {
        "business_line": "tableware",
        "title": "餐盘开裂",
        "source": "audit",
        "problem": "抽检发现开裂",
        "opened_by": "3001",
    },
    "PATCH /v1/capas/{capa}": {"title": "餐盘受热开裂", "staff_no": "3001"},
    f"{_CAPA}/analyse": {
        "staff_no": "3001",
        "method": "five_whys",
        "whys": ["釉层应力过大"],
        "root_cause": "釉料配比未复核",
    },
    f"{_CAPA}/plan": {"staff_no": "3001", "actions": [AN_ACTION], "criteria": "连续三批无开裂"},
    "PATCH /v1/capas/{capa}/actions/{action}": {"staff_no": "3001", "owner_staff_no": "3002"},
    f"{_CAPA}/actions/{{action}}/complete": {"staff_no": "3001", "evidence": ["检验报告 QC-1"]},
    f"{_CAPA}/actions/{{action}}/drop": {"staff_no": "3001", "reason": "与另一项重复"},
    f"{_CAPA}/verify": {"staff_no": "3001", "result": "effective", "finding": "三批抽检无开裂", "reason": "批次已够"},
    f"{_CAPA}/close": {"staff_no": "3001", "department": "production"},
    f"{_CAPA}/reopen": {"staff_no": "3001", "reason": "再次出现"},
    f"{_CAPA}/cancel": {"staff_no": "3001", "reason": "误开"},
    "POST /v1/nonconformities": {
        "business_line": "tableware", "source": "inspection", "product": {"name": "餐盘", "batch": "T1"},
        "quantity": 10, "severity": "serious", "defect": "釉面开裂", "recorded_by": "3001",
    },
    "PATCH /v1/nonconformities/{nonconformity}": {"quantity": 12, "staff_no": "3001", "reason": "复点"},
    f"{_GOODS}/review": _BY_QUALITY | {"finding": "热应力不合格"},
    f"{_GOODS}/dispose": _BY_QUALITY | {
        "portions": [{"disposition": "scrap", "quantity": 10}], "reason": "无法返工",
    },
    f"{_GOODS}/correct": _BY_QUALITY | {"text": "已报废", "evidence": ["报废单 1"]},
    f"{_GOODS}/verify": _BY_QUALITY | {"failed_quantity": 0, "finding": "合格"},
    f"{_GOODS}/close": _BY_QUALITY | {"conclusion": "已处理"},
    f"{_GOODS}/cancel": {"staff_no": "3001", "reason": "误记"},
    f"{_GOODS}/capa": {"staff_no": "3001", "title": "餐盘开裂"},
    "POST /v1/notice-channels": {
        "business_line": "tableware", "roles": ["*"], "kind": "email", "address": "duty@example.com",
    },
    "PATCH /v1/notice-channels/{channel}": {"enabled": False},
    "POST /v1/notice-channels/{channel}/test": {},
    "POST /v1/notices/{notice}/resend": {},
    "POST /v1/tickets/{ticket}/attachments/{attachment}/remove": {"staff_no": "1101", "reason": "重复上传"},
    "POST /v1/surveys": {"ticket_number": "AS-20261122-999999"},
    "POST /v1/survey-campaigns": {
        "business_line": "tableware", "kind": "periodic", "customers": [{"external_id": "crm-1"}],
    },
    "POST /v1/surveys/opt-ins": {"business_line": "tableware", "phone": "13800009999"},
    "POST /v1/surveys/opt-outs": {"business_line": "tableware", "phone": "13800009999"},
    "POST /v1/surveys/{survey}/answers": {"scores": {"overall": 4}},
    "POST /v1/complaints/classify": {"business_line": "tableware", "text": "餐盘收到时有两个裂了"},
    "POST /v1/webhook-endpoints": {"url": "https://crm.test/hooks", "business_lines": ["tableware"]},
    f"PATCH {_ENDPOINT}": {"description": "工单系统"},
    f"POST {_ENDPOINT}/replay": {"which": "all"},
    **{f"POST {_ENDPOINT}/{move}": {} for move in ("rotate-secret", "enable", "disable", "test")},
    "POST /v1/webhook-deliveries/{delivery}/redeliver": {},
    **{f"{_RETURN}/{move}": body for move, body in RETURN_MOVES.items()},
    "POST /v1/returns": {
        "business_line": "tableware",
        "lines": [{"product_name": "餐盘", "reason": "quality", "quantity": 2}],
    },
    "POST /v1/returns/eligibility": {"business_line": "tableware", "facts": {"buyer_type": "consumer"}},
    "POST /v1/customers": {"business_line": "tableware", "name": "王芳", "phone": "13800001234", "tier": "vip"},
    "PATCH /v1/customers/{customer}": {"address": "浙江省杭州市西湖区文三路1号"},
    "POST /v1/customers/search": {"business_line": "tableware", "phone": "13800001234"},
    "POST /v1/catalogue-items": {
        "business_line": "tableware", "sku": "P-1", "name": "餐盘", "warranty_months": 12,
        "part_months": {"main_part": 36}, "exclusion": "custom_made",
    },
    "PATCH /v1/catalogue-items/{item}": {"category": "tableware"},
    "POST /v1/purchases": {
        "business_line": "tableware", "order_no": "D-1", "product_name": "餐盘", "quantity": 2, "unit_price": "299.00",
        "gift": {"description": "筷子", "labelled_price": "9.90"}, "delivered_at": "2026-11-01T10:15:00+08:00",
    },
    "PATCH /v1/purchases/{purchase}": {"installed_at": "2026-11-03T10:15:00+08:00"},
    "POST /v1/purchases/search": {"business_line": "tableware", "order_no": "D-1"},
    "POST /v1/purchases/import": {"business_line": "tableware", "csv": "订单号,产品名称\nI-1,餐盘\n"},
    "POST /v1/order-tokens": {"business_line": "tableware", "order_no": "D-1"},
    "POST /v1/warranty-cards": {"purchase_id": "pur_" + "0" * 32, "months": 12},
    "PATCH /v1/warranty-cards/{card}": {"repair_days": 5},
    "POST /v1/warranty-cards/{card}/extensions": {"reason": "延保服务", "until": "2028-11-30"},
    "POST /v1/warranty/check": {
        "business_line": "tableware", "facts": {"delivered_on": "2026-11-01", "warranty_months": 12},
    },
    f"{_TICKET}/charges": {"item": "visit", "amount": "50.00", "accepted_at": "2026-11-22T11:00:00+08:00"},
}  # fmt: skip

Schema = dict[str, Any]
A_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Operation:
    """One method of one path. `name` is `METHOD /path/{template}`."""

    method: str
    path: str
    document: Schema
    definitions: Schema

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_write(self) -> bool:
        """Tell whether it takes JSON; a file is sent otherwise."""
        return self.method in ("POST", "PUT", "PATCH") and not self.is_upload

    @property
    def is_upload(self) -> bool:
        return "application/octet-stream" in self.document.get("requestBody", {}).get("content", {})

    @property
    def body(self) -> dict[str, Any]:
        return BODIES[self.name]

    @property
    def references(self) -> list[str]:
        """The names in the path's braces."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    def url(self, **references: str) -> str:
        return self.path.format(**references)

    def parameters(self) -> list[str]:
        """The query parameters."""
        return [parameter["name"] for parameter in self.document.get("parameters", []) if parameter["in"] == "query"]

    @property
    def needs_body(self) -> bool:
        return bool(self.document["requestBody"].get("required"))

    def fields(self) -> list[tuple[tuple[str, ...], Schema]]:
        """The body's fields, those of objects within it too: their path, and each one's schema without `null`."""
        content = self.document.get("requestBody", {}).get("content", {})
        return list(self._fields(content["application/json"]["schema"], ())) if content else []

    def _fields(self, schema: Schema, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Schema]]:
        for name, part in self._resolved(schema).get("properties", {}).items():
            kind = self._resolved(part)
            yield (*place, name), kind
            yield from self._fields(kind, (*place, name))

    def _resolved(self, schema: Schema) -> Schema:
        options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
        if len(options) == 1:
            return self._resolved(options[0])
        if "$ref" in schema:
            resolved: Schema = self.definitions[schema["$ref"].rsplit("/", 1)[1]]
            return resolved
        return schema


def operations(app: FastAPI) -> list[Operation]:
    """Return every documented operation under `/v1`."""
    document = app.openapi()
    definitions = document["components"]["schemas"]
    return [
        Operation(method.upper(), path, operation, definitions)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/v1/")
    ]


def writes(app: FastAPI) -> list[Operation]:
    return [operation for operation in operations(app) if operation.is_write]


def lists(app: FastAPI) -> list[Operation]:
    """Return what is read page by page."""
    read = [operation for operation in operations(app) if operation.method == "GET"]
    return [operation for operation in read if "limit" in operation.parameters()]


async def ask(
    client: httpx.AsyncClient, operation: Operation, url: str | httpx.URL, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Send an operation, a write with a body that is right. Header values go out in UTF-8, whatever is in them."""
    if operation.is_upload:
        named = {"Content-Disposition": "attachment; filename=a.png", **(headers or {})}
        url = httpx.URL(url).copy_merge_params({"kind": "photo"})
        return await client.request(operation.method, url, content=A_PICTURE, headers=in_bytes(named))
    body = operation.body if operation.is_write else None
    return await client.request(operation.method, url, json=body, headers=in_bytes(headers or {}))


def in_bytes(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in headers.items()}


def with_field(place: tuple[str, ...], value: object) -> dict[str, Any]:
    """Return a body that holds one field."""
    for name in reversed(place):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def with_fields(values: dict[tuple[str, ...], object]) -> dict[str, Any]:
    """Return a body that holds these fields and no others."""
    body: dict[str, Any] = {}
    for place, value in values.items():
        inner = body
        for name in place[:-1]:
            inner = inner.setdefault(name, {})
        inner[place[-1]] = value
    return body


def pointer(place: tuple[str, ...]) -> str:
    return "#/" + "/".join(place)
