"""Validation errors in our own words."""

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_core._pydantic_core import list_all_errors

from app.core.language import Text
from app.core.validation import MAX_ERRORS, Refusal, validation_problem
from app.schemas.fields import Count, Email, Flag, Instant, LocalDate, Phone, Word


class Sample(BaseModel, extra="forbid"):
    count: Count = 0
    flag: Flag = False
    at: Instant | None = None
    on: LocalDate | None = None
    phone: Phone | None = None
    email: Email | None = None
    word: Word | None = None
    words: Annotated[list[Word], Field(max_length=2)] = []


def refused(**body: Any) -> dict[str, str]:
    """Return pointer → code of what is wrong with a body."""
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(body)
    problem = validation_problem([{**error, "loc": ("body", *error["loc"])} for error in caught.value.errors()])
    assert all(error.detail.zh and error.detail.en and "{" not in error.detail.en for error in problem.errors)
    shown = json.dumps(problem.document("zh", instance="", request_id=""), ensure_ascii=False)
    assert "hostile" not in shown
    return {error.where[1]: error.code for error in problem.errors}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("count", "hostile", "not_an_integer"), ("count", True, "not_an_integer"), ("count", -1, "too_small"),
        ("count", 2**31, "too_large"), ("count", 1.5, "not_an_integer"), ("flag", "true", "not_a_boolean"),
        ("flag", 1, "not_a_boolean"), ("at", "2026-11-22T08:46:01", "timezone_required"),
        ("at", "hostile", "not_a_time"),
        ("at", "1969-12-31T23:59:59Z", "out_of_range"), ("at", 0, "not_a_time"), ("on", "2026-02-30", "not_a_date"),
        ("on", "2026-W47-7", "not_a_date"), ("on", "2101-01-01", "out_of_range"), ("phone", "hostile", "invalid_phone"),
        ("phone", "1" * 31, "too_long"), ("phone", 13800001234, "not_text"), ("email", "hostile", "wrong_format"),
        ("word", "Hostile", "wrong_format"), ("word", "a\n", "wrong_format"), ("words", ["a", "b", "c"], "too_many"),
        ("words", "hostile", "not_a_list"), ("extra", "hostile", "unknown_field"),
    ],
)  # fmt: skip
def test_a_fault_has_a_code_of_ours_and_words_without_the_value(field: str, value: object, code: str) -> None:
    assert refused(**{field: value}) == {f"#/{field}": code}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2026-11-22T08:46:01.123Z", "2026-11-22T08:46:01.123Z"),
        ("2026-11-22T08:46:01+08:00", "2026-11-22T00:46:01.000Z"),
        ("2026-11-22t08:46+08:00", "2026-11-22T00:46:00.000Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        ("2100-12-31T23:59:59.999999Z", "2100-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_shown_in_utc_with_milliseconds(sent: str, shown: str) -> None:
    assert json.loads(Sample.model_validate({"at": sent}).model_dump_json())["at"] == shown


@pytest.mark.parametrize("error", list_all_errors(), ids=lambda error: error["type"])
def test_every_error_pydantic_knows_can_be_told(error: dict[str, Any]) -> None:
    raised = {"type": error["type"], "loc": ("body", "field"), "msg": "hostile", "input": "hostile"}
    contexts: list[dict[str, Any] | None] = [error.get("example_context"), None, {}]
    for context in contexts:
        problem = validation_problem([raised | ({"ctx": context} if context is not None else {})])
        [shown] = problem.errors
        assert "hostile" not in shown.detail.zh + shown.detail.en
        assert shown.where == ("pointer", "#/field")


@pytest.mark.parametrize(
    ("location", "where"),
    [
        (("body",), ("pointer", "#")),
        ((), ("pointer", "#")),
        (("body", "a/b", "c~d", 0), ("pointer", "#/a~1b/c~0d/0")),
        (("body", "13800001234"), ("pointer", "#/138****1234")),
        (("body", "x" * 100), ("pointer", "#/" + "x" * 60)),
        (("query", "limit"), ("parameter", "limit")),
        (("path", "ticket"), ("parameter", "ticket")),
        (("header", "if-match"), ("header", "if-match")),
    ],
)
def test_the_place_of_a_fault_is_a_pointer_or_a_name(location: tuple[str | int, ...], where: tuple[str, str]) -> None:
    [error] = validation_problem([{"type": "missing", "loc": location, "msg": "", "input": None}]).errors
    assert error.where == where


def test_a_refusal_about_a_whole_object_names_the_field_it_means() -> None:
    refusal = Refusal("empty_range", Text("起止颠倒", "backwards"), field="opened_at_gte")
    [error] = validation_problem([{"type": "value_error", "loc": ("query",), "ctx": {"error": refusal}}]).errors
    assert (error.where, error.code) == (("parameter", "opened_at_gte"), "empty_range")


def test_no_more_than_fifty_faults_are_told() -> None:
    assert len(refused(**{f"x{number}": 1 for number in range(500)})) == MAX_ERRORS
