"""From a request to a use case's context, and the problems that most routes share."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import Depends, Header, Request
from fastapi.security import SecurityScopes

from app.core.call import STAFF_NO, Caller
from app.core.errors import (
    CursorFilterMismatch,
    FieldError,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InsufficientScope,
    InvalidCursor,
    NotFound,
    ValidationFailed,
)
from app.core.headers import header_of
from app.core.http import authorised, bearer, call_of, problems
from app.core.idempotency import KEY
from app.core.language import Text
from app.services.context import Context, Kit
from app.services.erasures.stored_answers import PersonErased
from app.services.scopes import Scope

# What a write under a retry key may be refused for, and a list that is read page by page.
RETRY = (IdempotencyInProgress, IdempotencyKeyReused, PersonErased, ValidationFailed)
_STAFF: Final = "X-Staff-No"
_STAFF_SENT: Final = _STAFF.lower().encode()
PAGES = problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed)


_WHO = Header(
    alias=_STAFF,
    description="who is at work; for keys with `staff:act`",
    json_schema_extra={"pattern": f"^{STAFF_NO.pattern}$"},
)


async def context(
    request: Request,
    needed: SecurityScopes,
    _key: Annotated[object, Depends(bearer)],
    _staff_no: Annotated[str | None, _WHO] = None,
) -> Context:
    """Build the context of a request whose caller has the route's scope.

    `_key` and `_staff_no` are for the documentation only, and read from the request.

    Raises: InsufficientScope, ValidationFailed, DatabaseUnavailable.
    """
    kit: Kit = request.app.state.kit
    caller = _at_work(request, authorised(request, needed))
    return Context(kit, caller, call_of(request), await kit.directory.known(), kit.clock())


def _at_work(request: Request, caller: Caller) -> Caller:
    """Name who is at work, if the request does: CRMs serve many people by one key.

    Raises: InsufficientScope for a key that may not name people; ValidationFailed.
    """
    named = header_of(request.scope, _STAFF_SENT)
    if named is None:
        return caller
    if not caller.may(Scope.STAFF_ACT):
        raise InsufficientScope(members={"required_scope": Scope.STAFF_ACT})
    if not STAFF_NO.fullmatch(named):
        detail = Text("1–32 位字母、数字、- 或 _", "1 to 32 letters, digits, - or _")
        raise ValidationFailed(errors=[FieldError(("header", _STAFF), "invalid_staff_no", detail)])
    return replace(caller, staff_no=named)


_KEY = Header(
    alias="Idempotency-Key",
    description="makes a repeat of this write safe",
    json_schema_extra={"pattern": f"^{KEY.pattern}$"},
)
_TAG = Header(alias="If-Match", description="the ETag the change was made for; PATCH, PUT and DELETE need it")


async def writing(
    request: Request,
    needed: SecurityScopes,
    key: Annotated[object, Depends(bearer)],
    _idempotency_key: Annotated[str | None, _KEY] = None,
    _if_match: Annotated[str | None, _TAG] = None,
    _staff_no: Annotated[str | None, _WHO] = None,
) -> Context:
    """Build the context of a write. The headers are named for the documentation, and read from the request."""
    return await context(request, needed, key)
