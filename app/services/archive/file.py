"""What is on file of one purchase, with its product and its warranty card: the facts other use cases stand on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.purchases import CatalogueItem, Purchase
from app.models.return_requests import ReturnLine
from app.models.warranty import WarrantyCard, WarrantyExtension
from app.schemas.return_facts import BundleIn, GiftIn
from app.services.archive.warranty_cards import extensions_of
from app.services.rules.purchases import SHANGHAI, ComingBack, PurchaseOnFile, facts_of_purchase
from app.services.rules.returns.deadlines import months_after
from app.services.rules.returns.words import Part


@dataclass(frozen=True, slots=True)
class File:
    purchase: Purchase
    item: CatalogueItem | None
    card: WarrantyCard | None
    extensions: Sequence[WarrantyExtension]

    @property
    def part_months(self) -> dict[Part, int]:
        terms = self.card or self.item
        return {Part(part): months for part, months in terms.part_months.items()} if terms else {}


async def facts_on_file(
    session: AsyncSession, purchase: Purchase, now: datetime, coming: ComingBack
) -> dict[str, object]:
    """Return what the archive knows of a purchase, as the fields of `ReturnFactsIn` have it."""
    file = await load_file(session, purchase)
    facts = facts_of_purchase(on_file(file), now.astimezone(SHANGHAI).date(), coming)
    for name, kind in (("gift", GiftIn), ("bundle", BundleIn)):
        if name in facts:
            facts[name] = kind.model_validate(facts[name])
    return facts


async def units_held(session: AsyncSession, purchases: Collection[UUID]) -> Mapping[UUID, int]:
    """Return how many units of each purchase came back already or are in open return requests; none: left out."""
    counted = select(ReturnLine.purchase_id, func.sum(ReturnLine.held)).where(ReturnLine.purchase_id.in_(purchases))
    found = await session.execute(counted.group_by(ReturnLine.purchase_id))
    return {purchase_id: int(units) for purchase_id, units in found if purchase_id is not None and units}


async def load_file(session: AsyncSession, purchase: Purchase) -> File:
    """Return a purchase with its product, its card and the card's extensions."""
    found = await session.execute(
        select(CatalogueItem, WarrantyCard)
        .select_from(Purchase)
        .outerjoin(CatalogueItem, CatalogueItem.id == Purchase.catalogue_item_id)
        .outerjoin(WarrantyCard, WarrantyCard.purchase_id == Purchase.id)
        .where(Purchase.id == purchase.id)
    )
    item, card = found.one()
    extensions = (await extensions_of(session, [card]))[card.id] if card else []
    return File(purchase, item, card, extensions)


def on_file(file: File) -> PurchaseOnFile:
    """Put the rows together; a card's terms go before the catalogue's of today."""
    purchase, item, card = file.purchase, file.item, file.card
    return PurchaseOnFile(
        quantity=purchase.quantity,
        unit_price=purchase.unit_price,
        purchased_on=purchase.purchased_on,
        channel=purchase.channel,
        buyer_type=purchase.buyer_type,
        region=purchase.region,
        category=item.category if item else None,
        spec_model=purchase.spec_model or (item.model if item else None),
        delivered_at=purchase.delivered_at,
        installed_at=purchase.installed_at,
        replaced_on=card.replaced_on if card else None,
        confirmation_method=purchase.confirmation_method,
        exclusion=item.exclusion if item else None,
        three_guarantee_months=item.three_guarantee_months if item else None,
        warranty_months=card.months if card else item.warranty_months if item else None,
        repair_days=card.repair_days if card else None,
        extended_until=_extended_until(file),
        gift=purchase.gift,
        bundle=purchase.bundle,
    )


def _extended_until(file: File) -> date | None:
    """Return the last day that the card's extensions, or its term from a start of its own, promise.

    That term is a promise beside the law's, which runs from delivery: a card may only give more. An exchange ends it.
    """
    days, card = [extension.until for extension in file.extensions], file.card
    if card and card.starts_on and not card.replaced_on:
        days.append(months_after(card.starts_on, card.months) + timedelta(days=card.repair_days))
    return max(days, default=None)


def term_starts(file: File) -> date | None:
    """Return the day a guarantee runs from by law: an exchange, or the later of delivery and installation.

    Source: 消费者权益保护法实施条例 18.
    """
    purchase, card = file.purchase, file.card
    if card and card.replaced_on:
        return card.replaced_on
    moments = [moment for moment in (purchase.delivered_at, purchase.installed_at) if moment]
    return max((moment.astimezone(SHANGHAI).date() for moment in moments), default=None)
