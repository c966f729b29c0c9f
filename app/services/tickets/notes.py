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
from app.services.notices.telling import tell_of_delay
from app.services.rules.sla import CommitmentState, Milestone, decide_sla
from app.services.rules.tickets import REPLY_MEETS, WORKING
from app.services.tickets.answering import answer_again, answer_changed
from app.services.tickets.clocks import decision_documents, meet, promise_again, promise_anew
from app.services.tickets.judgement import facts_of, unrecorded
from app.services.tickets.loading import Loaded, load_ticket
from app.services.tickets.moves import delay_entry, require_delay_reason, take_ownership
from app.services.tickets.records import entry_row, event_row
from app.services.tickets.rendering import render_entry


async def add_comment(ctx: Context, reference: str, body: CommentIn) -> Answer:
    """Add a comment; one of staff that the customer can read is a reply, and the customer's own wait for one.

    Raises: TicketNotFound, DelayReasonRequired.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        ticket, new = loaded.ticket, []
        if body.author == "customer":
            new = _await_reply(ctx, loaded)
        else:
            is_reply = body.visibility == "customer"
            late = accomplish(ctx, loaded, body.delay_reason, is_reply=is_reply, step=body.step)
            if body.delay_reason is not None:
                await tell_of_delay(unit.session, ticket, late, loaded.policy, ctx.now)
            take_ownership(loaded.policy, ticket, body.staff_no)
        unit.session.add_all(new)
        promise_anew(ticket, [*loaded.commitments, *new], loaded.policy, ctx.now)
        ticket.version += 1
        ticket.updated_at = ctx.now
        visibility = "customer" if body.author == "customer" else body.visibility
        entry = entry_row(
            ctx, ticket, "comment", staff_no=body.staff_no, text=body.text, visibility=visibility, author=body.author
        )
        unit.session.add(entry)
        if body.delay_reason is not None:
            unit.session.add(delay_entry(ctx, loaded, body.delay_reason, body.staff_no))
        unit.session.add(event_row(ctx, ticket, "ticket.commented", author=body.author, visibility=visibility))
        if ctx.caller.tier is Tier.SENSITIVE:
            log_texts(unit.session, ctx, ticket)
        await unit.session.flush()
        return unit.answer(Answer.of(201, render_entry(entry, ctx.caller.tier)))


def _await_reply(ctx: Context, loaded: Loaded) -> list[TicketCommitment]:
    """Promise the next reply from this message on, in place of one that was still to come.

    A ticket that waits goes on waiting until staff resume it: what was awaited may not have come. On one that is not
    worked on no clock runs; if it is reopened, the reply is due from then.
    """
    ticket, policy = loaded.ticket, loaded.policy
    ticket.unanswered_since = ctx.now
    if ticket.status not in WORKING:
        return []
    decided = decide_sla(
        facts_of(ticket), ticket.round_started_at, policy.edition.sla, policy.time, unanswered_since=ctx.now
    )
    new, reasons = promise_again(ticket, loaded.commitments, decided, {Milestone.NEXT_REPLY}, ctx.now, policy)
    ticket.decisions = [*ticket.decisions, *decision_documents(unrecorded(ticket, reasons), ctx.now)]
    return new


def accomplish(
    ctx: Context, loaded: Loaded, delay_reason: str | None, *, is_reply: bool, step: Milestone | None = None
) -> list[TicketCommitment]:
    """Meet what words of staff accomplish, a reply being those the customer reads; return what was met after its time.

    Raises: DelayReasonRequired.
    """
    ticket = loaded.ticket
    if is_reply:
        ticket.unanswered_since = None
    if ticket.status not in WORKING:
        return []
    done = (REPLY_MEETS if is_reply else frozenset()) | ({step} if step else frozenset())
    late = meet(loaded.commitments, done, ctx.now, loaded.policy)
    require_delay_reason(loaded.policy, late, delay_reason)
    if is_reply:
        ticket.responded_at = ticket.responded_at or ctx.now
    return late


async def record_delay_reason(ctx: Context, reference: str, body: DelayReasonIn) -> Answer:
    """Put on record why a step is or will be late: for one commitment, for a milestone, or for all still open.

    Where none is named, late steps that have ended get the reason too if they have none; one that has is corrected by
    name only.
    Raises: TicketNotFound, ValidationFailed if the ticket has no such open or late commitment.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        rows = [row for row in loaded.commitments if _meant(row, body)]
        if not rows:
            raise ValidationFailed(errors=[_NO_SUCH_COMMITMENT])
        for row in rows:
            row.delay_reason = body.reason
        await tell_of_delay(unit.session, loaded.ticket, rows, loaded.policy, ctx.now)
        milestones = [row.milestone for row in rows]
        unit.session.add(delay_entry(ctx, loaded, body.reason, body.staff_no, milestones=milestones))
        changed = [f"delay_reason:{milestone}" for milestone in milestones]
        unit.session.add(event_row(ctx, loaded.ticket, "ticket.delay_explained", changed=changed))
        return await answer_changed(ctx, unit, loaded)


_NO_SUCH_COMMITMENT = FieldError(
    ("pointer", "#/commitment_id"),
    "unknown_value",
    Text(
        "该工单没有符合的未完成或超时的时限；更正已结束步骤的原因须指明时限或节点",
        "The ticket has no such commitment that is open or late; name a step that has ended to correct its reason",
    ),
)


def _meant(row: TicketCommitment, body: DelayReasonIn) -> bool:
    if row.state in (CommitmentState.MET, CommitmentState.CANCELLED):
        return False
    if body.commitment_id is not None:
        return row.id == id_from("cmt", body.commitment_id)
    if body.milestone is not None:
        return row.milestone is body.milestone
    return row.ended_at is None or row.delay_reason is None
