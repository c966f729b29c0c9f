"""Which remedies can be carried out, and what is left when a claim is closed."""

from app.services.rules.returns.case import NOTHING, Case, Ground, Verdict
from app.services.rules.returns.deadlines import Deadline
from app.services.rules.returns.facts import known
from app.services.rules.returns.words import Outcome, Payer, Reason, Remedy

# There is nothing to mend about goods that are the wrong ones.
_NOTHING_TO_REPAIR = frozenset({Reason.WRONG_ITEM, Reason.NOT_AS_DESCRIBED})


def feasible(case: Case, remedies: frozenset[Remedy]) -> frozenset[Remedy]:
    """Return those of the remedies that these goods admit."""
    facts = case.facts
    if Remedy.REPAIR in remedies and (facts.reason in _NOTHING_TO_REPAIR or not known(facts.repairable, "repairable")):
        remedies -= {Remedy.REPAIR}
    if Remedy.EXCHANGE in remedies and not known(facts.same_model_available, "same_model_available"):
        remedies -= {Remedy.EXCHANGE}
    return remedies


def claim(
    case: Case,
    remedies: frozenset[Remedy],
    basis: tuple[str, ...],
    *,
    deadline: Deadline | None = None,
    warranty: Deadline | None = None,
    uncertain: bool = False,
) -> Verdict:
    """A confirmed defect for which these remedies are open; the one asked for may not be among them."""
    return Verdict(
        Outcome.ELIGIBLE if case.satisfied_by(remedies) else Outcome.NOT_ELIGIBLE,
        remedies,
        case.figures.defect_freight if remedies else None,
        basis,
        Ground.DEFECT,
        deadline=deadline,
        warranty=warranty,
        uncertain=uncertain,
    )


def closed(
    case: Case, *basis: str, deadline: Deadline | None = None, warranty: Deadline | None = None, uncertain: bool = False
) -> Verdict:
    """No claim, or none any more: what can be repaired is repaired at the customer's cost."""
    mendable = case.facts.reason not in _NOTHING_TO_REPAIR and known(case.facts.repairable, "repairable")
    return Verdict(
        Outcome.NOT_ELIGIBLE,
        frozenset({Remedy.PAID_REPAIR}) if mendable else NOTHING,
        Payer.CUSTOMER if mendable else None,
        basis,
        deadline=deadline,
        warranty=warranty,
        uncertain=uncertain,
    )
