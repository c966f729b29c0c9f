"""退换货资格: may the goods come back, how, at whose cost, until when, for how much, and by which rules?"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from app.services.rules.returns.case import Case, Ground, Verdict
from app.services.rules.returns.company import CompanyTerms
from app.services.rules.returns.deadlines import Deadline, RestDays
from app.services.rules.returns.delays import Delays, delays_of
from app.services.rules.returns.facts import ReturnFacts, Undecided
from app.services.rules.returns.refund import Refund, refund_of
from app.services.rules.returns.statutes import Rule, StatuteBook
from app.services.rules.returns.unknowns import decide_with_unknowns
from app.services.rules.returns.verdicts import decide_case, returnable
from app.services.rules.returns.warranty import listed_term, part_term, unit_term
from app.services.rules.returns.words import DEFECT_REASONS, BuyerType, Flag, Outcome, Payer, Remedy


class ReturnDecision(NamedTuple):
    """The answer. Dates are days in Asia/Shanghai that end at 24:00, money is CNY.

    `calendar_confirmed` is False if a date shown lies in a year whose days off are not published yet.
    """

    outcome: Outcome
    remedies: tuple[Remedy, ...]
    freight_payer: Payer | None
    freight_if_inspection_fails: Payer | None
    deadline: date | None
    warranty_end: date | None
    refund_due_by: date | None
    refund_amount: Decimal | None
    refund_in_kind: Mapping[str, Decimal]
    depreciation_days: int | None
    returnable_quantity: int | None
    missing_facts: tuple[str, ...]
    bring: tuple[str, ...]
    flags: tuple[Flag, ...]
    disclose_uncertainty: bool
    calendar_confirmed: bool
    basis: tuple[Rule, ...]


def decide_return(facts: ReturnFacts, book: StatuteBook, terms: CompanyTerms, rest: RestDays) -> ReturnDecision:
    """Decide under the law on the day of the notice; `facts` have a `requested_at`.

    An unknown fact is asked for if the answer turns on it, and never guessed.
    """
    notice = facts.notice
    case = Case(facts, book.on(notice.day), terms, rest, notice)
    verdict = decide_with_unknowns(case, decide_case)
    delays = delays_of(case, verdict)
    refund = refund_of(case, verdict) if verdict.outcome is Outcome.ELIGIBLE else Refund()
    warranty = verdict.warranty or _warranty(case, verdict)
    dates = [deadline for deadline in (verdict.deadline, warranty) if deadline is not None]
    mismatch = _receipt_mismatch(case)
    return ReturnDecision(
        verdict.outcome,
        _in_order(verdict.remedies),
        verdict.freight,
        verdict.freight_if_inspection_fails,
        verdict.deadline.last if verdict.deadline else None,
        warranty.last if warranty else None,
        delays.refund_due_by,
        refund.amount,
        refund.in_kind,
        refund.depreciation_days,
        _returnable(case),
        verdict.missing,
        _bring(case, verdict),
        (*verdict.flags, *delays.flags, *((Flag.RECEIPT_MISMATCH,) if mismatch else ())),
        verdict.uncertain or delays.uncertain,
        all(deadline.confirmed for deadline in dates),
        _rules(case, verdict, refund, delays, mismatch),
    )


@lru_cache
def _in_order(remedies: frozenset[Remedy]) -> tuple[Remedy, ...]:
    return tuple(remedy for remedy in Remedy if remedy in remedies)


def _warranty(case: Case, verdict: Verdict) -> Deadline | None:
    """Return the end of the guarantee where the verdict did not turn on it, if the facts tell."""
    if verdict.ground is not Ground.DEFECT or case.facts.buyer_type is not BuyerType.CONSUMER:
        return None
    listed = case.facts.three_guarantee_listed
    if listed is None:
        return None
    try:
        term = part_term(case, listed=listed) or (listed_term(case) if listed else unit_term(case, listed=False))
    except Undecided:
        return None
    return term.end if term else None


def _returnable(case: Case) -> int | None:
    try:
        return returnable(case)
    except Undecided:
        return None


def _bring(case: Case, verdict: Verdict) -> tuple[str, ...]:
    if verdict.outcome is Outcome.NOT_ELIGIBLE:
        return ()
    return case.terms.bring_for_defect if case.facts.reason in DEFECT_REASONS else case.terms.bring


def _receipt_mismatch(case: Case) -> bool:
    """Say whether other units came back than the form says."""
    received, requested = case.facts.quantity_received, case.facts.quantity_requested
    return received is not None and requested is not None and received != requested


def _rules(case: Case, verdict: Verdict, refund: Refund, delays: Delays, mismatch: bool) -> tuple[Rule, ...]:
    """Return the rules that decided, each once and only if it is in force."""
    receipt = (case.terms.receipt_rule or "7D-25",) if mismatch else ()
    names = dict.fromkeys((*verdict.basis, *refund.basis, *delays.basis, *receipt))
    own, law = case.terms.rules, case.law.rules
    return tuple(rule for name in names if (rule := own.get(name) or law.get(name)) is not None)
