"""Logs: one JSON object a line, and no word of anybody's in it."""

import json
import logging
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest
import structlog
from pydantic import TypeAdapter, ValidationError

from app.core.logs import configure_logs, log_about, request_line
from app.core.settings import Settings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**configuration)


def settings(log_format: str = "json") -> Settings:
    return Settings(DATABASE_URL="postgresql+asyncpg://x/y", log_format=log_format)


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


class DriverError(Exception):
    """As asyncpg raises them: with the row in its words."""

    sqlstate, table_name, constraint_name, detail = "23514", "ticket", "ck_ticket", "Failing row contains (王芳)"


def fail() -> None:
    try:
        raise DriverError("Failing row contains (王芳, 13800001234)")
    except DriverError as error:
        raise RuntimeError("[parameters: ('王芳', '13800001234')]") from error


@pytest.mark.parametrize("how", ["exception", "true", "tuple", "stdlib"])
def test_of_an_exception_kind_and_place_are_told_and_not_its_words(
    how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(settings())
    log: Any = logging.getLogger("stdlib") if how == "stdlib" else structlog.get_logger("ours")
    try:
        fail()
    except RuntimeError as error:
        told = {"exception": error, "true": True, "tuple": (type(error), error, error.__traceback__), "stdlib": True}
        log.error("request failed", exc_info=told[how])
    output = capsys.readouterr().out
    [line] = lines(output)
    assert "王芳" not in output
    assert "13800001234" not in output
    assert [cause["kind"] for cause in line["causes"]] == ["builtins.RuntimeError", f"{__name__}.DriverError"]
    inner = line["causes"][1]
    assert (inner["sqlstate"], inner["table_name"], inner["constraint_name"]) == ("23514", "ticket", "ck_ticket")
    assert inner.keys() == {"kind", "sqlstate", "table_name", "constraint_name", "at"}
    assert inner["at"][-1].startswith("test_logs.py:")
    assert inner["at"][-1].endswith(" fail")
    assert (line["event"], line["level"]) == ("request failed", "error")


def test_pydantics_words_are_left_out_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(settings())
    try:
        TypeAdapter(int).validate_python("王芳")
    except ValidationError:
        structlog.get_logger("ours").error("answer does not fit", exc_info=True)
    output = capsys.readouterr().out
    assert "王芳" not in output
    assert "ValidationError" in output


def test_what_was_suppressed_stays_so(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(settings())
    try:
        try:
            raise KeyError("王芳")
        except KeyError:
            raise RuntimeError from None
    except RuntimeError as error:
        structlog.get_logger("ours").error("failed", exc_info=error)
    [line] = lines(capsys.readouterr().out)
    assert [cause["kind"] for cause in line["causes"]] == ["builtins.RuntimeError"]


@pytest.mark.parametrize("value", ["a\r\nb", 'a"}\n{"event":"forged"', "a\x1b[31m", "a\u2028b", "\ud800"])
def test_no_value_forges_a_line(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(settings())
    structlog.get_logger("ours").info("seen", value=value)
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    assert json.loads(output)["event"] == "seen"


def test_a_console_shows_a_developer_everything(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(settings("console"))
    try:
        fail()
    except RuntimeError as error:
        structlog.get_logger("ours").error("request failed", exc_info=error)
    assert "Failing row contains" in capsys.readouterr().out


def test_times_are_utc_and_the_request_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(settings())

    def a_request() -> None:
        log_about(request_id="req_1")
        structlog.get_logger("ours").info("seen")

    copy_context().run(a_request)
    [line] = lines(capsys.readouterr().out)
    assert line["request_id"] == "req_1"
    assert line["timestamp"].endswith("Z")


def test_the_line_of_a_request_tells_what_it_was_about(capsys: pytest.CaptureFixture[str]) -> None:
    def a_request() -> None:
        log_about(request_id="req_1", key_id="k")
        request_line(settings())({"method": "GET", "route": "/v1/tickets/{ticket}", "status": 200})

    copy_context().run(a_request)
    [line] = lines(capsys.readouterr().out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "method": "GET", "route": "/v1/tickets/{ticket}", "status": 200, "event": "request", "request_id": "req_1",
        "key_id": "k", "level": "info",
    }  # fmt: skip


def test_no_request_leaves_a_line_where_only_warnings_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    request_line(settings().model_copy(update={"log_level": "warning"}))({"status": 200})
    assert capsys.readouterr().out == ""
