"""R33: what people write is data, to PostgreSQL, to a spreadsheet and to the patterns we read it with."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import cycle, pairwise, product
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.row_security import APP_ROLE
from app.services.rules.lexicon_text import clauses
from tests.http.operations import Operation, in_bytes, lists, operations, with_field, writes
from tests.http.samples import QUERIES
from tests.http.service import Service

# Each payload draws a number if any part of it is carried out; a number once drawn is never given back.
# What the standard library has no public name for.
kinds: Any = import_module("re._constants")
patterns: Any = import_module("re._parser")

DRAW = "nextval('witness')"
BREAKS = [
    "'",
    "''",
    "\\'",
    '"',
    "')",
    "'))",
    "%'",
    "1",
    "1)",
    "$$",
    "x' ",
    "x'/**/",
    "'\n",
    "％'",
    "{}'",
    "']",
    "}'",
    "*/",
    "E'\\'",
    ":x'",
]
CALLS = [
    f" OR {DRAW}>0 --", f";SELECT {DRAW};--", f" UNION SELECT {DRAW}--", f"||{DRAW}||'", f" AND 1=(SELECT {DRAW})--",
    f" OR CASE WHEN {DRAW}>0 THEN pg_sleep(9) END IS NULL--", f" ORDER BY {DRAW}--", f" LIMIT {DRAW}--",
    f";INSERT INTO ticket SELECT {DRAW};--", f" OR '1'='1' OR {DRAW}::text<>'",
]  # fmt: skip
PAYLOADS = [f"{start}{rest}" for start, rest in product(BREAKS, CALLS)]
STRANGER = "qzjx-unheard-of"


@pytest.fixture(scope="module")
async def witnessed(service: Service, samples: dict[str, str]) -> dict[str, str]:
    """The samples, in a database whose sequence `witness` the service may draw from."""
    await service.sql("CREATE SEQUENCE witness")
    await service.sql(f"GRANT USAGE ON witness TO {APP_ROLE}")
    return samples


async def drawn(service: Service) -> bool:
    [[called]] = await service.sql("SELECT is_called FROM witness")
    return bool(called)


def free_parameters(service: Service) -> Iterator[tuple[Operation, str]]:
    """Every query parameter of any list that is text."""
    for operation in lists(service.app):
        for parameter in operation.document["parameters"]:
            kinds_of_it = [parameter["schema"], *parameter["schema"].get("anyOf", [])]
            if parameter["in"] == "query" and any(kind.get("type") == "string" for kind in kinds_of_it):
                yield operation, parameter["name"]


async def outcome(caller: httpx.AsyncClient, url: str, query: dict[str, str]) -> tuple[int, object]:
    response = await caller.get(url, params=query)
    document = response.json()
    rows = sum(len(part) for part in document.values() if isinstance(part, list))
    return response.status_code, rows if response.is_success else document["code"]


async def test_R33_a_payload_in_a_query_finds_what_a_stranger_finds(
    service: Service, caller: httpx.AsyncClient, witnessed: dict[str, str]
) -> None:
    assert len(set(PAYLOADS)) == 200
    findings, searched = [], 0
    for number, (operation, name) in enumerate(free_parameters(service)):
        url, query = operation.url(**witnessed), QUERIES.get(operation.path, {})
        expected = await outcome(caller, url, query | {name: STRANGER})
        free = expected[0] == 200
        searched += free
        # Each parameter meets every break and, as they go on, all calls; what has a form is refused before a statement.
        for payload in PAYLOADS[number % 5 :: 5] if free else PAYLOADS[::20]:
            found = await outcome(caller, url, query | {name: payload})
            if found != expected and found != (422, "validation_failed"):
                findings.append(f"{operation.name}?{name}={payload}: {found}, not {expected}")
    assert not findings
    assert searched >= 5
    assert not await drawn(service)


async def test_R33_a_payload_in_a_search_finds_what_a_stranger_finds(
    service: Service, caller: httpx.AsyncClient, witnessed: dict[str, str]
) -> None:
    [search] = [operation for operation in writes(service.app) if operation.name == "POST /v1/tickets/search"]
    criteria = [place for place, kind in search.fields() if kind.get("type") == "string" and "enum" not in kind]
    assert len(criteria) >= 6
    for place, payload in product(criteria, PAYLOADS):
        response = await caller.post(search.path, json=with_field(place, payload))
        assert response.status_code in (200, 400, 422), response.text
        assert response.status_code != 200 or response.json()["items"] == [], (place, payload)
    assert not await drawn(service)


async def test_R33_a_payload_in_a_text_of_any_write_is_never_carried_out(
    service: Service, caller: httpx.AsyncClient, witnessed: dict[str, str]
) -> None:
    payloads, sent = cycle(PAYLOADS), 0
    for operation in writes(service.app):
        url = operation.url(**witnessed)
        for place, kind in operation.fields():
            if kind.get("type") == "string" and "enum" not in kind and "format" not in kind:
                body = operation.body | with_field(place, next(payloads))
                response = await caller.request(operation.method, url, json=body, headers=in_bytes({"If-Match": "*"}))
                assert response.status_code < 500, response.text
                sent += 1
    assert sent > 200
    assert not await drawn(service)
    tables = await service.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = 'ticket'")
    assert tables[0][0] == 1


async def test_R33_the_witness_tells_when_a_payload_is_carried_out(service: Service, witnessed: dict[str, str]) -> None:
    carried_out = f"SELECT '{BREAKS[0].replace(chr(39), '')}'{CALLS[3].removesuffix(chr(39))}''"
    await service.sql(carried_out)
    assert await drawn(service)
    await service.sql("ALTER SEQUENCE witness RESTART")
    assert not await drawn(service)


_SQL = {"text", "literal_column", "exec_driver_sql", "DDL", "execute", "fetch", "fetchrow", "fetchval", "scalar"}


def made_at_run_time(tree: ast.Module) -> Iterator[ast.Call]:
    """Yield each statement of SQL that is put together inside a function."""
    inside = {id(node) for part in ast.walk(tree) if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
              for node in ast.walk(part)}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and id(node) in inside and node.args:
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
            if name in _SQL and isinstance(node.args[0], ast.JoinedStr | ast.BinOp):
                yield node


def test_R33_no_statement_is_put_together_from_values(project: Path) -> None:
    found = [
        f"{file.name}: {ast.unparse(call)[:100]}"
        for file in (project / "app").rglob("*.py")
        if file.name != "online_schema.py"  # of migrations, which carry names of tables and nothing else
        for call in made_at_run_time(ast.parse(file.read_text(encoding="utf-8")))
    ]
    # A name of a table of ours, to build the statement of intake once.
    assert found == ["writing.py: literal_column(f'NULL::{model.__tablename__}')"]
    planted = "def f(x):\n    s.execute(text(f'SELECT {x}'))\n    s.execute('SELECT ' + x)"
    assert len(list(made_at_run_time(ast.parse(planted)))) == 2


def test_R33_no_answer_is_a_spreadsheet(service: Service, project: Path) -> None:
    """Nothing has to be escaped for one: CSV comes in, and never goes out."""
    media = {
        kind
        for operation in operations(service.app)
        for answer in operation.document["responses"].values()
        for kind in answer.get("content", {})
    }
    assert "application/json" in media
    assert not [kind for kind in media if "csv" in kind or "sheet" in kind or "excel" in kind]
    sources = [file.read_text(encoding="utf-8") for file in (project / "app").rglob("*.py")]
    assert not [source for source in sources if "csv.writer" in source or "DictWriter" in source]


MOST = 10_000
REPEATED = [
    "a", "aA", "啊", "!", "！", "。", " ", "\t", "\u3000", "退", "退款", "不", "不不不是", "\u0301", "0", "1.", "(",
    "[1]", "***", "\n",
]  # fmt: skip


@pytest.mark.parametrize("unit", REPEATED, ids=[ascii(unit) for unit in REPEATED])
async def test_R33_a_text_made_to_be_read_for_ever_is_read_in_bounded_pieces(
    caller: httpx.AsyncClient, unit: str
) -> None:
    text = "x" + (unit * MOST)[: MOST - 3] + "x!"
    cut = clauses(text)
    assert all(0 < end - start <= 80 for start, end, _ in cut)
    assert all(before.end <= after.start for before, after in pairwise(cut))  # each is read once
    body = {"business_line": "tableware", "text": text}
    assert (await caller.post("/v1/complaints/classify", json=body)).status_code == 200
    longer = await caller.post("/v1/complaints/classify", json=body | {"text": text + "x"})
    assert (longer.status_code, longer.json()["code"]) == (422, "validation_failed")


def compiled(tree: ast.Module) -> Iterator[str]:
    """Yield the patterns a module writes down."""
    for node in ast.walk(tree):
        written: ast.expr | None = None
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args:
            written = node.args[0]
        if isinstance(node, ast.keyword) and node.arg == "pattern":
            written = node.value
        if isinstance(written, ast.Constant) and isinstance(written.value, str):
            yield written.value


def branches(pattern: object, *, repeated: bool = False) -> bool:
    """Tell whether something repeated without end stands within something repeated without end: time to the power."""
    for kind, value in pattern:  # type: ignore[attr-defined]
        endless = kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT) and value[1] is kinds.MAXREPEAT
        if endless and repeated:
            return True
        inner = [part for part in _flat(value) if isinstance(part, patterns.SubPattern)]
        if any(branches(part, repeated=repeated or endless) for part in inner):
            return True
    return False


def _flat(value: object) -> Iterator[object]:
    for part in value if isinstance(value, tuple | list) else [value]:
        yield from _flat(part) if isinstance(part, tuple | list) else [part]


# Each round of these begins with a sign that the inner repetition cannot hold, so there is one way to read a text.
SEPARATED = [
    r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}",
    r"^[A-Z0-9]+(-[A-Z0-9]+)*$",
]


def test_R33_no_pattern_repeats_a_repetition(project: Path) -> None:
    found = {
        pattern
        for file in (project / "app").rglob("*.py")
        for pattern in compiled(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert len(found) > 20
    assert all(re.compile(pattern) for pattern in found)
    assert sorted(pattern for pattern in found if branches(patterns.parse(pattern))) == SEPARATED
    assert branches(patterns.parse("(a+)+$"))
