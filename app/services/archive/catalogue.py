"""产品目录: what a line sells, with its guarantee and its place in the law of returns."""

from sqlalchemy import select

from app.core.answers import Answer
from app.core.conditional import check_version, etag
from app.core.ids import id_text, new_id
from app.core.pagination import next_link
from app.models.purchases import CatalogueItem
from app.schemas.lists import ArchiveFilter
from app.schemas.purchases import CatalogueItemIn, CatalogueItemList, CatalogueItemOut, CatalogueItemPatch
from app.services.archive.records import VIEW, RecordExists, duplicate_means, find_record, patch
from app.services.context import Context
from app.services.listing import latest_first


async def add_item(ctx: Context, body: CatalogueItemIn) -> Answer:
    """Put a product in the catalogue.

    Raises: NotFound, RecordExists if the line has a product of this `sku`.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        item = CatalogueItem(
            id=new_id(), business_line_id=line.id, version=1, created_at=ctx.now, updated_at=ctx.now,
            **body.model_dump(exclude={"business_line"}),
        )  # fmt: skip
        unit.session.add(item)
        with duplicate_means(RecordExists()):
            await unit.session.flush()
        shown = _shown(ctx, item)
        return unit.answer(Answer.of(201, shown, location=f"/v1/catalogue-items/{shown.id}", etag=etag(1, VIEW)))


async def change_item(ctx: Context, reference: str, body: CatalogueItemPatch) -> Answer:
    """Raises: RecordNotFound, IfMatchRequired, VersionMismatch."""
    async with ctx.write(body) as unit:
        item = await find_record(unit.session, ctx, CatalogueItem, reference, lock=True)
        if unit.replayed is not None:
            return unit.replayed
        check_version(ctx.call, item.version, VIEW, required=True)
        patch(item, body, ctx.now)
        await unit.session.flush()
        return unit.answer(_answer(ctx, item))


async def get_item(ctx: Context, reference: str) -> Answer:
    """Raises: RecordNotFound."""
    async with ctx.db.read() as session:
        return _answer(ctx, await find_record(session, ctx, CatalogueItem, reference))


async def list_items(ctx: Context, wanted: ArchiveFilter) -> Answer:
    """Return the products of the caller's lines, the latest first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(CatalogueItem).where(CatalogueItem.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    async with ctx.db.read() as session:
        found, following = await latest_first(ctx, session, chosen, CatalogueItem.created_at, wanted=wanted)
    items = [_shown(ctx, item) for item in found]
    page = CatalogueItemList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


def _answer(ctx: Context, item: CatalogueItem) -> Answer:
    return Answer.of(200, _shown(ctx, item), etag=etag(item.version, VIEW))


_AS_STORED = (
    "sku", "name", "model", "category", "exclusion", "warranty_months", "part_months", "three_guarantee_months",
    "version", "created_at", "updated_at",
)  # fmt: skip


def _shown(ctx: Context, item: CatalogueItem) -> CatalogueItemOut:
    return CatalogueItemOut(
        id=id_text("itm", item.id),
        business_line=ctx.known.by_id[item.business_line_id].name,
        **{name: getattr(item, name) for name in _AS_STORED},
    )
