"""Complaints seen together: batches, quality alerts, and the feedback analysis."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    NotFound,
    ValidationFailed,
    VersionMismatch,
)
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import PAGES, context, writing
from app.schemas.lists import AnalysisFilter, BatchFilter, HolderFilter, QualityAlertFilter
from app.schemas.quality import Analysis, BatchView, CloseAlertIn, HolderList, QualityAlertList, QualityAlertOut
from app.services import batches, complaint_analysis, complaint_analysis_page, quality_alerts
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1", tags=["quality"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.COMPLAINTS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.COMPLAINTS_WRITE])]


@router.get("/complaints/batches", responses=problems(NotFound, ValidationFailed))
async def view_batches(wanted: Annotated[BatchFilter, Query()], ctx: Reader) -> BatchView:
    """Count complaints by batch, model, cause or month, the most first, with open quality alerts."""
    return await batches.view_batches(ctx, wanted)


@router.get("/complaints/batches/holders", response_model=HolderList, responses=PAGES)
async def list_holders(wanted: Annotated[HolderFilter, Query()], ctx: Reader) -> Response:
    """List the customers on file who hold goods of a batch, for a recall; masked by the key's tier."""
    return response_of(await batches.list_holders(ctx, wanted))


@router.get("/complaints/analysis", responses=problems(NotFound, ValidationFailed))
async def analysis(wanted: Annotated[AnalysisFilter, Query()], ctx: Reader) -> Analysis:
    """Analyse a period's feedback: main problems, handling, trend; against the period of the same length before."""
    return await complaint_analysis.analyse(ctx, wanted)


@router.get(
    "/complaints/analysis.html",
    response_class=Response,
    responses={
        200: {"description": "A page to print", "content": {"text/html": {"schema": {"type": "string"}}}},
        **problems(NotFound, ValidationFailed),
    },
)
async def analysis_page(wanted: Annotated[AnalysisFilter, Query()], ctx: Reader) -> Response:
    """Show the same analysis as a page to print; the language is that of `Accept-Language`."""
    return response_of(await complaint_analysis_page.show_analysis(ctx, wanted))


@router.get("/quality-alerts", response_model=QualityAlertList, responses=PAGES)
async def list_alerts(wanted: Annotated[QualityAlertFilter, Query()], ctx: Reader) -> Response:
    """List quality alerts, the latest first."""
    return response_of(await quality_alerts.list_alerts(ctx, wanted))


@router.get("/quality-alerts/{alert}", response_model=QualityAlertOut, responses=problems(NotFound))
async def get_alert(alert: str, ctx: Reader) -> Response:
    """Read a quality alert."""
    return response_of(await quality_alerts.get_alert(ctx, alert))


@router.post(
    "/quality-alerts/{alert}/close",
    response_model=QualityAlertOut,
    responses=problems(
        NotFound,
        quality_alerts.AlertClosed,
        VersionMismatch,
        IdempotencyInProgress,
        IdempotencyKeyReused,
        ValidationFailed,
    ),
)
async def close_alert(alert: str, body: CloseAlertIn, ctx: Writer) -> Response:
    """Close a quality alert with what was found. A later rise raises a new one."""
    return response_of(await quality_alerts.close_alert(ctx, alert, body))
