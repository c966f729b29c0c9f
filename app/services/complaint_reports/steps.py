"""The steps of a report, in their order: facts, measures, the remedy settled, approvals, the final answer.

Each locks the ticket, so of two departments that act at once the second acts on what the first did.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from app.core.answers import Answer
from app.core.conditional import check_version
from app.core.errors import FieldError, ValidationFailed
from app.core.ids import id_text, new_id
from app.core.language import Text
from app.core.unit import Unit
from app.models.complaint_reports import ComplaintReportApproval, ComplaintReportMeasure
from app.schemas.complaint_reports import (
    ApprovalIn,
    FinalAnswerIn,
    MeasureDoneIn,
    MeasureIn,
    ReportPatch,
    SettlementIn,
)
from app.services.complaint_reports.due_measures import set_timer
from app.services.complaint_reports.loading import LoadedReport, load_report
from app.services.complaint_reports.refusals import (
    ApprovalRequired,
    DepartmentNotAsked,
    InvalidReportStep,
    TicketIsOver,
)
from app.services.complaint_reports.rendering import answer_report
from app.services.context import Context
from app.services.departments import require_member
from app.services.notices.telling import tell_of_delay
from app.services.rules.complaint_reports import APPROVED, ReportStatus, ReportStep, Verdict
from app.services.rules.routing import Titled
from app.services.rules.tickets import OVER
from app.services.tickets.answering import answer_again
from app.services.tickets.clocks import promise_anew
from app.services.tickets.moves import delay_entry
from app.services.tickets.notes import accomplish
from app.services.tickets.records import entry_row, event_row


async def change_facts(ctx: Context, reference: str, body: ReportPatch) -> Answer:
    """Correct the facts a report takes down, until the remedy is settled.

    Raises: TicketNotFound, ReportNotFound, IfMatchRequired, VersionMismatch, InvalidReportStep, ValidationFailed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, current = await _for_step(ctx, unit, reference, ReportStep.FACTS, if_match=True)
        report = current.report
        given = body.model_dump(exclude_unset=True, exclude={"staff_no"})
        before = {name: getattr(report, name) for name, value in given.items() if getattr(report, name) != value}
        for name in before:
            setattr(report, name, given[name])
        if report.quantity is not None and (report.defective_quantity or 0) > report.quantity:
            raise ValidationFailed(errors=[_TOO_MANY])
        if not before:
            return await answer_report(ctx, unit, current)
        data = {"before": {name: _plain(value) for name, value in before.items()}}
        _note(ctx, unit, current, "report_changed", staff_no=body.staff_no, data=data)
        return await _changed(ctx, unit, current, "report.changed", changed=sorted(before))


_TOO_MANY = FieldError(
    ("pointer", "#/defective_quantity"),
    "too_large",
    Text("不良数量不得大于数量", "defective_quantity cannot be more than quantity"),
)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


async def propose_measure(ctx: Context, reference: str, body: MeasureIn) -> Answer:
    """Enter what a department undertakes, or revise it, until the remedy is settled.

    Raises: TicketNotFound, ReportNotFound, VersionMismatch, InvalidReportStep, DepartmentNotAsked, ValidationFailed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, current = await _for_step(ctx, unit, reference, ReportStep.MEASURES)
        report = current.report
        _see_asked(current, body.department, report.measures_by)
        if body.due_on < current.today(ctx):
            raise ValidationFailed(errors=[_PAST_DUE])
        row = current.measure_of(body.department)
        if row is None:
            row = ComplaintReportMeasure(
                id=new_id(), business_line_id=report.business_line_id, ticket_id=report.ticket_id,
                report_id=report.id, department=body.department,
            )  # fmt: skip
            unit.session.add(row)
            current.measures.append(row)
            current.measures.sort(key=lambda row: report.measures_by.index(row.department))
        row.text, row.owner_staff_no, row.due_on = body.text, body.owner_staff_no, body.due_on
        row.proposed_at, row.done_on, row.done_by, row.times_announced = ctx.now, None, None, 0
        set_timer(row, current.policy.time.timezone)
        report.status = ReportStatus.MEASURES
        data = {"department": row.department, "owner_staff_no": row.owner_staff_no, "due_on": row.due_on.isoformat()}
        _note(ctx, unit, current, "report_measure", text=body.text, data=data)
        return await _changed(ctx, unit, current, "report.changed", changed=["measures"], department=row.department)


_PAST_DUE = FieldError(
    ("pointer", "#/due_on"), "in_the_past", Text("完成期限不能早于今天", "due_on lies in the past")
)  # fmt: skip


async def mark_done(ctx: Context, reference: str, body: MeasureDoneIn) -> Answer:
    """Record when a department's measure was carried out; this may come at any time, also after the answer.

    Raises: TicketNotFound, ReportNotFound, VersionMismatch, DepartmentNotAsked, ValidationFailed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, current = await load_report(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, current.report.version, ctx.caller.tier)
        row = current.measure_of(body.department)
        if row is None:
            raise DepartmentNotAsked([row.department for row in current.measures], _departments(current))
        done_on = body.done_on or current.today(ctx)
        _see_not_ahead(ctx, current, done_on, "done_on")
        row.done_on, row.done_by = done_on, body.staff_no
        set_timer(row, current.policy.time.timezone)
        data = {"department": row.department, "done_on": done_on.isoformat()}
        _note(ctx, unit, current, "report_measure_done", staff_no=body.staff_no, data=data)
        return await _changed(ctx, unit, current, "report.changed", changed=["measures"], department=row.department)


async def settle(ctx: Context, reference: str, body: SettlementIn) -> Answer:
    """Record the remedy as it was agreed with the customer; from here on departments approve what stands there.

    Raises: TicketNotFound, ReportNotFound, VersionMismatch, InvalidReportStep, DepartmentNotAsked, NotOfDepartment,
    ValidationFailed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, current = await _for_step(ctx, unit, reference, ReportStep.SETTLE)
        report = current.report
        _see_asked(current, body.department, report.settled_by)
        await require_member(unit.session, report.business_line_id, body.staff_no, body.department)
        _see_not_ahead(ctx, current, body.agreed_with_customer_on, "agreed_with_customer_on")
        report.remedy, report.agreed_with_customer_on = body.remedy, body.agreed_with_customer_on
        report.settled_by_department, report.settled_by_staff_no = body.department, body.staff_no
        report.settled_at, report.status = ctx.now, ReportStatus.SETTLED
        data = {"department": body.department, "agreed_with_customer_on": body.agreed_with_customer_on.isoformat()}
        _note(ctx, unit, current, "report_settled", staff_no=body.staff_no, text=body.remedy, data=data)
        return await _changed(ctx, unit, current, "report.settled", department=body.department)


async def decide_approval(ctx: Context, reference: str, body: ApprovalIn) -> Answer:
    """Record a department's verdict. A refusal leads back to the measures, and a new round of approvals begins.

    Raises: TicketNotFound, ReportNotFound, VersionMismatch, InvalidReportStep, DepartmentNotAsked, NotOfDepartment.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, current = await _for_step(ctx, unit, reference, ReportStep.APPROVALS)
        report, progress = current.report, current.progress
        _see_asked(current, body.department, report.approved_by)
        await require_member(unit.session, report.business_line_id, body.staff_no, body.department)
        if body.round not in (None, report.round):
            raise InvalidReportStep(progress, _departments(current), why=_ANOTHER_ROUND.format(round=report.round))
        if body.department not in progress.deciding:
            given = body.department in progress.approved
            raise InvalidReportStep(progress, _departments(current), why=_DECIDED if given else _NOT_YET)
        row = ComplaintReportApproval(
            id=new_id(), business_line_id=report.business_line_id, report_id=report.id, round=report.round,
            department=body.department, decision=body.decision, reason=body.reason, staff_no=body.staff_no, at=ctx.now,
        )  # fmt: skip
        unit.session.add(row)
        current.approvals.append(row)
        report.status = progress.after(body.department, body.decision)
        data: dict[str, Any] = {"department": row.department, "decision": row.decision, "round": row.round}
        _note(ctx, unit, current, "report_approval", staff_no=body.staff_no, text=body.reason, data=data)
        if row.decision is Verdict.REFUSE:
            report.round += 1
            report.settled_at = None  # what was settled stays to be read in the timeline
            return await _changed(ctx, unit, current, "report.refused", **data)
        approved = report.status is ReportStatus.APPROVED
        return await _changed(ctx, unit, current, "report.approved" if approved else "report.changed", **data)


_ANOTHER_ROUND = Text("现为第{round}轮审批，请重新阅读报告单", "It is round {round} now: read the report again")
_DECIDED = Text("该部门本轮已审批", "This department has approved in this round")
_NOT_YET = Text("按顺序审批，尚未轮到该部门", "Departments decide in order, and it is not this one's turn")


async def answer_customer(ctx: Context, reference: str, body: FinalAnswerIn) -> Answer:
    """Record the final answer to the customer, who can read it; it counts as a reply.

    Raises: TicketNotFound, ReportNotFound, VersionMismatch, ApprovalRequired, InvalidReportStep, DelayReasonRequired.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, current = await _for_step(ctx, unit, reference, ReportStep.ANSWER)
        report, loaded = current.report, current.loaded
        late = accomplish(ctx, loaded, body.delay_reason, is_reply=True)
        if body.delay_reason is not None:
            await tell_of_delay(unit.session, loaded.ticket, late, loaded.policy, ctx.now)
            unit.session.add(delay_entry(ctx, loaded, body.delay_reason, body.staff_no))
        promise_anew(loaded.ticket, loaded.commitments, loaded.policy, ctx.now)
        report.answer, report.answered_by, report.answered_at = body.text, body.staff_no, ctx.now
        report.status = ReportStatus.ANSWERED
        entry = entry_row(
            ctx, current.ticket, "report_answered", staff_no=body.staff_no, text=body.text, visibility="customer"
        )
        unit.session.add(entry)
        return await _changed(ctx, unit, current, "report.answered")


async def _for_step(
    ctx: Context, unit: Unit, reference: str, step: ReportStep, *, if_match: bool = False
) -> tuple[Context, LoadedReport]:
    """Lock and return a report on which this step may be taken, and the context at the ticket's own time.

    Raises: TicketNotFound, ReportNotFound, IfMatchRequired, VersionMismatch, TicketIsOver, InvalidReportStep,
    ApprovalRequired.
    """
    ctx, current = await load_report(unit.session, ctx, reference, lock=True)
    check_version(ctx.call, current.report.version, ctx.caller.tier, required=if_match)
    if current.ticket.status in OVER:
        raise TicketIsOver
    progress = current.progress
    if step is ReportStep.ANSWER and progress.status not in APPROVED:
        raise ApprovalRequired(current.number, progress, _departments(current))
    if not progress.allows(step):
        raise InvalidReportStep(progress, _departments(current))
    return ctx, current


def _departments(current: LoadedReport) -> Mapping[str, Titled]:
    return current.policy.edition.departments


def _see_asked(current: LoadedReport, department: str, asked: list[str]) -> None:
    """Raises: DepartmentNotAsked."""
    if department not in asked:
        raise DepartmentNotAsked(asked, _departments(current))


def _see_not_ahead(ctx: Context, current: LoadedReport, day: date, field: str) -> None:
    """Raises: ValidationFailed for a day that has not come yet."""
    if day > current.today(ctx):
        detail = Text("日期不能晚于今天", "The date lies in the future")
        raise ValidationFailed(errors=[FieldError(("pointer", f"#/{field}"), "in_the_future", detail)])


def _note(
    ctx: Context, unit: Unit, current: LoadedReport, kind: str, *, data: dict[str, Any], staff_no: str | None = None,
    text: str | None = None,
) -> None:  # fmt: skip
    about = {"report_id": id_text("rpt", current.report.id), **data}
    unit.session.add(entry_row(ctx, current.ticket, kind, staff_no=staff_no, text=text, data=about))


async def _changed(
    ctx: Context, unit: Unit, current: LoadedReport, event: str, *, changed: list[str] | None = None, **data: Any
) -> Answer:
    """Count the change on report and ticket, announce it, and answer with the report."""
    report, ticket = current.report, current.ticket
    report.version += 1
    ticket.version += 1
    report.updated_at = ticket.updated_at = ctx.now
    about = {"report_id": id_text("rpt", report.id), "report_status": report.status, **data}
    unit.session.add(event_row(ctx, ticket, event, changed=changed or ["report"], **about))
    return await answer_report(ctx, unit, current)
