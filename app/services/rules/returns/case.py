"""The case before the rules, and the verdict they reach."""

from datetime import date
from enum import StrEnum
from typing import NamedTuple

from app.services.rules.returns.company import CompanyTerms
from app.services.rules.returns.deadlines import Deadline, RestDays
from app.services.rules.returns.facts import Moment, ReturnFacts
from app.services.rules.returns.statutes import Figures, Statutes
from app.services.rules.returns.words import FREE, Flag, Outcome, Payer, Remedy, RequestedRemedy

RETURNED = frozenset({Remedy.RETURN, Remedy.RETURN_WITH_DEPRECIATION})
NOTHING: frozenset[Remedy] = frozenset()
_WANTED = {
    RequestedRemedy.ANY: FREE | RETURNED,
    RequestedRemedy.RETURN: RETURNED,
    RequestedRemedy.EXCHANGE: frozenset({Remedy.EXCHANGE}),
    RequestedRemedy.REPAIR: frozenset({Remedy.REPAIR}),
}


class Case(NamedTuple):
    """Everything a rule may look at: the facts, the law on the day of the notice, the company's terms, days off."""

    facts: ReturnFacts
    law: Statutes
    terms: CompanyTerms
    rest: RestDays
    notice: Moment

    @property
    def day(self) -> date:
        return self.notice.day

    @property
    def figures(self) -> Figures:
        return self.law.figures

    def in_days(self, start: date, days: int) -> Deadline:
        return self.rest.in_days(start, days)

    def satisfied_by(self, remedies: frozenset[Remedy]) -> bool:
        """Say whether the remedy asked for is among these; asked for any, a free one."""
        return not _WANTED[self.facts.requested_remedy].isdisjoint(remedies)


class Ground(StrEnum):
    """On what the remedies rest: the refund is reckoned by it."""

    NONE = "none"
    NO_REASON = "no_reason"
    DEFECT = "defect"
    CONSENT = "consent"


class Verdict(NamedTuple):
    """What follows from facts that are all known, as far as the rules looked at them.

    `freight` is None where nothing is sent. `basis` names the rules, the weightiest first. `uncertain` says that the
    law is open on a point the verdict rests on.
    """

    outcome: Outcome
    remedies: frozenset[Remedy] = NOTHING
    freight: Payer | None = None
    basis: tuple[str, ...] = ()
    ground: Ground = Ground.NONE
    freight_if_inspection_fails: Payer | None = None
    deadline: Deadline | None = None
    warranty: Deadline | None = None
    uncertain: bool = False
    flags: tuple[Flag, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def answer(self) -> tuple[object, ...]:
        """What the customer is told: two verdicts that agree in this are the same answer."""
        return self.outcome, self.remedies, self.freight, self.freight_if_inspection_fails, self.missing


def refused(*basis: str, deadline: Deadline | None = None, uncertain: bool = False) -> Verdict:
    return Verdict(Outcome.NOT_ELIGIBLE, basis=basis, deadline=deadline, uncertain=uncertain)
