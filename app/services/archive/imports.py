"""导入购买记录: the good lines of a file become purchases, each once however often the file comes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.crypto import KeyRing
from app.core.errors import FieldError, ValidationFailed
from app.core.ids import new_id
from app.models.customers import Customer
from app.models.purchases import CatalogueItem, Purchase
from app.schemas.fields import Bilingual
from app.schemas.purchases import BadCell, ImportIn, ImportReport
from app.services.archive.customers import seal
from app.services.archive.purchase_files import FileRefused, Good, Table, read_table
from app.services.context import Context
from app.services.tickets.customers import PERSONAL, comparable_phone

MOST_REPORTED: Final = 1000
_AT_ONCE: Final = 500  # rows a statement
_PERSON: Final = ("customer_id", "name", "phone")
_OF_ROW: Final = (
    "spec_model", "serial_no", "batch", "unit_price", "purchased_on", "channel", "buyer_type", "delivered_at",
    "installed_at",
)  # fmt: skip


async def import_purchases(ctx: Context, body: ImportIn) -> Answer:
    """Take a file's purchases in one transaction.

    Raises: NotFound for the line, ValidationFailed if the file as a whole cannot be read.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        try:
            table = read_table(body.csv)
        except FileRefused as refused:
            error = FieldError(("pointer", "#/csv"), refused.code, refused.detail)
            raise ValidationFailed(errors=[error]) from None
        imported = await keep(unit.session, line.id, table.good, ctx.keyring, ctx.now)
        return unit.answer(Answer.of(200, report(table, imported)))


def report(table: Table, imported: int) -> ImportReport:
    return ImportReport(
        lines=len(table.good) + table.bad_lines,
        imported=imported,
        already_there=len(table.good) - imported,
        bad_lines=table.bad_lines,
        bad=[
            BadCell(
                line=bad.line, column=bad.column, code=bad.code, reason=Bilingual(zh=bad.reason.zh, en=bad.reason.en)
            )
            for bad in table.bad[:MOST_REPORTED]
        ],
    )


async def keep(session: AsyncSession, line: UUID, rows: Sequence[Good], keyring: KeyRing, now: datetime) -> int:
    """Write the purchases that are not there yet; return how many that were.

    Imports of a line go one at a time, so that a customer two of them name comes on file once. A customer is one by the
    company's number, or else by the phone number.
    """
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"import/{line}", 0))))
    skus = {row.values["sku"] for row in rows if "sku" in row.values}
    chosen = select(CatalogueItem.sku, CatalogueItem.id).where(
        CatalogueItem.business_line_id == line, CatalogueItem.sku.in_(skus)
    )
    items = dict((await session.execute(chosen)).tuples().all()) if skus else {}
    people = await _People.of(session, line, rows, keyring, now)
    values = [_purchase(line, row, people, items, now) for row in rows]
    imported = 0
    for some in _portions(values):
        written = insert(Purchase).values(some).on_conflict_do_nothing().returning(Purchase.id)
        imported += len((await session.scalars(written)).all())
    return imported


def _purchase(line: UUID, row: Good, people: "_People", items: dict[str, UUID], now: datetime) -> dict[str, Any]:
    values = row.values
    return {
        "id": new_id(),
        "business_line_id": line,
        "version": 1,
        "customer_id": people.id_of(row),
        "catalogue_item_id": items.get(values.get("sku", "")),
        "order_no": values["order_no"],
        "order_line": values.get("order_line", 1),
        "product_name": values["product_name"],
        "quantity": values.get("quantity", 1),
        "created_at": now,
        "updated_at": now,
        **{name: values.get(name) for name in _OF_ROW},
    }


@dataclass(slots=True)
class _People:
    """The customers a file names, by the company's number and by the hash of the phone."""

    by_number: dict[str, UUID]
    by_phone: dict[bytes, UUID]
    keyring: KeyRing

    @classmethod
    async def of(
        cls, session: AsyncSession, line: UUID, rows: Sequence[Good], keyring: KeyRing, now: datetime
    ) -> "_People":
        """Find the customers that are on file, and put the others there."""
        people = cls({}, {}, keyring)
        for some in _portions(rows):
            await people._find(session, line, some)
        for row in rows:
            if people.id_of(row) is None and any(name in row.values for name in ("customer_id", "phone")):
                session.add(people._new(line, row, now))
        await session.flush()
        return people

    async def _find(self, session: AsyncSession, line: UUID, rows: Sequence[Good]) -> None:
        numbers = {row.values["customer_id"] for row in rows if "customer_id" in row.values}
        hashes = {found for row in rows for found in self._hashes(row)}
        ours = Customer.business_line_id == line
        for customer, number in await session.execute(
            select(Customer.id, Customer.external_id).where(ours, Customer.external_id.in_(numbers))
        ):
            self.by_number[str(number)] = customer
        for customer, phone in await session.execute(
            select(Customer.id, Customer.phone_hash)
            .where(ours, Customer.phone_hash.in_(hashes))
            .order_by(Customer.created_at.desc(), Customer.id.desc())  # of two with one number the first on file
        ):
            self.by_phone[phone or b""] = customer

    def _hashes(self, row: Good) -> list[bytes]:
        phone = row.values.get("phone")
        return self.keyring.lookups("phone", comparable_phone(phone)) if phone else []

    def id_of(self, row: Good) -> UUID | None:
        number = row.values.get("customer_id")
        if number is not None:
            return self.by_number.get(number)
        return next((self.by_phone[found] for found in self._hashes(row) if found in self.by_phone), None)

    def _new(self, line: UUID, row: Good, now: datetime) -> Customer:
        values = row.values
        customer = Customer(
            id=new_id(), business_line_id=line, version=1, external_id=values.get("customer_id"), tier=None,
            business_scope=None, consents=[], created_at=now, updated_at=now,
        )  # fmt: skip
        seal(customer, {name: values.get(name) for name in PERSONAL}, self.keyring)
        if customer.external_id is not None:
            self.by_number[customer.external_id] = customer.id
        if customer.phone_hash is not None:
            self.by_phone.setdefault(customer.phone_hash, customer.id)
        return customer


def _portions(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
