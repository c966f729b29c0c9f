"""不合格品审理: which move follows which, what may become of the goods, and whose step each move is (002 6.5.1).

Goods are reviewed, disposed of in portions that add up to the quantity, and corrected. What was reworked, repaired or
sorted is looked at again; of what fails it is decided anew, in another round.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.services.rules.clause import SILENT, Basis, Decision, DecisionKind, Wording
from app.services.rules.policy_shapes import Step
from app.services.rules.routing import Titled


class NonconformityStatus(StrEnum):
    OPEN = "open"
    REVIEWED = "reviewed"
    DISPOSED = "disposed"
    AWAITING_VERIFICATION = "awaiting_verification"
    VERIFICATION_FAILED = "verification_failed"
    SETTLED = "settled"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class NonconformityMove(StrEnum):
    REVIEW = "review"
    DISPOSE = "dispose"
    CORRECT = "correct"
    VERIFY = "verify"
    CLOSE = "close"
    CANCEL = "cancel"


class NonconformitySource(StrEnum):
    """Where the goods were found not to conform."""

    COMPLAINT = "complaint"  # 客户投诉
    RETURN = "return"  # 退货
    INSPECTION = "inspection"  # 检验
    INTERNAL = "internal"  # 内部发现


class DefectSeverity(StrEnum):
    MINOR = "minor"  # 轻微
    SERIOUS = "serious"  # 严重
    CRITICAL = "critical"  # 致命


class Disposition(StrEnum):
    """处置方式."""

    USE_AS_IS = "use_as_is"  # 让步接收
    REWORK = "rework"  # 返工
    REPAIR = "repair"  # 返修
    DOWNGRADE = "downgrade"  # 降级
    RETURN_TO_SUPPLIER = "return_to_supplier"  # 退供应商
    SCRAP = "scrap"  # 报废
    SORT = "sort"  # 挑选


_S, _M, _D = NonconformityStatus, NonconformityMove, Disposition
VERIFIED: Final = frozenset({_D.REWORK, _D.REPAIR, _D.SORT})  # goods that are looked at again afterwards
CAPA_FOLLOWS: Final = frozenset(NonconformityStatus) - {_S.CANCELLED}

# A move maps the statuses it may be made from to the status it leads to. Correcting goods that are looked at again
# leads on to that: see `after_correction`. Goods that fail there are disposed of anew: see `after_verification`.
LIFE_CYCLE: Final[Mapping[NonconformityMove, Mapping[NonconformityStatus, NonconformityStatus]]] = MappingProxyType(
    {
        _M.REVIEW: {
            _S.OPEN: _S.REVIEWED,
            _S.REVIEWED: _S.REVIEWED,
            _S.VERIFICATION_FAILED: _S.VERIFICATION_FAILED,
        },
        _M.DISPOSE: dict.fromkeys((_S.REVIEWED, _S.VERIFICATION_FAILED), _S.DISPOSED),
        _M.CORRECT: {_S.DISPOSED: _S.SETTLED},
        _M.VERIFY: {_S.AWAITING_VERIFICATION: _S.SETTLED},
        _M.CLOSE: {_S.SETTLED: _S.CLOSED},
        _M.CANCEL: dict.fromkeys((_S.OPEN, _S.REVIEWED), _S.CANCELLED),
    }
)


def allowed_moves(status: NonconformityStatus) -> tuple[NonconformityMove, ...]:
    return tuple(move for move in NonconformityMove if status in LIFE_CYCLE[move])


@dataclass(frozen=True, slots=True)
class Portion:
    """So many of the goods, and what becomes of them."""

    disposition: Disposition
    quantity: int


def quantity_to_verify(portions: Iterable[Portion]) -> int:
    """Return how many of the goods are looked at again once they were corrected."""
    return sum(portion.quantity for portion in portions if portion.disposition in VERIFIED)


def after_correction(portions: Iterable[Portion]) -> NonconformityStatus:
    return _S.AWAITING_VERIFICATION if quantity_to_verify(portions) else _S.SETTLED


def after_verification(failed: int) -> NonconformityStatus:
    """Return the status once corrected goods were looked at again and so many of them failed."""
    return _S.VERIFICATION_FAILED if failed else _S.SETTLED


_REVIEWED, _CORRECTED, _TOLD = "reviewed", "corrected", "told"  # steps of `quality.nonconforming_goods`
_FROM_CUSTOMERS: Final = frozenset({NonconformitySource.COMPLAINT, NonconformitySource.RETURN})


def step_of(move: NonconformityMove, source: NonconformitySource) -> str:
    """Return which step of the edition a move takes.

    Who reviews also disposes and looks again. Where the goods came from a customer, the last step is that the customer
    is told; otherwise whoever reviewed closes.
    """
    if move is _M.CORRECT:
        return _CORRECTED
    return _TOLD if move is _M.CLOSE and source in _FROM_CUSTOMERS else _REVIEWED


def departments_of(name: str, steps: Sequence[Step], departments: Mapping[str, Titled]) -> list[str]:
    """Return the departments that may take a step: the one the edition names, or any where it names none."""
    named = [step.department for step in steps if step.name == name and step.department is not None]
    return named or sorted(departments)


def decide_step(
    name: str, department: str, steps: Sequence[Step], departments: Mapping[str, Titled]
) -> Decision | None:
    """Return why a department may take a step; None if it may not, or is no department of the edition."""
    if department not in departments_of(name, steps, departments):
        return None
    step = next((step for step in steps if step.name == name), None)
    title = departments[department].title
    what = step.title if step else Wording("不合格品审理", "Review of nonconforming goods")
    reason = Wording(f"{what.zh}，由{title.zh}负责", f"{what.en}: done by {title.en}")
    clause, basis = (step.clause, step.basis) if step else (SILENT, Basis.ASSUMED)
    rule = f"quality.nonconforming_goods.{name}"
    return Decision(DecisionKind.NONCONFORMITY, department, rule, clause, reason, basis)
