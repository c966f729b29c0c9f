"""Facts that are unknown: looked at from all sides, and asked for only where the answer turns on them.

The rules are run; where they come upon an unknown fact, they are run again with each value that could make a
difference. What comes of it is a tree of verdicts. A fact of which every value leads to the same answer drops out of
it; those that are left are the ones to ask for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from app.services.rules.returns.case import NOTHING, Case, Verdict
from app.services.rules.returns.deadlines import Deadline
from app.services.rules.returns.facts import Moment, ReturnFacts, Undecided, assuming
from app.services.rules.returns.words import (
    Approval,
    BuyerType,
    ConfirmationMethod,
    GoodsClass,
    ItemCondition,
    NonreturnableGround,
    Outcome,
    PurchaseChannel,
    Reason,
    RepairDelayCause,
)

Decide = Callable[[Case], Verdict]

_LONG_AGO = date(1970, 1, 1)
_MANY = 1_000_000  # days, repairs or units: more than any rule asks for
_LONGEST_TERM = 600  # months
# Of values that every rule treats alike, one stands for all.
_VALUES: Mapping[str, tuple[object, ...]] = {
    "buyer_type": tuple(BuyerType),
    "purchase_channel": (PurchaseChannel.ONLINE, PurchaseChannel.STORE, PurchaseChannel.DOOR_TO_DOOR),
    "reason": (
        Reason.NO_REASON,
        Reason.QUALITY,
        Reason.NOT_AS_DESCRIBED,
        Reason.CUSTOMER_MIS_SELECTION,
        Reason.MISUSE,
    ),
    "condition": (
        ItemCondition.UNUSED,
        ItemCondition.USED_LIGHTLY,
        ItemCondition.USED,
        ItemCondition.DAMAGED_BY_CUSTOMER,
    ),
    "nonreturnable_ground": (
        NonreturnableGround.NONE,
        NonreturnableGround.ACTIVATION_DEPRECIATES,
        NonreturnableGround.OTHER,
    ),
    "confirmation_method": (ConfirmationMethod.PER_PURCHASE_EXPLICIT, ConfirmationMethod.NONE),
    "company_approval": (Approval.NOT_REQUESTED, Approval.REJECTED),
    "repair_delay_cause": tuple(RepairDelayCause),
    "warranty_months": (0, _LONGEST_TERM),
    "repair_count": (0, _MANY),
    "repair_days_total": (0, 3660),
    "current_repair_days": (0, _MANY),
    "quantity_purchased": (1, _MANY),
    "quantity_returned_before": (0, _MANY),
}


@dataclass(frozen=True, slots=True)
class Fork:
    """What follows from each value of an unknown fact."""

    fact: str
    branches: tuple["Verdict | Fork", ...]

    @property
    def answer(self) -> tuple[object, ...]:
        return self.fact, *(branch.answer for branch in self.branches)


Tree = Verdict | Fork


def explore(case: Case, decide: Decide) -> Tree:
    """Return the verdict, or the tree of them over the unknown facts that matter."""
    try:
        return decide(case)
    except Undecided as undecided:
        fact = undecided.fact
    branches = tuple(
        explore(case._replace(facts=assuming(case.facts, fact, value)), decide) for value in _values(case, fact)
    )
    first = branches[0]
    if all(branch.answer == first.answer for branch in branches[1:]):
        return _alike(branches)
    return Fork(fact, branches)


def settled(tree: Tree) -> Verdict:
    """Return the verdict of a tree: where it forks, the facts to ask for and what is sure whatever they are."""
    if isinstance(tree, Verdict):
        return tree
    leaves = tuple(_leaves(tree))
    sure = frozenset.intersection(*(leaf.remedies if _by_right(leaf) else NOTHING for leaf in leaves))
    payers = {leaf.freight for leaf in leaves}
    common = [rule for rule in leaves[0].basis if all(rule in leaf.basis for leaf in leaves[1:])]
    return Verdict(
        Outcome.NEEDS_FACTS,
        sure,
        payers.pop() if sure and len(payers) == 1 else None,
        ("DATA-1", *common),
        deadline=_same([leaf.deadline for leaf in leaves]),
        missing=tuple(dict.fromkeys((*_facts(tree), *(fact for leaf in leaves for fact in leaf.missing)))),
    )


def _by_right(verdict: Verdict) -> bool:
    """Whether the remedies are open here and now, and wait for no examination, consent or fact."""
    return verdict.outcome in (Outcome.ELIGIBLE, Outcome.NOT_ELIGIBLE)


def _alike(branches: tuple[Tree, ...]) -> Tree:
    """Put together branches of one answer: all their rules, and the dates on which they agree."""
    verdicts = [branch for branch in branches if isinstance(branch, Verdict)]
    if len(verdicts) < len(branches):
        forks = [branch for branch in branches if isinstance(branch, Fork)]
        return Fork(
            forks[0].fact, tuple(_alike(twigs) for twigs in zip(*(fork.branches for fork in forks), strict=True))
        )
    return verdicts[0]._replace(
        basis=tuple(dict.fromkeys(rule for verdict in verdicts for rule in verdict.basis)),
        deadline=_same([verdict.deadline for verdict in verdicts]),
        warranty=_same([verdict.warranty for verdict in verdicts]),
        uncertain=any(verdict.uncertain for verdict in verdicts),
    )


def _same(deadlines: list[Deadline | None]) -> Deadline | None:
    return deadlines[0] if all(deadline == deadlines[0] for deadline in deadlines) else None


def _leaves(tree: Tree) -> Iterator[Verdict]:
    if isinstance(tree, Verdict):
        yield tree
        return
    for branch in tree.branches:
        yield from _leaves(branch)


def _facts(tree: Tree) -> Iterator[str]:
    if isinstance(tree, Fork):
        yield tree.fact
        for branch in tree.branches:
            yield from _facts(branch)


def _values(case: Case, fact: str) -> tuple[object, ...]:
    """Return the values of a fact between which any rule tells apart."""
    if fact == "delivered_at":
        return _deliveries(case.facts, case.day)
    if fact == "region":
        return "CN", *case.figures.local.rules
    if fact == "product_category":
        classes = {goods: category for category, goods in case.figures.goods_classes.items()}
        return *classes.values(), GoodsClass.OTHER
    return _VALUES.get(fact, (False, True))


def _deliveries(facts: ReturnFacts, notice: date) -> tuple[object, ...]:
    """The earliest and the latest day: a later delivery never leaves the customer with less, so no other matters."""
    bounds = [facts.purchase_date, facts.shipped_at.day if facts.shipped_at else None]
    earliest = max((day for day in bounds if day is not None), default=_LONG_AGO)
    days = (earliest, notice) if earliest < notice else (earliest,)
    return tuple(Moment(day) for day in days)
