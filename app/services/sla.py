"""时限: what would be promised, and what is late or soon due."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, func, literal, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from app.core.answers import Answer
from app.core.ids import id_text
from app.core.pagination import Cursors, next_link
from app.models.tickets import Ticket, TicketCommitment
from app.schemas.lists import OverdueFilter
from app.schemas.sla import OverdueItem, OverdueList, PreviewedCommitment, PreviewIn, PreviewOut
from app.schemas.tickets import DecisionOut, PolicyRef, TargetOut
from app.services.context import Context
from app.services.own_time import own_time
from app.services.rules.classification import ComplaintClass, IssueType, Kind
from app.services.rules.commitments import CommitmentClock
from app.services.rules.explanation import explain
from app.services.rules.facts import TicketFacts
from app.services.rules.sla import Commitment, CommitmentState, Timekeeping, decide_sla
from app.services.rules.tickets import Status
from app.services.tickets.clocks import decision_documents, running
from app.services.tickets.explaining import counted_of


async def preview_sla(ctx: Context, body: PreviewIn) -> PreviewOut:
    """Say what a ticket with these facts would be promised, and what is counted towards it. Nothing is stored.

    A complaint is taken for one about quality unless the class is given: its text is not known yet, and no other is
    promised more.

    Raises: NotFound, ValidationFailed.
    """
    line = ctx.line(body.business_line)
    start = body.opened_at or ctx.now
    policy = ctx.known.policy_on(line, start)
    facts = TicketFacts(
        channel=body.channel,
        kind=body.kind,
        urgency=body.urgency,
        severity=body.severity,
        complaint_class=body.complaint_class or (ComplaintClass.QUALITY if body.kind is Kind.COMPLAINT else None),
        issue_type=None if body.issue_type is IssueType.NONE else body.issue_type,
        tier=body.tier,
        item_class=body.item_class,
        product_category=body.product_category,
        region=body.region,
    )
    decided = decide_sla(facts, start, policy.edition.sla, policy.time)
    return PreviewOut(
        policy=PolicyRef(name=policy.name, version=policy.version),
        time_zone=policy.time.timezone,
        service_level=decided.service_level.name,
        commitments=[_previewed(commitment, policy.time, ctx.now) for commitment in decided.commitments],
        decisions=[DecisionOut.model_validate(document) for document in decision_documents(decided.decisions, ctx.now)],
    )


def _previewed(promised: Commitment, time: Timekeeping, now: datetime) -> PreviewedCommitment:
    """Show a promise as that of a ticket on which nothing was done up to now."""
    begun = CommitmentState.RUNNING
    clock = CommitmentClock(
        promised.milestone, promised.target, promised.started_at, promised.due_at, begun, None, None, ()
    )
    return PreviewedCommitment(
        id=None,
        milestone=promised.milestone,
        target=TargetOut(value=promised.target.value, unit=promised.target.unit),
        clock=promised.target.clock,
        due_at=promised.due_at,
        calendar_confirmed=promised.confirmed,
        state=clock.state_at(now),
        met_at=None,
        used_seconds=clock.used_seconds(now, time),
        paused_seconds=0,
        explanation=counted_of(explain(clock, time)),
    )


async def list_overdue(ctx: Context, wanted: OverdueFilter) -> Answer:
    """Return running commitments that are late or due within the given seconds, the most pressing first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    query = wanted.model_dump(mode="json", exclude={"cursor", "limit"})
    lines = sorted(line.hex for line in ctx.line_ids())
    cursors = Cursors(ctx.keyring, {**query, "lines": lines, "path": ctx.call.route}, now=ctx.now)
    after = cursors.read(wanted.cursor) if wanted.cursor is not None else None
    async with ctx.db.begin() as session:
        found = (await session.execute(_most_pressing(ctx, wanted, after))).all()
    more, found = len(found) > wanted.limit, found[: wanted.limit]
    following = cursors.issue([found[-1][0].due_at.isoformat(), found[-1][0].id.hex]) if more else None
    page = OverdueList(items=[_overdue(ctx, *each) for each in found], next_cursor=following, has_more=more)
    return Answer.of(200, page, **next_link(ctx.call, following))


_SHOWN = (Ticket.number, Ticket.status, Ticket.department, Ticket.assignee_staff_no, Ticket.owner_staff_no)
# A constant of the statement: as a parameter it would hide from a plan that the partial index serves it.
_RUNNING = literal(CommitmentState.RUNNING, TicketCommitment.state.type, literal_execute=True)


def _most_pressing(ctx: Context, wanted: OverdueFilter, after: list[str] | None) -> Select[Any]:
    """Return commitment, the ticket's columns shown and the time it lives by, one row more than the page holds.

    Each line's are read in the order of its index, then put together: no index has the order of several lines.
    """
    row, now = TicketCommitment, own_time(ctx, TicketCommitment.test_clock_id)
    ids = literal(ctx.line_ids(wanted.business_line), ARRAY(Uuid))
    line = func.unnest(ids).table_valued("id", name="line").render_derived()
    of_line = (
        select(row, *_SHOWN, now.label("now"))
        .join(Ticket, (Ticket.id == row.ticket_id) & (Ticket.business_line_id == line.c.id))
        .where(
            row.business_line_id == line.c.id,
            row.state == _RUNNING,
            row.due_at <= now + timedelta(seconds=wanted.within_seconds),
        )
    )
    for column, values in (
        (row.milestone, wanted.milestone),
        (Ticket.department, wanted.department),
        (Ticket.assignee_staff_no, wanted.assignee_staff_no),
    ):
        if values:
            of_line = of_line.where(column.in_(values))
    if after is not None:
        of_line = of_line.where(tuple_(row.due_at, row.id) > tuple_(datetime.fromisoformat(after[0]), UUID(after[1])))
    pressing = of_line.order_by(row.due_at, row.id).limit(wanted.limit + 1).lateral("pressing")
    first = aliased(TicketCommitment, pressing)
    shown = [pressing.c[column.key] for column in _SHOWN]
    chosen = select(first, *shown, pressing.c.now).select_from(line).join(pressing, true())
    return chosen.order_by(first.due_at, first.id).limit(wanted.limit + 1)


def _overdue(
    ctx: Context,
    row: TicketCommitment,
    number: str,
    status: Status,
    department: str,
    assignee_staff_no: str | None,
    owner_staff_no: str | None,
    now: datetime,
) -> OverdueItem:
    commitment = running(row)
    return OverdueItem(
        ticket_id=id_text("tkt", row.ticket_id),
        ticket_number=number,
        business_line=ctx.known.by_id[row.business_line_id].name,
        status=status,
        department=department,
        assignee_staff_no=assignee_staff_no,
        owner_staff_no=owner_staff_no,
        commitment_id=id_text("cmt", row.id),
        milestone=row.milestone,
        clock=commitment.target.clock,
        due_at=row.due_at,
        state=commitment.state_at(now),
        seconds_left=int((row.due_at - now).total_seconds()),
    )
