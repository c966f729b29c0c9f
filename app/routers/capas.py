"""Corrective and preventive action (纠正和预防措施)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    CursorFilterMismatch,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    IfMatchRequired,
    InvalidCursor,
    NotFound,
    ValidationFailed,
    VersionMismatch,
)
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import context, writing
from app.schemas.capas import (
    ActionPatch,
    AnalyseIn,
    CapaIn,
    CapaList,
    CapaOut,
    CapaPatch,
    CloseIn,
    CompleteIn,
    PlanIn,
    ReasonIn,
    TicketCapaIn,
    TicketCapas,
    VerifyIn,
)
from app.schemas.lists import CapaFilter
from app.services.capas import actions, moves, opening, reading, report
from app.services.capas.refusals import ActionSettled, CapaMoveNotAllowed
from app.services.context import Context
from app.services.scopes import Scope
from app.services.tickets.refusals import DelayReasonRequired

router = APIRouter(prefix="/v1", tags=["capas"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.COMPLAINTS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.COMPLAINTS_WRITE])]

_WRITES = (NotFound, IdempotencyInProgress, IdempotencyKeyReused, ValidationFailed)
_MOVED = (*_WRITES, CapaMoveNotAllowed, VersionMismatch)
_PATCHED = (*_MOVED, IfMatchRequired)
_MOVES = problems(*_MOVED)


@router.post("/capas", status_code=201, response_model=CapaOut, responses=problems(*_WRITES))
async def open_capa(body: CapaIn, ctx: Writer) -> Response:
    """Open a CAPA for a problem; `tickets` are the complaints it answers."""
    return response_of(await opening.open_capa(ctx, body))


@router.get(
    "/capas",
    response_model=CapaList,
    responses=problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed),
)
async def list_capas(wanted: Annotated[CapaFilter, Query()], ctx: Reader) -> Response:
    """List CAPAs, the latest first; `overdue`, `owner_staff_no` and `department` look at what is still to be done."""
    return response_of(await reading.list_capas(ctx, wanted))


@router.get("/capas/{capa}", response_model=CapaOut, responses=problems(NotFound))
async def get_capa(capa: str, ctx: Reader) -> Response:
    """Read a CAPA by number or id. `recurrences` counts complaints of the same model and issue since it was closed."""
    return response_of(await reading.get_capa(ctx, capa))


@router.patch("/capas/{capa}", response_model=CapaOut, responses=problems(*_PATCHED))
async def change_capa(capa: str, body: CapaPatch, ctx: Writer) -> Response:
    """Correct title, problem or criteria (`If-Match` required) until the actions are done."""
    return response_of(await moves.change_capa(ctx, capa, body))


@router.post("/capas/{capa}/analyse", response_model=CapaOut, responses=_MOVES)
async def analyse(capa: str, body: AnalyseIn, ctx: Writer) -> Response:
    """Put the root cause on record, by five whys or by a fishbone. After a check that failed a new round begins."""
    return response_of(await moves.analyse(ctx, capa, body))


@router.post("/capas/{capa}/plan", response_model=CapaOut, responses=_MOVES)
async def plan(capa: str, body: PlanIn, ctx: Writer) -> Response:
    """Add actions. A correction may come before the root cause is known; the others follow it and need `criteria`."""
    return response_of(await actions.plan(ctx, capa, body))


@router.patch("/capas/{capa}/actions/{action}", response_model=CapaOut, responses=problems(*_PATCHED, ActionSettled))
async def change_action(capa: str, action: str, body: ActionPatch, ctx: Writer) -> Response:
    """Give an action, or the check, another owner, wording or date (`If-Match` of the CAPA required)."""
    return response_of(await actions.change_action(ctx, capa, action, body))


@router.post(
    "/capas/{capa}/actions/{action}/complete",
    response_model=CapaOut,
    responses=problems(*_MOVED, ActionSettled, DelayReasonRequired),
)
async def complete_action(capa: str, action: str, body: CompleteIn, ctx: Writer) -> Response:
    """Record that an action is done, with what shows it. Late, it needs `delay_reason`.

    Once everything planned is done, and something of it dealt with the cause, the check is planned.
    """
    return response_of(await actions.complete_action(ctx, capa, action, body))


@router.post(
    "/capas/{capa}/actions/{action}/drop",
    response_model=CapaOut,
    responses=problems(*_MOVED, ActionSettled),
)
async def drop_action(capa: str, action: str, body: ReasonIn, ctx: Writer) -> Response:
    """Give an action up, with the reason."""
    return response_of(await actions.drop_action(ctx, capa, action, body))


@router.post("/capas/{capa}/verify", response_model=CapaOut, responses=problems(*_MOVED, DelayReasonRequired))
async def verify(capa: str, body: VerifyIn, ctx: Writer) -> Response:
    """Record whether the actions worked. Before the planned day it needs `reason`, after it `delay_reason`."""
    return response_of(await moves.verify(ctx, capa, body))


@router.post("/capas/{capa}/close", response_model=CapaOut, responses=_MOVES)
async def close(capa: str, body: CloseIn, ctx: Writer) -> Response:
    """Close what has worked; only the department that the policy names may."""
    return response_of(await moves.close(ctx, capa, body))


@router.post("/capas/{capa}/reopen", response_model=CapaOut, responses=_MOVES)
async def reopen(capa: str, body: ReasonIn, ctx: Writer) -> Response:
    """Take it up again in a new round, because the problem came back."""
    return response_of(await moves.reopen(ctx, capa, body))


@router.post("/capas/{capa}/cancel", response_model=CapaOut, responses=_MOVES)
async def cancel(capa: str, body: ReasonIn, ctx: Writer) -> Response:
    """Give it up, with all that was still to be done."""
    return response_of(await moves.cancel(ctx, capa, body))


@router.get(
    "/capas/{capa}/report.html",
    response_class=Response,
    responses={
        200: {"description": "A page to print", "content": {"text/html": {"schema": {"type": "string"}}}},
        **problems(NotFound),
    },
)
async def report_page(capa: str, ctx: Reader) -> Response:
    """Show the CAPA as a report to print, in the language of `Accept-Language`."""
    return response_of(await report.show_report(ctx, capa))


@router.post(
    "/tickets/{ticket}/capa",
    status_code=201,
    response_model=CapaOut,
    responses={
        200: {"model": CapaOut, "description": "The CAPA that answers this ticket too"},
        **problems(*_WRITES, CapaMoveNotAllowed),
    },
)
async def answer_ticket(ticket: str, body: TicketCapaIn, ctx: Writer) -> Response:
    """Open a CAPA for a ticket, or link one that is there (200)."""
    return response_of(await opening.answer_ticket(ctx, ticket, body))


@router.get("/tickets/{ticket}/capa", responses=problems(NotFound))
async def list_of_ticket(ticket: str, ctx: Reader) -> TicketCapas:
    """Read which CAPAs answer a ticket, the latest first."""
    return await reading.list_of_ticket(ctx, ticket)
