"""Random bodies made from the API's own schemas, right and wrong mixed: whatever comes, never a 5xx."""

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.operations import BODIES, Operation, Schema, writes
from tests.http.samples import posted
from tests.http.service import Service, hook, take

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=50)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
EARLIEST, LATEST = datetime(1969, 12, 31), datetime(2026, 11, 22)  # noqa: DTZ001 - what hypothesis wants
HALF, RARELY = st.sampled_from([False, True]), st.sampled_from([False] * 19 + [True])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
TIMES = st.datetimes(EARLIEST, LATEST).map(lambda time: f"{time.isoformat()}+08:00")
DATES = st.dates(date(1969, 12, 1), date(2101, 2, 1)).map(date.isoformat)
PHONES = st.from_regex(r"\A(\+86)?1[3-9][0-9]{9}\Z")
WORDS = TEXTS | st.sampled_from(["餐盘裂了", "要求退货", "13800001234", "请问怎么安装", "爆炸受伤", "a\u0301" * 20])


def likely(kind: Schema) -> st.SearchStrategy[Any]:
    """Values a field takes, as far as its schema tells."""
    if "enum" in kind:
        return st.sampled_from(kind["enum"])
    if "pattern" in kind:
        return st.from_regex(kind["pattern"], fullmatch=True) | st.sampled_from(
            ["tableware", "chemicals", "1101", "CN-ZJ"]
        )
    match kind.get("format"), kind.get("type"):
        case ["date-time", _]:
            return TIMES
        case ["date", _]:
            return DATES
        case [_, "integer"]:
            return st.integers(int(kind.get("minimum", 0)) - 1, int(kind.get("maximum", 1000)) + 1)
        case [_, "boolean"]:
            return st.booleans()
        case [_, "array"]:
            return st.lists(likely(kind.get("items", {})), max_size=3)
        case [_, "string"]:
            return WORDS
        case _:
            return ANYTHING


@st.composite
def bodies(draw: Callable[[Any], Any], operation: Operation) -> dict[str, Any]:
    """A body that is right, with some fields set at random; in half of the bodies one of them to anything at all."""
    fields = {place: kind for place, kind in operation.fields() if "properties" not in kind}
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=6, unique=True)) if fields else []
    wild = chosen[0] if chosen and draw(HALF) else None
    body = dict(operation.body)
    for place in chosen:
        value = draw(ANYTHING if place == wild else PHONES if place[-1] == "phone" else likely(fields[place]))
        inner = body
        for name in place[:-1]:
            deeper = inner.get(name)
            inner[name] = inner = dict(deeper) if isinstance(deeper, dict) else {}
        inner[place[-1]] = value
    if draw(RARELY):
        body |= draw(st.dictionaries(st.text(max_size=10), ANYTHING, max_size=2))
    return body


@pytest.fixture(scope="module")
async def there(caller: httpx.AsyncClient) -> dict[str, str]:
    """What a path may name."""
    capa = await posted(caller, "/v1/capas", BODIES["POST /v1/capas"])
    planned = (await caller.post(f"/v1/capas/{capa}/plan", json=BODIES["POST /v1/capas/{capa}/plan"])).json()
    action = planned["actions"][0]["id"]
    goods = await posted(caller, "/v1/nonconformities", BODIES["POST /v1/nonconformities"])
    inside = {"capa": capa, "action": action, "nonconformity": goods}
    return {"ticket": (await take(caller))["number"], **inside, **await hook(caller)}


PATIENT = settings(deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


async def check(caller: httpx.AsyncClient, operation: Operation, there: dict[str, str], body: dict[str, Any]) -> None:
    url = operation.url(**{name: there.get(name, "absent") for name in operation.references})
    headers = {"If-Match": "*", "Content-Type": "application/json"}
    response = await caller.request(operation.method, url, content=json.dumps(body), headers=headers)
    assert response.status_code < 500, (body, response.text)
    assert response.status_code in (200, 201, 202, 400, 403, 404, 409, 422), (body, response.text)
    if response.status_code == 422:
        assert response.json()["code"] != "validation_failed" or response.json()["errors"], body


@settings(PATIENT, max_examples=200)
@given(data=st.data())
async def test_no_ticket_breaks_the_service(
    service: Service, caller: httpx.AsyncClient, there: dict[str, str], data: st.DataObject
) -> None:
    [create] = [operation for operation in writes(service.app) if operation.name == "POST /v1/tickets"]
    await check(caller, create, there, data.draw(bodies(create)))


@pytest.mark.parametrize("name", [name for name in BODIES if name != "POST /v1/tickets"])
@settings(PATIENT, max_examples=20)
@given(data=st.data())
async def test_no_other_body_breaks_the_service(
    service: Service, caller: httpx.AsyncClient, there: dict[str, str], name: str, data: st.DataObject
) -> None:
    [operation] = [operation for operation in writes(service.app) if operation.name == name]
    await check(caller, operation, there, data.draw(bodies(operation)))


def test_every_write_has_a_body_to_try_it_with(service: Service) -> None:
    assert {operation.name for operation in writes(service.app)} == BODIES.keys()
