"""The ordered feed of what happened."""

from typing import Annotated

from fastapi import APIRouter, Query, Security

from app.core.errors import ValidationFailed
from app.core.http import StrictRoute, problems
from app.routers.context import context
from app.schemas.events import EventFeed
from app.schemas.lists import EventFilter
from app.services import events
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.EVENTS_READ])]


@router.get("", responses=problems(ValidationFailed))
async def read_events(wanted: Annotated[EventFilter, Query()], ctx: Reader) -> EventFeed:
    """Read events after a position, in order. Keep `next_after` for the next request and none is missed."""
    return await events.read_events(ctx, wanted)
