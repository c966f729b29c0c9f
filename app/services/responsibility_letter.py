"""说明函: the letter that explains a determination that is not ours, with its evidence and the next step offered."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.errors import NotFound, ServiceError
from app.core.language import Text, in_language
from app.core.personal import Tier
from app.models.responsibility import Inspection, Responsibility
from app.models.tickets import Ticket
from app.schemas.responsibility import LetterSentIn
from app.services import responsibility_letter_words as texts
from app.services.access_log import log_customers, log_texts
from app.services.context import Context
from app.services.policy_pages.rendering import Links, render
from app.services.responsibility import (
    answer_seen,
    determinations_of,
    inspections_of,
    render_determination,
    render_inspection,
)
from app.services.rules.responsibility import CONCLUSION_LABELS, Share
from app.services.tickets.answering import answer_again
from app.services.tickets.customers import open_customer
from app.services.tickets.loading import Loaded, load_ticket
from app.services.tickets.records import note_change
from app.services.tickets.rendering import shown_document, shown_text


class NotDetermined(NotFound):
    """Nobody has determined yet whose fault the matter is."""

    title = Text("该工单尚无责任判定", "The ticket has no determination of responsibility yet")


class NothingToExplain(ServiceError):
    """The determination that holds puts it on us, at least in part: measures follow, not a letter."""

    status, code, by_rule = 409, "nothing_to_explain", True
    title = Text(
        "仅判定为非我方责任时出具说明函；现行判定为我方责任或双方责任，请采取措施",
        "The letter is for what is not ours; by the determination that holds it is, at least in part: take measures",
    )


class LetterSentAlready(ServiceError):
    """The letter of this determination was sent before."""

    status, code, by_rule = 409, "letter_sent_already", True
    title = Text("该判定的说明函已发出", "The letter of this determination was sent before")


async def show_letter(ctx: Context, reference: str) -> Answer:
    """Render the letter in the caller's language. Only the tier `sensitive` sees the customer's name in it.

    Raises: TicketNotFound, NotDetermined, NothingToExplain.
    """
    async with ctx.db.read() as session:
        ctx, loaded = await load_ticket(session, ctx, reference)
        ticket = loaded.ticket
        row = await _to_explain(session, ticket)
        inspections = await inspections_of(session, ticket.id)
        if ctx.caller.tier is Tier.SENSITIVE:
            log_customers(session, ctx, [ticket])
            log_texts(session, ctx, ticket)
    return _page(ctx, loaded, row, inspections)


def _page(ctx: Context, loaded: Loaded, row: Responsibility, inspections: Sequence[Inspection]) -> Answer:
    ticket, policy, language, tier = loaded.ticket, loaded.policy, ctx.call.language, ctx.caller.tier
    name = open_customer(ticket.customer_sealed, ticket.id, ctx.keyring)["name"]
    goods = shown_document(ticket.product, tier)
    page = render(
        "responsibility_letter.html",
        language,
        Links(switch="", index=""),
        texts=texts,
        number=ticket.number,
        name=name if tier is Tier.SENSITIVE else None,
        product=" · ".join(goods[part] for part in ("name", "model", "batch") if part in goods),
        description=shown_text(ticket.description, tier, name),
        found=render_determination(row, tier),
        inspections=[
            (
                render_inspection(each, tier),
                in_language(CONCLUSION_LABELS[each.conclusion], language),
                policy.time.date_of(each.inspected_at),
                in_language(policy.edition.departments[each.department].title, language),
            )
            for each in inspections
        ],
        department=in_language(policy.edition.departments[ticket.department].title, language),
        opened_on=policy.time.date_of(ticket.opened_at),
        written_on=policy.time.date_of(row.letter_sent_at or ctx.now),
    )
    return Answer(page.status, page.body, {**page.headers, "cache-control": "no-store", "vary": "Authorization"})


async def record_letter_sent(ctx: Context, reference: str, body: LetterSentIn) -> Answer:
    """Note that the customer was sent the letter, by whom and how.

    Raises: TicketNotFound, NotDetermined, NothingToExplain, LetterSentAlready.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        ticket = loaded.ticket
        row = await _to_explain(unit.session, ticket)
        if row.letter_sent_at is not None:
            raise LetterSentAlready
        row.letter_sent_at, row.letter_sent_by, row.letter_channel = ctx.now, body.staff_no, body.channel
        note_change(
            ctx, unit.session, ticket, kind="explained", event="complaint.explained", staff_no=body.staff_no,
            data={"channel": body.channel, "revision": row.revision}, visibility="customer",
        )  # fmt: skip
        shown = render_determination(row, ctx.caller.tier)
        return unit.answer(await answer_seen(ctx, unit.session, ticket, shown, status=200))


async def _to_explain(session: AsyncSession, ticket: Ticket) -> Responsibility:
    rows = await determinations_of(session, ticket.id)
    if not rows:
        raise NotDetermined
    if rows[-1].share is not Share.NOT_OURS:
        raise NothingToExplain
    return rows[-1]
