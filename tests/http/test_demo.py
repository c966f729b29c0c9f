"""The demo on a small scale: the same day, the same checks, against the application itself."""

import json
import socket
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.demo.day import WHOLE_DAY, ZONE, Call, plan_day
from app.demo.material import load_material
from app.demo.run import DemoImpossible, Options, demonstrate, run
from app.demo.tables import Column, shorten, table, width
from app.demo.troubles import Trouble
from app.services.rules.classification import Kind, Severity
from app.services.rules.facts import Channel
from tests.conftest import SUNDAY_NOON, FakeClock

SMALL = Options(calls=40, as_json=True)


async def _played(client: httpx.AsyncClient, clock: FakeClock, options: Options, out: Any) -> tuple[int, Any]:
    code = await demonstrate(client, options, now=clock())
    return code, json.loads(out.readouterr().out)


async def test_every_call_of_a_day_gets_one_ticket_and_every_wrong_one_a_clear_refusal(
    client: httpx.AsyncClient, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = await _played(client, clock, SMALL, capsys)
    day = document["day"]
    assert {check["en"]: check["faults"] for check in day["checks"]} == {check["en"]: [] for check in day["checks"]}
    assert code == 0
    planned = Counter(call.trouble for call in _a_day(calls=40))
    assert sum(line["tickets"] for line in day["lines"]) == 40 - planned[Trouble.BROKEN]
    assert sum(line["posts"] for line in day["lines"]) > 40 + planned[Trouble.NERVOUS]
    refused = sum((Counter(line["refused"]) for line in day["lines"]), Counter[str]())
    assert refused.total() == planned[Trouble.BROKEN] + planned[Trouble.GBK]
    assert len(day["samples"]) == 10
    statuses = sum((Counter(line["statuses"]) for line in day["lines"]), Counter[str]())
    moves = sum((Counter(line["moves"]) for line in day["lines"]), Counter[str]())
    assert {"recorded", "closed", "in_progress", "waiting_supplier"} <= set(statuses)
    assert (moves["reopen"], moves["invalid_transition"]) == (1, 1)


async def test_a_day_that_is_played_late_gives_its_reasons_for_delay(
    client: httpx.AsyncClient, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    played = clock()
    clock.advance(days=6)
    code = await demonstrate(client, SMALL, now=played)
    lines = json.loads(capsys.readouterr().out)["day"]["lines"]
    assert code == 0
    assert sum(line["moves"].get("delay_reason_required", 0) for line in lines) > 0
    assert sum(line["late"] for line in lines) > 0


async def test_the_tables_are_printed_in_both_languages(
    client: httpx.AsyncClient, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await demonstrate(client, Options(calls=16), now=clock()) == 0
    printed = capsys.readouterr().out
    for heading in ("来电与工单 / Calls and tickets", "责任部门 / Departments", "检查 / Checks", "chemicals", "P95"):
        assert heading in printed
    assert "失败" not in printed


async def test_texts_are_compared_with_their_labels_and_taken_only_once(
    client: httpx.AsyncClient, clock: FakeClock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {"complaint_class": "quality", "issue_type": "product_quality", "severity": "minor"}
    rows: list[dict[str, str]] = [
        {"id": "a", "text": "杯子用了两天，手柄就裂开了，质量太差。", **labels},
        {"id": "b", "text": "请问这款杯子能放进洗碗机吗？", **labels},
        {"text": "想预约师傅上门安装，谢谢。"},
    ]
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    options = Options(calls=0, texts=file, as_json=True)
    code, first = await _played(client, clock, options, capsys)
    assert code == 0
    assert (first["texts"]["texts"], first["texts"]["seen"]) == (3, 0)
    assert {row["field"]: (row["agreed"], row["of"]) for row in first["texts"]["agreement"]} == {
        "complaint_class": (1, 2),
        "issue_type": (1, 2),
        "severity": (1, 2),
    }
    assert {row["number"] for row in first["texts"]["misread"]} == {"b"}
    code, second = await _played(client, clock, options, capsys)
    assert (code, second["texts"]["seen"]) == (0, 3)


@pytest.mark.parametrize("content", [b'{"id": 1}\n', b"[]\n", b'{"text": 5}\n', b"no json\n", "文本".encode("gbk")])
async def test_a_file_that_holds_no_texts_is_refused_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_bytes(content)
    assert await run(["--key", "as_sk_none", "--texts", str(file)]) == 1
    assert "texts.jsonl" in capsys.readouterr().out


async def test_a_key_that_is_not_accepted_is_said_so(make_client: Any, clock: FakeClock) -> None:
    client = await make_client("as_sk_none")
    with pytest.raises(DemoImpossible, match="not accepted"):
        await demonstrate(client, SMALL, now=clock())


async def test_without_a_server_one_line_says_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert await run(["--url", url, "--key", "as_sk_none"]) == 1
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "./dev serve" in printed


async def test_without_a_key_one_line_says_where_it_is_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(["--key-file", str(tmp_path / "admin.key")]) == 1
    assert "admin.key" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "document", "check"),
    [
        (500, {"code": "internal_error"}, "no answer was a 5xx"),
        (201, {"number": "AS-1"}, "what had to be refused was refused clearly"),
        (422, {"code": "validation_failed"}, "every call that was taken has one ticket"),
    ],
)
async def test_a_service_that_fails_does_not_pass(
    status: int, document: dict[str, str], check: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against a stand-in that answers every post alike and has nothing on file."""

    def answer(request: httpx.Request) -> httpx.Response:
        posted = _A_TICKET | document if status == 201 else document
        return (
            httpx.Response(200, json={"items": []}) if request.method == "GET" else httpx.Response(status, json=posted)
        )

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert await demonstrate(client, Options(calls=12, as_json=True), now=SUNDAY_NOON) == 1
    checks = json.loads(capsys.readouterr().out)["day"]["checks"]
    assert check in {found["en"] for found in checks if not found["passed"]}


_A_TICKET: dict[str, object] = {
    "kind": "complaint",
    "severity": None,
    "urgency": "general",
    "department": "after_sales",
    "status": "recorded",
    "time_zone": "Asia/Shanghai",
    "description": "…",
    "classification": None,
    "commitments": [],
    "promise": {"zh": "", "en": ""},
}


def _a_day(*, calls: int = WHOLE_DAY, seed: int = SMALL.seed) -> list[Call]:
    return plan_day(load_material(), seed=seed, now=SUNDAY_NOON, calls=calls)


def _body(call: Call) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(call.waves[-1][0].content)
    return body


def test_the_day_is_a_day_of_a_hotline() -> None:
    day = _a_day()
    taken = [_body(call) for call in day if call.to_be_taken]
    assert len(day) >= 220
    assert {call.line for call in day} == set(load_material().lines)
    assert {call.matter.kind for call in day} == set(Kind)
    assert len({call.matter.text for call in day}) >= 60
    assert len({body["description"] for body in taken}) == len(taken)
    assert sum(call.kindless for call in day) == round(0.15 * len(day))
    assert sum(call.matter.severity is Severity.CRITICAL for call in day) < 0.05 * len(day)
    channels = Counter(body["channel"] for body in taken)
    assert channels[Channel.HOTLINE] > 0.8 * len(taken)
    assert (channels[Channel.LETTER], channels[Channel.INTERNAL]) == (1, 1)


def test_the_calls_of_a_day_lie_in_the_day_before_in_shanghai() -> None:
    opened = [call for call in _a_day() if call.trouble is Trouble.NONE]
    days = {_body(call)["opened_at"][:10] for call in opened}
    assert days == {str((SUNDAY_NOON.astimezone(ZONE) - timedelta(days=1)).date())}


def test_the_same_seed_gives_the_same_day() -> None:
    assert _a_day() == _a_day()
    assert _a_day() != _a_day(seed=1)


def test_a_nervous_sender_posts_at_once_and_a_gbk_one_again_in_utf8() -> None:
    day = _a_day()
    nervous = [call for call in day if call.trouble is Trouble.NERVOUS]
    gbk = [call for call in day if call.trouble is Trouble.GBK]
    assert all(len(call.waves) == 1 and 2 <= len(call.waves[0]) <= 5 for call in nervous)
    assert any(not call.reference.startswith("ivr") for call in nervous)
    assert all(len(call.waves) == 2 and call.waves[0][0].refusal for call in gbk)
    for call in gbk:
        with pytest.raises(UnicodeDecodeError):
            call.waves[0][0].content.decode("utf-8")


def test_a_table_lines_up_in_both_scripts() -> None:
    columns = [Column("业务线", "line", right=False), Column("工单", "tickets")]
    lines = table(columns, [["tableware", 12], ["餐具", 3]], total=["合计", 15]).splitlines()
    assert {width(line) for line in lines} == {width("tableware") + 2 + width("tickets")}


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("餐盘裂了", 8, "餐盘裂了"), ("餐盘裂了", 7, "餐盘裂…"), ("餐盘裂了", 6, "餐盘…"), ("a\nb", 9, "a b")],
)
def test_a_text_is_cut_by_what_it_takes_on_the_screen(text: str, columns: int, shown: str) -> None:
    assert shorten(text, columns) == shown
    assert width(shown) <= columns
