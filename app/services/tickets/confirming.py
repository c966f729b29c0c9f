"""Staff say what a matter is: the machine's reading is confirmed or corrected, and kept as feedback."""

from typing import Any

from app.core.answers import Answer
from app.core.conditional import check_version
from app.core.outbox import Event
from app.models.tickets import Ticket, TimelineEntry
from app.schemas.complaints import ClassificationIn
from app.services.context import Context
from app.services.feedback import feedback_row, machine_reading
from app.services.rules.classification import Kind, Severity
from app.services.rules.classification_kind import kind_of_class
from app.services.rules.clause import Decision, DecisionKind, Wording
from app.services.rules.labels import COMPLAINT_CLASS_LABELS, ISSUE_TYPE_LABELS, KIND_LABELS
from app.services.tickets.answering import answer_again
from app.services.tickets.changes import decide_again
from app.services.tickets.judgement import KIND_RULE, class_source, is_serious_complaint
from app.services.tickets.loading import Loaded, load_ticket
from app.services.tickets.records import entry_row, event_row

_BY_STAFF = "classification.staff"


async def confirm_classification(ctx: Context, reference: str, body: ClassificationIn) -> Answer:
    """Record what staff say the matter is; who, when and what the machine had said are kept.

    Raises: TicketNotFound, IfMatchRequired, VersionMismatch.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        ticket = loaded.ticket
        check_version(ctx.call, ticket.version, ctx.caller.tier, required=True)
        was_serious = is_serious_complaint(ticket)
        proposed = await machine_reading(unit.session, ticket)
        decisions = _decisions(loaded, body)
        _correct(ticket, body)
        unit.session.add(feedback_row(ctx, ticket, proposed, body))
        noted = _noted(ctx, ticket, body, proposed)
        return await decide_again(ctx, unit, loaded, decisions, noted, was_serious=was_serious)


def _kind(ticket: Ticket, body: ClassificationIn) -> Kind:
    """The kind staff give; else the machine's own is brought in line with the class, a person's own stays."""
    if body.kind is not None:
        return body.kind
    kinds = [decision["outcome"] for decision in ticket.decisions if decision["kind"] == DecisionKind.KIND]
    proposed = bool(kinds) and kinds[-1] == ticket.kind
    return kind_of_class(ticket.kind, body.complaint_class) if proposed else ticket.kind


def _correct(ticket: Ticket, body: ClassificationIn) -> None:
    before = ticket.classification or {}
    ticket.kind = _kind(ticket, body)
    ticket.classification = {**before, **_confirmed(body), "needs_confirmation": False}
    if body.severity is not Severity.NONE:
        ticket.severity = body.severity
    elif ticket.severity == before.get("severity"):
        ticket.severity = None  # it was the machine's reading only
    if body.urgency is not None:
        ticket.urgency = body.urgency


def _noted(
    ctx: Context, ticket: Ticket, body: ClassificationIn, proposed: dict[str, Any]
) -> tuple[TimelineEntry, Event]:
    data = {"proposed": proposed, "confirmed": _confirmed(body)}
    return (
        entry_row(ctx, ticket, "classified", staff_no=body.staff_no, text=body.reason, data=data),
        event_row(ctx, ticket, "ticket.classified", changed=["classification"]),
    )


def _confirmed(body: ClassificationIn) -> dict[str, Any]:
    given = body.model_dump(mode="json", exclude={"staff_no", "reason"}, exclude_none=True)
    return given | {"confirmed_by": body.staff_no}


def _decisions(loaded: Loaded, body: ClassificationIn) -> list[Decision]:
    """What staff said; and the kind, where given or changed with the class. Asked before the ticket changes."""
    source, kind = class_source(loaded.policy.edition), _kind(loaded.ticket, body)
    labels = COMPLAINT_CLASS_LABELS[body.complaint_class], ISSUE_TYPE_LABELS[body.issue_type]
    outcome = f"{body.complaint_class}/{body.issue_type}/{body.severity}"
    confirmed = _confirmed_as(body, *labels)
    said = Decision(DecisionKind.CLASSIFICATION, outcome, _BY_STAFF, source.clause, confirmed, source.basis)
    if body.kind is not None:
        by_staff = _confirmed_as(body, KIND_LABELS[kind])
        return [said, Decision(DecisionKind.KIND, kind, _BY_STAFF, source.clause, by_staff, source.basis)]
    if kind is not loaded.ticket.kind:
        label = KIND_LABELS[kind]
        follows = Wording(f"随确认的投诉分类改为：{label.zh}", f"Follows the class that staff confirmed: {label.en}")
        return [said, Decision(DecisionKind.KIND, kind, KIND_RULE, source.clause, follows, source.basis)]
    return [said]


def _confirmed_as(body: ClassificationIn, *labels: Wording) -> Wording:
    return Wording(
        f"工作人员{body.staff_no}确认：{'、'.join(label.zh for label in labels)}",
        f"Confirmed by staff {body.staff_no}: {', '.join(label.en for label in labels)}",
    )
