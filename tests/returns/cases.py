"""The worked cases of this folder: facts, and what has to follow from them.

`base` holds for every case of a file, `unknown` names facts that are null. What a case does not expect must not be
there: no remedy, nobody to pay the freight, no flag, no missing fact, no uncertainty. `rules` are those that must be
among the ones cited.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from app.schemas.return_facts import ReturnFactsIn
from app.services.policy_book import PolicyBook
from app.services.returns.facts import facts_of
from app.services.rules.returns.company import CompanyTerms, company_terms
from app.services.rules.returns.decision import ReturnDecision, decide_return
from app.services.rules.returns.facts import ReturnFacts
from app.services.rules.returns.statutes import StatuteBook

FOLDER = Path(__file__).parent / "cases"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
BOOK = PolicyBook.load()


@dataclass(frozen=True)
class Worked:
    """One case. `policy` is the company whose edition applies; `terms` amends that edition's terms."""

    name: str
    facts: ReturnFacts
    given: Mapping[str, Any]
    expect: Mapping[str, Any]
    policy: str

    def decide(self, statutes: StatuteBook | None = None) -> ReturnDecision:
        book = statutes or BOOK.statutes
        return decide_return(self.facts, book, terms_of(self.policy), BOOK.rest_days)


@cache
def terms_of(policy: str) -> CompanyTerms:
    return company_terms(BOOK.editions(policy)[0].edition, BOOK.statutes.rules)


@cache
def worked_cases() -> tuple[Worked, ...]:
    return tuple(case for file in sorted(FOLDER.glob("*.toml")) for case in _read(file))


def _read(file: Path) -> Iterator[Worked]:
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    for case in document["cases"]:
        given = document["base"] | case.get("facts", {}) | dict.fromkeys(case.get("unknown", ()))
        facts = facts_of(ReturnFactsIn.model_validate(given), now=NOW)
        policy = case.get("policy", document.get("policy", "statute"))
        yield Worked(f"{file.stem}: {case['name']}", facts, given, case["expect"], policy)


def shown(decision: ReturnDecision) -> dict[str, Any]:
    """A decision in the words of the case files, without what is as if nothing were said."""
    everything: dict[str, Any] = {
        "outcome": decision.outcome.value,
        "remedies": sorted(decision.remedies),
        "freight": decision.freight_payer,
        "fails_freight": decision.freight_if_inspection_fails,
        "deadline": decision.deadline and decision.deadline.isoformat(),
        "warranty_end": decision.warranty_end and decision.warranty_end.isoformat(),
        "refund_due_by": decision.refund_due_by and decision.refund_due_by.isoformat(),
        "refund": None if decision.refund_amount is None else str(decision.refund_amount),
        "in_kind": {way: str(value) for way, value in decision.refund_in_kind.items()},
        "depreciation_days": decision.depreciation_days,
        "missing": list(decision.missing_facts),
        "flags": sorted(decision.flags),
        "uncertain": decision.disclose_uncertainty,
        "unconfirmed": not decision.calendar_confirmed,
        "returnable": decision.returnable_quantity,
    }
    return {name: value for name, value in everything.items() if value}


# What a case may leave out, since most answers say it: it is compared where a case names it.
_OPTIONAL = frozenset({"deadline", "warranty_end", "refund_due_by", "returnable", "refund", "unconfirmed"})


def differences(case: Worked, decision: ReturnDecision) -> list[str]:
    """What is not as the case expects, in words."""
    expected = {name: sorted(value) if name in ("remedies", "flags") else value for name, value in case.expect.items()}
    rules = expected.pop("rules", [])
    given = shown(decision)
    compared = expected.keys() | (given.keys() - _OPTIONAL)
    found = [
        f"{name} is {given.get(name)!r}, not {expected.get(name)!r}"
        for name in sorted(compared)
        if (given.get(name) or None) != (expected.get(name) or None)
    ]
    cited = {rule.id for rule in decision.basis}
    return found + [f"{rule} is not cited" for rule in rules if rule not in cited]
