"""What a notice says, in both languages: of which ticket, return request or CAPA, which step, due when, how late.

Nothing of the customer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.services.rules.clause import Wording
from app.services.rules.promise import local_time


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What is known when a notice is written. Instants are aware; `occurred_at` is when it came to it.

    Without `steps` the notice is about the ticket as a whole; `link` leads to it where the company has a page.
    """

    about: Wording
    number: str
    business_line: str
    role: Wording
    event: str
    steps: tuple[Wording, ...]
    percent: int | None
    level: int | None
    due_at: datetime | None
    occurred_at: datetime
    timezone: str
    link: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """A notice in words. Its subject is one line."""

    subject: Wording
    body: Wording

    def text(self) -> str:
        """Return the whole in both languages, the Chinese first."""
        return f"{self.subject.zh}\n{self.body.zh}\n\n{self.subject.en}\n{self.body.en}"


# Whatever a notice is about, it has the word that robots are told to ask for.
ABOUT_TICKET = Wording("工单", "Ticket")
ABOUT_RETURN = Wording("退换货工单", "Return request")
ABOUT_CAPA = Wording("纠正预防措施工单", "CAPA")


def word_notice(facts: NoticeFacts) -> Message:
    happened = _happened(facts)
    return Message(
        Wording(
            f"【售后】{facts.about.zh} {facts.number} {happened.zh}",
            f"[After-sales] {facts.about.en} {facts.number}: {happened.en}",
        ),
        _lines(_particulars(facts)),
    )


def word_test(business_line: str) -> Message:
    """Return what a channel is tried with; it has the words that every notice has, which a robot may ask for."""
    return Message(
        Wording("【售后】工单通知测试", "[After-sales] Test of ticket notices"),
        Wording(f"经营线 {business_line} 的通知可以到达这里。", f"Notices of the line {business_line} arrive here."),
    )


def _happened(facts: NoticeFacts) -> Wording:
    zh = "、".join(step.zh for step in facts.steps)
    en = ", ".join(step.en for step in facts.steps)
    match facts.event:
        case "sla.warning" | "return.deadline_due" | "capa.action_due":
            return Wording(f"{zh}时限已用 {facts.percent}%", f"{facts.percent} % of the time for {en} is used")
        case "sla.breached" | "return.deadline_overdue" | "capa.action_overdue":
            return Wording(f"{zh}已超时", f"{en} is overdue")
        case "sla.escalated" | "return.deadline_escalated" | "capa.action_escalated" if facts.steps:
            return Wording(f"{zh}超时，升级至第 {facts.level} 级", f"{en} escalated to level {facts.level}")
        case "sla.escalated":
            return Wording(f"由人工升级至第 {facts.level} 级", f"escalated to level {facts.level} by hand")
        case _:
            return Wording(
                f"{zh}延迟，原因已记录，请查阅工单", f"the reason for the delay of {en} is on record in the ticket"
            )


def _particulars(facts: NoticeFacts) -> Iterable[Wording]:
    yield Wording(f"经营线：{facts.business_line}", f"Line: {facts.business_line}")
    yield Wording(f"通知对象：{facts.role.zh}", f"To: {facts.role.en}")
    zone = ZoneInfo(facts.timezone)
    at = local_time(facts.occurred_at, zone)
    if facts.due_at is not None:
        due = local_time(facts.due_at, zone)
        yield Wording(f"时限：{due}（{facts.timezone}）", f"Due: {due} ({facts.timezone})")
        left = _duration(abs(facts.due_at - facts.occurred_at))
        if facts.occurred_at < facts.due_at:
            yield Wording(f"截至 {at} 还剩 {left.zh}", f"At {at}: {left.en} left")
        else:
            yield Wording(f"截至 {at} 已超时 {left.zh}", f"At {at}: {left.en} late")
    else:
        yield Wording(f"时间：{at}（{facts.timezone}）", f"At: {at} ({facts.timezone})")
    if facts.link is not None:
        yield Wording(facts.link, facts.link)


def _lines(parts: Iterable[Wording]) -> Wording:
    lines = list(parts)
    return Wording("\n".join(line.zh for line in lines), "\n".join(line.en for line in lines))


def _duration(length: timedelta) -> Wording:
    """Write a length of time by the wall clock, to the minute."""
    minutes = int(length.total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "天", "d"), (hours, "小时", "h"), (minutes, "分钟", "min")]
    shown = [part for part in parts if part[0]] or parts[2:]
    return Wording(
        " ".join(f"{number} {zh}" for number, zh, _ in shown), " ".join(f"{number} {en}" for number, _, en in shown)
    )
