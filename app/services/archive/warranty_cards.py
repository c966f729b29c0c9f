"""质保卡: made for a purchase on the catalogue's terms or on given ones, extended, restarted by an exchange."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version, etag
from app.core.errors import FieldError, ValidationFailed
from app.core.ids import id_text, new_id
from app.core.language import Text
from app.core.pagination import next_link
from app.core.personal import mask_text
from app.models.purchases import CatalogueItem, Purchase
from app.models.warranty import WarrantyCard, WarrantyExtension
from app.schemas.lists import ArchiveFilter
from app.schemas.warranty import (
    ExtensionIn,
    ExtensionOut,
    WarrantyCardIn,
    WarrantyCardList,
    WarrantyCardOut,
    WarrantyCardPatch,
)
from app.services.archive.records import VIEW, RecordExists, duplicate_means, find_record, patch
from app.services.context import Context
from app.services.listing import latest_first

_NO_TERM = Text("产品目录没有质保期，请给出 months", "The catalogue has no term for it: give months")


async def add_card(ctx: Context, body: WarrantyCardIn) -> Answer:
    """Make out the card of a purchase.

    Raises: RecordNotFound for the purchase, RecordExists if it has its card, ValidationFailed if nobody knows a term.
    """
    async with ctx.write(body) as unit:
        purchase = await find_record(unit.session, ctx, Purchase, body.purchase_id)
        if unit.replayed is not None:
            return unit.replayed
        item = await unit.session.get(CatalogueItem, purchase.catalogue_item_id) if purchase.catalogue_item_id else None
        months = body.months or (item and _months(item))
        if not months:
            raise ValidationFailed(errors=[FieldError(("pointer", "#/months"), "required", _NO_TERM)])
        parts = body.model_dump(mode="json")["part_months"]
        card = WarrantyCard(
            id=new_id(), business_line_id=purchase.business_line_id, version=1, purchase_id=purchase.id, months=months,
            part_months=(item.part_months if item else {}) if parts is None else parts, starts_on=body.starts_on,
            replaced_on=None, repair_days=0, created_at=ctx.now, updated_at=ctx.now,
        )  # fmt: skip
        unit.session.add(card)
        with duplicate_means(RecordExists()):
            await unit.session.flush()
        shown = _shown(ctx, card, [])
        return unit.answer(Answer.of(201, shown, location=f"/v1/warranty-cards/{shown.id}", etag=etag(1, VIEW)))


def _months(item: CatalogueItem) -> int:
    """The longer of the company's own term and the State's."""
    return max(item.warranty_months or 0, item.three_guarantee_months or 0)


async def change_card(ctx: Context, reference: str, body: WarrantyCardPatch) -> Answer:
    """Raises: RecordNotFound, IfMatchRequired, VersionMismatch."""
    async with ctx.write(body) as unit:
        card = await find_record(unit.session, ctx, WarrantyCard, reference, lock=True)
        if unit.replayed is not None:
            return unit.replayed
        check_version(ctx.call, card.version, VIEW, required=True)
        patch(card, body, ctx.now)
        await unit.session.flush()
        return unit.answer(await _answer(unit.session, ctx, card))


async def extend_card(ctx: Context, reference: str, body: ExtensionIn) -> Answer:
    """Add an extension; it never shortens what is there, since the latest end holds.

    Raises: RecordNotFound, VersionMismatch.
    """
    async with ctx.write(body) as unit:
        card = await find_record(unit.session, ctx, WarrantyCard, reference, lock=True)
        if unit.replayed is not None:
            return unit.replayed
        check_version(ctx.call, card.version, VIEW)
        unit.session.add(
            WarrantyExtension(
                id=new_id(), business_line_id=card.business_line_id, warranty_card_id=card.id, reason=body.reason,
                until=body.until, staff_no=body.staff_no, key_id=ctx.caller.key_id, at=ctx.now,
            )
        )  # fmt: skip
        card.version += 1
        card.updated_at = ctx.now
        await unit.session.flush()
        return unit.answer(await _answer(unit.session, ctx, card))


async def get_card(ctx: Context, reference: str) -> Answer:
    """Raises: RecordNotFound."""
    async with ctx.db.read() as session:
        return await _answer(session, ctx, await find_record(session, ctx, WarrantyCard, reference))


async def list_cards(ctx: Context, wanted: ArchiveFilter) -> Answer:
    """Return the cards of the caller's lines, the latest first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(WarrantyCard).where(WarrantyCard.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    async with ctx.db.read() as session:
        found, following = await latest_first(ctx, session, chosen, WarrantyCard.created_at, wanted=wanted)
        extensions = await extensions_of(session, found)
    items = [_shown(ctx, card, extensions[card.id]) for card in found]
    page = WarrantyCardList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


async def extensions_of(
    session: AsyncSession, cards: Sequence[WarrantyCard]
) -> defaultdict[UUID, list[WarrantyExtension]]:
    """Return the extensions of cards by the card's id, the earliest first."""
    chosen = select(WarrantyExtension).where(WarrantyExtension.warranty_card_id.in_([card.id for card in cards]))
    by_card: defaultdict[UUID, list[WarrantyExtension]] = defaultdict(list)
    for extension in await session.scalars(chosen.order_by(WarrantyExtension.at, WarrantyExtension.id)):
        by_card[extension.warranty_card_id].append(extension)
    return by_card


async def _answer(session: AsyncSession, ctx: Context, card: WarrantyCard) -> Answer:
    extensions = await extensions_of(session, [card])
    return Answer.of(200, _shown(ctx, card, extensions[card.id]), etag=etag(card.version, VIEW))


_AS_STORED = (
    "months", "part_months", "starts_on", "replaced_on", "repair_days", "version", "created_at", "updated_at",
)  # fmt: skip


def _shown(ctx: Context, card: WarrantyCard, extensions: Sequence[WarrantyExtension]) -> WarrantyCardOut:
    return WarrantyCardOut(
        id=id_text("wty", card.id),
        business_line=ctx.known.by_id[card.business_line_id].name,
        purchase_id=id_text("pur", card.purchase_id),
        extensions=[
            ExtensionOut(reason=mask_text(row.reason), until=row.until, staff_no=row.staff_no, at=row.at)
            for row in extensions
        ],
        **{name: getattr(card, name) for name in _AS_STORED},
    )
