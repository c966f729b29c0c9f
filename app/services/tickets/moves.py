"""The moves of a ticket's life cycle. Each locks the ticket, asks the table of moves, keeps the clocks, and tells."""

from app.core.answers import Answer
from app.core.conditional import check_version
from app.models.tickets import Ticket, TicketCommitment
from app.schemas.tickets import AssignIn, EscalateIn, MoveIn, ResolveIn, TransferIn, WaitIn
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.rules.sla import Milestone, decide_sla
from app.services.rules.tickets import MEETS, Awaited, Move, Status, next_status
from app.services.tickets.answering import answer_changed
from app.services.tickets.clocks import OPEN, cancel, commitment_row, meet, pause, resume
from app.services.tickets.judgement import facts_of
from app.services.tickets.loading import Loaded, load_ticket
from app.services.tickets.records import entry_row, event_row
from app.services.tickets.refusals import DelayReasonRequired, InvalidTransition, UnknownDepartment

# What each move announces.
_ANNOUNCED = {
    Move.ACKNOWLEDGE: "ticket.acknowledged",
    Move.ASSIGN: "ticket.assigned",
    Move.START: "ticket.started",
    Move.WAIT: "ticket.waiting",
    Move.RESUME: "ticket.resumed",
    Move.RESOLVE: "ticket.resolved",
    Move.ACCEPT: "ticket.accepted",
    Move.CLOSE: "ticket.closed",
    Move.REOPEN: "ticket.reopened",
    Move.CANCEL: "ticket.cancelled",
    Move.TRANSFER: "ticket.routed",
    Move.ESCALATE: "sla.escalated",
}
# What the customer may see of the course of things.
_INTERNAL = {Move.ASSIGN, Move.TRANSFER, Move.ESCALATE}


async def move_ticket(ctx: Context, reference: str, move: Move, body: MoveIn) -> Answer:
    """Make one move and answer with the ticket.

    Raises: TicketNotFound, InvalidTransition, DelayReasonRequired, UnknownDepartment, VersionMismatch.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return unit.replayed
        loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, loaded.ticket.version, ctx.caller.tier)
        ticket, before = loaded.ticket, loaded.ticket.status
        awaited = body.waiting_for if isinstance(body, WaitIn) else None
        after = next_status(before, move, awaited)
        if after is None:
            raise InvalidTransition(before, move)
        _keep_clocks(ctx, loaded, move, body, awaited)
        ticket.status = after
        _take_responsibility(ticket, move, body)
        _apply(ctx, loaded.policy, ticket, move, body)
        new = _begin_again(ctx, loaded) if move is Move.REOPEN else []
        unit.session.add(_noted(ctx, ticket, move, body, before))
        unit.session.add(event_row(ctx, ticket, _ANNOUNCED[move], changed=_changed(move, before, after)))
        return await answer_changed(ctx, unit, loaded, new)


def _keep_clocks(ctx: Context, loaded: Loaded, move: Move, body: MoveIn, awaited: Awaited | None) -> None:
    """Stop, start and meet the commitments a move touches."""
    rows, time = loaded.commitments, loaded.policy.time
    if loaded.ticket.status in (Status.WAITING_CUSTOMER, Status.WAITING_SUPPLIER) and move in _RESUMING:
        resume(rows, ctx.now, time)
    late = meet(rows, MEETS.get(move, frozenset()), ctx.now, time)
    require_delay_reason(loaded.policy, late, body.delay_reason)
    if Milestone.FIRST_RESPONSE in MEETS.get(move, frozenset()) and loaded.ticket.responded_at is None:
        loaded.ticket.responded_at = ctx.now
    if awaited is not None:
        pause(rows, awaited, ctx.now, loaded.policy)
    if move in (Move.CANCEL, Move.CLOSE):
        cancel(rows, ctx.now, time)


_RESUMING = {Move.WAIT, Move.RESUME, Move.RESOLVE, Move.CANCEL}


def require_delay_reason(policy: Policy, late: list[TicketCommitment], given: str | None) -> None:
    """See that every step done late has its reason on record (002 第十五条).

    Raises: DelayReasonRequired.
    """
    for row in late:
        row.delay_reason = row.delay_reason or given
    if policy.edition.delays.reason_required and any(row.delay_reason is None for row in late):
        raise DelayReasonRequired([row.milestone for row in late if row.delay_reason is None])


def _take_responsibility(ticket: Ticket, move: Move, body: MoveIn) -> None:
    """The first staff member who acts on a ticket nobody owns becomes its owner (首问负责制)."""
    if ticket.owner_staff_no is None and body.staff_no is not None:
        ticket.owner_staff_no = body.staff_no
    if move is Move.START and ticket.assignee_staff_no is None:
        ticket.assignee_staff_no = body.staff_no


def _apply(ctx: Context, policy: Policy, ticket: Ticket, move: Move, body: MoveIn) -> None:
    """Change what this move changes beside the status."""
    if isinstance(body, AssignIn):
        ticket.assignee_staff_no = body.assignee_staff_no or body.staff_no
    elif isinstance(body, TransferIn):
        if body.department not in policy.edition.departments:
            raise UnknownDepartment(sorted(policy.edition.departments))
        ticket.department, ticket.transferred = body.department, True
        ticket.assignee_staff_no = body.assignee_staff_no
    elif isinstance(body, EscalateIn):
        ticket.escalation_level = body.level or min(ticket.escalation_level + 1, 3)
        told = [term for term in policy.edition.escalations if term.level == ticket.escalation_level]
        ticket.handler_role = told[0].role if told else ticket.handler_role
    elif move in (Move.CLOSE, Move.CANCEL):
        ticket.closed_at = ctx.now
    elif move is Move.REOPEN:
        ticket.closed_at = None


def _begin_again(ctx: Context, loaded: Loaded) -> list[TicketCommitment]:
    """Promise the resolution anew: a reopened matter gets a new instance, counted from now."""
    ticket, policy = loaded.ticket, loaded.policy
    decided = decide_sla(facts_of(ticket), ctx.now, policy.edition.sla, policy.time)
    over = {row.milestone: row for row in sorted(loaded.commitments, key=lambda row: row.instance)}
    return [
        commitment_row(ticket.id, ticket.business_line_id, promised, instance=over[promised.milestone].instance + 1)
        for promised in decided.commitments
        if promised.milestone in _PROMISED_AGAIN and over.get(promised.milestone) and _ended(over[promised.milestone])
    ]


_PROMISED_AGAIN = {Milestone.RESOLUTION, Milestone.CLOSED_LOOP}


def _ended(row: TicketCommitment) -> bool:
    return row.state not in OPEN


def _noted(ctx: Context, ticket: Ticket, move: Move, body: MoveIn, before: Status) -> object:
    data = body.model_dump(mode="json", exclude_none=True, exclude={"staff_no", "note", "resolution"})
    text = body.resolution if isinstance(body, ResolveIn) and body.resolution else body.note or body.reason
    visibility = "internal" if move in _INTERNAL else "customer"
    data |= {"from": before, "to": ticket.status}
    return entry_row(ctx, ticket, move, staff_no=body.staff_no, text=text, visibility=visibility, data=data)


def _changed(move: Move, before: Status, after: Status) -> list[str]:
    changed = ["status"] if before is not after else []
    return changed + {
        Move.ASSIGN: ["assignee_staff_no"],
        Move.TRANSFER: ["department", "assignee_staff_no"],
        Move.ESCALATE: ["escalation_level", "handler_role"],
    }.get(move, [])
