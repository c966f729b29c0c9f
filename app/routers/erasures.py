"""The erasure of a person (个人信息删除), and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import NotFound
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import PAGES, RETRY, context, writing
from app.schemas.erasures import ErasureIn, ErasureList, ErasureOut
from app.schemas.lists import ErasureFilter
from app.services.context import Context
from app.services.erasures import accepting, reading
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/erasures", tags=["personal data"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.PRIVACY_ERASE])]
Eraser = Annotated[Context, Security(writing, scopes=[Scope.PRIVACY_ERASE])]


@router.post(
    "",
    status_code=202,
    response_model=ErasureOut,
    responses=problems(NotFound, accepting.PersonAmbiguous, accepting.PersonHasOpenMatters, *RETRY),
)
async def accept_erasure(body: ErasureIn, ctx: Eraser) -> Response:
    """Erase a person everywhere in a business line (PIPL 47), once nothing of theirs is open.

    Contact, texts and files go; decisions, deadlines and statistics stay, without the person. A worker does it within
    seconds as a rule; `person.erased` says when it is done. It cannot be taken back, and is made again after a restore.
    """
    return response_of(await accepting.accept_erasure(ctx, body))


@router.get("", response_model=ErasureList, responses=PAGES)
async def list_erasures(wanted: Annotated[ErasureFilter, Query()], ctx: Reader) -> Response:
    """List erasures, the latest first. They never say whom they were about."""
    return response_of(await reading.list_erasures(ctx, wanted))


@router.get("/{erasure}", response_model=ErasureOut, responses=problems(NotFound))
async def get_erasure(erasure: str, ctx: Reader) -> Response:
    """Read how far an erasure is, how much was erased, and what the law has kept until when."""
    return response_of(await reading.get_erasure(ctx, erasure))
