"""退换货资格: may goods come back?"""

from datetime import datetime, time
from typing import Final

from app.core.answers import Answer
from app.core.errors import FieldError, ValidationFailed
from app.core.language import Text
from app.schemas.return_facts import SHANGHAI, ReturnFactsIn
from app.schemas.returns import EligibilityIn
from app.services.context import Context
from app.services.directory import Line
from app.services.returns.answering import eligibility_answer
from app.services.returns.facts import facts_of
from app.services.returns.purchase import purchase_facts
from app.services.rules.returns.decision import decide_return

LAW_ALONE: Final = "statute"  # the policy of a line without one of its own


async def check_eligibility(ctx: Context, body: EligibilityIn) -> Answer:
    """Decide whether goods may come back under the line's edition. Nothing is stored but that a proof was wrong.

    The edition and the law are those in force on the day the customer asked.
    Raises: NotFound, RecordNotFound, OrderNotProven, ValidationFailed.
    """
    overruled: list[str] = []
    if body.purchase_id is None and body.order_no is None:
        line, given = ctx.line(body.business_line), body.facts
    else:
        line, given, overruled = await purchase_facts(ctx, body)
    _check_policy(given, line)
    facts = facts_of(given, now=ctx.now)
    asked = datetime.combine(facts.notice.day, time(12), SHANGHAI)
    policy = ctx.known.policy_on(line, asked)
    book = ctx.known.book
    decision = decide_return(facts, book.statutes, policy.returns, book.rest_days)
    return eligibility_answer(decision, policy, ctx.now, overruled=overruled)


def _check_policy(given: ReturnFactsIn, line: Line) -> None:
    """The fact `policy` says again what the business line says: another is a mistake of the caller's."""
    named = LAW_ALONE if given.policy == "none" else given.policy
    if named is not None and named != line.policy:
        detail = Text(f"该经营线适用的制度为 {line.policy}", f"The policy of this business line is {line.policy}")
        raise ValidationFailed(errors=[FieldError(("pointer", "#/facts/policy"), "contradiction", detail)])
