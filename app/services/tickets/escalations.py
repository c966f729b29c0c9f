"""Acknowledging an escalation: somebody has it in hand, so that the levels above need not be told as well."""

from collections.abc import Sequence
from typing import Any

from app.core.answers import Answer
from app.core.conditional import check_version
from app.core.errors import FieldError, ValidationFailed
from app.core.ids import id_from, id_text
from app.core.language import Text
from app.core.unit import Unit
from app.models.tickets import TicketCommitment
from app.schemas.tickets import AcknowledgeEscalationIn
from app.services.context import Context
from app.services.rules.thresholds import has_escalated, thresholds_of
from app.services.tickets.answering import answer_again, answer_changed
from app.services.tickets.clocks import OPEN, set_timer
from app.services.tickets.loading import Loaded, load_ticket
from app.services.tickets.records import entry_row, event_row
from app.services.tickets.refusals import NothingEscalated


async def acknowledge_escalation(ctx: Context, reference: str, body: AcknowledgeEscalationIn) -> Answer:
    """Note who took notice of the escalated commitments that are still open, and silence their further levels.

    A breach still to come, what it earns the customer, and warnings are not silenced; nor is the next instance of a
    step, or the same one once another time is promised for it.
    Raises: TicketNotFound, NothingEscalated, VersionMismatch, ValidationFailed for a commitment of another ticket.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, loaded.ticket.version, ctx.caller.tier)
        rows = _escalated(loaded, body.commitment_id)
        if not rows:
            raise NothingEscalated
        for row in rows:
            row.escalation_acknowledged_at = ctx.now
            set_timer(row, loaded.policy)
        _note(ctx, unit, loaded, rows, body)
        return await answer_changed(ctx, unit, loaded)


def _note(
    ctx: Context, unit: Unit, loaded: Loaded, rows: Sequence[TicketCommitment], body: AcknowledgeEscalationIn
) -> None:
    ticket, staff_no = loaded.ticket, body.staff_no
    data: dict[str, Any] = {
        "commitment_ids": [id_text("cmt", row.id) for row in rows],
        "milestones": [row.milestone for row in rows],
    }
    entry = entry_row(ctx, ticket, "escalation_acknowledged", staff_no=staff_no, text=body.note, data=data)
    unit.session.add(entry)
    unit.session.add(event_row(ctx, ticket, "sla.escalation_acknowledged", staff_no=staff_no, **data))


def _escalated(loaded: Loaded, commitment_id: str | None) -> list[TicketCommitment]:
    """Return the open commitments that have escalated since anybody acknowledged it."""
    rows = loaded.commitments
    if commitment_id is not None:
        wanted = id_from("cmt", commitment_id)
        rows = [row for row in rows if row.id == wanted]
        if not rows:
            raise ValidationFailed(errors=[_NO_SUCH_COMMITMENT])
    thresholds = thresholds_of(loaded.policy.edition.sla)
    return [
        row
        for row in rows
        if row.state in OPEN
        and row.escalation_acknowledged_at is None
        and has_escalated(thresholds, row.thresholds_fired)
    ]


_NO_SUCH_COMMITMENT = FieldError(
    ("pointer", "#/commitment_id"), "unknown_value", Text("该工单没有此时限", "The ticket has no such commitment")
)
