"""What holds of every answer, whatever the facts."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from app.services.rules.returns.decision import ReturnDecision, decide_return
from app.services.rules.returns.facts import MerchantPromise, Moment, ReturnFacts, assuming
from app.services.rules.returns.words import FREE, Outcome, Payer, Remedy, RequestedRemedy
from tests.returns.cases import BOOK, terms_of
from tests.returns.strategies import VALUES, known_facts

POLICIES = st.sampled_from(("statute", "chemicals", "general"))
RANK = {Outcome.NOT_ELIGIBLE: 0, Outcome.NEGOTIABLE: 1, Outcome.NEEDS_INSPECTION: 1, Outcome.ELIGIBLE: 2}
UNKNOWNS = st.lists(st.sampled_from([*VALUES, "delivered_at"]), min_size=1, max_size=6, unique=True)
NOT_STATED = {
    "quantity_requested", "spec_model", "purchase_date", "problem_description", "product_photos", "warranty_months",
}  # fmt: skip
often = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def decide(facts: ReturnFacts, policy: str = "statute") -> ReturnDecision:
    return decide_return(facts, BOOK.statutes, terms_of(policy), BOOK.rest_days)


def without(facts: ReturnFacts, names: list[str]) -> ReturnFacts:
    for name in names:
        facts = assuming(facts, name, None)
    return facts


@often
@given(facts=known_facts(), policy=POLICIES)
def test_an_answer_is_whole(facts: ReturnFacts, policy: str) -> None:
    decision = decide(facts, policy)
    assert decision.basis
    assert decision.outcome is not Outcome.NEEDS_FACTS or decision.missing_facts
    assert (decision.freight_payer is None) == (not decision.remedies)
    assert decision.outcome is not Outcome.ELIGIBLE or not (FREE | {Remedy.RETURN_WITH_DEPRECIATION}).isdisjoint(
        decision.remedies
    )
    assert (Remedy.PAID_REPAIR in decision.remedies) <= (decision.freight_payer is Payer.CUSTOMER)


@often
@given(facts=known_facts(), policy=POLICIES, later=st.integers(1, 40))
def test_waiting_never_opens_what_was_closed(facts: ReturnFacts, policy: str, later: int) -> None:
    asked = facts.notice.day + timedelta(days=later)
    before, after = decide(facts, policy), decide(assuming(facts, "requested_at", Moment(asked)), policy)
    assert not (before.outcome is Outcome.NOT_ELIGIBLE and after.outcome is Outcome.ELIGIBLE)


@st.composite
def better_promises(draw: st.DrawFn, promise: MerchantPromise) -> MerchantPromise:
    """A promise that gives at least as much in every respect."""
    more = draw(st.integers(0, 60))
    return MerchantPromise(
        no_reason_days=(promise.no_reason_days or 0) + more or None,
        freight=Payer.MERCHANT if draw(st.booleans()) else promise.freight,
        covers_excluded=promise.covers_excluded or draw(st.booleans()),
        gift=promise.gift or draw(st.booleans()),
    )


@often
@given(facts=known_facts(), policy=POLICIES, data=st.data())
def test_a_better_promise_leaves_nobody_worse_off(facts: ReturnFacts, policy: str, data: st.DataObject) -> None:
    better = data.draw(better_promises(facts.merchant_promise or MerchantPromise()))
    before, after = decide(facts, policy), decide(assuming(facts, "merchant_promise", better), policy)
    assume(Outcome.NEEDS_FACTS not in (before.outcome, after.outcome))
    assert RANK[after.outcome] >= RANK[before.outcome]
    if before.outcome is Outcome.ELIGIBLE:
        assert set(before.remedies) <= set(after.remedies)
        assert before.freight_payer is not Payer.MERCHANT or after.freight_payer is Payer.MERCHANT
    if before.deadline and after.deadline and before.outcome is after.outcome:
        assert after.deadline >= before.deadline


@often
@given(facts=known_facts(), policy=POLICIES, names=UNKNOWNS, data=st.data())
def test_what_was_answered_is_not_asked_again(
    facts: ReturnFacts, policy: str, names: list[str], data: st.DataObject
) -> None:
    known = {name: getattr(facts, name) for name in ("delivered_at",)}
    facts, asked = without(facts, names), set[str]()
    while (decision := decide(facts, policy)).outcome is Outcome.NEEDS_FACTS:
        assert asked.isdisjoint(decision.missing_facts)
        asked.update(decision.missing_facts)
        for name in decision.missing_facts:
            value: Any = known[name] if name in known else data.draw(VALUES[name], label=name)
            facts = assuming(facts, name, value)


@often
@given(facts=known_facts(), policy=POLICIES, names=UNKNOWNS, data=st.data())
def test_what_is_answered_without_asking_holds_whatever_the_fact_is(
    facts: ReturnFacts, policy: str, names: list[str], data: st.DataObject
) -> None:
    names = [name for name in names if name not in NOT_STATED]  # of these null is an answer too
    partly = without(facts, names)
    unknown = decide(partly, policy)
    for name in names:
        if name in VALUES:
            facts = assuming(facts, name, data.draw(VALUES[name], label=name))
    known = decide(facts, policy)
    if unknown.outcome is Outcome.NEEDS_FACTS:
        assert all(getattr(partly, name) is None for name in unknown.missing_facts)
        assert set(unknown.remedies) <= set(known.remedies)
        return
    assert known.outcome is unknown.outcome
    assert set(unknown.remedies) <= set(known.remedies)
    if facts.requested_remedy is RequestedRemedy.ANY:
        assert unknown.remedies == known.remedies
