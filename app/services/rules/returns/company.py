"""What a company's own edition adds to the law of returns, read once for each edition.

What an entry with basis `statute` says is the law's to say: it is left out here, so that the law as it stands counts.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from app.services.rules.classification import ComplaintClass, Kind
from app.services.rules.clause import Basis, Cited, Sourced, Value, Wording
from app.services.rules.materials import MaterialTerm
from app.services.rules.policy import Edition
from app.services.rules.policy_customers import ReturnCase, ReturnTerms, WarrantyTerms
from app.services.rules.returns.facts import ReturnFacts
from app.services.rules.returns.statutes import GoodsTerm, Rule
from app.services.rules.returns.words import Certainty, Payer, Remedy, RuleSource

# The facts that supply what a form or a list of materials asks for.
_FORM_FACTS = {"spec": "spec_model", "quantity": "quantity_requested", "purchase_date": "purchase_date"}
_MATERIAL_FACTS = {
    "photos": "product_photos",
    "description": "problem_description",
    "purchase_proof": "invoice_present",
}


@dataclass(frozen=True, slots=True)
class CaseTerms:
    """One case of the edition; `rule` is None where the edition only repeats the law."""

    remedies: frozenset[Remedy]
    days: int | None
    freight: Payer | None
    rule: str | None


@dataclass(frozen=True, slots=True)
class CompanyTerms:
    """`rules` are the company's own, by the ids that the other fields name."""

    no_reason: CaseTerms | None = None
    quality: CaseTerms | None = None
    consent: CaseTerms | None = None
    refund_days: int | None = None
    unconfirmed_freight: Payer | None = None
    law_rule: str | None = None
    inspection_rule: str | None = None
    form_rule: str | None = None
    form_facts: tuple[str, ...] = ()
    materials_rule: str | None = None
    material_facts: tuple[str, ...] = ()
    receipt_rule: str | None = None
    bring_for_defect: tuple[str, ...] = ()
    bring: tuple[str, ...] = ()
    goods: Mapping[str, GoodsTerm] = field(default_factory=lambda: MappingProxyType({}))
    rules: Mapping[str, Rule] = field(default_factory=lambda: MappingProxyType({}))


def company_terms(edition: Edition, rules: Mapping[str, Rule]) -> CompanyTerms:
    """Read the returns, materials and guarantee chapters. `rules` lends its words to entries without a title."""
    book = _RuleBook(edition.edition.document, rules)
    terms = edition.returns or ReturnTerms()
    inspection = next((step for step in terms.flow if step.name == "inspection"), None)
    claim = _material(edition.materials, lambda term: ComplaintClass.QUALITY in term.when.complaint_class)
    plain = _material(edition.materials, lambda term: Kind.RETURN_EXCHANGE in term.when.kind)
    enforced = claim if claim is not None and claim.basis is Basis.POLICY else None
    bring = plain.required if plain else ()
    return CompanyTerms(
        no_reason=_case(terms.no_reason, book, "CO-NO-REASON"),
        quality=_case(terms.quality, book, "CO-QUALITY"),
        consent=_case(terms.customer_cause, book, "CO-CONSENT"),
        refund_days=_own(terms.refund_days),
        unconfirmed_freight=_own(terms.unconfirmed_freight),
        law_rule=book.add(terms.other, "CO-LAW", terms.other.title) if terms.other else None,
        inspection_rule=book.add(inspection, "CO-INSPECTION"),
        form_rule=book.add(terms.form, "CO-FORM"),
        form_facts=_facts(terms.form.items if terms.form else (), _FORM_FACTS),
        materials_rule=book.add(enforced, "CO-MATERIALS"),
        material_facts=_facts(enforced.required if enforced else (), _MATERIAL_FACTS),
        receipt_rule=book.add(terms.receipt_checks, "CO-RECEIPT"),
        bring_for_defect=claim.required if claim else bring,
        bring=bring,
        goods=_guarantees(edition.warranty or WarrantyTerms(), book),
        rules=MappingProxyType(book.added),
    )


class _RuleBook:
    """The company's rules as they are found: each entry under the id it gives itself, or under a plain one."""

    def __init__(self, document: str, law: Mapping[str, Rule]) -> None:
        self._document, self._law = document, law
        self.added: dict[str, Rule] = {}

    def add(self, entry: Sourced | None, plain: str, title: Wording | None = None) -> str | None:
        if entry is None or entry.basis is Basis.STATUTE:
            return None
        name = entry.rule or plain
        self.added[name] = Rule(
            id=name,
            law=self._document,
            article=entry.clause,
            source=RuleSource.COMPANY,
            certainty=Certainty.TEXT_SEEN,
            reason=title or self._law[plain].reason,
        )
        return name


def _case(case: ReturnCase | None, book: _RuleBook, plain: str) -> CaseTerms | None:
    if case is None:
        return None
    return CaseTerms(
        frozenset(case.remedies),
        _own(case.within_days),
        _own(case.freight),
        book.add(case, plain, case.title),
    )


def _own(cited: Cited[Value] | None) -> Value | None:
    return None if cited is None or cited.basis is Basis.STATUTE else cited.value


def _guarantees(terms: WarrantyTerms, book: _RuleBook) -> Mapping[str, GoodsTerm]:
    found: dict[str, GoodsTerm] = {}
    for place, entry in enumerate(terms.goods, start=1):
        rule = book.add(entry, f"CO-GUARANTEE-{place}", entry.title) or "CO-PROMISE"
        term = GoodsTerm(
            categories=entry.categories, title=entry.title, rule=rule, certainty=Certainty.TEXT_SEEN,
            months=entry.months, parts=entry.parts,
        )  # fmt: skip
        found |= dict.fromkeys(entry.categories, term)
    return MappingProxyType(found)


def _material(terms: Iterable[MaterialTerm], holds: Callable[[MaterialTerm], bool]) -> MaterialTerm | None:
    return next((term for term in terms if holds(term)), None)


def _facts(names: Iterable[str], facts: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(facts[name] for name in names if name in facts)


PROOFS = ("invoice_present", "voucher_present", "order_record_present")


def has_proof(facts: ReturnFacts) -> bool:
    """Say whether anything proves the purchase."""
    return any(getattr(facts, proof) for proof in PROOFS)


def missing(facts: ReturnFacts, names: Iterable[str]) -> tuple[str, ...]:
    """Return which of the facts that a form or a list of materials asks for are not stated.

    A proof that the customer says not to have is not asked for again.
    """
    return tuple(name for name in names if _is_missing(facts, name))


def _is_missing(facts: ReturnFacts, name: str) -> bool:
    if name in PROOFS:
        return not has_proof(facts) and any(getattr(facts, proof) is None for proof in PROOFS)
    return getattr(facts, name) is None
