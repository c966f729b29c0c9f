"""退换货: may goods come back?"""

from datetime import datetime, time

from app.core.errors import FieldError, NotFound, ValidationFailed
from app.core.language import Text
from app.schemas.fields import Bilingual
from app.schemas.return_facts import SHANGHAI, PromiseIn, ReturnFactsIn, local_moment
from app.schemas.returns import NOBODY, EligibilityIn, EligibilityOut, RuleOut
from app.schemas.tickets import PolicyRef
from app.services.context import Context
from app.services.directory import Line
from app.services.policy_book import Policy
from app.services.rules.returns.decision import ReturnDecision, decide_return
from app.services.rules.returns.facts import (
    Bundle,
    FreeShipping,
    Gift,
    Item,
    MerchantPromise,
    Payment,
    ReturnFacts,
)
from app.services.rules.returns.statutes import Rule
from app.services.rules.returns.words import Intake, MerchantClause, QualityDefect, Reinspection, RequestedRemedy

LAW_ALONE = "statute"  # the policy of a line without one of its own


class PurchaseNotFound(NotFound):
    title = Text("未找到该购买记录", "No such purchase")


async def check_eligibility(ctx: Context, body: EligibilityIn) -> EligibilityOut:
    """Decide whether goods may come back under the line's edition. Nothing is stored.

    The edition and the law are those in force on the day the customer asked.
    Raises: NotFound, PurchaseNotFound, ValidationFailed.
    """
    line = ctx.line(body.business_line)
    facts = _facts(ctx, body)
    asked = datetime.combine(facts.notice.day, time(12), SHANGHAI)
    policy = ctx.known.policy_on(line, asked)
    _check_policy(body.facts, line)
    book = ctx.known.book
    decision = decide_return(facts, book.statutes, policy.returns, book.rest_days)
    return _shown(decision, policy, ctx.now)


def _facts(ctx: Context, body: EligibilityIn) -> ReturnFacts:
    if body.purchase_id is not None:
        raise PurchaseNotFound
    return facts_of(body.facts, now=ctx.now)


def _check_policy(given: ReturnFactsIn, line: Line) -> None:
    """The fact `policy` says again what the business line says: another is a mistake of the caller's."""
    named = LAW_ALONE if given.policy == "none" else given.policy
    if named is not None and named != line.policy:
        detail = Text(f"该经营线适用的制度为 {line.policy}", f"The policy of this business line is {line.policy}")
        raise ValidationFailed(errors=[FieldError(("pointer", "#/facts/policy"), "contradiction", detail)])


def facts_of(given: ReturnFactsIn, *, now: datetime) -> ReturnFacts:
    """Return what a caller knows as the rules take it."""
    values = dict(given.__dict__)
    del values["policy"]
    values["requested_at"] = given.requested_at or local_moment(now)
    values["paid_price_proven"] = given.paid_price_proven or False
    for name, unknown in _UNKNOWN.items():
        if values[name] is None:
            values[name] = unknown
    if given.merchant_promise is not None:
        values["merchant_promise"] = _promise(given.merchant_promise)
    if given.gift is not None:
        values["gift"] = Gift(given.gift.returned, given.gift.labelled_price)
    if given.payment is not None:
        values["payment"] = Payment(**given.payment.__dict__)
    if (bundle := given.bundle) is not None:
        items = tuple(Item(item.id, item.price) for item in bundle.items)
        values["bundle"] = Bundle(items, bundle.threshold, bundle.discount, tuple(bundle.returning))
    if (order := given.free_shipping) is not None:
        items = tuple(Item(item.id, item.price) for item in order.items)
        values["free_shipping"] = FreeShipping(order.threshold, order.fee, items, tuple(order.returning))
    return ReturnFacts(**values)


# What an unknown word comes to where not knowing it changes nothing but what is said.
_UNKNOWN = {
    "requested_remedy": RequestedRemedy.ANY,
    "merchant_clause": MerchantClause.NONE,
    "intake": Intake.WEB,
    "quality_defect": QualityDefect.CLAIMED,
    "reinspection": Reinspection.NONE,
}


def _promise(given: PromiseIn) -> MerchantPromise:
    return MerchantPromise(
        given.no_reason_days, given.freight, given.covers_excluded, gift=given.gift is True or given.gift == "keep"
    )


def _shown(decision: ReturnDecision, policy: Policy, now: datetime) -> EligibilityOut:
    return EligibilityOut(
        outcome=decision.outcome,
        remedies=list(decision.remedies),
        freight_payer=decision.freight_payer or NOBODY,
        freight_if_inspection_fails=decision.freight_if_inspection_fails,
        deadline=decision.deadline,
        warranty_end=decision.warranty_end,
        refund_due_by=decision.refund_due_by,
        refund_amount=decision.refund_amount,
        refund_in_kind=dict(decision.refund_in_kind) or None,
        depreciation_days=decision.depreciation_days,
        returnable_quantity=decision.returnable_quantity,
        missing_facts=list(decision.missing_facts),
        bring=list(decision.bring),
        flags=list(decision.flags),
        disclose_uncertainty=decision.disclose_uncertainty,
        calendar_confirmed=decision.calendar_confirmed,
        basis=[_rule(rule) for rule in decision.basis],
        policy=PolicyRef(name=policy.name, version=policy.version),
        decided_at=now,
    )


def _rule(rule: Rule) -> RuleOut:
    reason = Bilingual(zh=rule.reason.zh, en=rule.reason.en)
    return RuleOut(rule=rule.id, source=rule.source, law=rule.law, article=rule.article, reason=reason)
