"""What is on file of one purchase, with its product and its warranty card: the facts other use cases stand on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.purchases import CatalogueItem, Purchase
from app.models.warranty import WarrantyCard, WarrantyExtension
from app.schemas.return_facts import BundleIn, GiftIn
from app.services.archive.warranty_cards import extensions_of
from app.services.rules.purchases import SHANGHAI, ComingBack, PurchaseOnFile, facts_of_purchase
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
        extended_until=max((extension.until for extension in file.extensions), default=None),
        gift=purchase.gift,
        bundle=purchase.bundle,
    )


def term_starts(file: File) -> date | None:
    """Return the day a guarantee runs from: an exchange, the card's own date, or installation and delivery.

    Source: 消费者权益保护法实施条例 18; of delivery and installation by the merchant the later.
    """
    purchase, card = file.purchase, file.card
    if card and (card.replaced_on or card.starts_on):
        return card.replaced_on or card.starts_on
    moments = [moment for moment in (purchase.delivered_at, purchase.installed_at) if moment]
    return max((moment.astimezone(SHANGHAI).date() for moment in moments), default=None)
