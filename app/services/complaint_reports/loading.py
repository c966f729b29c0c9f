"""Finding a ticket's report with everything that hangs on it, and the gate it is to the final answer."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.complaint_reports import ComplaintReport, ComplaintReportApproval, ComplaintReportMeasure
from app.models.tickets import Ticket
from app.services.complaint_reports.refusals import ApprovalRequired, ReportNotFound
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.rules.complaint_reports import APPROVED, Asked, Progress, Verdict
from app.services.rules.handling import Handling, decide_handling
from app.services.tickets.judgement import facts_of, handling_paths
from app.services.tickets.loading import Loaded, load_ticket


@dataclass(frozen=True, slots=True)
class LoadedReport:
    """`measures` stand in the order in which departments are asked, `approvals` in the order they were given."""

    loaded: Loaded
    report: ComplaintReport
    measures: list[ComplaintReportMeasure]
    approvals: list[ComplaintReportApproval]

    @property
    def ticket(self) -> Ticket:
        return self.loaded.ticket

    @property
    def policy(self) -> Policy:
        return self.loaded.policy

    @property
    def number(self) -> str:
        return report_number(self.ticket, self.report)

    @property
    def progress(self) -> Progress:
        return _progress(self.report, self.measures, self.approvals)

    @property
    def required(self) -> bool:
        handling = handling_of(self.ticket, self.policy)
        return handling is not None and handling.report_required

    def measure_of(self, department: str) -> ComplaintReportMeasure | None:
        return next((row for row in self.measures if row.department == department), None)

    def today(self, ctx: Context) -> date:
        """Return the date in the edition's zone."""
        return ctx.now.astimezone(ZoneInfo(self.policy.time.timezone)).date()


def report_number(ticket: Ticket, report: ComplaintReport) -> str:
    return f"{ticket.number}-R{report.instance}"


def handling_of(ticket: Ticket, policy: Policy) -> Handling | None:
    """Return the path of a ticket as its facts now are."""
    return decide_handling(facts_of(ticket), handling_paths(policy.edition))


async def latest_report(session: AsyncSession, ticket_id: UUID) -> ComplaintReport | None:
    newest = select(ComplaintReport).where(ComplaintReport.ticket_id == ticket_id)
    report: ComplaintReport | None = await session.scalar(newest.order_by(ComplaintReport.instance.desc()).limit(1))
    return report


async def load_report(
    session: AsyncSession, ctx: Context, reference: str, *, instance: int | None = None, lock: bool = False
) -> tuple[Context, LoadedReport]:
    """Return a ticket's latest report, or one by its place, and the context at the ticket's own time.

    `lock` holds the ticket, and so everything on it.

    Raises: TicketNotFound, ReportNotFound.
    """
    ctx, loaded = await load_ticket(session, ctx, reference, lock=lock)
    chosen = select(ComplaintReport).where(ComplaintReport.ticket_id == loaded.ticket.id)
    if instance is not None:
        chosen = chosen.where(ComplaintReport.instance == instance)
    report = await session.scalar(chosen.order_by(ComplaintReport.instance.desc()).limit(1))
    if report is None:
        raise ReportNotFound
    return ctx, LoadedReport(loaded, report, await _measures(session, report), await _approvals(session, report))


async def require_approval(session: AsyncSession, loaded: Loaded) -> None:
    """See that a ticket whose path asks for a report has it approved in this round.

    Raises: ApprovalRequired.
    """
    ticket, policy = loaded.ticket, loaded.policy
    handling = handling_of(ticket, policy)
    if handling is None or not handling.report_required:
        return
    departments = policy.edition.departments
    report = await latest_report(session, ticket.id)
    if report is None or report.ticket_round_at != ticket.round_started_at:
        raise ApprovalRequired(None, None, departments)
    if report.status not in APPROVED:
        progress = _progress(report, await _measures(session, report), await _approvals(session, report))
        raise ApprovalRequired(report_number(ticket, report), progress, departments)


async def _measures(session: AsyncSession, report: ComplaintReport) -> list[ComplaintReportMeasure]:
    rows = await session.scalars(select(ComplaintReportMeasure).where(ComplaintReportMeasure.report_id == report.id))
    return sorted(rows, key=lambda row: report.measures_by.index(row.department))


async def _approvals(session: AsyncSession, report: ComplaintReport) -> list[ComplaintReportApproval]:
    given = select(ComplaintReportApproval).where(ComplaintReportApproval.report_id == report.id)
    rows = await session.scalars(given.order_by(ComplaintReportApproval.at, ComplaintReportApproval.id))
    return list(rows)


def _progress(
    report: ComplaintReport, measures: list[ComplaintReportMeasure], approvals: list[ComplaintReportApproval]
) -> Progress:
    asked = Asked(tuple(report.measures_by), tuple(report.settled_by), tuple(report.approved_by), report.approval_order)
    approved = {row.department for row in approvals if row.round == report.round and row.decision is Verdict.APPROVE}
    return Progress(report.status, asked, frozenset(row.department for row in measures), frozenset(approved))
