"""What must hold after the day; each check says what is wrong, by reference or number."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.demo.playing import Played, Ticket
from app.demo.sending import Answer, Sender
from app.demo.troubles import Refusal


@dataclass(frozen=True, slots=True)
class Check:
    zh: str
    en: str
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.faults


def check_day(played: Sequence[Played], sender: Sender) -> list[Check]:
    return [
        Check("每个来电恰有一张工单", "every call that was taken has one ticket", _of_each(played, _one_ticket)),
        Check("应拒的均以说明性问题拒绝", "what had to be refused was refused clearly", _of_each(played, _refusals)),
        Check("工单当场有时限、依据和承诺", "tickets have deadlines, clauses, a promise", _of_each(played, _complete)),
        Check("流转与生命周期一致", "the moves went by the life cycle", _of_each(played, _course)),
        no_server_errors(sender),
    ]  # fmt: skip


def no_server_errors(sender: Sender) -> Check:
    return Check("服务没有 5xx", "no answer was a 5xx", tuple(sender.server_errors))


def _of_each(played: Iterable[Played], faults: Callable[[Played], Iterable[str]]) -> tuple[str, ...]:
    return tuple(fault for one in played for fault in faults(one))


def _one_ticket(one: Played) -> Iterator[str]:
    reference, on_file = one.call.reference, [ticket["number"] for ticket in one.on_file]
    if not one.call.to_be_taken:
        if on_file or one.taken:
            yield f"{reference}: refused, and yet on file as {on_file or one.numbers}"
        return
    for _, answer in ((post, answer) for post, answer in one.refused if post.refusal is None):
        yield f"{reference}: {answer.status} {answer.code} {answer.pointers}"
    if len(one.numbers) != 1 or one.created != 1:
        yield f"{reference}: {one.created} created, answered with {sorted(one.numbers)}"
    if set(on_file) != one.numbers or len(on_file) != 1:
        yield f"{reference}: on file as {on_file}, answered with {sorted(one.numbers)}"


def _refusals(one: Played) -> Iterator[str]:
    for post, answer in one.answers:
        if post.refusal is not None and (fault := _unclear(post.refusal, answer)):
            yield f"{one.call.reference}: {fault}"


def _unclear(expected: Refusal, answer: Answer) -> str | None:
    if (answer.status, answer.code) != (expected.status, expected.code):
        return f"{answer.status} {answer.code}, {expected.status} {expected.code} expected"
    if answer.media_type != "application/problem+json":
        return f"{answer.media_type} instead of a problem"
    if not all(answer.document.get(name) for name in ("title", "detail", "request_id")):
        return f"{answer.code} without title, detail or request_id"
    if expected.pointer is not None and expected.pointer not in answer.pointers:
        return f"{answer.code} points at {answer.pointers}, {expected.pointer} expected"
    return None


def _complete(one: Played) -> Iterator[str]:
    ticket = one.first
    if ticket is None:
        return
    missing = [name for name, there in _promised(ticket).items() if not there]
    if missing:
        yield f"{ticket.get('number')}: without {', '.join(missing)}"
    if one.call.first_contact and ticket.get("owner_staff_no") != one.call.first_contact:
        yield f"{ticket.get('number')}: owned by {ticket.get('owner_staff_no')}, not by who took the call"


def _promised(ticket: Ticket) -> dict[str, bool]:
    promise, number = ticket.get("promise", {}), ticket.get("number", "")
    return {
        "commitments": bool(ticket.get("commitments")),
        "department": bool(ticket.get("department")),
        "handler_role": bool(ticket.get("handler_role")),
        "clauses": all(decision.get("clause") for decision in ticket.get("decisions", [{}])),
        "promise.zh": number in promise.get("zh", ""),
        "promise.en": number in promise.get("en", ""),
    }


def _course(one: Played) -> Iterator[str]:
    yield from one.faults
    if one.ends is not None and one.ticket is not None and one.ticket.get("status") != one.ends:
        yield f"{one.ticket.get('number')}: {one.ticket.get('status')}, {one.ends} expected"
