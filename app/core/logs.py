"""Structured logs on standard output: one JSON object a line, UTC, the request id in each.

Values are encoded by the renderer, so no header or body can forge a line. Personal data is never logged: callers log
ids, codes and counts, and of an exception only its kind and place are told. Its words are not ours: PostgreSQL quotes
the row, pydantic the input. On a console, which is a developer's, exceptions are shown in full.
"""

import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Literal

import structlog
from pydantic_core import to_json

from app.core.settings import Settings

RequestLine = Callable[[Mapping[str, object]], None]
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


def configure_logs(settings: Settings) -> None:
    """Send structlog and the standard library's loggers through one renderer."""
    shared: list[structlog.typing.Processor] = [
        _with_what_it_is_about,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    level = _level(settings)
    structlog.configure(
        processors=[*shared, *_rendering(settings.log_format)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(settings.log_format),
            ],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def log_about(**ids: str) -> None:
    """Name the request, or what else is worked at, in every line of this task from now on."""
    _about.set(ids)


def request_line(settings: Settings) -> RequestLine:
    """Return what writes the line of a served request, with what it is about.

    Every request leaves one, so it goes a shorter way than other lines, and not by structlog.
    """
    if _level(settings) > logging.INFO:
        return lambda _told: None
    if settings.log_format != "json":
        log = structlog.get_logger("aftersales.http")
        return lambda told: log.info("request", **told)
    stream = sys.stdout

    def write(told: Mapping[str, object]) -> None:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = {**told, "event": "request", **_about.get(), "level": "info", "timestamp": at}
        stream.write(f"{to_json(line).decode()}\n")
        stream.flush()

    return write


def _level(settings: Settings) -> int:
    level: int = getattr(logging, settings.log_level.upper())
    return level


def _with_what_it_is_about(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {**_about.get(), **event}


def _rendering(log_format: Literal["json", "console"]) -> list[structlog.typing.Processor]:
    if log_format == "json":
        return [_without_words, structlog.processors.JSONRenderer()]  # ASCII: prints whatever the terminal
    return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]


def _without_words(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace an exception by `causes`: what was raised where, the outermost first."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    elif error and not isinstance(error, BaseException):
        error = sys.exception()
    if isinstance(error, BaseException):
        event["causes"] = [_cause(part) for part in _chain(error)]
    return event


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _cause(error: BaseException) -> dict[str, object]:
    """Tell an error's kind, its place, and what PostgreSQL names in it: a code, a table, a constraint."""
    kind = type(error)
    named = {name: getattr(error, name, None) for name in ("sqlstate", "table_name", "column_name", "constraint_name")}
    return {
        "kind": f"{kind.__module__}.{kind.__qualname__}",
        **{name: value for name, value in named.items() if isinstance(value, str)},
        "at": _places(error.__traceback__),
    }


def _places(trace: TracebackType | None) -> list[str]:
    return [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace, limit=-8)
    ]
