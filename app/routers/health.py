"""Whether the process lives, whether it can serve, and its metrics. For operators, not for callers."""

import json

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.core.metrics import exposition
from app.services.readiness import check_readiness

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers. Touches nothing else."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Not ready: see `checks`"}})
async def ready(request: Request) -> Response:
    """Database within a second, schema at head, worker seen within 30 seconds."""
    readiness = await check_readiness(request.app.state.kit)
    return Response(json.dumps(readiness.document()), readiness.status, media_type="application/json")


@router.get("/metrics")
async def metrics() -> Response:
    """Prometheus exposition."""
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)
