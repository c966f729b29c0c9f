"""A return request as a caller sees it, with what people wrote masked by the caller's tier."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.core.ids import id_text
from app.core.personal import Tier
from app.models.return_requests import ReturnDeadline, ReturnDecisionRow, ReturnRequest
from app.schemas.fields import Bilingual
from app.schemas.return_requests import (
    LineDecisionOut,
    NextMoveOut,
    ReturnDeadlineOut,
    ReturnLineOut,
    ReturnRequestOut,
    ReturnStepOut,
    ReturnSummary,
)
from app.schemas.returns import EligibilityOut
from app.schemas.tickets import PolicyRef
from app.services.context import Context
from app.services.directory import Known
from app.services.return_requests.deciding import facts_document
from app.services.return_requests.loading import DecidedLine, Loaded
from app.services.rules.return_requests import LIFE_CYCLE, ReturnMove, allowed_moves
from app.services.rules.returns.facts import ReturnFacts
from app.services.tickets.rendering import shown_document, shown_text

_AS_STORED = ("number", "status", "goodwill", "submitted_at", "updated_at", "closed_at", "version")
_LINE_AS_STORED = (
    "product_name", "spec_model", "purchased_on", "reason", "quantity", "remedy", "approved", "received", "on_hand",
    "restocked", "scrapped", "sent_again", "refunded", "replaced_on",
)  # fmt: skip
_TAKEN_FOR_GRANTED = facts_document(ReturnFacts())


def render_return(ctx: Context, loaded: Loaded) -> ReturnRequestOut:
    """Shape a request for the caller's tier."""
    request, tier = loaded.request, ctx.caller.tier
    return ReturnRequestOut(
        **_summary(ctx.known, request, loaded.deadlines, loaded.ticket, ctx.now),
        time_zone=loaded.policy.time.timezone,
        policy=PolicyRef(name=request.policy_name, version=request.policy_version),
        submitted_by=request.submitted_by,
        lines=[_line(line, tier) for line in loaded.lines],
        refunded=sum((line.line.refunded for line in loaded.lines), Decimal(0)),
        next_moves=[_next(loaded, move) for move in allowed_moves(request.status)],
        message=Bilingual(**request.message),
        timeline=[ReturnStepOut(**_step(document, tier)) for document in request.history],
    )


def render_summary(
    known: Known, request: ReturnRequest, deadlines: Sequence[ReturnDeadline], ticket: str | None, now: datetime
) -> ReturnSummary:
    """Shape a request for a list; `ticket` is a number."""
    return ReturnSummary(**_summary(known, request, deadlines, ticket, now))


def _summary(
    known: Known, request: ReturnRequest, deadlines: Iterable[ReturnDeadline], ticket: str | None, now: datetime
) -> dict[str, Any]:
    return {
        "id": id_text("ret", request.id),
        "business_line": known.by_id[request.business_line_id].name,
        "ticket": ticket,
        "deadlines": [_deadline(row, now) for row in deadlines],
        **{name: getattr(request, name) for name in _AS_STORED},
    }


def _deadline(row: ReturnDeadline, now: datetime) -> ReturnDeadlineOut:
    if row.met_at is not None:
        state = "met" if row.met_at <= row.due_at else "met_late"
    elif row.dropped_at is not None:
        state = "dropped"
    else:
        state = "overdue" if row.due_at < now else "open"
    return ReturnDeadlineOut(
        kind=row.kind, rule=row.rule, due_on=row.due_on, due_at=row.due_at, state=state, met_at=row.met_at
    )


def _line(decided: DecidedLine, tier: Tier) -> ReturnLineOut:
    line = decided.line
    return ReturnLineOut(
        line=line.place,
        purchase_id=None if line.purchase_id is None else id_text("pur", line.purchase_id),
        problem=shown_text(line.problem, tier),
        outcome=decided.outcome,
        refund_limit=decided.refund_limit,
        decisions=[_decision(row) for row in decided.decisions],
        **{name: getattr(line, name) for name in _LINE_AS_STORED},
    )


def _decision(row: ReturnDecisionRow) -> LineDecisionOut:
    return LineDecisionOut(
        revision=row.revision,
        cause=row.cause,
        staff_no=row.decided_by,
        law_version=row.law_version,
        facts={name: _fact(value) for name, value in row.facts.items() if value != _TAKEN_FOR_GRANTED[name]},
        answer=EligibilityOut.model_validate(row.answer),
    )


def _fact(value: Any) -> Any:
    """Write a moment as callers do: a day, with the time in Asia/Shanghai where it is known."""
    if isinstance(value, list):
        return "T".join(part for part in value if part is not None)
    return value


def _next(loaded: Loaded, move: ReturnMove) -> NextMoveOut:
    step = loaded.flow_step(move)
    return NextMoveOut(
        move=move,
        department=step.department if step else None,
        role=step.role if step else None,
        needs=list(LIFE_CYCLE[move].needs),
    )


def _step(document: dict[str, Any], tier: Tier) -> dict[str, Any]:
    return document | {
        "text": shown_text(document["text"], tier),
        "data": shown_document(document["data"], tier),
    }
