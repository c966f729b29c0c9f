"""Tickets: taking, reading, working through."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    IfMatchRequired,
    NotFound,
    VersionMismatch,
)
from app.core.http import DirectRoute, StrictRoute, problems, response_of
from app.routers.context import PAGES, RETRY, context, writing
from app.schemas.complaints import ClassificationIn
from app.schemas.lists import TicketFilter, TimelineFilter
from app.schemas.sla import ExplanationOut
from app.schemas.tickets import (
    AcknowledgeEscalationIn,
    AssignIn,
    Assignments,
    CommentIn,
    DelayReasonIn,
    EscalateIn,
    MoveIn,
    ResolveIn,
    SearchIn,
    TicketIn,
    TicketList,
    TicketOut,
    TicketPatch,
    Timeline,
    TimelineEntryOut,
    TransferIn,
    WaitIn,
)
from app.services.context import Context
from app.services.rules.tickets import Move
from app.services.scopes import Scope
from app.services.staff import StaffAtCapacity
from app.services.tickets import (
    assignments,
    changes,
    confirming,
    escalations,
    explaining,
    intake,
    moves,
    notes,
    reading,
)
from app.services.tickets.refusals import (
    DelayReasonRequired,
    ExternalRefConflict,
    InvalidTransition,
    NothingEscalated,
)

router = APIRouter(prefix="/v1/tickets", tags=["tickets"], route_class=StrictRoute)
direct = APIRouter(prefix="/v1/tickets", tags=["tickets"], route_class=DirectRoute)

Reader = Annotated[Context, Security(context, scopes=[Scope.TICKETS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.TICKETS_WRITE])]

_MOVES = problems(NotFound, InvalidTransition, VersionMismatch, DelayReasonRequired, *RETRY)
_ASSIGNING = problems(NotFound, InvalidTransition, StaffAtCapacity, VersionMismatch, DelayReasonRequired, *RETRY)


@direct.post(
    "",
    status_code=201,
    response_model=TicketOut,
    responses={
        200: {"model": TicketOut, "description": "The ticket that this reference stands for already"},
        **problems(NotFound, ExternalRefConflict, *RETRY),
    },
)
async def create_ticket(body: TicketIn, ctx: Writer) -> Response:
    """Take a ticket: it gets its number, department, deadlines and promise at once.

    Kind, urgency and severity are proposed from the text where they are left out. A repeated `external_ref`, or
    `call.call_id`, answers 200 with the ticket that is there; with other facts it is 409 `external_ref_conflict`.
    """
    return response_of(await intake.open_ticket(ctx, body))


@direct.get("", response_model=TicketList, responses=PAGES)
async def list_tickets(wanted: Annotated[TicketFilter, Query()], ctx: Reader) -> Response:
    """List tickets, the latest first. A filter takes several values separated by commas."""
    return response_of(await reading.list_tickets(ctx, wanted))


@router.post("/search", response_model=TicketList, responses=PAGES)
async def search_tickets(body: SearchIn, ctx: Reader) -> Response:
    """Find tickets by phone, email, name, text, order, batch, model or number; every criterion given must hold.

    A phone, email or name is compared as a whole; personal data never stands in an address.
    """
    return response_of(await reading.search_tickets(ctx, body))


@direct.get("/{ticket}", response_model=TicketOut, responses=problems(NotFound))
async def get_ticket(ticket: str, ctx: Reader) -> Response:
    """Read a ticket by number or id. `ETag` is the version and the caller's view of it."""
    return response_of(await reading.get_ticket(ctx, ticket))


@router.patch(
    "/{ticket}",
    response_model=TicketOut,
    responses=problems(NotFound, IfMatchRequired, VersionMismatch, *RETRY),
)
async def change_ticket(ticket: str, body: TicketPatch, ctx: Writer) -> Response:
    """Correct a ticket's facts (JSON merge patch, `If-Match` required); deadlines, materials and route follow.

    `policy` moves the ticket to another edition of its policy that is in force, and all is decided again under it.
    """
    return response_of(await changes.change_ticket(ctx, ticket, body))


@router.put(
    "/{ticket}/classification",
    response_model=TicketOut,
    responses=problems(NotFound, IfMatchRequired, VersionMismatch, *RETRY),
)
async def confirm_classification(ticket: str, body: ClassificationIn, ctx: Writer) -> Response:
    """Confirm or correct what the ticket is about (`If-Match` required); what was proposed stays on record."""
    return response_of(await confirming.confirm_classification(ctx, ticket, body))


@router.get("/{ticket}/timeline", response_model=Timeline, responses=PAGES)
async def read_timeline(ticket: str, wanted: Annotated[TimelineFilter, Query()], ctx: Reader) -> Response:
    """Read what happened to a ticket, the earliest first; `visibility=customer` gives what the customer may see."""
    return response_of(await reading.read_timeline(ctx, ticket, wanted))


@router.get("/{ticket}/assignments", responses=problems(NotFound))
async def list_assignments(ticket: str, ctx: Reader) -> Assignments:
    """Read which departments and people had a ticket, in order, and for how long."""
    return await assignments.list_assignments(ctx, ticket)


@router.get("/{ticket}/commitments/{commitment}/explanation", responses=problems(NotFound))
async def explain_commitment(ticket: str, commitment: str, ctx: Reader) -> ExplanationOut:
    """Say why a deadline is what it is: the time that was counted adds up to the target to the second."""
    return await explaining.explain_commitment(ctx, ticket, commitment)


@router.post(
    "/{ticket}/comments",
    status_code=201,
    response_model=TimelineEntryOut,
    responses=problems(NotFound, DelayReasonRequired, *RETRY),
)
async def add_comment(ticket: str, body: CommentIn, ctx: Writer) -> Response:
    """Add a comment. One by staff that the customer can read is a reply: it counts as the first response, too.

    `author: customer` is a message of the customer: from it on the next reply is due, where the edition promises one.
    A waiting ticket goes on waiting until `resume`.
    """
    return response_of(await notes.add_comment(ctx, ticket, body))


@router.post("/{ticket}/delay-reasons", response_model=TicketOut, responses=problems(NotFound, *RETRY))
async def record_delay_reason(ticket: str, body: DelayReasonIn, ctx: Writer) -> Response:
    """Put on record why a step is late: for one commitment, one milestone, or all that are open or late.

    The reason of a late step that has ended is corrected only where its commitment or milestone is named.
    """
    return response_of(await notes.record_delay_reason(ctx, ticket, body))


@router.post("/{ticket}/acknowledge", response_model=TicketOut, responses=_MOVES)
async def acknowledge(ticket: str, ctx: Writer, body: MoveIn = MoveIn()) -> Response:
    """Confirm that somebody has it: meets the first response."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.ACKNOWLEDGE, body))


@router.post("/{ticket}/assign", response_model=TicketOut, responses=_ASSIGNING)
async def assign(ticket: str, body: AssignIn, ctx: Writer) -> Response:
    """Give the ticket to a staff member; the owner stays who took it first."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.ASSIGN, body))


@router.post("/{ticket}/start", response_model=TicketOut, responses=_ASSIGNING)
async def start(ticket: str, ctx: Writer, body: MoveIn = MoveIn()) -> Response:
    """Begin the work, on site where the matter needs a visit."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.START, body))


@router.post("/{ticket}/wait", response_model=TicketOut, responses=_MOVES)
async def wait(ticket: str, ctx: Writer, body: WaitIn = WaitIn()) -> Response:
    """Wait for the customer or a supplier; clocks stop where the edition says so."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.WAIT, body))


@router.post("/{ticket}/resume", response_model=TicketOut, responses=_MOVES)
async def resume(ticket: str, ctx: Writer, body: MoveIn = MoveIn()) -> Response:
    """Go on after waiting; the clocks run again."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.RESUME, body))


@router.post("/{ticket}/resolve", response_model=TicketOut, responses=_MOVES)
async def resolve(ticket: str, ctx: Writer, body: ResolveIn = ResolveIn()) -> Response:
    """Report the matter solved. A step met after its time needs its reason: 422 `delay_reason_required`."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.RESOLVE, body))


@router.post("/{ticket}/accept", response_model=TicketOut, responses=_MOVES)
async def accept(ticket: str, ctx: Writer, body: MoveIn = MoveIn()) -> Response:
    """Record that the customer accepted the result."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.ACCEPT, body))


@router.post("/{ticket}/close", response_model=TicketOut, responses=_MOVES)
async def close(ticket: str, ctx: Writer, body: MoveIn = MoveIn()) -> Response:
    """Close the ticket."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.CLOSE, body))


@router.post("/{ticket}/reopen", response_model=TicketOut, responses=_MOVES)
async def reopen(ticket: str, ctx: Writer, body: MoveIn = MoveIn()) -> Response:
    """Take the matter up again; its resolution is promised anew."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.REOPEN, body))


@router.post("/{ticket}/cancel", response_model=TicketOut, responses=_MOVES)
async def cancel(ticket: str, ctx: Writer, body: MoveIn = MoveIn()) -> Response:
    """Drop the matter: opened by mistake, or withdrawn."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.CANCEL, body))


@router.post("/{ticket}/transfer", response_model=TicketOut, responses=_ASSIGNING)
async def transfer(ticket: str, body: TransferIn, ctx: Writer) -> Response:
    """Move the ticket to another department of the edition; rules no longer re-route it."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.TRANSFER, body))


@router.post("/{ticket}/escalate", response_model=TicketOut, responses=_MOVES)
async def escalate(ticket: str, ctx: Writer, body: EscalateIn = EscalateIn()) -> Response:
    """Raise the ticket one level, or to the level given; the event names the roles the edition tells."""
    return response_of(await moves.move_ticket(ctx, ticket, Move.ESCALATE, body))


@router.post(
    "/{ticket}/escalations/acknowledge",
    response_model=TicketOut,
    responses=problems(NotFound, NothingEscalated, VersionMismatch, *RETRY),
)
async def acknowledge_escalation(
    ticket: str, ctx: Writer, body: AcknowledgeEscalationIn = AcknowledgeEscalationIn()
) -> Response:
    """Say that somebody has an escalated matter in hand: the further levels of its open milestones are not told.

    A breach still to come and its compensation are not held back. A reopened matter starts afresh, and so does a
    milestone for which another time is promised afterwards.
    """
    return response_of(await escalations.acknowledge_escalation(ctx, ticket, body))
