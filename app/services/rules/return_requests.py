"""退换货单: which move is allowed from which status and whose it is; what may be approved, refused and refunded.

The way leads from the form over review and inspection to a decision, and from there over the goods' way back, the check
on receipt and a second inspection to where the goods go and what the customer gets for them (001 六.2–3).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.services.rules.clause import Wording
from app.services.rules.returns.company import CompanyTerms
from app.services.rules.returns.statutes import Statutes
from app.services.rules.returns.words import (
    DEFECT_REASONS,
    Outcome,
    QualityDefect,
    Reason,
    Reinspection,
    Remedy,
    RequestedRemedy,
)

_FEN: Final = Decimal("0.01")


class ReturnStatus(StrEnum):
    SUBMITTED = "submitted"  # 已提交
    REVIEWED = "reviewed"  # 已审核
    INSPECTED = "inspected"  # 已检验
    APPROVED = "approved"  # 已批准
    AWAITING_GOODS = "awaiting_goods"  # 待退回
    RECEIVED = "received"  # 已收货
    REINSPECTED = "reinspected"  # 已复检
    DISPOSED = "disposed"  # 已入库、报废或退还客户
    SETTLED = "settled"  # 已退款或换货
    COMPLETED = "completed"  # 已办结
    REFUSED = "refused"  # 已拒绝
    CANCELLED = "cancelled"  # 已取消


class ReturnMove(StrEnum):
    REVIEW = "review"
    INSPECT = "inspect"
    REDECIDE = "redecide"
    APPROVE = "approve"
    REFUSE = "refuse"
    SCHEDULE_PICKUP = "schedule-pickup"
    SHIP_BACK = "ship-back"
    RECEIVE = "receive"
    REINSPECT = "reinspect"
    RESTOCK = "restock"
    SCRAP = "scrap"
    RETURN_TO_CUSTOMER = "return-to-customer"
    REFUND = "refund"
    SHIP_REPLACEMENT = "ship-replacement"
    COMPLETE = "complete"
    CANCEL = "cancel"


class InspectionResult(StrEnum):
    """`passed`: the goods are as the request says, so a claimed defect is confirmed; `failed`: they are not."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class LineRemedy(StrEnum):
    """What a line is approved for. Repairs are a matter of tickets."""

    RETURN = "return"
    EXCHANGE = "exchange"


class DeadlineKind(StrEnum):
    ANSWER = "answer"  # 答复
    REFUND = "refund"  # 退款


DEADLINE_TITLES: Final = {
    DeadlineKind.ANSWER: Wording("答复客户", "the answer to the customer"),
    DeadlineKind.REFUND: Wording("退款", "the refund"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """`leads` maps the statuses a move may be made from to where it leads; `step` names it in an edition's `flow`,
    which says whose it is; `needs` are the fields it cannot do without, beside who does it."""

    leads: Mapping[ReturnStatus, ReturnStatus]
    step: str | None
    needs: tuple[str, ...] = ()


_S, _M = ReturnStatus, ReturnMove
OVER: Final = frozenset({_S.COMPLETED, _S.REFUSED, _S.CANCELLED})
UNDECIDED: Final = frozenset({_S.SUBMITTED, _S.REVIEWED, _S.INSPECTED})
# While other goods are still on hand these lead nowhere yet: see `after_disposal`.
_DISPOSAL: Final = {_S.REINSPECTED: _S.DISPOSED}
_SETTLEMENT: Final = dict.fromkeys((_S.DISPOSED, _S.SETTLED), _S.SETTLED)
_ARRANGED: Final = dict.fromkeys((_S.APPROVED, _S.AWAITING_GOODS), _S.AWAITING_GOODS)

LIFE_CYCLE: Final[Mapping[ReturnMove, Step]] = MappingProxyType(
    {
        _M.REVIEW: Step({_S.SUBMITTED: _S.REVIEWED}, "review"),
        _M.INSPECT: Step(
            {_S.REVIEWED: _S.INSPECTED, _S.INSPECTED: _S.INSPECTED}, "inspection", ("result", "finding")
        ),
        _M.REDECIDE: Step(
            {status: status for status in _S if status not in OVER and status is not _S.SETTLED},
            "verification",
            ("line", "facts", "reason"),
        ),
        _M.APPROVE: Step(dict.fromkeys((_S.REVIEWED, _S.INSPECTED), _S.APPROVED), "decision"),
        _M.REFUSE: Step(dict.fromkeys((_S.REVIEWED, _S.INSPECTED), _S.REFUSED), "decision", ("reason",)),
        _M.SCHEDULE_PICKUP: Step(_ARRANGED, "arrangement", ("agreed_from", "agreed_until")),
        _M.SHIP_BACK: Step(_ARRANGED, "arrangement", ("agreed_until",)),
        _M.RECEIVE: Step(dict.fromkeys((_S.AWAITING_GOODS, _S.RECEIVED), _S.RECEIVED), "receipt", ("lines",)),
        _M.REINSPECT: Step({_S.RECEIVED: _S.REINSPECTED}, "second_inspection", ("result", "finding")),
        _M.RESTOCK: Step(_DISPOSAL, "stock"),
        _M.SCRAP: Step(_DISPOSAL, "stock", ("reason",)),
        _M.RETURN_TO_CUSTOMER: Step(_DISPOSAL, "stock", ("reason",)),
        _M.REFUND: Step(_SETTLEMENT, "settlement", ("lines",)),
        _M.SHIP_REPLACEMENT: Step(_SETTLEMENT, "settlement"),
        _M.COMPLETE: Step(dict.fromkeys((_S.DISPOSED, _S.SETTLED), _S.COMPLETED), "follow_up"),
        _M.CANCEL: Step(
            dict.fromkeys((*sorted(UNDECIDED), _S.APPROVED, _S.AWAITING_GOODS), _S.CANCELLED), None, ("reason",)
        ),
    }
)  # fmt: skip


def allowed_moves(status: ReturnStatus) -> tuple[ReturnMove, ...]:
    return tuple(move for move in ReturnMove if status in LIFE_CYCLE[move].leads)


def after_disposal(left: int) -> ReturnStatus:
    """Return the status once some goods went their way and `left` units did not."""
    return _S.REINSPECTED if left else _S.DISPOSED


class Approval(StrEnum):
    """What stands between a decision and its approval."""

    AS_DECIDED = "as_decided"
    CONSENT = "consent"  # the company consents, and says why
    GOODWILL = "goodwill"  # nobody has to: only as goodwill, and with a reason


_GIVES: Final = MappingProxyType(
    {
        LineRemedy.RETURN: frozenset({Remedy.RETURN, Remedy.RETURN_WITH_DEPRECIATION}),
        LineRemedy.EXCHANGE: frozenset({Remedy.EXCHANGE}),
    }
)


def approval_of(outcome: Outcome, remedies: Iterable[Remedy], granted: LineRemedy) -> Approval:
    """Return what it is to grant a remedy where the decision had this outcome and gave these remedies."""
    if _GIVES[granted].isdisjoint(remedies):
        return Approval.GOODWILL
    if outcome is Outcome.ELIGIBLE:
        return Approval.AS_DECIDED
    return Approval.CONSENT if outcome is Outcome.NEGOTIABLE else Approval.GOODWILL


def remedy_to_grant(asked: RequestedRemedy, remedies: Iterable[Remedy]) -> LineRemedy:
    """Return what was asked for, or else what is due: the price back where that is among it."""
    if asked in (RequestedRemedy.RETURN, RequestedRemedy.EXCHANGE):
        return LineRemedy(asked)
    due = frozenset(remedies)
    exchanged = Remedy.EXCHANGE in due and _GIVES[LineRemedy.RETURN].isdisjoint(due)
    return LineRemedy.EXCHANGE if exchanged else LineRemedy.RETURN


class RefusalBar(StrEnum):
    """Why a request cannot be refused now."""

    RIGHT_STANDS = "right_stands"
    INSPECTION_DUE = "inspection_due"


def bar_to_refusal(outcomes: Iterable[Outcome], *, inspected: bool) -> RefusalBar | None:
    """Return what keeps lines with these outcomes from being refused; None if nothing does.

    What the customer may demand is not refused, and what an inspection decides not before it (消费者权益保护法 24, 25).
    """
    found = set(outcomes)
    if Outcome.ELIGIBLE in found:
        return RefusalBar.RIGHT_STANDS
    if Outcome.NEEDS_INSPECTION in found and not inspected:
        return RefusalBar.INSPECTION_DUE
    return None


_DEFECTS: Final = MappingProxyType(
    {
        InspectionResult.PASSED: QualityDefect.CONFIRMED_BY_QC,
        InspectionResult.FAILED: QualityDefect.REJECTED_BY_QC,
        InspectionResult.INCONCLUSIVE: QualityDefect.INCONCLUSIVE,
    }
)
_REINSPECTIONS: Final = MappingProxyType(
    {
        InspectionResult.PASSED: Reinspection.PASSED,
        InspectionResult.FAILED: Reinspection.FAILED,
        InspectionResult.INCONCLUSIVE: Reinspection.NONE,
    }
)


def found_by_inspection(reason: Reason | None, result: InspectionResult) -> dict[str, object]:
    """Return what an inspection's result is as a fact: for a claimed defect whether there is one."""
    return {"quality_defect": _DEFECTS[result]} if reason in DEFECT_REASONS else {}


def found_by_reinspection(result: InspectionResult) -> dict[str, object]:
    return {"reinspection": _REINSPECTIONS[result]}


@dataclass(frozen=True, slots=True)
class Units:
    """A line's units: asked for, approved, back with us, and of those sent to the customer again."""

    requested: int
    approved: int = 0
    received: int = 0
    sent_again: int = 0

    @property
    def kept(self) -> int:
        """The approved units that came back and stayed: for these something is due."""
        return max(min(self.approved, self.received - self.sent_again), 0)


def refund_limit(decided: Decimal | None, paid: Decimal | None, units: Units) -> Decimal | None:
    """Return what may be refunded for the units kept, in CNY; None if no amount is known.

    `decided` is the amount of the decision for all units asked for. Where it names none, as with goodwill, what was
    `paid` for them bounds the refund.
    """
    amount = paid if decided is None else decided
    if amount is None:
        return None
    return (amount * units.kept / units.requested).quantize(_FEN, ROUND_HALF_UP)


def answer_days(reasons: Iterable[Reason | None], law: Statutes) -> tuple[int, str]:
    """Return within how many days of the request it is to be answered, and the rule; of several lines the shortest."""
    figures = law.figures
    terms = [
        (figures.defect_delay_days, "PEN-08") if reason in DEFECT_REASONS else (figures.no_reason_delay_days, "PEN-09")
        for reason in reasons
    ]
    return min(terms)


def refund_days(law: Statutes, terms: CompanyTerms) -> int:
    """Return within how many days of receipt the price is paid back, by the shorter of law and edition.

    The law fixes the days for returns without a reason; other returns are held to the same (消费者权益保护法 25).
    """
    legal = law.figures.refund_days
    return legal if terms.refund_days is None else min(legal, terms.refund_days)
