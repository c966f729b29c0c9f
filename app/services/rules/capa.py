"""纠正和预防措施 (CAPA): which move is allowed from which status, when the work is done, when its effect is checked.

The way leads from the problem over its root cause to planned actions and, a while after the last of them, to the check
whether they worked; if they did not, a new round begins with the cause (001 五.2, 002 6.4.2d, 6.5.1, 003 二.3.3).
A correction deals with what is there now, so it may be planned before the cause is known; it never replaces a
corrective or preventive action, which deal with the cause.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.services.rules.clause import SILENT, Basis, Cited, Decision, DecisionKind, Sourced, Terms, Wording
from app.services.rules.policy_shapes import Days
from app.services.rules.routing import Name, Titled


class CapaStatus(StrEnum):
    OPEN = "open"
    ROOT_CAUSE = "root_cause"
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    AWAITING_EFFECTIVENESS = "awaiting_effectiveness"
    EFFECTIVE = "effective"
    NOT_EFFECTIVE = "not_effective"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class CapaMove(StrEnum):
    ANALYSE = "analyse"
    PLAN = "plan"
    COMPLETE = "complete"
    DROP = "drop"
    VERIFY = "verify"
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"


class CapaSource(StrEnum):
    """What made somebody ask for it."""

    COMPLAINT = "complaint"  # 客户投诉
    INTERNAL_FINDING = "internal_finding"  # 内部质量控制发现
    NONCONFORMING_GOODS = "nonconforming_goods"  # 不合格品审理
    AUDIT = "audit"  # 审核


class TaskKind(StrEnum):
    CORRECTION = "correction"  # 纠正
    CORRECTIVE = "corrective"  # 纠正措施
    PREVENTIVE = "preventive"  # 预防措施
    EFFECTIVENESS_CHECK = "effectiveness_check"  # 效果验证


TASK_TITLES: Final = {
    TaskKind.CORRECTION: Wording("纠正", "the correction"),
    TaskKind.CORRECTIVE: Wording("纠正措施", "the corrective action"),
    TaskKind.PREVENTIVE: Wording("预防措施", "the preventive action"),
    TaskKind.EFFECTIVENESS_CHECK: Wording("效果验证", "the effectiveness check"),
}


class CauseMethod(StrEnum):
    FIVE_WHYS = "five_whys"  # 五个为什么
    FISHBONE = "fishbone"  # 鱼骨图


class CauseCategory(StrEnum):
    """人、机、料、法、环、测."""

    PEOPLE = "people"
    MACHINE = "machine"
    MATERIAL = "material"
    METHOD = "method"
    ENVIRONMENT = "environment"
    MEASUREMENT = "measurement"


class Effect(StrEnum):
    EFFECTIVE = "effective"
    NOT_EFFECTIVE = "not_effective"


_S, _M = CapaStatus, CapaMove
WORKABLE: Final = frozenset({_S.OPEN, _S.ROOT_CAUSE, _S.PLANNED, _S.IN_PROGRESS})
UNDER_WAY: Final = frozenset(CapaStatus) - {_S.CLOSED, _S.CANCELLED}

# A move maps the statuses it may be made from to the status it leads to. Completing or dropping the last action leads
# on to the check: see `after_work`. Verifying leads where its result says: see `after_check`.
LIFE_CYCLE: Final[Mapping[CapaMove, Mapping[CapaStatus, CapaStatus]]] = MappingProxyType(
    {
        _M.ANALYSE: dict.fromkeys((_S.OPEN, _S.ROOT_CAUSE, _S.NOT_EFFECTIVE), _S.ROOT_CAUSE),
        _M.PLAN: {
            _S.OPEN: _S.OPEN,
            _S.ROOT_CAUSE: _S.PLANNED,
            _S.PLANNED: _S.PLANNED,
            _S.IN_PROGRESS: _S.IN_PROGRESS,
        },
        _M.COMPLETE: {
            _S.OPEN: _S.OPEN,
            _S.ROOT_CAUSE: _S.ROOT_CAUSE,
            _S.PLANNED: _S.IN_PROGRESS,
            _S.IN_PROGRESS: _S.IN_PROGRESS,
        },
        _M.DROP: {status: status for status in CapaStatus if status in WORKABLE},
        _M.VERIFY: {_S.AWAITING_EFFECTIVENESS: _S.EFFECTIVE},
        _M.CLOSE: {_S.EFFECTIVE: _S.CLOSED},
        _M.REOPEN: {_S.EFFECTIVE: _S.OPEN, _S.CLOSED: _S.OPEN},
        _M.CANCEL: dict.fromkeys(
            (*sorted(WORKABLE), _S.AWAITING_EFFECTIVENESS, _S.NOT_EFFECTIVE), _S.CANCELLED
        ),
    }
)  # fmt: skip


def allowed_moves(status: CapaStatus) -> tuple[CapaMove, ...]:
    return tuple(move for move in CapaMove if status in LIFE_CYCLE[move])


@dataclass(frozen=True, slots=True)
class Work:
    """An action of the present round: what kind, and whether it is done. One that was dropped is none."""

    kind: TaskKind
    done: bool


def after_work(status: CapaStatus, work: Iterable[Work]) -> CapaStatus:
    """Return the status once an action was completed or dropped.

    The check waits until everything planned is done and something of it dealt with the cause.
    """
    actions = tuple(work)
    dealt_with = any(action.kind is not TaskKind.CORRECTION for action in actions)
    if status in (_S.PLANNED, _S.IN_PROGRESS) and dealt_with and all(action.done for action in actions):
        return _S.AWAITING_EFFECTIVENESS
    return status


def after_check(effect: Effect) -> CapaStatus:
    return _S.EFFECTIVE if effect is Effect.EFFECTIVE else _S.NOT_EFFECTIVE


class CloserTerm(Sourced):
    """The department that may close."""

    department: Name


class CapaTerms(Terms):
    """`effectiveness_days` after the last action was done its effect is checked."""

    effectiveness_days: Cited[Days]
    closed_by: CloserTerm


_DEFAULT_DAYS: Final = 30  # what an edition without the section is taken to say


def decide_check(terms: CapaTerms | None) -> tuple[int, Decision]:
    """Return after how many days the effect is checked, and why."""
    term = terms.effectiveness_days if terms else None
    days = term.value if term else _DEFAULT_DAYS
    reason = Wording(f"措施完成{days}天后验证效果", f"The effect is checked {days} days after the last action")
    clause, basis = (term.clause, term.basis) if term else (SILENT, Basis.ASSUMED)
    return days, Decision(DecisionKind.CAPA, f"{days}_days", "quality.capa.effectiveness_days", clause, reason, basis)


def decide_closure(department: str, terms: CapaTerms | None, departments: Mapping[str, Titled]) -> Decision | None:
    """Return why a department may close; None if it is not the one the edition names, or no department of it."""
    term = terms.closed_by if terms else None
    if department not in departments or (term is not None and department != term.department):
        return None
    title = departments[department].title
    reason = Wording(f"由{title.zh}确认关闭", f"Closed by {title.en}")
    clause, basis = (term.clause, term.basis) if term else (SILENT, Basis.ASSUMED)
    return Decision(DecisionKind.CAPA, department, "quality.capa.closed_by", clause, reason, basis)
