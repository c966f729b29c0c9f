"""Opening the report: by the rule when a complaint becomes serious, or by hand."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.db import Base
from app.core.ids import id_text, new_id
from app.core.outbox import Event
from app.models.complaint_reports import ComplaintReport
from app.models.tickets import Ticket, TimelineEntry
from app.schemas.complaint_reports import ReportIn
from app.schemas.fields import instant_text
from app.services.complaint_reports.loading import (
    LoadedReport,
    handling_of,
    latest_report,
    report_number,
)
from app.services.complaint_reports.refusals import ReportExists, TicketIsOver
from app.services.complaint_reports.rendering import answer_report
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.rules.complaint_reports import ReportFact, ReportStatus
from app.services.rules.handling import Handling, plan_report
from app.services.rules.tickets import OVER, WORKING
from app.services.tickets.answering import answer_again
from app.services.tickets.judgement import handling_paths
from app.services.tickets.loading import load_ticket
from app.services.tickets.records import entry_row, event_row


async def open_report(ctx: Context, reference: str, body: ReportIn) -> Answer:
    """Open a report by hand; departments are those of the edition's path with a report, where it has one.

    Raises: TicketNotFound, TicketIsOver, ReportExists.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        ticket = loaded.ticket
        if ticket.status in OVER:
            raise TicketIsOver
        last = await latest_report(unit.session, ticket.id)
        if last is not None and last.ticket_round_at == ticket.round_started_at:
            raise ReportExists(report_number(ticket, last))
        handling = handling_of(ticket, loaded.policy)
        given = body.model_dump(exclude_unset=True, exclude={"staff_no"})
        report, *told = begin_report(
            ctx, ticket, loaded.policy, handling, instance=_after(last), staff_no=body.staff_no, given=given
        )
        unit.session.add_all([report, *told])
        ticket.version += 1
        ticket.updated_at = ctx.now
        return await answer_report(ctx, unit, LoadedReport(loaded, report, [], []), status=201)


async def report_if_required(session: AsyncSession, ctx: Context, ticket: Ticket, policy: Policy) -> Sequence[Base]:
    """Return the rows of the report that a ticket now needs: none if its path asks for none, or it has one."""
    handling = handling_of(ticket, policy)
    if handling is None or not handling.report_required or ticket.status not in WORKING:
        return ()
    last = await latest_report(session, ticket.id)
    if last is not None and last.ticket_round_at == ticket.round_started_at:
        return ()
    return begin_report(ctx, ticket, policy, handling, instance=_after(last))


def begin_report(
    ctx: Context,
    ticket: Ticket,
    policy: Policy,
    handling: Handling | None,
    *,
    instance: int = 1,
    staff_no: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> tuple[ComplaintReport, TimelineEntry, Event]:
    """Return the report with its timeline entry and its event. Facts are those given, else the product's.

    Call it while holding the ticket's row, or before the ticket is written.
    """
    asked, decision = plan_report(
        handling, handling_paths(policy.edition), department=ticket.department,
        collaborating=ticket.collaborating_departments, departments=policy.edition.departments,
    )  # fmt: skip
    report = ComplaintReport(
        id=new_id(),
        business_line_id=ticket.business_line_id,
        ticket_id=ticket.id,
        instance=instance,
        ticket_round_at=ticket.round_started_at,
        version=1,
        status=ReportStatus.OPEN,
        round=1,
        measures_by=list(asked.measures_by),
        settled_by=list(asked.settled_by),
        approved_by=list(asked.approved_by),
        approval_order=asked.order,
        decision=decision.document() | {"at": instant_text(ctx.now)},
        opened_by=staff_no,
        opened_at=ctx.now,
        updated_at=ctx.now,
        **_facts(ticket.product) | dict(given or {}),
    )
    data: dict[str, Any] = {
        "report_id": id_text("rpt", report.id), "instance": instance,
        "measures_by": asked.measures_by, "approved_by": asked.approved_by,
    }  # fmt: skip
    author = "system" if staff_no is None else "staff"
    entry = entry_row(ctx, ticket, "report_opened", staff_no=staff_no, author=author, data=data)
    return report, entry, event_row(ctx, ticket, "report.opened", changed=["report"], **data)


def _after(last: ComplaintReport | None) -> int:
    return 1 if last is None else last.instance + 1


def _facts(product: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {fact: product.get(fact) for fact in ReportFact}
    delivered_on = facts[ReportFact.DELIVERED_ON]
    return facts | {ReportFact.DELIVERED_ON: delivered_on and date.fromisoformat(delivered_on)}
