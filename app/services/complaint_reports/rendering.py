"""A report as a caller sees it: free text masked by the caller's tier."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import etag
from app.core.ids import id_text
from app.core.personal import Tier
from app.core.unit import Unit
from app.models.complaint_reports import ComplaintReport, ComplaintReportApproval, ComplaintReportMeasure
from app.schemas.complaint_reports import (
    ApprovalOut,
    AskedOut,
    FinalAnswerOut,
    MeasureOut,
    NextOut,
    ReportFacts,
    ReportOut,
    SettlementOut,
)
from app.schemas.fields import Bilingual
from app.schemas.tickets import DecisionOut
from app.services.access_log import log_texts
from app.services.complaint_reports.loading import LoadedReport, load_report
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.rules.clause import Wording
from app.services.rules.complaint_reports import FACT_TITLES, ReportFact, measure_state
from app.services.tickets.customers import open_customer
from app.services.tickets.rendering import shown_document, shown_text


async def get_report(ctx: Context, reference: str, instance: int | None) -> Answer:
    """Return the ticket's latest report, or one by its place.

    Raises: TicketNotFound, ReportNotFound.
    """
    async with ctx.db.read() as session:
        ctx, current = await load_report(session, ctx, reference, instance=instance)
        return await _answered(session, ctx, current, 200)


async def answer_report(ctx: Context, unit: Unit, current: LoadedReport, *, status: int = 200) -> Answer:
    """Write what was changed, and answer with the report as it now stands."""
    await unit.session.flush()
    return unit.answer(await _answered(unit.session, ctx, current, status))


async def _answered(session: AsyncSession, ctx: Context, current: LoadedReport, status: int) -> Answer:
    shown = render_report(ctx, current)
    if ctx.caller.tier is Tier.SENSITIVE:
        log_texts(session, ctx, current.ticket, "report")
        await session.flush()
    tag = etag(current.report.version, ctx.caller.tier)
    headers = {"location": f"/v1/tickets/{shown.ticket}/report"} if status == 201 else {}
    return Answer.of(status, shown, etag=tag, vary="Authorization", **headers)


def render_report(ctx: Context, current: LoadedReport) -> ReportOut:
    """Shape a report for the caller."""
    report, progress = current.report, current.progress
    following = progress.next
    view = _View(ctx, current)
    facts = {fact.value: getattr(report, fact) for fact in ReportFact}
    batch = shown_document(report.batch, ctx.caller.tier)
    return ReportOut(
        id=id_text("rpt", report.id),
        number=current.number,
        ticket=current.ticket.number,
        instance=report.instance,
        status=report.status,
        required=current.required,
        decision=DecisionOut.model_validate(report.decision),
        facts=ReportFacts.model_validate(facts | {"batch": batch, "demand": view.text(report.demand)}),
        missing_facts=[fact for fact in asked_facts(current.policy) if getattr(report, fact) is None],
        asked=AskedOut.model_validate(report, from_attributes=True),
        measures=[view.measure(row) for row in current.measures],
        settlement=view.settlement(report),
        round=report.round,
        approvals=[view.approval(row) for row in current.approvals],
        answer=view.answer(report),
        next=following and NextOut(step=following.step, departments=list(following.departments)),
        opened_by=report.opened_by,
        opened_at=report.opened_at,
        updated_at=report.updated_at,
        version=report.version,
    )


def asked_facts(policy: Policy) -> dict[ReportFact, Wording]:
    """Return the facts the edition takes down, with their titles; all of them where it does not say."""
    terms = policy.edition.complaints
    if terms is None or terms.facts is None:
        return dict(FACT_TITLES)
    return {ReportFact(name): title for name, title in terms.facts.items.items() if name in set(ReportFact)}


class _View:
    """What one caller sees of one report's texts."""

    def __init__(self, ctx: Context, current: LoadedReport) -> None:
        self._tier = ctx.caller.tier
        ticket = current.ticket
        self._name = open_customer(ticket.customer_sealed, ticket.id, ctx.keyring)["name"]
        self._today = current.today(ctx)
        self._departments = current.policy.edition.departments

    def text(self, text: str | None) -> str | None:
        return shown_text(text, self._tier, self._name)

    def _title(self, department: str) -> Bilingual:
        title = self._departments[department].title
        return Bilingual(zh=title.zh, en=title.en)

    def measure(self, row: ComplaintReportMeasure) -> MeasureOut:
        return MeasureOut(
            department=row.department, title=self._title(row.department), text=self.text(row.text),
            owner_staff_no=row.owner_staff_no, due_on=row.due_on,
            state=measure_state(row.due_on, row.done_on, self._today),
            proposed_at=row.proposed_at, done_on=row.done_on, done_by=row.done_by,
        )  # fmt: skip

    def settlement(self, report: ComplaintReport) -> SettlementOut | None:
        if report.settled_at is None:
            return None
        settled = {
            "remedy": self.text(report.remedy), "agreed_with_customer_on": report.agreed_with_customer_on,
            "department": report.settled_by_department, "staff_no": report.settled_by_staff_no,
            "at": report.settled_at,
        }  # fmt: skip
        return SettlementOut.model_validate(settled)

    def approval(self, row: ComplaintReportApproval) -> ApprovalOut:
        return ApprovalOut(
            round=row.round, department=row.department, title=self._title(row.department), decision=row.decision,
            reason=self.text(row.reason), staff_no=row.staff_no, at=row.at,
        )  # fmt: skip

    def answer(self, report: ComplaintReport) -> FinalAnswerOut | None:
        if report.answered_at is None:
            return None
        answered = {"text": self.text(report.answer), "staff_no": report.answered_by, "at": report.answered_at}
        return FinalAnswerOut.model_validate(answered)
