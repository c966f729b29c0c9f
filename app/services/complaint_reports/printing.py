"""The report as a form: a page for the browser, and a PDF to sign."""

from dataclasses import asdict
from pathlib import Path
from typing import Final

from app.core.answers import Answer
from app.core.personal import Tier
from app.schemas.tickets import TicketOut
from app.services.access_log import log_access
from app.services.complaint_reports.loading import load_report
from app.services.complaint_reports.rendering import render_report
from app.services.complaint_reports.sheet import Sheet, build_sheet
from app.services.context import Context
from app.services.policy_pages.rendering import Links, render
from app.services.tickets.loading import shown_row
from app.services.tickets.rendering import render_ticket

TEMPLATE: Final = Path(__file__).resolve().parents[2] / "pages" / "report.typ"
_TO_ITSELF: Final = {"cache-control": "no-store", "vary": "Authorization"}


async def show_page(ctx: Context, reference: str, instance: int | None) -> Answer:
    """Render the form as a page.

    Raises: TicketNotFound, ReportNotFound.
    """
    _, sheet = await _sheet(ctx, reference, instance)
    page = render("complaint_report.html", ctx.call.language, Links(switch="", index=""), sheet=sheet)
    return Answer(page.status, page.body, {**page.headers, **_TO_ITSELF})


async def print_pdf(ctx: Context, reference: str, instance: int | None) -> Answer:
    """Print the form on A4.

    Raises: TicketNotFound, ReportNotFound, FontMissing, ServerBusy.
    """
    number, sheet = await _sheet(ctx, reference, instance)
    body = await ctx.kit.printer.print(TEMPLATE, asdict(sheet), at=ctx.now)
    named = {"content-type": "application/pdf", "content-disposition": f'inline; filename="{number}.pdf"'}
    return Answer(200, body, {**named, "content-language": ctx.call.language, **_TO_ITSELF})


async def _sheet(ctx: Context, reference: str, instance: int | None) -> tuple[str, Sheet]:
    """Fill the form as the caller's tier sees it; what is shown in full is logged before anything is printed."""
    async with ctx.db.read() as session:
        ctx, current = await load_report(session, ctx, reference, instance=instance)
        tier = ctx.caller.tier
        shown = render_ticket(
            shown_row(current.ticket),
            current.loaded.commitments,
            known=ctx.known,
            keyring=ctx.keyring,
            tier=tier,
            now=ctx.now,
        )
        if tier is Tier.SENSITIVE:
            log_access(session, ctx, [shown])
        report = render_report(ctx, current)
    ticket = TicketOut.model_validate(shown)
    sheet = build_sheet(report, ticket, current.policy, language=ctx.call.language, tier=tier, now=ctx.now)
    return report.number, sheet
