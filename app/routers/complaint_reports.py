"""The complaint handling report of a ticket: opened, worked through, approved, printed."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    IfMatchRequired,
    NotFound,
    ValidationFailed,
    VersionMismatch,
)
from app.core.http import StrictRoute, problems, response_of
from app.core.pdf import FontMissing
from app.routers.context import RETRY, context, writing
from app.schemas.complaint_reports import (
    ApprovalIn,
    FinalAnswerIn,
    MeasureDoneIn,
    MeasureIn,
    ReportIn,
    ReportOut,
    ReportPatch,
    SettlementIn,
)
from app.schemas.lists import ReportWanted
from app.services.complaint_reports import opening, printing, rendering, steps
from app.services.complaint_reports.refusals import ApprovalRequired, InvalidReportStep, ReportExists
from app.services.context import Context
from app.services.scopes import Scope
from app.services.tickets.refusals import DelayReasonRequired

router = APIRouter(prefix="/v1/tickets/{ticket}", tags=["complaint reports"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.COMPLAINTS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.COMPLAINTS_WRITE])]
Wanted = Annotated[ReportWanted, Query()]
_STEP = problems(NotFound, InvalidReportStep, VersionMismatch, *RETRY)


def _document(kind: str, schema: dict[str, str], *further: Any) -> dict[str, Any]:
    shown = {200: {"description": "The form, to print and sign", "content": {kind: {"schema": schema}}}}
    return {"response_class": Response, "responses": {**shown, **problems(NotFound, ValidationFailed, *further)}}


@router.get("/report", response_model=ReportOut, responses=problems(NotFound, ValidationFailed))
async def get_report(ticket: str, wanted: Wanted, ctx: Reader) -> Response:
    """Read a ticket's handling report: the latest, or the one of an earlier round. `next` says what it waits for."""
    return response_of(await rendering.get_report(ctx, ticket, wanted.instance))


@router.get("/report.html", **_document("text/html", {"type": "string"}))
async def get_report_page(ticket: str, wanted: Wanted, ctx: Reader) -> Response:
    """Show the form as a page to print; the language is that of `Accept-Language`."""
    return response_of(await printing.show_page(ctx, ticket, wanted.instance))


@router.get("/report.pdf", **_document("application/pdf", {"type": "string", "format": "binary"}, FontMissing))
async def get_report_pdf(ticket: str, wanted: Wanted, ctx: Reader) -> Response:
    """Print the form on A4, with its approvals and the places to sign; the language is that of `Accept-Language`."""
    return response_of(await printing.print_pdf(ctx, ticket, wanted.instance))


@router.post("/report", status_code=201, response_model=ReportOut, responses=problems(NotFound, ReportExists, *RETRY))
async def open_report(ticket: str, body: ReportIn, ctx: Writer) -> Response:
    """Open a handling report by hand. A complaint whose path asks for one has it already."""
    return response_of(await opening.open_report(ctx, ticket, body))


@router.patch(
    "/report",
    response_model=ReportOut,
    responses=problems(NotFound, InvalidReportStep, IfMatchRequired, VersionMismatch, *RETRY),
)
async def change_report(ticket: str, body: ReportPatch, ctx: Writer) -> Response:
    """Correct the facts (JSON merge patch, `If-Match` required), until the remedy is settled."""
    return response_of(await steps.change_facts(ctx, ticket, body))


@router.post("/report/measures", response_model=ReportOut, responses=_STEP)
async def propose_measure(ticket: str, body: MeasureIn, ctx: Writer) -> Response:
    """Enter a department's measure with its owner and date, or revise it, until the remedy is settled."""
    return response_of(await steps.propose_measure(ctx, ticket, body))


@router.post("/report/measures/done", response_model=ReportOut, responses=problems(NotFound, VersionMismatch, *RETRY))
async def mark_measure_done(ticket: str, body: MeasureDoneIn, ctx: Writer) -> Response:
    """Record that a department's measure was carried out; also after the answer."""
    return response_of(await steps.mark_done(ctx, ticket, body))


@router.post("/report/settle", response_model=ReportOut, responses=_STEP)
async def settle(ticket: str, body: SettlementIn, ctx: Writer) -> Response:
    """Record the remedy agreed with the customer, once every department asked has proposed its measure."""
    return response_of(await steps.settle(ctx, ticket, body))


@router.post("/report/approvals", response_model=ReportOut, responses=_STEP)
async def decide_approval(ticket: str, body: ApprovalIn, ctx: Writer) -> Response:
    """Approve for a department, or refuse with the reason: that leads back to the measures and begins a new round."""
    return response_of(await steps.decide_approval(ctx, ticket, body))


@router.post(
    "/report/answer",
    response_model=ReportOut,
    responses=problems(NotFound, ApprovalRequired, InvalidReportStep, VersionMismatch, DelayReasonRequired, *RETRY),
)
async def answer_customer(ticket: str, body: FinalAnswerIn, ctx: Writer) -> Response:
    """Give the customer the final answer: 403 `approval_required` names the departments that have not approved."""
    return response_of(await steps.answer_customer(ctx, ticket, body))
