"""What all records of the archive have in common: found by id within the caller's lines, changed, refused."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import UNIQUE_VIOLATION, sqlstate
from app.core.errors import FieldError, NotFound, ServiceError, ValidationFailed
from app.core.ids import id_from
from app.core.language import Text
from app.models.customers import Customer
from app.models.purchases import CatalogueItem, Purchase
from app.models.warranty import WarrantyCard
from app.schemas.fields import RequestBody
from app.services.context import Context

VIEW: Final = "archive"
PREFIXES: Final[dict[type, str]] = {Customer: "cus", CatalogueItem: "itm", Purchase: "pur", WarrantyCard: "wty"}
Record = TypeVar("Record", Customer, CatalogueItem, Purchase, WarrantyCard)


class RecordNotFound(NotFound):
    """No such record, or one of a line the caller does not see."""

    title = Text("未找到该档案", "No such record in the archive")


class RecordExists(ServiceError):
    """The line has a record under this number."""

    status, code, by_rule = 409, "record_exists", True
    title = Text(
        "该经营线已有此编号的档案，请改用修改", "The line has a record of this number already: change it instead"
    )


async def find_record(
    session: AsyncSession, ctx: Context, kind: type[Record], reference: str, *, lock: bool = False
) -> Record:
    """Return a record of one of the caller's lines; `lock` holds its row until the transaction ends.

    Raises: RecordNotFound.
    """
    record_id = id_from(PREFIXES[kind], reference)
    if record_id is None:
        raise RecordNotFound
    wanted = select(kind).where(kind.id == record_id, kind.business_line_id.in_(ctx.line_ids()))
    record = await session.scalar(wanted.with_for_update() if lock else wanted)
    if record is None:
        raise RecordNotFound
    return record


async def named_record(
    session: AsyncSession, ctx: Context, kind: type[Record], reference: str, *, line: object, field: str
) -> Record:
    """Return a record that a body names, which is of the same line.

    Raises: ValidationFailed naming the field.
    """
    try:
        record = await find_record(session, ctx, kind, reference)
    except RecordNotFound:
        record = None
    if record is None or record.business_line_id != line:
        detail = Text("该经营线没有此档案", "The line has no such record")
        raise ValidationFailed(errors=[FieldError(("pointer", f"#/{field}"), "unknown_value", detail)])
    return record


def patch(
    record: Customer | CatalogueItem | Purchase | WarrantyCard,
    body: RequestBody,
    now: datetime,
    *,
    skip: Collection[str] = (),
) -> None:
    """Set every field that a merge patch names and the table has, but for `skip`; documents keep money as text."""
    columns = type(record).__table__.columns.keys()
    plain = body.model_dump(exclude_unset=True)
    documents = body.model_dump(exclude_unset=True, mode="json")
    for name, value in plain.items():
        if name in columns and name not in skip:
            setattr(record, name, documents[name] if isinstance(value, dict) else value)
    record.version += 1
    record.updated_at = now


@contextmanager
def duplicate_means(refusal: ServiceError) -> Iterator[None]:
    """Turn a violation of a unique index within the block into a refusal; the transaction is lost by then."""
    try:
        yield
    except IntegrityError as error:
        if sqlstate(error) == UNIQUE_VIOLATION:
            raise refusal from None
        raise
