"""The day as a manager reads it: tables by line, sample tickets, what was checked, how long it took."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any
from zoneinfo import ZoneInfo

from app.demo.checks import Check
from app.demo.playing import Played, Ticket
from app.demo.summary import Agreement, Latency, LineSummary, Misread, due_of
from app.demo.tables import Column, shorten, table
from app.services.rules.classification import Kind, Severity
from app.services.rules.labels import KIND_LABELS, SEVERITY_LABELS
from app.services.rules.tickets import Status

SAMPLES = 10
SHOWN_MISREAD = 15
_SHOWN_FAULTS = 20
_STATUS_TITLES = {
    Status.RECORDED: "已记录",
    Status.ACKNOWLEDGED: "已确认",
    Status.IN_PROGRESS: "处理中",
    Status.WAITING_CUSTOMER: "等客户",
    Status.WAITING_SUPPLIER: "等供应商",
    Status.RESOLVED: "已解决",
    Status.ACCEPTED: "已验收",
    Status.CLOSED: "已关闭",
    Status.CANCELLED: "已撤销",
}


@dataclass(frozen=True, slots=True)
class DayReport:
    lines: Sequence[LineSummary]
    samples: Sequence[Ticket]
    agreements: Sequence[Agreement]
    misread: Sequence[Misread]
    checks: Sequence[Check]
    latencies: Sequence[Latency]
    retries: int

    def document(self) -> dict[str, Any]:
        """Return the report for scripts; times are UTC, latencies milliseconds."""
        return {
            "lines": [_line_document(line) for line in self.lines],
            "samples": [_sample_document(ticket) for ticket in self.samples],
            "agreement": [asdict(agreement) for agreement in self.agreements],
            "misread": [asdict(misread) for misread in self.misread],
            "checks": [asdict(check) | {"passed": check.passed} for check in self.checks],
            "latency": [asdict(latency) for latency in self.latencies],
            "retries": self.retries,
        }

    def text(self) -> str:
        return "\n\n".join(
            [
                _titled("来电与工单", "Calls and tickets", _traffic(self.lines)),
                _titled("受理类型", "Kinds", _matrix(self.lines, "kinds", {k: KIND_LABELS[k].zh for k in Kind})),
                _titled("严重程度", "Severity", _matrix(self.lines, "severities", _SEVERITIES)),
                _titled("责任部门", "Departments", _listed(self.lines, "departments")),
                _titled("当前状态", "Status now", _matrix(self.lines, "statuses", _STATUS_TITLES)),
                _titled("流转", "Moves", _listed(self.lines, "moves")),
                _titled("工单样例", "Sample tickets", _samples(self.samples)),
                _titled(
                    "文本判断", "Reading of texts", readings_text(self.agreements, self.misread, shown=SHOWN_MISREAD)
                ),
                _titled("耗时（毫秒）", "Time (milliseconds)", latency_text(self.latencies, self.retries)),
                _titled("检查", "Checks", checks_text(self.checks)),
            ]
        )


_SEVERITIES = {severity: SEVERITY_LABELS[severity].zh for severity in reversed(Severity)}


def samples_of(played: Iterable[Played]) -> list[Ticket]:
    """Choose tickets spread over the whole day, an emergency first if there was one."""
    tickets = [one.ticket for one in played if one.ticket is not None]
    emergencies = [ticket for ticket in tickets if ticket["urgency"] == "emergency"][:1]
    usual = [ticket for ticket in tickets if ticket not in emergencies]
    return [*emergencies, *usual[:: max(1, len(usual) // SAMPLES)]][:SAMPLES]


def _titled(zh: str, en: str, body: str) -> str:
    return f"== {zh} / {en} ==\n{body}"


def _traffic(lines: Sequence[LineSummary]) -> str:
    columns = [
        Column("业务线", "line", right=False),
        Column("来电", "calls"),
        Column("请求", "posts"),
        Column("工单", "tickets"),
        Column("重复", "repeats"),
        Column("紧急", "emergency"),
        Column("已超时", "late now"),
        Column("最近时限", "next due"),
        Column("拒绝", "refused", right=False),
    ]
    rows = [_traffic_row(line) for line in lines]
    sums = [sum(row[at] for row in rows) for at in range(1, 7)]
    refused: Counter[str] = sum((line.refused for line in lines), Counter())
    return table(columns, rows, total=["合计 total", *sums, "", _counts(refused)])


def _traffic_row(line: LineSummary) -> list[Any]:
    due = line.next_due.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%m-%d %H:%M") if line.next_due else ""
    emergencies = line.urgencies["emergency"]
    return [
        line.line, line.calls, line.posts, line.tickets, line.repeats, emergencies, line.late, due,
        _counts(line.refused),
    ]  # fmt: skip


def _matrix(lines: Sequence[LineSummary], counted: str, titles: dict[Any, str]) -> str:
    """A row a line, a column a word."""
    columns = [Column("业务线", "line", right=False), *(Column(zh, word) for word, zh in titles.items())]
    rows = [[line.line, *(getattr(line, counted)[word] for word in titles)] for line in lines]
    sums = [sum(row[at] for row in rows) for at in range(1, len(columns))]
    return table(columns, rows, total=["合计 total", *sums])


def _listed(lines: Sequence[LineSummary], counted: str) -> str:
    columns = [Column("业务线", "line", right=False), Column("数量", "how many", right=False)]
    return table(columns, [[line.line, _counts(getattr(line, counted))] for line in lines])


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{word} {times}" for word, times in counts.most_common())


def _samples(tickets: Sequence[Ticket]) -> str:
    columns = [
        Column("工单号", "number", right=False),
        Column("类型", "kind", right=False),
        Column("分类", "class / issue / severity", right=False),
        Column("部门", "department", right=False),
        Column("首个时限", "first due", right=False),
        Column("来电内容", "text", right=False),
    ]
    rows = [_sample_row(ticket) for ticket in tickets]
    promises = "\n".join(f"  {ticket['promise']['zh']}" for ticket in tickets)
    return f"{table(columns, rows)}\n承诺 / Promises\n{promises}"


def _sample_row(ticket: Ticket) -> list[str]:
    return [
        ticket["number"],
        ticket["kind"],
        reading_of(ticket),
        ticket["department"],
        first_due(ticket),
        shorten(ticket["description"], 60),
    ]


def reading_of(ticket: Ticket) -> str:
    read = ticket["classification"]
    if read is None or read["complaint_class"] == "not_complaint":
        return "not_complaint"
    return f"{read['complaint_class']} / {read['issue_type']} / {read['severity']}"


def first_due(ticket: Ticket) -> str:
    """Return the earliest deadline, met or not, in the line's own time."""
    due = min((due_of(promised) for promised in ticket["commitments"]), default=None)
    return f"{due.astimezone(ZoneInfo(ticket['time_zone'])):%Y-%m-%d %H:%M}" if due else ""


def readings_text(agreements: Sequence[Agreement], misread: Sequence[Misread], *, shown: int | None = None) -> str:
    """Say how many texts of each field were read as meant, and list those that were not, the gravest first."""
    columns = [
        Column("字段", "field", right=False),
        Column("一致", "agreed"),
        Column("总数", "of"),
        Column("占比", "share"),
    ]
    rows = [[one.field, one.agreed, one.of, f"{one.agreed / one.of:.0%}"] for one in agreements]
    parts = [table(columns, rows)]
    if misread:
        texts = _by_text(misread)
        parts += [_misread_table(texts[:shown])]
        if shown is not None and len(texts) > shown:
            parts += [f"… +{len(texts) - shown}（--json 给出全部 / all of them with --json）"]
    return "\n".join(parts)


def _by_text(misread: Sequence[Misread]) -> list[list[Misread]]:
    """Put what was misread of one text together; texts where a critical severity is at stake come first."""
    by_number: dict[str, list[Misread]] = {}
    for one in misread:
        by_number.setdefault(one.number, []).append(one)
    return sorted(by_number.values(), key=lambda found: (not _grave(found), -len(found)))


def _grave(found: Sequence[Misread]) -> bool:
    return any(Severity.CRITICAL in (one.meant, one.read) for one in found)


def _misread_table(texts: Sequence[Sequence[Misread]]) -> str:
    columns = [
        Column("编号", "number", right=False),
        Column("本意", "meant", right=False),
        Column("判断", "read as", right=False),
        Column("文本", "text", right=False),
    ]
    rows = [
        [
            found[0].number,
            " / ".join(one.meant for one in found),
            " / ".join(one.read for one in found),
            shorten(found[0].text, 70),
        ]
        for found in texts
    ]
    return table(columns, rows)


def latency_text(latencies: Sequence[Latency], retries: int) -> str:
    columns = [
        Column("用途", "purpose", right=False),
        Column("请求", "requests"),
        Column("中位数", "median"),
        Column("P95", "p95"),
    ]
    rows = [[one.purpose, one.requests, one.median, one.p95] for one in latencies]
    return f"{table(columns, rows)}\n按服务要求重发 / sent again as asked: {retries}"


def checks_text(checks: Sequence[Check]) -> str:
    return "\n".join(line for check in checks for line in _check_lines(check))


def _check_lines(check: Check) -> list[str]:
    heading = f"[{'通过 pass' if check.passed else '失败 FAIL'}] {check.zh} / {check.en}"
    more = len(check.faults) - _SHOWN_FAULTS
    return [
        heading,
        *(f"    {fault}" for fault in check.faults[:_SHOWN_FAULTS]),
        *([f"    … +{more}"] if more > 0 else []),
    ]


def _line_document(line: LineSummary) -> dict[str, Any]:
    document = {part.name: getattr(line, part.name) for part in fields(line)}
    return document | {"next_due": line.next_due.isoformat() if line.next_due else None}


def _sample_document(ticket: Ticket) -> dict[str, Any]:
    return {
        "number": ticket["number"],
        "kind": ticket["kind"],
        "reading": reading_of(ticket),
        "department": ticket["department"],
        "first_due": first_due(ticket),
        "promise": ticket["promise"],
    }
