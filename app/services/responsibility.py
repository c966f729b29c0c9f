"""责任判定: inspections, and whose fault a matter is. A later determination supersedes the earlier and says why."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.errors import FieldError, ValidationFailed
from app.core.ids import id_text, new_id
from app.core.language import Text
from app.core.personal import Tier
from app.models.responsibility import Inspection, Responsibility
from app.models.tickets import Ticket
from app.schemas.fields import Bilingual
from app.schemas.responsibility import (
    DeterminationOut,
    DutyOut,
    InspectionIn,
    InspectionList,
    InspectionOut,
    LetterSentOut,
    ResponsibilityIn,
    ResponsibilityOut,
    WarningOut,
)
from app.services.access_log import log_texts
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.rules.responsibility import Conclusion, Doubt, Share, determine
from app.services.rules.routing import Duty, DutyHolder, duty_of
from app.services.service_points import is_branch
from app.services.tickets.answering import answer_again
from app.services.tickets.clocks import decision_documents
from app.services.tickets.judgement import facts_of
from app.services.tickets.loading import find_ticket, load_ticket
from app.services.tickets.records import note_change
from app.services.tickets.refusals import UnknownDepartment
from app.services.tickets.rendering import render_decision, shown_document, shown_text, shown_texts


class SupersedingReasonRequired(ValidationFailed):
    """The ticket has a determination: whoever changes it says why."""

    def __init__(self) -> None:
        detail = Text("已有责任判定，改判须说明原因（reason）", "There is a determination: say why it no longer holds")
        super().__init__(errors=[FieldError(("pointer", "#/reason"), "required", detail)])


async def record_inspection(ctx: Context, reference: str, body: InspectionIn) -> Answer:
    """Put an inspection of the goods or the work on record.

    Raises: TicketNotFound, ValidationFailed for a time to come or a department the edition does not have.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        ticket = loaded.ticket
        known_department(loaded.policy, body.department)
        if body.inspected_at is not None and body.inspected_at > ctx.now:
            raise ValidationFailed(errors=[_IN_THE_FUTURE])
        inspection = Inspection(
            id=new_id(),
            business_line_id=ticket.business_line_id,
            ticket_id=ticket.id,
            recorded_at=ctx.now,
            **body.model_dump() | {"inspected_at": body.inspected_at or ctx.now},
        )
        unit.session.add(inspection)
        data = {
            "inspection_id": id_text("ins", inspection.id),
            "conclusion": body.conclusion,
            "department": body.department,
        }
        note_change(
            ctx, unit.session, ticket, kind="inspected", event="complaint.inspected",
            staff_no=body.inspected_by, data=data,
        )  # fmt: skip
        return unit.answer(await answer_seen(ctx, unit.session, ticket, render_inspection(inspection, ctx.caller.tier)))


_IN_THE_FUTURE = FieldError(
    ("pointer", "#/inspected_at"), "in_the_future", Text("检验时间不能晚于现在", "inspected_at lies in the future")
)


async def list_inspections(ctx: Context, reference: str) -> InspectionList:
    """Return the inspections of a ticket, the earliest first.

    Raises: TicketNotFound.
    """
    async with ctx.db.read() as session:
        ticket = await find_ticket(session, ctx, reference)
        inspections = await inspections_of(session, ticket.id)
        if inspections and ctx.caller.tier is Tier.SENSITIVE:
            log_texts(session, ctx, ticket)
    return InspectionList(items=[render_inspection(row, ctx.caller.tier) for row in inspections])


async def determine_responsibility(ctx: Context, reference: str, body: ResponsibilityIn) -> Answer:
    """Put on record whose fault a matter is, with the step of the edition and what speaks against it.

    Raises: TicketNotFound, UnknownDepartment, SupersedingReasonRequired.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        ticket, policy = loaded.ticket, loaded.policy
        if body.department is not None:
            known_department(policy, body.department)
        earlier = await determinations_of(unit.session, ticket.id)
        if earlier and body.reason is None:
            raise SupersedingReasonRequired
        inspections = await inspections_of(unit.session, ticket.id)
        latest = inspections[-1].conclusion if inspections else None
        duty = await _whose_duty(unit.session, ticket, policy)
        row = _determined(ctx, ticket, policy, body, latest, duty=duty, revision=len(earlier) + 1)
        unit.session.add(row)
        ticket.decisions = [*ticket.decisions, row.decision]
        data = {"share": row.share, "department": row.department, "revision": row.revision}
        note_change(
            ctx, unit.session, ticket, kind="determined", event="complaint.determined",
            staff_no=body.staff_no, text=body.reason, data=data,
        )  # fmt: skip
        return unit.answer(await answer_seen(ctx, unit.session, ticket, render_determination(row, ctx.caller.tier)))


async def _whose_duty(session: AsyncSession, ticket: Ticket, policy: Policy) -> Duty | None:
    duty = duty_of(facts_of(ticket), policy.edition.routing)
    if duty is None or duty.party not in (ticket.sold_by, ticket.served_by) or duty.party is None:
        return duty
    return replace(duty, ours=await is_branch(session, ticket.business_line_id, duty.party))


def _determined(
    ctx: Context,
    ticket: Ticket,
    policy: Policy,
    body: ResponsibilityIn,
    latest: Conclusion | None,
    *,
    duty: Duty | None,
    revision: int,
) -> Responsibility:
    facts, share = facts_of(ticket), body.determined
    steps = policy.edition.complaints.determination if policy.edition.complaints else ()
    found = determine(share, facts, latest, duty, steps)
    [decision] = decision_documents([found.decision], ctx.now)
    return Responsibility(
        id=new_id(),
        business_line_id=ticket.business_line_id,
        ticket_id=ticket.id,
        revision=revision,
        share=share,
        decision=decision,
        duty=_duty_document(ctx, duty),
        warnings=[asdict(warned) for warned in found.warnings],
        determined_by=body.staff_no,
        determined_at=ctx.now,
        letter_sent_at=None,
        letter_sent_by=None,
        letter_channel=None,
        **body.model_dump(exclude={"ours", "share", "staff_no"}),
    )


def _duty_document(ctx: Context, duty: Duty | None) -> dict[str, Any] | None:
    if duty is None:
        return None
    [decision] = decision_documents([duty.decision], ctx.now)
    return {"holder": duty.holder, "party": duty.party, "decision": decision}


async def read_responsibility(ctx: Context, reference: str) -> ResponsibilityOut:
    """Return the determination that holds and those it superseded.

    Raises: TicketNotFound.
    """
    async with ctx.db.read() as session:
        ticket = await find_ticket(session, ctx, reference)
        rows = await determinations_of(session, ticket.id)
        if rows and ctx.caller.tier is Tier.SENSITIVE:
            log_texts(session, ctx, ticket)
    shown = [render_determination(row, ctx.caller.tier) for row in reversed(rows)]
    return ResponsibilityOut(current=shown[0] if shown else None, history=shown[1:])


async def answer_seen(
    ctx: Context, session: AsyncSession, ticket: Ticket, shown: BaseModel, *, status: int = 201
) -> Answer:
    """Write the change and answer with its texts; shown in full, they are logged in the same transaction."""
    if ctx.caller.tier is Tier.SENSITIVE:
        log_texts(session, ctx, ticket)
    await session.flush()
    return Answer.of(status, shown)


def known_department(policy: Policy, department: str) -> None:
    """Raises: UnknownDepartment."""
    if department not in policy.edition.departments:
        raise UnknownDepartment(sorted(policy.edition.departments))


async def inspections_of(session: AsyncSession, ticket_id: UUID) -> Sequence[Inspection]:
    """Return a ticket's inspections in the order they were made."""
    ours = select(Inspection).where(Inspection.ticket_id == ticket_id)
    return (await session.scalars(ours.order_by(Inspection.inspected_at, Inspection.id))).all()


async def determinations_of(session: AsyncSession, ticket_id: UUID) -> Sequence[Responsibility]:
    """Return a ticket's determinations; the last one holds."""
    ours = select(Responsibility).where(Responsibility.ticket_id == ticket_id)
    return (await session.scalars(ours.order_by(Responsibility.revision))).all()


def render_inspection(row: Inspection, tier: Tier) -> InspectionOut:
    return InspectionOut(
        id=id_text("ins", row.id),
        sample=shown_text(row.sample, tier),
        method=shown_text(row.method, tier),
        finding=shown_text(row.finding, tier),
        conclusion=row.conclusion,
        inspected_by=row.inspected_by,
        department=row.department,
        inspected_at=row.inspected_at,
        attachments=shown_texts(row.attachments, tier),
        recorded_at=row.recorded_at,
    )


def render_determination(row: Responsibility, tier: Tier) -> DeterminationOut:
    texts = {name: shown_text(getattr(row, name), tier) for name in ("cause", "explanation", "next_step", "reason")}
    return DeterminationOut(
        id=id_text("rsp", row.id),
        revision=row.revision,
        ours=row.share is not Share.NOT_OURS,
        share=row.share,
        our_percent=row.our_percent,
        department=row.department,
        evidence=shown_texts(row.evidence, tier),
        decision=render_decision(row.decision, tier),
        duty_holder=_duty(row.duty, tier),
        warnings=[_warning(document, tier) for document in row.warnings],
        letter_sent=_sent(row),
        determined_by=row.determined_by,
        determined_at=row.determined_at,
        **texts,
    )


def _duty(document: dict[str, Any] | None, tier: Tier) -> DutyOut | None:
    if document is None:
        return None
    return DutyOut(
        holder=DutyHolder(document["holder"]),
        party=shown_text(document["party"], tier),
        decision=render_decision(document["decision"], tier),
    )


def _warning(document: dict[str, Any], tier: Tier) -> WarningOut:
    return WarningOut(code=Doubt(document["doubt"]), reason=Bilingual(**shown_document(document["reason"], tier)))


def _sent(row: Responsibility) -> LetterSentOut | None:
    if row.letter_sent_at is None:
        return None
    return LetterSentOut(at=row.letter_sent_at, by=row.letter_sent_by or "", channel=row.letter_channel or "")
