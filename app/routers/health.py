"""Whether the process lives, whether it can serve, and its metrics. For operators, not for callers."""

import json
import secrets
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from app.core.accepting import LEAVING
from app.core.answers import PROBLEM_JSON
from app.core.errors import NotFound
from app.core.metrics import exposition
from app.core.settings import Settings
from app.services.context import Kit
from app.services.readiness import Readiness, check_readiness

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers. Touches nothing else."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Not ready: see `checks`"}})
async def ready(request: Request) -> Response:
    """Database within a second, schema at head, worker seen within 30 seconds. `sandbox`: it has test clocks.

    A process that was told to stop is not ready, whatever the rest.
    """
    kit: Kit = request.app.state.kit
    leaving = getattr(request.state, LEAVING, False)
    readiness = Readiness({"process": "stopping"}) if leaving else await check_readiness(kit)
    document = readiness.document() | {"sandbox": kit.sandbox}
    return Response(json.dumps(document), readiness.status, media_type="application/json")


_HIDDEN: dict[int | str, dict[str, Any]] = {
    404: {"description": "In production, without the operator's token", "content": {PROBLEM_JSON: {}}}
}


def _operator(request: Request) -> None:
    """Raises: NotFound, in production, for whoever does not send `AFTERSALES_METRICS_TOKEN` as a bearer token."""
    settings: Settings = request.app.state.settings
    if settings.environment == "production":
        sent, token = request.headers.get("authorization", "").encode(), settings.metrics_token
        if token is None or not secrets.compare_digest(sent, f"Bearer {token}".encode()):
            raise NotFound


@router.get("/metrics", dependencies=[Depends(_operator)], response_class=PlainTextResponse, responses=_HIDDEN)
async def metrics() -> Response:
    """Prometheus exposition, of all processes that serve together."""
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)
