"""购买档案: who bought what, when, at which price, and when it arrived."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version, etag
from app.core.errors import ServiceError
from app.core.ids import id_text, new_id
from app.core.language import Text
from app.core.pagination import next_link
from app.models.customers import Customer
from app.models.purchases import CatalogueItem, Purchase
from app.schemas.lists import ArchiveFilter, PurchaseFilter
from app.schemas.purchases import PurchaseIn, PurchaseList, PurchaseOut, PurchasePatch, PurchaseSearchIn
from app.services.archive.file import units_held
from app.services.archive.records import VIEW, RecordExists, duplicate_means, find_record, named_record, patch
from app.services.context import Context
from app.services.directory import Line
from app.services.listing import latest_first
from app.services.service_points import check_points, local_day


class QuantityHeld(ServiceError):
    """Fewer units than came back already or are in open return requests."""

    status, code, by_rule = 409, "quantity_held_by_returns", True
    title = Text(
        "数量不能少于已退回和退换货单中的数量",
        "The quantity cannot be less than what came back or is in return requests",
    )

    def __init__(self, held: int) -> None:
        super().__init__(members={"held": held})


_REFERENCES = {"business_line", "customer_id", "catalogue_item_id", "gift", "bundle"}


async def add_purchase(ctx: Context, body: PurchaseIn) -> Answer:
    """Put a purchase on file.

    Raises: NotFound, ValidationFailed for a customer or product the line does not have, RecordExists if the line has
    this line of this order with this serial number.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        customer_id, item = await _named(unit.session, ctx, body, line)
        name = body.product_name or (item.name if item else "")
        documents = body.model_dump(mode="json", include={"gift", "bundle"})
        fields = body.model_dump(exclude={*_REFERENCES, "product_name"}) | documents
        purchase = Purchase(
            id=new_id(), business_line_id=line.id, version=1, customer_id=customer_id,
            catalogue_item_id=item.id if item else None, product_name=name, created_at=ctx.now, updated_at=ctx.now,
            **fields,
        )  # fmt: skip
        unit.session.add(purchase)
        with duplicate_means(RecordExists()):
            await unit.session.flush()
        shown = shown_purchase(ctx, purchase)
        return unit.answer(Answer.of(201, shown, location=f"/v1/purchases/{shown.id}", etag=etag(1, VIEW)))


async def change_purchase(ctx: Context, reference: str, body: PurchasePatch) -> Answer:
    """Raises: RecordNotFound, ValidationFailed, RecordExists, QuantityHeld, IfMatchRequired, VersionMismatch."""
    async with ctx.write(body) as unit:
        purchase = await find_record(unit.session, ctx, Purchase, reference, lock=True)
        if unit.replayed is not None:
            return unit.replayed
        check_version(ctx.call, purchase.version, VIEW, required=True)
        if body.quantity is not None:
            await _check_held(unit.session, purchase, body.quantity)
        line = ctx.known.by_id[purchase.business_line_id]
        customer_id, item = await _named(unit.session, ctx, body, line)
        patch(purchase, body, ctx.now, skip=_REFERENCES - {"gift", "bundle"})
        if "customer_id" in body.model_fields_set:
            purchase.customer_id = customer_id
        if "catalogue_item_id" in body.model_fields_set:
            purchase.catalogue_item_id = item.id if item else None
        with duplicate_means(RecordExists()):
            await unit.session.flush()
        return unit.answer(_answer(ctx, purchase))


async def _check_held(session: AsyncSession, purchase: Purchase, quantity: int) -> None:
    """The purchase's row is held, as it is where requests take units, so that the count stands.

    Raises: QuantityHeld.
    """
    held = (await units_held(session, [purchase.id])).get(purchase.id, 0)
    if quantity < held:
        raise QuantityHeld(held)


async def _named(
    session: AsyncSession, ctx: Context, body: PurchaseIn | PurchasePatch, line: Line
) -> tuple[UUID | None, CatalogueItem | None]:
    """Return the customer's id and the product that a body names.

    Raises: ValidationFailed for one the line does not have, or for a seller it does not have.
    """
    await check_points(session, line.id, {"sold_by": body.sold_by}, day=local_day(ctx, line))
    customer = item = None
    if body.customer_id is not None:
        customer = await named_record(session, ctx, Customer, body.customer_id, line=line.id, field="customer_id")
    if body.catalogue_item_id is not None:
        item = await named_record(
            session, ctx, CatalogueItem, body.catalogue_item_id, line=line.id, field="catalogue_item_id"
        )
    return customer.id if customer else None, item


async def get_purchase(ctx: Context, reference: str) -> Answer:
    """Raises: RecordNotFound."""
    async with ctx.db.read() as session:
        return _answer(ctx, await find_record(session, ctx, Purchase, reference))


async def list_purchases(ctx: Context, wanted: PurchaseFilter) -> Answer:
    """Return the purchases of the caller's lines, or of one customer, the latest on file first.

    Raises: NotFound for a line or a customer that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    criteria: list[ColumnElement[bool]] = []
    if wanted.customer is not None:
        async with ctx.db.read() as session:
            customer = await find_record(session, ctx, Customer, wanted.customer)
        criteria.append(Purchase.customer_id == customer.id)
    return await _page(ctx, wanted, criteria)


async def search_purchases(ctx: Context, wanted: PurchaseSearchIn) -> Answer:
    """Return the purchases that meet every criterion.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    given = (
        (Purchase.order_no, wanted.order_no),
        (Purchase.serial_no, wanted.serial_no),
        (Purchase.batch, wanted.batch),
    )
    return await _page(ctx, wanted, [column == value for column, value in given if value is not None])


async def _page(
    ctx: Context, wanted: ArchiveFilter | PurchaseSearchIn, criteria: Sequence[ColumnElement[bool]]
) -> Answer:
    chosen = select(Purchase).where(Purchase.business_line_id.in_(ctx.line_ids(wanted.business_line)), *criteria)
    async with ctx.db.read() as session:
        found, following = await latest_first(ctx, session, chosen, Purchase.created_at, wanted=wanted)
    items = [shown_purchase(ctx, purchase) for purchase in found]
    page = PurchaseList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


def _answer(ctx: Context, purchase: Purchase) -> Answer:
    return Answer.of(200, shown_purchase(ctx, purchase), etag=etag(purchase.version, VIEW))


_AS_STORED = (
    "order_no", "order_line", "product_name", "spec_model", "serial_no", "batch", "quantity", "purchased_on", "channel",
    "buyer_type", "region", "sold_by", "delivered_at", "installed_at", "confirmation_method", "gift", "bundle",
    "version", "created_at", "updated_at",
)  # fmt: skip


def shown_purchase(ctx: Context, purchase: Purchase) -> PurchaseOut:
    customer, item, price = purchase.customer_id, purchase.catalogue_item_id, purchase.unit_price
    return PurchaseOut(
        id=id_text("pur", purchase.id),
        business_line=ctx.known.by_id[purchase.business_line_id].name,
        customer_id=id_text("cus", customer) if customer else None,
        catalogue_item_id=id_text("itm", item) if item else None,
        unit_price=None if price is None else f"{price:.2f}",
        **{name: getattr(purchase, name) for name in _AS_STORED},
    )
