"""Nonconforming goods as a caller sees them, with what people wrote masked by the caller's tier."""

from collections.abc import Sequence
from typing import Any

from app.core.ids import id_text
from app.core.personal import Tier
from app.models.nonconformities import Nonconformity
from app.schemas.nonconformities import (
    CorrectionOut,
    GoodsHistoryOut,
    GoodsOut,
    NonconformityOut,
    NonconformitySummary,
    PortionOut,
    ReviewOut,
    RoundOut,
    VerificationOut,
)
from app.schemas.tickets import PolicyRef
from app.services.directory import Known
from app.services.nonconformities.loading import Loaded
from app.services.tickets.rendering import render_decision, shown_document, shown_text, shown_texts

_AS_STORED = (
    "number", "status", "source", "quantity", "quantity_open", "severity", "recorded_at", "updated_at",
    "closed_at", "version",
)  # fmt: skip


def render_nonconformity(
    known: Known, loaded: Loaded, *, tickets: Sequence[str], capa: str | None, tier: Tier
) -> NonconformityOut:
    """Shape nonconforming goods for one tier; `tickets` and `capa` are numbers."""
    goods = loaded.goods
    return NonconformityOut(
        **_summary(known, goods, tier),
        time_zone=loaded.policy.time.timezone,
        policy=PolicyRef(name=goods.policy_name, version=goods.policy_version),
        round=goods.round,
        defect=shown_text(goods.defect, tier),
        tickets=list(tickets),
        inspection=None if goods.inspection_id is None else id_text("ins", goods.inspection_id),
        capa=capa,
        reviews=[ReviewOut(**_masked(document, tier)) for document in goods.reviews],
        rounds=[_round(document, tier) for document in goods.rounds],
        decisions=[render_decision(document, tier) for document in goods.decisions],
        history=[GoodsHistoryOut(**_masked(document, tier)) for document in goods.history],
        recorded_by=goods.recorded_by,
    )


def render_summary(known: Known, goods: Nonconformity) -> NonconformitySummary:
    """Shape nonconforming goods for a list: masked, whatever the tier."""
    return NonconformitySummary(**_summary(known, goods, Tier.GENERAL))


def _summary(known: Known, goods: Nonconformity, tier: Tier) -> dict[str, Any]:
    product = {"name": goods.product, "model": goods.model, "batch": goods.batch}
    return {
        "id": id_text("ncf", goods.id),
        "business_line": known.by_id[goods.business_line_id].name,
        "product": GoodsOut(**shown_document(product, tier)),
        "unit": shown_document(goods.unit, tier),
        **{name: getattr(goods, name) for name in _AS_STORED},
    }


def _round(document: dict[str, Any], tier: Tier) -> RoundOut:
    shown = _masked(document, tier)
    shown["portions"] = [PortionOut(**_masked(portion, tier)) for portion in document["portions"]]
    for name, shape in (("correction", CorrectionOut), ("verification", VerificationOut)):
        shown[name] = None if document[name] is None else shape(**_masked(document[name], tier))
    return RoundOut(**shown)


_TEXTS = frozenset({"finding", "cause", "reason", "text", "note"})


def _masked(document: dict[str, Any], tier: Tier) -> dict[str, Any]:
    """Return a document with its texts and lists of texts as this tier may see them."""
    masked = {name: shown_text(value, tier) if name in _TEXTS else value for name, value in document.items()}
    if "evidence" in document:
        masked["evidence"] = shown_texts(document["evidence"], tier)
    return masked
