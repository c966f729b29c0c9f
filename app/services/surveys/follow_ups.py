"""不满意跟进: a dissatisfied answer becomes a ticket of its own at once, in the transaction of the answer."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import ServerBusy
from app.models.surveys import Survey
from app.models.tickets import Ticket
from app.schemas.tickets import CustomerIn, ProductIn, TicketIn
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.rules.classification import Kind
from app.services.rules.facts import Channel
from app.services.rules.surveys import Answers, SurveyChannel, asked_aspects, complaints_of, explain_follow_up
from app.services.surveys.customers import open_contact
from app.services.tickets.clocks import decision_documents
from app.services.tickets.drafting import begin, draft_ticket
from app.services.tickets.intake import NUMBERS_TRIED, write_draft
from app.services.tickets.records import entry_row

_CHANNELS = {
    SurveyChannel.WEB: Channel.WEB,
    SurveyChannel.HOTLINE: Channel.HOTLINE,
    SurveyChannel.IVR: Channel.HOTLINE,
}
_OF_THE_MATTER = ("item_class", "seller", "service_provider", "branch", "region", "sold_by")


async def open_follow_up(
    ctx: Context, session: AsyncSession, survey: Survey, ticket: Ticket | None, policy: Policy, answers: Answers
) -> Ticket:
    """Open a complaint for the department of the matter, under the edition in force and its time limits.

    It goes where the matter was handled; the department the edition would have chosen helps.
    """
    line = ctx.known.by_id[survey.business_line_id]
    draft = await draft_ticket(ctx, session, line, _complaint(ctx, survey, ticket, policy, answers))
    opened = draft.ticket
    opened.follow_up_of_id = survey.ticket_id
    if survey.department is not None and survey.department in draft.policy.edition.departments:
        routed = [name for name in (opened.department, *opened.collaborating_departments) if name != survey.department]
        opened.department, opened.collaborating_departments, opened.transferred = survey.department, routed, True
        reason = explain_follow_up(survey.department, answers, policy.edition.surveys)
        opened.decisions = [*opened.decisions, *decision_documents([reason], ctx.now)]
    beginning = begin(ctx, draft, None)
    for _ in range(NUMBERS_TRIED):
        if await write_draft(session, draft, beginning):
            data = {"follow_up": opened.number}
            if ticket is not None:
                session.add(entry_row(ctx, ticket, "dissatisfied", author="customer", data=data))
            return opened
    raise ServerBusy(headers={"Retry-After": "1"})


def _complaint(ctx: Context, survey: Survey, ticket: Ticket | None, policy: Policy, answers: Answers) -> TicketIn:
    """Return the complaint as it would be posted. All of it was validated when the first ticket or the list was."""
    person, tier = open_contact(survey, ticket, ctx.keyring), ticket.customer_tier if ticket else None
    customer = CustomerIn.model_construct(None, **person, external_id=survey.customer_external_id, tier=tier)
    same = {name: getattr(ticket, name) for name in _OF_THE_MATTER} if ticket else {}
    return TicketIn.model_construct(
        channel=_CHANNELS[survey.answered_by or SurveyChannel.WEB],
        kind=Kind.COMPLAINT,
        customer=customer,
        product=ProductIn.model_validate(ticket.product) if ticket and ticket.product else None,
        description=_in_words(ticket, policy, answers),
        **same,
    )


def _in_words(ticket: Ticket | None, policy: Policy, answers: Answers) -> str:
    """Say what the customer is dissatisfied with, in both languages, and quote what they wrote."""
    terms = policy.edition.surveys
    titles, highest = asked_aspects(terms), terms.scale.value[1]
    bad = [(titles[aspect], answers.scores[aspect]) for aspect in complaints_of(answers, terms)]
    zh = [f"{title.zh}{score}/{highest}" for title, score in bad]
    en = [f"{title.en} {score}/{highest}" for title, score in bad]
    if answers.resolved is False:
        zh, en = [*zh, "问题未解决"], [*en, "not resolved"]
    number = f"（{ticket.number}）" if ticket else ""
    told = f"客户评价不满意{number}：{'，'.join(zh)} / Dissatisfied answer: {', '.join(en)}"
    return f"{told}\n{answers.comment}" if answers.comment else told
