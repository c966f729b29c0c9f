"""质保查询 and 收费: is it under guarantee, what may a service outside it cost, and charges held to the price list."""

from dataclasses import replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.errors import FieldError, ServiceError, ValidationFailed
from app.core.ids import id_text, new_id
from app.core.language import Text
from app.models.purchases import Purchase
from app.models.tickets import Ticket
from app.models.warranty import TicketCharge
from app.schemas.fields import Bilingual, instant_text
from app.schemas.tickets import DecisionOut, PolicyRef
from app.schemas.warranty import ChargeIn, ChargeOut, QuotedOut, WarrantyCheckIn, WarrantyCheckOut, WarrantyFactsIn
from app.services.archive.file import File, load_file, on_file, term_starts
from app.services.archive.records import RecordExists, RecordNotFound, duplicate_means, find_record
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.rules.clause import Basis, Decision
from app.services.rules.policy_customers import WarrantyTerms
from app.services.rules.purchases import SHANGHAI
from app.services.rules.returns.words import Remedy
from app.services.rules.warranty import (
    ChargeRefused,
    Excluded,
    WarrantyDecision,
    WarrantyFacts,
    decide_charge,
    decide_warranty,
)
from app.services.tickets.loading import load_ticket
from app.services.tickets.records import entry_row

_CHARGED = "charge"
_NOT_YET = FieldError(
    ("pointer", "#/accepted_at"), "in_the_future", Text("accepted_at 不能晚于现在", "accepted_at lies in the future")
)


class ChargeBeyondList(ServiceError):
    """The amount is more than the price list says, or the list does not have the item."""

    status, code, by_rule = 422, "charge_beyond_list", True
    title = Text("收费超出价目表", "The charge goes beyond the price list")


class ChargeUnderGuarantee(ServiceError):
    """The goods are under guarantee: nothing may be charged."""

    status, code, by_rule = 422, "charge_under_guarantee", True
    title = Text("质保期内不得收费", "Nothing may be charged under guarantee")


async def check_warranty(ctx: Context, body: WarrantyCheckIn) -> Answer:
    """Say whether something is under guarantee today. Nothing is stored.

    Raises: RecordNotFound for a purchase or serial number not on file, NotFound for the line.
    """
    given = body.facts or WarrantyFactsIn()
    file = None
    if body.purchase_id is not None or body.serial_no is not None:
        async with ctx.db.read() as session:
            file = await load_file(session, await _purchase(session, ctx, body))
        line = ctx.known.by_id[file.purchase.business_line_id]
    else:
        line = ctx.line(body.business_line)
    policy = ctx.known.policy_on(line, ctx.now)
    terms = policy.edition.warranty or WarrantyTerms()
    decided = decide_warranty(_facts(file, given), _today(ctx), terms, ctx.known.book.rest_days)
    return Answer.of(200, _shown(ctx, decided, policy, terms))


async def _purchase(session: AsyncSession, ctx: Context, body: WarrantyCheckIn) -> Purchase:
    if body.purchase_id is not None:
        return await find_record(session, ctx, Purchase, body.purchase_id)
    lines = ctx.line_ids(body.business_line)
    latest = select(Purchase).where(Purchase.serial_no == body.serial_no, Purchase.business_line_id.in_(lines))
    purchase = await session.scalar(latest.order_by(Purchase.created_at.desc(), Purchase.id.desc()).limit(1))
    if purchase is None:
        raise RecordNotFound
    return purchase


def _today(ctx: Context) -> date:
    return ctx.now.astimezone(SHANGHAI).date()


def _covered(ctx: Context, file: File, excluded: Excluded | None, terms: WarrantyTerms) -> bool | None:
    facts = replace(_facts(file, WarrantyFactsIn()), excluded=excluded)
    return decide_warranty(facts, _today(ctx), terms, ctx.known.book.rest_days).covered


def _facts(file: File | None, given: WarrantyFactsIn) -> WarrantyFacts:
    """Put file and caller together: of dates and terms the caller is heard where the file is silent."""
    kept = on_file(file) if file else None
    starts = [day for day in (given.delivered_on, given.installed_on) if day]
    months = max((kept.warranty_months or 0, kept.three_guarantee_months or 0)) if kept else 0
    parts = file.part_months if file else {}
    if given.part and given.part_warranty_months:
        parts.setdefault(given.part, given.part_warranty_months)
    until = [kept.extended_until] if kept and kept.extended_until else []
    excluded = next((ground for ground in Excluded if getattr(given, ground)), None)
    return WarrantyFacts(
        starts_on=(kept and kept.replaced_on)
        or given.replaced_on
        or (file and term_starts(file))
        or max(starts, default=None),
        months=months or given.warranty_months,
        part_months=parts,
        part=given.part,
        category=(kept.category if kept else None) or given.product_category,
        repair_days=max(kept.repair_days or 0 if kept else 0, given.repair_days or 0),
        extended_until=until + ([given.extended_until] if given.extended_until else []),
        excluded=excluded,
    )


def _shown(ctx: Context, decided: WarrantyDecision, policy: Policy, terms: WarrantyTerms) -> WarrantyCheckOut:
    guaranteed = terms.guarantees.value if terms.guarantees else (Remedy.REPAIR,)
    quotation = () if decided.covered else terms.price_list
    return WarrantyCheckOut(
        covered=decided.covered,
        until=decided.until,
        free=list(guaranteed) if decided.covered else [],
        missing_facts=list(decided.missing),
        calendar_confirmed=decided.confirmed,
        quotation=[
            QuotedOut(
                item=priced.name, title=Bilingual(zh=priced.title.zh, en=priced.title.en),
                price=f"{priced.price:.2f}", clause=priced.clause,
            )
            for priced in quotation
        ],
        decisions=[_decision(ctx, decision) for decision in decided.decisions],
        policy=PolicyRef(name=policy.name, version=policy.version),
        decided_at=ctx.now,
    )  # fmt: skip


def _decision(ctx: Context, decision: Decision) -> DecisionOut:
    return DecisionOut(
        kind=decision.kind, outcome=decision.outcome, rule=decision.rule, clause=decision.clause,
        reason=Bilingual(zh=decision.reason.zh, en=decision.reason.en), basis=decision.basis, at=instant_text(ctx.now),
    )  # fmt: skip


async def charge(ctx: Context, reference: str, body: ChargeIn) -> Answer:
    """Put on record what a customer pays on a ticket: nothing under guarantee, and never more than the price list.

    The edition is the ticket's own. Each item is charged once a ticket.
    Raises: TicketNotFound, RecordNotFound, ValidationFailed, ChargeBeyondList, ChargeUnderGuarantee, RecordExists.
    """
    async with ctx.write(body) as unit:
        own, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        if unit.replayed is not None:
            return unit.replayed
        if body.accepted_at > own.now:
            raise ValidationFailed(errors=[_NOT_YET])
        ticket, edition = loaded.ticket, loaded.policy.edition
        terms = edition.warranty or WarrantyTerms()
        file = await _file_of(unit.session, own, ticket, body)
        covered = _covered(own, file, body.excluded, terms) if file else None
        listed = decide_charge(body.item, body.amount, covered=covered, terms=terms, promises=edition.promises)
        if isinstance(listed, ChargeRefused):
            raise _refusal(listed)
        row = TicketCharge(
            id=new_id(), business_line_id=ticket.business_line_id, ticket_id=ticket.id,
            purchase_id=file.purchase.id if file else None, item=body.item, amount=body.amount,
            listed_price=listed.price, clause=listed.clause, accepted_at=body.accepted_at,
            staff_no=body.staff_no, key_id=ctx.caller.key_id, at=own.now,
        )  # fmt: skip
        unit.session.add(row)
        data = {"item": row.item, "amount": f"{row.amount:.2f}", "clause": row.clause}
        data["accepted_at"] = instant_text(row.accepted_at)
        if body.excluded is not None:
            data["excluded"] = body.excluded
        unit.session.add(entry_row(own, ticket, _CHARGED, staff_no=body.staff_no, data=data))
        ticket.version += 1
        ticket.updated_at = own.now
        with duplicate_means(RecordExists()):
            await unit.session.flush()
        return unit.answer(Answer.of(201, _shown_charge(ticket, row, covered, listed.basis)))


def _refusal(refused: ChargeRefused) -> ServiceError:
    decision = refused.decision
    detail = Text(f"{decision.reason.zh}（{decision.clause}）", f"{decision.reason.en} ({decision.clause})")
    members = {"clause": decision.clause, "rule": decision.rule}
    if refused.under_guarantee:
        return ChargeUnderGuarantee(detail, members=members)
    return ChargeBeyondList(detail, members=members | {"most": f"{refused.most:.2f}" if refused.most else None})


async def _file_of(session: AsyncSession, ctx: Context, ticket: Ticket, body: ChargeIn) -> File | None:
    """Return the purchase a charge is about: the one named, or that of the ticket's serial or order number.

    Raises: RecordNotFound for one that is named and not of the ticket's line.
    """
    if body.purchase_id is not None:
        purchase = await find_record(session, ctx, Purchase, body.purchase_id)
        if purchase.business_line_id != ticket.business_line_id:
            raise RecordNotFound
        return await load_file(session, purchase)
    serial_no, order_no = ticket.product.get("serial_no"), ticket.product.get("order_no")
    same = Purchase.serial_no == serial_no if serial_no else Purchase.order_no == order_no
    if not serial_no and not order_no:
        return None
    chosen = select(Purchase).where(same, Purchase.business_line_id == ticket.business_line_id).limit(2)
    found = (await session.scalars(chosen)).all()
    # An order of several goods does not say which of them the ticket is about.
    return await load_file(session, found[0]) if len(found) == 1 else None


def _shown_charge(ticket: Ticket, row: TicketCharge, covered: bool | None, basis: Basis) -> ChargeOut:
    return ChargeOut(
        id=id_text("chg", row.id), ticket=ticket.number, item=row.item, amount=f"{row.amount:.2f}",
        listed_price=f"{row.listed_price:.2f}", clause=row.clause, basis=basis, accepted_at=row.accepted_at,
        under_guarantee=covered, staff_no=row.staff_no, at=row.at,
    )  # fmt: skip
