"""Decisions on the lines of a return request: frozen with their facts, and made anew only on new ones.

Facts are kept as the rules took them, so that the same decision can be made again at any time.
"""

import json
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.purchases import Purchase
from app.models.return_requests import ReturnDecisionRow, ReturnLine
from app.schemas.return_facts import ReturnFactsIn
from app.schemas.return_requests import ReturnLineIn
from app.services.archive.file import facts_on_file
from app.services.context import Context
from app.services.directory import Known
from app.services.policy_book import Policy, PolicyBook
from app.services.returns.answering import eligibility_answer
from app.services.returns.facts import facts_of
from app.services.returns.purchase import coming_back
from app.services.rules.holidays import HolidayBook
from app.services.rules.returns.decision import decide_return
from app.services.rules.returns.facts import ReturnFacts, facts_from
from app.services.rules.returns.statutes import StatuteBook

_FACTS: Final = TypeAdapter(ReturnFacts)
# A person's words decide nothing but by being there.
_SAID: Final = ("problem_description", "product_photos")
_GIVEN: Final = "given"
_ON_THE_FORM: Final = ("spec_model", "purchase_date", "problem_description")


def stated(ctx: Context, given: ReturnFactsIn) -> dict[str, object]:
    """Return the facts that a body names, as the rules take them."""
    values = facts_of(given, now=ctx.now).__dict__
    named = {name: values[name] for name in given.model_fields_set - {"policy"}}
    return named | {name: _GIVEN for name in _SAID if named.get(name) is not None}


async def on_file(session: AsyncSession, ctx: Context, line: ReturnLine, given: ReturnFactsIn) -> dict[str, object]:
    """Return the facts that the archive has of a line's purchase; prices are those of the units asked for.

    What comes back of a gift or a bundle is `given`.
    """
    if line.purchase_id is None:
        return {}
    purchase = await session.get_one(Purchase, line.purchase_id)
    known = await facts_on_file(session, purchase, ctx.now, coming_back(given, line.quantity))
    return stated(ctx, ReturnFactsIn().model_copy(update=known))


def first_facts(ctx: Context, line: ReturnLine, form: ReturnLineIn, known: dict[str, object]) -> ReturnFacts:
    """Return the facts a line is first decided on: what the form says, and what is `known`, which wins.

    What a form leaves out is not stated, so that an edition that asks for it is told.
    """
    values = facts_of(ReturnFactsIn(), now=ctx.now).__dict__ | dict.fromkeys(_ON_THE_FORM) | stated(ctx, form.facts)
    written: dict[str, object] = {
        "spec_model": form.spec_model, "purchase_date": form.purchased_on,
        "problem_description": _GIVEN if form.problem else None,
    }  # fmt: skip
    values |= {name: value for name, value in written.items() if value is not None}
    if "quantity_purchased" not in form.facts.model_fields_set:
        values["quantity_purchased"] = line.quantity  # who asks for so many says to have bought them
    values |= {"reason": form.reason, "requested_remedy": form.remedy, "quantity_requested": line.quantity}
    return facts_from(values | known)


def facts_document(facts: ReturnFacts) -> dict[str, Any]:
    """Return facts as they are stored."""
    document: dict[str, Any] = _FACTS.dump_python(facts, mode="json")
    return document


def facts_of_row(row: ReturnDecisionRow) -> ReturnFacts:
    facts: ReturnFacts = _FACTS.validate_python(row.facts)
    return facts


def with_facts(facts: ReturnFacts, *known: dict[str, object]) -> ReturnFacts:
    values = dict(facts.__dict__)
    for more in known:
        values |= more
    return facts_from(values)


def decided(
    ctx: Context,
    line: ReturnLine,
    facts: ReturnFacts,
    policy: Policy,
    *,
    revision: int,
    cause: str,
    staff_no: str | None,
) -> ReturnDecisionRow:
    """Decide on a line and freeze the decision."""
    row = ReturnDecisionRow(
        id=new_id(), business_line_id=line.business_line_id, return_line_id=line.id, revision=revision, cause=cause,
        facts=facts_document(facts), policy_name=policy.name, policy_version=policy.version,
        law_version=law_version(ctx.known.book), decided_by=staff_no, decided_at=ctx.now,
    )  # fmt: skip
    row.answer = decide_again(ctx.known, policy, row)
    return row


def decide_again(known: Known, policy: Policy, row: ReturnDecisionRow) -> dict[str, Any]:
    """Return what the stored facts come to under an edition and the law as this process knows it."""
    book = known.book
    decision = decide_return(facts_of_row(row), book.statutes, policy.returns, book.rest_days)
    answer: dict[str, Any] = json.loads(eligibility_answer(decision, policy, row.decided_at).body)
    return answer


def replayed(known: Known, row: ReturnDecisionRow) -> bool:
    """Tell whether a stored decision comes out the same when it is made again (PIPL 24).

    Under the law it was made by it always does; `law_version` says whether this is still that law.
    """
    return decide_again(known, known.edition(row.policy_name, row.policy_version), row) == row.answer


def law_version(book: PolicyBook) -> str:
    """Return what names the law of returns and the days off as this process knows them."""
    return _law_version(book.statutes, book.holidays)


@lru_cache(maxsize=8)
def _law_version(statutes: StatuteBook, holidays: HolidayBook) -> str:
    parts = [*statutes.rules.values(), *statutes.goods.values(), holidays]
    return sha256("\n".join(part.model_dump_json() for part in parts).encode()).hexdigest()
