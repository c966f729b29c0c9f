"""The moves of a ticket's life cycle. Each locks the ticket, asks the table of moves, keeps the clocks, and tells."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version
from app.models.tickets import Ticket, TicketCommitment, TimelineEntry
from app.schemas.tickets import AssignIn, EscalateIn, MoveIn, ResolveIn, TransferIn, WaitIn
from app.services.complaint_reports.loading import require_approval
from app.services.complaint_reports.opening import report_if_required
from app.services.context import Context
from app.services.notices.telling import News, tell, tell_of_delay
from app.services.policy_book import Policy
from app.services.progress import step_taken
from app.services.rules.notices import told_of
from app.services.rules.routing import decide_routing
from app.services.rules.sla import Milestone, decide_sla
from app.services.rules.surveys import ends_matter
from app.services.rules.thresholds import ThresholdKind
from app.services.rules.tickets import MEETS, Awaited, Move, Status, next_status
from app.services.staff import require_room
from app.services.surveys.queueing import queue_survey
from app.services.tickets.answering import answer_again, answer_changed
from app.services.tickets.clocks import (
    cancel,
    decision_documents,
    meet,
    pause,
    promise_again,
    resume,
)
from app.services.tickets.judgement import facts_of
from app.services.tickets.loading import Loaded, load_ticket
from app.services.tickets.records import entry_row, event_row
from app.services.tickets.refusals import (
    DelayReasonRequired,
    EscalatedAlready,
    InvalidTransition,
    RouteReasonRequired,
    UnknownDepartment,
)

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

    Raises: TicketNotFound, InvalidTransition, DelayReasonRequired, UnknownDepartment, VersionMismatch, StaffAtCapacity
    for giving it to who may have no more, ApprovalRequired for resolving a complaint whose handling report is not
    approved.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, loaded.ticket.version, ctx.caller.tier)
        ticket, before, held_by = loaded.ticket, loaded.ticket.status, loaded.ticket.assignee_staff_no
        awaited = body.waiting_for if isinstance(body, WaitIn) else None
        after = next_status(before, move, awaited)
        if after is None:
            raise InvalidTransition(before, move)
        if move is Move.RESOLVE:
            await require_approval(unit.session, loaded)
        late = _keep_clocks(ctx, loaded, move, body, awaited)
        ticket.status = after
        _take_responsibility(loaded.policy, ticket, move, body)
        _apply(ctx, loaded.policy, ticket, move, body)
        if ticket.assignee_staff_no not in (None, held_by):
            await require_room(unit.session, ticket.business_line_id, ticket.assignee_staff_no)
        step_taken(ticket, move, loaded.policy, ctx.now)
        new = _begin_again(ctx, loaded) if move is Move.REOPEN else []
        told = await _tell(ctx, unit.session, loaded) if move is Move.ESCALATE else {}
        if body.delay_reason is not None:
            await tell_of_delay(unit.session, ticket, late, loaded.policy, ctx.now)
        unit.session.add_all(_noted(ctx, loaded, move, body, {"from": before, "to": after, **told}))
        unit.session.add(event_row(ctx, ticket, _ANNOUNCED[move], changed=_changed(move, before, after), **told))
        if move is Move.REOPEN:
            unit.session.add_all(await report_if_required(unit.session, ctx, ticket, loaded.policy))
        if ends_matter(move, loaded.policy.edition.surveys):
            await queue_survey(unit.session, ctx, loaded)
        return await answer_changed(ctx, unit, loaded, new)


def _keep_clocks(
    ctx: Context, loaded: Loaded, move: Move, body: MoveIn, awaited: Awaited | None
) -> list[TicketCommitment]:
    """Stop, start and meet the commitments a move touches; return those that were met after their time."""
    rows, policy = loaded.commitments, loaded.policy
    if loaded.ticket.status in (Status.WAITING_CUSTOMER, Status.WAITING_SUPPLIER) and move in _RESUMING:
        resume(rows, ctx.now, policy)
    done = MEETS.get(move, frozenset())
    late = meet(rows, done, ctx.now, policy)
    require_delay_reason(policy, late, body.delay_reason)
    if Milestone.FIRST_RESPONSE in done and loaded.ticket.responded_at is None:
        loaded.ticket.responded_at = ctx.now
    if move in (Move.RESOLVE, Move.CLOSE):
        loaded.ticket.unanswered_since = None
    if awaited is not None:
        pause(rows, awaited, ctx.now, policy)
    if move in (Move.CANCEL, Move.CLOSE):
        cancel(rows, ctx.now, policy)
    return late


_RESUMING = {Move.WAIT, Move.RESUME, Move.RESOLVE, Move.CANCEL}


def require_delay_reason(policy: Policy, late: list[TicketCommitment], given: str | None) -> None:
    """See that every step done late has its reason on record (002 第十五条).

    Raises: DelayReasonRequired.
    """
    for row in late:
        row.delay_reason = row.delay_reason or given
    if policy.edition.delays.reason_required and any(row.delay_reason is None for row in late):
        raise DelayReasonRequired([row.milestone for row in late if row.delay_reason is None])


def _take_responsibility(policy: Policy, ticket: Ticket, move: Move, body: MoveIn) -> None:
    """Make whoever acts responsible, as the edition says."""
    take_ownership(policy, ticket, body.staff_no)
    if move is Move.START and ticket.assignee_staff_no is None:
        ticket.assignee_staff_no = body.staff_no


def take_ownership(policy: Policy, ticket: Ticket, staff_no: str | None) -> None:
    """Make the first to act on a ticket nobody owns its owner, where the edition says so (首问负责制)."""
    if ticket.owner_staff_no is None and policy.edition.routing.first_contact_owner.value:
        ticket.owner_staff_no = staff_no


def _apply(ctx: Context, policy: Policy, ticket: Ticket, move: Move, body: MoveIn) -> None:
    """Change what this move changes beside the status."""
    if isinstance(body, AssignIn):
        ticket.assignee_staff_no = body.assignee_staff_no or body.staff_no
    elif isinstance(body, TransferIn):
        if body.department not in policy.edition.departments:
            raise UnknownDepartment(sorted(policy.edition.departments))
        if body.department != ticket.department:
            _overridden_with_a_reason(policy, ticket, body)
            helpers = [ticket.department, *ticket.collaborating_departments]
            ticket.collaborating_departments = [name for name in helpers if name != body.department]
            ticket.department, ticket.transferred = body.department, True
        ticket.assignee_staff_no = body.assignee_staff_no
    elif isinstance(body, EscalateIn):
        if body.level is not None and body.level < ticket.escalation_level:
            raise EscalatedAlready(ticket.escalation_level)
        ticket.escalation_level = body.level or min(ticket.escalation_level + 1, 3)
    elif move in (Move.CLOSE, Move.CANCEL):
        ticket.closed_at = ctx.now
    elif move is Move.REOPEN:
        ticket.closed_at = None


def _overridden_with_a_reason(policy: Policy, ticket: Ticket, body: TransferIn) -> None:
    """A person may route otherwise than the edition, but says why.

    Raises: RouteReasonRequired.
    """
    edition = policy.edition
    routed = decide_routing(facts_of(ticket), None, edition.routing, edition.departments, edition.roles)
    if body.department != routed.department and body.reason is None and body.note is None:
        raise RouteReasonRequired


def _begin_again(ctx: Context, loaded: Loaded) -> list[TicketCommitment]:
    """Promise the resolution anew, and a reply to what the customer wrote since: both are counted from now."""
    ticket, policy = loaded.ticket, loaded.policy
    ticket.round_started_at = ctx.now
    terms, unanswered_since = policy.edition.sla, ticket.unanswered_since
    decided = decide_sla(facts_of(ticket), ctx.now, terms, policy.time, unanswered_since=unanswered_since)
    new, reasons = promise_again(ticket, loaded.commitments, decided, _PROMISED_AGAIN, ctx.now, policy)
    ticket.decisions = [*ticket.decisions, *decision_documents(reasons, ctx.now)]
    return new


_PROMISED_AGAIN = {Milestone.RESOLUTION, Milestone.CLOSED_LOOP, Milestone.NEXT_REPLY}


async def _tell(ctx: Context, session: AsyncSession, loaded: Loaded) -> dict[str, Any]:
    """Tell whom the edition tells at the level the ticket was raised to."""
    ticket, level = loaded.ticket, loaded.ticket.escalation_level
    told = told_of(loaded.policy.edition, ThresholdKind.ESCALATION, level, ticket.handler_role)
    await tell(session, [News(ticket, _ANNOUNCED[Move.ESCALATE], told, {"level": level}, ctx.now)])
    return {"level": level, "told_roles": [whom.role for whom in told]}


def _noted(ctx: Context, loaded: Loaded, move: Move, body: MoveIn, data: dict[str, Any]) -> list[TimelineEntry]:
    """Note the step with its reason; a note and a reason for delay are between us, in entries of their own."""
    given = body.model_dump(mode="json", exclude_unset=True, exclude=_IN_WORDS)
    text = body.resolution if isinstance(body, ResolveIn) and body.resolution else body.reason
    visibility = "internal" if move in _INTERNAL else "customer"
    ticket, staff_no = loaded.ticket, body.staff_no
    entries = [entry_row(ctx, ticket, move, staff_no=staff_no, text=text, visibility=visibility, data=given | data)]
    if body.note is not None:
        entries.append(entry_row(ctx, ticket, "comment", staff_no=staff_no, text=body.note))
    if body.delay_reason is not None:
        entries.append(delay_entry(ctx, loaded, body.delay_reason, staff_no))
    return entries


def delay_entry(
    ctx: Context, loaded: Loaded, reason: str, staff_no: str | None, *, milestones: Sequence[Milestone] = ()
) -> TimelineEntry:
    """Note why a step is late, and whose it is to know (002 第十五条)."""
    told = {"reported_to": loaded.policy.edition.delays.role}
    data = {"milestones": list(milestones), **told} if milestones else told
    return entry_row(ctx, loaded.ticket, "delay_reason", staff_no=staff_no, text=reason, data=data)


_IN_WORDS = {"staff_no", "reason", "note", "delay_reason", "resolution"}


def _changed(move: Move, before: Status, after: Status) -> list[str]:
    changed = ["status"] if before is not after else []
    return changed + {
        Move.ASSIGN: ["assignee_staff_no"],
        Move.TRANSFER: ["department", "assignee_staff_no"],
        Move.ESCALATE: ["escalation_level"],
    }.get(move, [])
