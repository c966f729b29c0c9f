"""Why a deadline is what it is."""

from dataclasses import asdict

from app.core.ids import id_from
from app.schemas.sla import CountedOut, ExplanationOut, SpecialDayOut, StretchOut
from app.schemas.tickets import CommitmentOut, DecisionOut
from app.services.context import Context
from app.services.rules.clause import DecisionKind
from app.services.rules.explanation import DAY_TITLES, Explanation, Stretch, explain
from app.services.tickets.clocks import running
from app.services.tickets.loading import load_ticket
from app.services.tickets.refusals import CommitmentNotFound
from app.services.tickets.rendering import render_commitment


async def explain_commitment(ctx: Context, reference: str, commitment: str) -> ExplanationOut:
    """Return what was counted towards one deadline, and what was not.

    Raises: TicketNotFound, CommitmentNotFound.
    """
    async with ctx.db.begin() as session:
        ctx, loaded = await load_ticket(session, ctx, reference)
    wanted = id_from("cmt", commitment)
    row = next((row for row in loaded.commitments if row.id == wanted), None)
    if row is None:
        raise CommitmentNotFound
    time = loaded.policy.time
    told = explain(running(row), time)
    outcome = f"{row.milestone}:{row.target_value}_{row.target_unit}"
    return ExplanationOut(
        **dict(counted_of(told)),
        commitment=CommitmentOut.model_validate(render_commitment(row, time, ctx.now)),
        time_zone=time.timezone,
        decisions=[
            DecisionOut.model_validate(decision)
            for decision in loaded.ticket.decisions
            if decision["kind"] == DecisionKind.SLA and decision["outcome"] == outcome
        ],
        pauses=[_stretch(stretch) for stretch in told.pauses],
    )


def counted_of(told: Explanation) -> CountedOut:
    """Show what was counted towards a deadline, beside the pauses."""
    return CountedOut(
        allowance_seconds=told.allowance_seconds,
        counted=[_stretch(stretch) for stretch in told.counted],
        days=[
            SpecialDayOut.model_validate({"on": day.on, "nature": day.nature, "title": asdict(DAY_TITLES[day.nature])})
            for day in told.days
        ],
    )


def _stretch(stretch: Stretch) -> StretchOut:
    return StretchOut(since=stretch.since, until=stretch.until, seconds=stretch.seconds)
