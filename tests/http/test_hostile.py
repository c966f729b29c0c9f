"""Hostile input, in process: every write and list route answers it with the right problem, and never with a 5xx."""

import gzip
import json
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from app.core.middleware import MAX_BODY
from app.core.validation import MAX_ERRORS
from tests.http.operations import Operation, ask, in_bytes, operations, pointer, with_field, with_fields, writes
from tests.http.problems import MARK, Findings, check_problem
from tests.http.service import Service, take

JSON = {"Content-Type": "application/json"}

MALFORMED = {
    "NUL": rb'{"hostile_mark":"\u0000"}',
    "lone surrogate": rb'{"hostile_mark":"\ud800"}',
    "invalid UTF-8": b'{"hostile_mark":"\xff"}',
    "GBK": '{"hostile_mark":"餐盘"}'.encode("gbk"),
    "UTF-16": '{"hostile_mark":1}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"hostile_mark":1}',
    "blank": b"  ",
    "truncated": b'{"hostile_mark":"',
    "trailing comma": b'{"hostile_mark":1,}',
    "comment": b'{"hostile_mark":1} // no',
    "duplicate key": b'{"hostile_mark":1,"hostile_mark":2}',
    "NaN": b'{"hostile_mark":NaN}',
    "Infinity": b'{"hostile_mark":Infinity}',
    "-Infinity": b'{"hostile_mark":-Infinity}',
    "1e999": b'{"hostile_mark":1e999}',
    "2^53+1": b'{"hostile_mark":9007199254740993}',
    "2^63": b'{"hostile_mark":9223372036854775808}',
    "5,000 digits": b'{"hostile_mark":' + b"9" * 5000 + b"}",
    "33 levels": b'{"hostile_mark":' * 33 + b"1" + b"}" * 33,
    "1,000 levels": b"[" * 1000 + b"]" * 1000,
    "100,000 levels": b"[" * 100_000,
    "unfinished escapes": b"[" * 40 + b'"' + rb"\"" * 500_000,
    "10,001 items": b'{"hostile_mark":[' + b"0," * 10_000 + b"0]}",
    "10,001 members": json.dumps(dict.fromkeys(f"{MARK}_{number}" for number in range(10_001))).encode(),
    "XML": b"<hostile_mark/>",
    "form": b"hostile_mark=1&b=2",
}
WRONG_SHAPE = {
    "null": b"null",
    "list": b'["hostile_mark"]',
    "text": b'"hostile_mark"',
    "number": b"1",
    "boolean": b"true",
    "list of objects": b'[{"a":1}]',
}
READ_ONLY = (
    "id",
    "number",
    "version",
    "business_line_id",
    "created_at",
    "updated_at",
    "sla_due_at",
    "commitments",
    "is_vip",
)


@pytest.fixture(scope="module")
async def writing(service: Service, caller: httpx.AsyncClient) -> list[tuple[Operation, str]]:
    """Every write with an address: those of a ticket get one that exists."""
    ticket = await take(caller)
    return [(operation, address(operation, ticket["number"])) for operation in writes(service.app)]


def address(operation: Operation, ticket: str) -> str:
    return operation.url(**{name: ticket if name == "ticket" else "absent" for name in operation.references})


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_R31_a_body_that_is_not_strict_json_is_malformed_everywhere_and_quickly(
    caller: httpx.AsyncClient, writing: list[tuple[Operation, str]], body: bytes
) -> None:
    findings = Findings()
    for operation, url in writing:
        started = time.process_time()
        findings(
            operation.name,
            await caller.request(operation.method, url, content=body, headers=JSON),
            (400, "malformed_json"),
        )
        assert time.process_time() - started < 0.5, operation.name
    assert not findings


@pytest.mark.parametrize("body", WRONG_SHAPE.values(), ids=WRONG_SHAPE.keys())
async def test_json_that_is_no_object_is_refused_everywhere(
    caller: httpx.AsyncClient, writing: list[tuple[Operation, str]], body: bytes
) -> None:
    findings = Findings()
    for operation, url in writing:
        response = await caller.request(operation.method, url, content=body, headers=JSON)
        findings(operation.name, response, (422, "validation_failed"))
    assert not findings


async def test_an_empty_body_is_refused_where_a_body_is_required(
    caller: httpx.AsyncClient, writing: list[tuple[Operation, str]]
) -> None:
    findings = Findings()
    for operation, url in writing:
        if operation.needs_body:
            findings(operation.name, await caller.request(operation.method, url), (422, "validation_failed"))
    assert not findings


async def test_R17_a_field_nobody_knows_or_nobody_may_set_is_refused_by_name(
    caller: httpx.AsyncClient, writing: list[tuple[Operation, str]]
) -> None:
    for operation, url in writing:
        own = {place[0] for place, _ in operation.fields()}
        foreign = [name for name in (*READ_ONLY, MARK, "__proto__", "a/b~c") if name not in own]
        body = operation.body | dict.fromkeys(foreign, MARK)
        response = await caller.request(operation.method, url, json=body, headers={"If-Match": "*"})
        problem = check_problem(response, 422, "validation_failed")
        refused = {error["pointer"] for error in problem["errors"] if error["code"] == "unknown_field"}
        assert refused == {f"#/{name.replace('~', '~0').replace('/', '~1')}" for name in foreign}, operation.name


WRONG_VALUES: dict[str, tuple[set[str], Any]] = {
    # which kinds of field must refuse it → the value
    "2^31": ({"integer", "string", "boolean", "array", "object"}, 2**31),
    "2^53-1": ({"integer", "string", "boolean", "array", "object"}, 2**53 - 1),
    "-1": ({"integer", "string", "boolean", "array", "object"}, -1),
    "1.5": ({"integer", "string", "boolean", "array", "object"}, 1.5),
    "true": ({"integer", "string", "array", "object"}, True),
    "a digit as text": ({"integer", "boolean", "array", "object"}, "1"),
    "text": ({"integer", "boolean", "array", "object"}, MARK),
    "list": ({"integer", "string", "boolean", "object"}, [MARK]),
    "list of lists": ({"integer", "string", "boolean", "object", "array"}, [[MARK]]),
    "object": ({"integer", "string", "boolean", "array"}, {MARK: MARK}),
}


@pytest.mark.parametrize(("kinds", "value"), WRONG_VALUES.values(), ids=WRONG_VALUES.keys())
async def test_R31_every_field_refuses_a_value_of_the_wrong_kind_or_size(
    caller: httpx.AsyncClient, writing: list[tuple[Operation, str]], kinds: set[str], value: object
) -> None:
    findings = []
    for operation, url in writing:
        fields = [(place, kind["type"]) for place, kind in operation.fields() if "type" in kind]
        for wrong in in_turn([place for place, kind in fields if kind in kinds], value):
            response = await caller.request(operation.method, url, json=with_fields(wrong), headers={"If-Match": "*"})
            problem = check_problem(response, 422, "validation_failed")
            named = {error["pointer"] for error in problem["errors"]}
            findings += [
                f"{operation.name} {pointer(place)}"
                for place in wrong
                if not any(name.startswith(pointer(place)) for name in named)
            ]
    assert not findings


def in_turn(places: list[tuple[str, ...]], value: object) -> Iterator[dict[tuple[str, ...], object]]:
    """The wrong fields of one depth at a time, for the outer would hide the inner, and no more than a problem names."""
    at_once = MAX_ERRORS // 2  # required fields that are missing meanwhile are named too
    for depth in sorted({len(place) for place in places}):
        together = [place for place in places if len(place) == depth]
        for start in range(0, len(together), at_once):
            yield dict.fromkeys(together[start : start + at_once], value)


async def test_every_text_has_an_end(caller: httpx.AsyncClient, writing: list[tuple[Operation, str]]) -> None:
    findings = []
    for operation, url in writing:
        texts = {
            place: kind.get("maxLength", 1000) for place, kind in operation.fields() if kind.get("type") == "string"
        }
        for place, most in texts.items():
            body = with_field(place, "x" * (most + 1))
            response = await caller.request(operation.method, url, json=body, headers={"If-Match": "*"})
            problem = check_problem(response, 422, "validation_failed")
            if pointer(place) not in {error["pointer"] for error in problem["errors"]}:
                findings.append(f"{operation.name} {pointer(place)}")
    assert not findings


TIMES = {
    "naive": ("2026-11-22T08:46:01", "timezone_required"),
    "a day": ("2026-11-22", "validation_failed"),
    "year 0": ("0000-01-01T00:00:00Z", "validation_failed"),
    "year 1": ("0001-01-01T00:00:00+14:00", "validation_failed"),
    "year 1969 in UTC": ("1970-01-01T00:00:00+14:00", "validation_failed"),
    "year 2101 in UTC": ("2100-12-31T23:59:59-14:00", "validation_failed"),
    "year 9999": ("9999-12-31T23:59:59-14:00", "validation_failed"),
    "30 February": ("2026-02-30T00:00:00Z", "validation_failed"),
    "leap second": ("2016-12-31T23:59:60Z", "validation_failed"),
    "24:00": ("2026-11-22T24:00:00Z", "validation_failed"),
    "offset of a day": ("2026-11-22T00:00:00+24:00", "validation_failed"),
    "duration": ("P1000Y", "validation_failed"),
    "week date": ("2026-W47-7T00:00:00Z", "validation_failed"),
    "other digits": ("２０２６-11-22T00:00:00Z", "validation_failed"),
    "a number": (1795336561, "validation_failed"),
    "now": ("now", "validation_failed"),
    "long": ("2026-11-22T08:46:01." + "0" * 10_000 + "Z", "validation_failed"),
}


@pytest.mark.parametrize(("value", "code"), TIMES.values(), ids=TIMES.keys())
async def test_a_time_is_complete_and_within_the_years_taken(
    caller: httpx.AsyncClient, writing: list[tuple[Operation, str]], value: object, code: str
) -> None:
    tried = 0
    for operation, url in writing:
        for place, kind in operation.fields():
            if kind.get("format") == "date-time":
                response = await caller.request(operation.method, url, json=operation.body | with_field(place, value))
                problem = check_problem(response, 422, code)
                assert pointer(place) in {error["pointer"] for error in problem["errors"]}
                tried += 1
    assert tried >= 2


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-30",
        "2026-W47-7",
        "20261122",
        "2026-11-22T00:00:00Z",
        "0000-01-01",
        "1969-12-31",
        "2101-01-01",
        "9999-12-31",
    ],
)
async def test_a_date_is_written_in_full_and_within_the_years_taken(
    caller: httpx.AsyncClient, writing: list[tuple[Operation, str]], value: str
) -> None:
    tried = 0
    for operation, url in writing:
        for place, kind in operation.fields():
            if kind.get("format") == "date":
                response = await caller.request(operation.method, url, json=with_field(place, value))
                problem = check_problem(response, 422, "validation_failed")
                assert pointer(place) in {error["pointer"] for error in problem["errors"]}
                tried += 1
    assert tried >= 2


LEGITIMATE = {
    "emoji": "餐盘裂了😡🍽️👩‍👩‍👧",
    "noncharacter": "裂了\ufffe\uffff",
    "right to left": "שבור \u202eمكسور\u202c",
    "zero width": "裂\u200b\u200d\ufeff了" * 200,
    "combining": "a" + "\u0301" * 1000,
    "SQL": "'; DROP TABLE ticket; -- $$ \\",
    "template": "${jndi:ldap://x} {{7*7}} {description} %s %n",
    "markup": "<script>alert(1)</script>&lt;",
    "formula": "=cmd|' /C calc'!A0",
    "line ends": "第一行\r\n第二行\n\t第三行",
    "control characters": "a\x1b[31mb\x7f\x85c",
    "lines of other kinds": "a\u2028b\u2029c",
    "long": "裂" * 10_000,
}


@pytest.mark.parametrize("text", LEGITIMATE.values(), ids=LEGITIMATE.keys())
async def test_R31_unusual_text_is_kept_as_it_is(caller: httpx.AsyncClient, text: str) -> None:
    short = text[:100].strip()
    ticket = await take(
        caller,
        description=text,
        product={"name": short, "model": short, "batch": short, "order_no": short},
        seller=short,
    )
    assert (ticket["description"], ticket["product"]["name"], ticket["seller"]) == (text, short, short)
    read = (await caller.get(f"/v1/tickets/{ticket['id']}")).json()
    assert read == ticket
    comment = await caller.post(f"/v1/tickets/{ticket['id']}/comments", json={"text": text})
    assert (comment.status_code, comment.json()["text"]) == (201, text)
    for criterion in ("model", "batch", "order_no"):
        found = await caller.post("/v1/tickets/search", json={criterion: short})
        assert ticket["number"] in [item["number"] for item in found.json()["items"]]
    assert (await caller.post("/v1/tickets/search", json={"text": short})).status_code in (200, 422)
    read_as = await caller.post("/v1/complaints/classify", json={"business_line": "tableware", "text": text})
    assert read_as.status_code == 200


MEDIA: dict[str, dict[str, str]] = {
    "no content type": {},
    "empty content type": {"Content-Type": ""},
    "text": {"Content-Type": "text/plain"},
    "form": {"Content-Type": "application/x-www-form-urlencoded"},
    "multipart": {"Content-Type": "multipart/form-data; boundary=x"},
    "another JSON": {"Content-Type": "application/problem+json"},
    "GBK": {"Content-Type": "application/json; charset=gbk"},
    "UTF-16": {"Content-Type": "application/json; charset=utf-16"},
    "two types": {"Content-Type": "application/json, text/plain"},
    "not ASCII": {"Content-Type": "application/jsön"},
    "compressed": JSON | {"Content-Encoding": "gzip"},
    "compressed twice": JSON | {"Content-Encoding": "identity, deflate"},
}


@pytest.mark.parametrize("headers", MEDIA.values(), ids=MEDIA.keys())
async def test_anything_but_plain_json_is_an_unsupported_media_type(
    caller: httpx.AsyncClient, writing: list[tuple[Operation, str]], headers: dict[str, str]
) -> None:
    findings = Findings()
    for operation, url in writing:
        body = json.dumps(operation.body).encode()
        response = await caller.request(operation.method, url, content=body, headers=in_bytes(headers))
        findings(operation.name, response, (415, "unsupported_media_type"))
        assert "application/json" in response.headers["accept"]
    assert not findings


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        'application/json; charset="UTF-8"',
        "application/json;charset=utf-8; profile=x",
        "application/json ; x=y",
    ],
)
async def test_json_in_utf_8_is_taken_however_it_is_announced(caller: httpx.AsyncClient, content_type: str) -> None:
    body = b'{"business_line":"tableware","kind":"complaint"}'
    response = await caller.post("/v1/sla/preview", content=body, headers={"Content-Type": content_type})
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
async def test_a_compressed_body_is_not_unpacked(caller: httpx.AsyncClient, compress: Any) -> None:
    body = compress(b'{"business_line":"tableware","kind":"complaint"}')
    response = await caller.post("/v1/sla/preview", content=body, headers=JSON)
    check_problem(response, 400, "malformed_json")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_gbk_body_is_told_to_come_in_utf_8(caller: httpx.AsyncClient, language: str) -> None:
    body = '{"description":"餐盘裂了"}'.encode("gbk")
    wanted = {"Accept-Language": language}
    told = (await caller.post("/v1/tickets", content=body, headers=JSON | wanted)).json()["detail"]
    assert "UTF-8" in told
    assert ("请" in told) is (language == "zh")
    announced = {"Content-Type": "application/json; charset=gbk"} | wanted
    assert "UTF-8" in (await caller.post("/v1/tickets", content=body, headers=announced)).json()["detail"]


async def test_a_body_of_a_mebibyte_is_read_and_one_byte_more_is_not(
    caller: httpx.AsyncClient, writing: list[tuple[Operation, str]]
) -> None:
    findings = Findings()
    for operation, url in writing:
        response = await caller.request(operation.method, url, content=b" " * MAX_BODY, headers=JSON)
        findings(operation.name, response, (400, "malformed_json"))
        response = await caller.request(operation.method, url, content=b" " * (MAX_BODY + 1), headers=JSON)
        findings(operation.name, response, (413, "body_too_large"))
    for operation, url in writing[:3]:
        response = await caller.request(operation.method, url, content=pieces(), headers=JSON)
        findings(f"{operation.name} in pieces", response, (413, "body_too_large"))
    assert not findings


async def pieces() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 65_536


@pytest.mark.parametrize("declared", ["9" * 5000, str(2**64), "1048577"])
async def test_a_declared_length_is_believed_when_it_is_too_large(caller: httpx.AsyncClient, declared: str) -> None:
    response = await caller.post("/v1/tickets", content=b"{}", headers=JSON | {"Content-Length": declared})
    check_problem(response, 413, "body_too_large")


SEGMENTS = [
    "%00", "AS-20261122-000001%00", "%ff", "%ED%A0%80", "%C0%AE", "%2e%2e", "..%2f..%2fhealthz", "%2e%2e%2f", "..%5c",
    "a" * 8000, "%E2%80%AE", "AS-２０２６１１２２-０００００１", "tkt_" + "0" * 32, "tkt_" + "f" * 33,
    "tkt_" + "０" * 32, "-1", str(2**63), "null", "*", "%25", "%3F", "%23", "%0d%0aX-Injected:%201", "'%20OR%201=1--",
    "%F0%9F%98%A1", "%20", "search%00",
]  # fmt: skip


@pytest.mark.parametrize("segment", SEGMENTS, ids=[segment[:24] for segment in SEGMENTS])
async def test_a_hostile_reference_in_a_path_is_not_found(
    service: Service, caller: httpx.AsyncClient, segment: str
) -> None:
    findings = Findings()
    for operation in operations(service.app):
        if operation.references:
            url = operation.url(**dict.fromkeys(operation.references, segment))
            response = await ask(caller, operation, httpx.URL(url), {"If-Match": "*"})
            findings(operation.name, response, (404, "not_found"), (405, "method_not_allowed"))
            assert "x-injected" not in response.headers
            assert response.json()["instance"].isascii()
    assert not findings
