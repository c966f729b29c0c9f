"""`./dev demo`: play a day of a hotline, or a file of texts, against a running server and say what became of it."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from app.core.clock import system_clock
from app.demo.checks import check_day, no_server_errors
from app.demo.course import play_courses
from app.demo.day import WHOLE_DAY, plan_day
from app.demo.material import load_material
from app.demo.playing import post_calls, read_back
from app.demo.report import DayReport, checks_text, latency_text, samples_of
from app.demo.sending import NoServer, Sender
from app.demo.summary import by_line, latencies, readings
from app.demo.texts import TextsInvalid, TextsReport, load_texts, play_texts

_DEFAULT_URL = "http://127.0.0.1:8000"
_DEFAULT_KEY_FILE = Path(".data/admin.key")
_TIMEOUT_SECONDS = 30.0


class DemoImpossible(Exception):
    """The demo cannot begin; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to play. `calls` 0 leaves the day out; `at_once` bounds the requests under way."""

    calls: int = WHOLE_DAY
    seed: int = 400
    texts: Path | None = None
    line: str = "general"
    as_json: bool = False
    at_once: int = 8


_DEFAULTS = Options()


async def run(argv: Sequence[str]) -> int:
    """Play and print; return 0 if every accepted call and text has one ticket and nothing failed, else 1."""
    given = _parser().parse_args(argv)
    options = Options(given.calls, given.seed, given.texts, given.line, given.json, given.at_once)
    try:
        headers = {"Authorization": f"Bearer {_key(given.key, given.key_file)}", "Accept-Language": "zh-CN"}
        # Not by a proxy of the environment: the server is usually on this machine.
        async with httpx.AsyncClient(
            base_url=given.url, headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False
        ) as client:
            return await demonstrate(client, options, now=system_clock())
    except NoServer:
        print(
            f"{given.url} 没有服务应答，请先运行 ./dev serve / No server answers at {given.url}: run ./dev serve first"
        )
    except (DemoImpossible, TextsInvalid) as problem:
        print(problem)
    return 1


async def demonstrate(client: httpx.AsyncClient, options: Options, *, now: datetime) -> int:
    """Play with a client that has its address and key; `now` decides which day is played.

    Raises: NoServer, DemoImpossible, TextsInvalid.
    """
    file = load_texts(options.texts) if options.texts else None
    sender = Sender(client, asyncio.Semaphore(options.at_once))
    await _greet(sender)
    day = await _play_day(sender, options, now) if options.calls else None
    texts = await play_texts(sender, file, line=options.line) if file else None
    print(_document(day, texts, sender) if options.as_json else _text(day, texts, sender))
    checks = [*(day.checks if day else ()), *([texts.check] if texts else ()), no_server_errors(sender)]
    return 0 if all(check.passed for check in checks) else 1


async def _greet(sender: Sender) -> None:
    """See that the service is there and takes the key.

    Raises: NoServer, DemoImpossible.
    """
    answer = await sender.get("/v1/tickets", {"limit": "1"})
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise DemoImpossible(f"密钥不被接受 / The key is not accepted: {answer.document.get('detail', answer.code)}")
    if not answer.ok:
        raise DemoImpossible(f"该地址没有正常的售后服务 / No working service there: {answer.status} {answer.code}")


async def _play_day(sender: Sender, options: Options, now: datetime) -> DayReport:
    calls = plan_day(load_material(), seed=options.seed, now=now, calls=options.calls)
    played = await post_calls(sender, calls)
    await play_courses(sender, played)
    await read_back(sender, played)
    agreements, misread = readings(played)
    return DayReport(
        lines=by_line(played),
        samples=samples_of(played),
        agreements=agreements,
        misread=misread,
        checks=check_day(played, sender),
        latencies=latencies(sender.seconds),
        retries=sender.retries,
    )


def _text(day: DayReport | None, texts: TextsReport | None, sender: Sender) -> str:
    parts = [part.text() for part in (day, texts) if part]
    if day is None:
        parts += [latency_text(latencies(sender.seconds), sender.retries), checks_text([no_server_errors(sender)])]
    return "\n\n".join(parts)


def _document(day: DayReport | None, texts: TextsReport | None, sender: Sender) -> str:
    document: dict[str, Any] = {
        "day": day.document() if day else None,
        "texts": texts.document() if texts else None,
        "server_errors": sender.server_errors,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _key(key: str | None, file: Path) -> str:
    """Return the key given, or the one in the file.

    Raises: DemoImpossible.
    """
    if key is not None:
        return key
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise DemoImpossible(
            f"读不到密钥文件 {file}，请用 --key 或 --key-file 指定，或先运行 ./dev serve 生成 / "
            f"No key in {file}: give --key or --key-file, or run ./dev serve, which makes one"
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev demo", description="Play a day of a hotline against a running server.")
    parser.add_argument("--url", default=_DEFAULT_URL)
    parser.add_argument("--key", help="an API key; by default the one in --key-file")
    parser.add_argument("--key-file", type=Path, default=_DEFAULT_KEY_FILE)
    parser.add_argument("--calls", type=_whole_number, default=WHOLE_DAY, help="0: no day, only --texts")
    parser.add_argument("--seed", type=int, default=_DEFAULTS.seed)
    parser.add_argument("--texts", type=Path, help="JSON lines with a text each, sent through intake as well")
    parser.add_argument("--line", default=_DEFAULTS.line, help="the business line of --texts")
    parser.add_argument("--at-once", type=_whole_number, default=_DEFAULTS.at_once, help="requests under way")
    parser.add_argument("--json", action="store_true", help="print a document for scripts")
    return parser


def _whole_number(text: str) -> int:
    if not text.isdecimal() or int(text) > 5000:
        raise argparse.ArgumentTypeError("a whole number up to 5000 is expected")
    return int(text)


if __name__ == "__main__":
    sys.exit(asyncio.run(run(sys.argv[1:])))
