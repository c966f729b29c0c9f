"""Some tickets go through their life, waiting and reopening among it, and one tries a move that is not allowed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.demo.playing import Played
from app.demo.sending import Answer, Sender
from app.services.rules.classification import Kind
from app.services.rules.tickets import Move, Status

_DELAY = "当日来电集中，前一班未及时处理"


@dataclass(frozen=True, slots=True)
class Step:
    """A move with its body, and the code it has to be refused with, if it has to."""

    move: Move
    body: dict[str, str] = field(default_factory=dict)
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    steps: tuple[Step, ...]
    ends: Status


_ACKNOWLEDGE = Step(Move.ACKNOWLEDGE, {"note": "已与客户确认情况"})
_START = Step(Move.START)
_RESOLVE = Step(Move.RESOLVE, {"resolution": "已按客户要求处理，现场试用正常"})
_ACCEPT = Step(Move.ACCEPT, {"note": "客户确认满意"})
_CLOSE = Step(Move.CLOSE)
_WAIT_CUSTOMER = Step(Move.WAIT, {"waiting_for": "customer", "reason": "等客户补寄照片"})
_WAIT_SUPPLIER = Step(Move.WAIT, {"waiting_for": "supplier", "reason": "等配件到货"})
_WORKED = (_ACKNOWLEDGE, _START, _RESOLVE, _ACCEPT, _CLOSE)

_WAITED = Course((_ACKNOWLEDGE, _START, _WAIT_CUSTOMER, Step(Move.RESUME), _RESOLVE, _ACCEPT, _CLOSE), Status.CLOSED)
_ANSWERED_ON_THE_SPOT = Course((Step(Move.RESOLVE, {"resolution": "当场答复客户"}), _CLOSE), Status.CLOSED)
_REOPENED = Course((*_WORKED, Step(Move.REOPEN, {"reason": "客户来电称问题再次出现"})), Status.IN_PROGRESS)
_NOT_ALLOWED = Course((Step(Move.ACCEPT, refused="invalid_transition"),), Status.RECORDED)
_COURSES = (
    _REOPENED,
    _NOT_ALLOWED,
    _WAITED,
    Course((_ACKNOWLEDGE, _START, _WAIT_SUPPLIER), Status.WAITING_SUPPLIER),
    Course((_START, _RESOLVE), Status.RESOLVED),
    Course((_ACKNOWLEDGE, Step(Move.ESCALATE, {"reason": "客户要求主管回电"})), Status.ACKNOWLEDGED),
    Course((Step(Move.CANCEL, {"reason": "客户来电撤销"}),), Status.CANCELLED),
)
# The two that are played once; after them the others come round again.
_ONCE = 2
_ON_THE_SPOT = {Kind.CONSULTATION, Kind.SUGGESTION, Kind.PRAISE}


async def play_courses(sender: Sender, played: Sequence[Played]) -> None:
    """Play every other ticket's course; what does not go as it has to becomes a fault of its call."""
    chosen = [one for one in played if one.first][::2]
    usual = [one for one in chosen if one.first and one.first.get("kind") not in _ON_THE_SPOT]
    quick = [one for one in chosen if one not in usual]
    pairs = [(one, _ANSWERED_ON_THE_SPOT) for one in quick]
    pairs += [(one, _course(at)) for at, one in enumerate(usual)]
    await asyncio.gather(*(_play(sender, one, course) for one, course in pairs))


def _course(at: int) -> Course:
    return _COURSES[at] if at < len(_COURSES) else _COURSES[_ONCE + (at - _ONCE) % (len(_COURSES) - _ONCE)]


async def _play(sender: Sender, one: Played, course: Course) -> None:
    number, one.ends = next(iter(one.numbers)), course.ends
    for at, step in enumerate(course.steps):
        answer = await _move(sender, one, number, step, f"{one.call.reference}-move-{at}")
        if (fault := _fault(step, answer)) is not None:
            one.faults.append(f"{number} {step.move}: {fault}")
            return


async def _move(sender: Sender, one: Played, number: str, step: Step, key: str) -> Answer:
    """Make a move as the CRM does: when told that the step is late, once more with the reason."""
    path = f"/v1/tickets/{number}/{step.move}"
    owner = (one.first or {}).get("owner_staff_no")
    body = step.body | {"staff_no": owner or "9001"}
    answer = await sender.post("move", path, body, key=key)
    one.moves.append(step.move if answer.ok else answer.code)
    if answer.code == "delay_reason_required":
        answer = await sender.post("move", path, body | {"delay_reason": _DELAY}, key=f"{key}-late")
        one.moves.append(step.move if answer.ok else answer.code)
    return answer


def _fault(step: Step, answer: Answer) -> str | None:
    if step.refused is None:
        return None if answer.ok else f"{answer.status} {answer.code}"
    if answer.code != step.refused or not answer.document.get("allowed"):
        return f"{answer.status} {answer.code}, {step.refused} naming the allowed moves expected"
    return None
