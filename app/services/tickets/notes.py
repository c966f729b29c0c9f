"""What is added to a ticket without moving it: comments and reasons for delay."""

from app.core.answers import Answer
from app.core.errors import FieldError, ValidationFailed
from app.core.ids import id_from
from app.core.language import Text
from app.core.personal import Tier
from app.models.tickets import TicketCommitment
from app.schemas.tickets import CommentIn, DelayReasonIn
from app.services.access_log import log_texts
from app.services.context import Context
from app.services.rules.sla import CommitmentState
from app.services.rules.tickets import REPLY_MEETS, WORKING
from app.services.tickets.answering import answer_again, answer_changed
from app.services.tickets.clocks import meet, promise_anew
from app.services.tickets.loading import Loaded, load_ticket
from app.services.tickets.moves import require_delay_reason, take_ownership
from app.services.tickets.records import entry_row, event_row
from app.services.tickets.rendering import render_entry


async def add_comment(ctx: Context, reference: str, body: CommentIn) -> Answer:
    """Add a comment; one of staff that the customer can read is a reply and meets what waits for one.

    Raises: TicketNotFound, DelayReasonRequired.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        ticket = loaded.ticket
        if body.author == "staff" and body.visibility == "customer":
            count_reply(ctx, loaded, body.delay_reason)
        if body.author == "staff":
            take_ownership(loaded.policy, ticket, body.staff_no)
        ticket.version += 1
        ticket.updated_at = ctx.now
        visibility = "customer" if body.author == "customer" else body.visibility
        entry = entry_row(
            ctx, ticket, "comment", staff_no=body.staff_no, text=body.text, visibility=visibility, author=body.author
        )
        unit.session.add(entry)
        unit.session.add(event_row(ctx, ticket, "ticket.commented", author=body.author, visibility=visibility))
        if ctx.caller.tier is Tier.SENSITIVE:
            log_texts(unit.session, ctx, ticket)
        await unit.session.flush()
        return unit.answer(Answer.of(201, render_entry(entry, ctx.caller.tier)))


def count_reply(ctx: Context, loaded: Loaded, delay_reason: str | None) -> None:
    """Meet what waits for words to the customer, while the ticket is worked on.

    Raises: DelayReasonRequired.
    """
    ticket = loaded.ticket
    if ticket.status in WORKING:
        late = meet(loaded.commitments, REPLY_MEETS, ctx.now, loaded.policy)
        require_delay_reason(loaded.policy, late, delay_reason)
        ticket.responded_at = ticket.responded_at or ctx.now
        promise_anew(ticket, loaded.commitments, loaded.policy, ctx.now)


async def record_delay_reason(ctx: Context, reference: str, body: DelayReasonIn) -> Answer:
    """Put on record why a step is or will be late: for one commitment, for a milestone, or for all still open.

    Raises: TicketNotFound, ValidationFailed if the ticket has no such open or late commitment.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        rows = [row for row in loaded.commitments if _meant(row, body)]
        if not rows:
            raise ValidationFailed(errors=[_NO_SUCH_COMMITMENT])
        for row in rows:
            row.delay_reason = body.reason
        milestones = [row.milestone for row in rows]
        unit.session.add(
            entry_row(
                ctx, loaded.ticket, "delay_reason", staff_no=body.staff_no, text=body.reason,
                data={"milestones": milestones, "reported_to": loaded.policy.edition.delays.role},
            )
        )  # fmt: skip
        changed = [f"delay_reason:{milestone}" for milestone in milestones]
        unit.session.add(event_row(ctx, loaded.ticket, "ticket.delay_explained", changed=changed))
        return await answer_changed(ctx, unit, loaded)


_NO_SUCH_COMMITMENT = FieldError(
    ("pointer", "#/commitment_id"),
    "unknown_value",
    Text("该工单没有符合的未完成或超时的时限", "The ticket has no such commitment that is open or late"),
)


def _meant(row: TicketCommitment, body: DelayReasonIn) -> bool:
    if row.state in (CommitmentState.MET, CommitmentState.CANCELLED):
        return False
    if body.commitment_id is not None:
        return row.id == id_from("cmt", body.commitment_id)
    return body.milestone is None or row.milestone is body.milestone
