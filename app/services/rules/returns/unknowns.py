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
from app.services.rules.returns.facts import Moment, ReturnFacts, Undecided, assuming, facts_from
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
    RequestedRemedy,
)

Decide = Callable[[Case], Verdict]

_LONG_AGO = date(1970, 1, 1)
_MOST_RUNS = 500  # of the rules for one answer; all six core facts unknown take about 150
_DEFAULTS = ReturnFacts().__dict__
_SIGNED = ("CC-512", "ECL-51")  # which day is meant where the day of delivery is asked for
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


Tree = Verdict | Fork


def decide_with_unknowns(case: Case, decide: Decide) -> Verdict:
    """Return the verdict, or which facts to ask for and what is sure whatever they are.

    With very many facts unknown at once those are asked for that count most often: what is rare is supposed not to have
    happened, and looked into when they are known.
    """
    try:
        return _settled(_Search(decide).explore(case))
    except _TooMany:
        pass
    usual = _Search(decide)
    try:
        asked = _settled(usual.explore(case._replace(facts=_usual(case.facts)))).missing
    except _TooMany:
        asked = ()
    return Verdict(Outcome.NEEDS_FACTS, basis=("DATA-1",), missing=asked or _unknown(case.facts))


class _TooMany(Exception):
    """So many facts are unknown that looking at all of them would take too long."""


class _Search:
    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self._left = _MOST_RUNS

    def explore(self, case: Case) -> Tree:
        """Return the verdict, or the tree of them over the unknown facts that matter. Raises: _TooMany."""
        self._left -= 1
        if self._left < 0:
            raise _TooMany
        try:
            return self._decide(case)
        except Undecided as undecided:
            fact = undecided.fact
        branches = tuple(
            self.explore(case._replace(facts=assuming(case.facts, fact, value))) for value in _values(case, fact)
        )
        every = case.facts.requested_remedy is RequestedRemedy.ANY
        first = _told(branches[0], every=every)
        if all(_told(branch, every=every) == first for branch in branches[1:]):
            return _alike(branches)
        return Fork(fact, branches)


def _told(tree: Tree, *, every: bool) -> tuple[object, ...]:
    """What the customer is told. Who asks for one remedy is told of that; of the others what is sure will do."""
    if isinstance(tree, Fork):
        return tree.fact, *(_told(branch, every=every) for branch in tree.branches)
    return tree.answer if every else tree._replace(remedies=NOTHING).answer


def _usual(facts: ReturnFacts) -> ReturnFacts:
    """Return the facts with what is rare and unknown supposed as it mostly is; the core facts stay unknown."""
    usual = {fact: value for fact, value in _DEFAULTS.items() if value is not None and getattr(facts, fact) is None}
    return facts_from(facts.__dict__ | usual)


def _unknown(facts: ReturnFacts) -> tuple[str, ...]:
    return tuple(fact for fact, value in _DEFAULTS.items() if value is not None and getattr(facts, fact) is None)


def _settled(tree: Tree) -> Verdict:
    """Return the verdict of a tree: where it forks, the facts to ask for and what is sure whatever they are."""
    if isinstance(tree, Verdict):
        return tree
    leaves = tuple(_leaves(tree))
    sure = frozenset.intersection(*(leaf.remedies if _by_right(leaf) else NOTHING for leaf in leaves))
    payers = {leaf.freight for leaf in leaves}
    common = [rule for rule in leaves[0].basis if all(rule in leaf.basis for leaf in leaves[1:])]
    missing = tuple(dict.fromkeys((*_facts(tree), *(fact for leaf in leaves for fact in leaf.missing))))
    return Verdict(
        Outcome.NEEDS_FACTS,
        sure,
        payers.pop() if sure and len(payers) == 1 else None,
        ("DATA-1", *common, *(_SIGNED if "delivered_at" in missing else ())),
        deadline=_same([leaf.deadline for leaf in leaves]),
        missing=missing,
    )


def _by_right(verdict: Verdict) -> bool:
    """Whether the remedies are open here and now, and wait for no examination, consent or fact."""
    return verdict.outcome in (Outcome.ELIGIBLE, Outcome.NOT_ELIGIBLE)


def _alike(branches: tuple[Tree, ...]) -> Tree:
    """Put together branches of one answer: all their rules, the remedies and the dates on which they agree."""
    verdicts = [branch for branch in branches if isinstance(branch, Verdict)]
    if len(verdicts) < len(branches):
        forks = [branch for branch in branches if isinstance(branch, Fork)]
        return Fork(
            forks[0].fact, tuple(_alike(twigs) for twigs in zip(*(fork.branches for fork in forks), strict=True))
        )
    remedies = frozenset.intersection(*(verdict.remedies for verdict in verdicts))
    return verdicts[0]._replace(
        remedies=remedies,
        freight=verdicts[0].freight if remedies else None,
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
