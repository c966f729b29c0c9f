"""所需材料: what the customer has to bring, by kind of matter. The ticket is taken whatever is missing."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.services.rules.clause import Decision, DecisionKind, Sourced, Wording
from app.services.rules.facts import Condition, TicketFacts

MaterialName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class MaterialTerm(Sourced):
    """The first entry whose condition holds says what is required."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    when: Condition
    required: tuple[MaterialName, ...]


@dataclass(frozen=True, slots=True)
class MaterialsDecision:
    required: tuple[str, ...]
    missing: tuple[str, ...]
    decisions: tuple[Decision, ...]


# What the description of the ticket itself supplies.
DESCRIBED = frozenset({"description", "fault_description"})


def decide_materials(
    facts: TicketFacts, given: frozenset[str], terms: tuple[MaterialTerm, ...], titles: dict[str, Wording]
) -> MaterialsDecision:
    """Return what is required and what of it is missing, in the edition's order."""
    term = next((term for term in terms if term.when.holds(facts)), None)
    if term is None:
        return MaterialsDecision((), (), ())
    missing = tuple(name for name in term.required if name not in given | DESCRIBED)
    listed = [titles[name] for name in missing]
    reason = (
        Wording(
            f"仍需提供：{'、'.join(title.zh for title in listed)}",
            f"Still needed: {', '.join(title.en for title in listed)}",
        )
        if missing
        else Wording("所需材料已齐全", "Everything required is there")
    )
    outcome = ",".join(missing) or "complete"
    decision = Decision(DecisionKind.MATERIALS, outcome, f"materials.{term.name}", term.clause, reason, term.basis)
    return MaterialsDecision(term.required, missing, (decision,))
