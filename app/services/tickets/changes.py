"""Changes of a ticket's facts. Whatever depends on them is decided again under the edition the ticket keeps."""

from dataclasses import asdict
from typing import Any

from app.core.answers import Answer
from app.core.conditional import check_version
from app.core.unit import Unit
from app.models.tickets import Ticket, TicketCommitment
from app.schemas.complaints import ClassificationIn
from app.schemas.tickets import TicketPatch
from app.services.context import Context
from app.services.rules.classification import ComplaintClass, IssueType, Severity
from app.services.rules.clause import Decision, DecisionKind, Wording
from app.services.rules.labels import COMPLAINT_CLASS_LABELS, ISSUE_TYPE_LABELS
from app.services.rules.tickets import WAITING, WORKING
from app.services.tickets.answering import answer_changed
from app.services.tickets.clocks import decision_documents, pause, retarget
from app.services.tickets.judgement import Judgement, facts_of, judge
from app.services.tickets.loading import Loaded, load_ticket
from app.services.tickets.records import entry_row, event_row

_AS_GIVEN = frozenset({
    "kind", "urgency", "severity", "item_class", "customer_tier", "materials",
    "seller", "service_provider", "branch", "region",
})  # fmt: skip


async def change_ticket(ctx: Context, reference: str, body: TicketPatch) -> Answer:
    """Correct facts; commitments, materials, route and promise follow.

    Raises: TicketNotFound, IfMatchRequired, VersionMismatch.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return unit.replayed
        loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, loaded.ticket.version, ctx.caller.tier, required=True)
        changed = _correct(loaded.ticket, body)
        note = entry_row(
            ctx, loaded.ticket, "changed", staff_no=body.staff_no, text=body.reason, data={"changed": changed}
        )
        unit.session.add(note)
        unit.session.add(event_row(ctx, loaded.ticket, "ticket.changed", changed=changed))
        return await _decided_again(ctx, unit, loaded, ())


def _correct(ticket: Ticket, body: TicketPatch) -> list[str]:
    """Write the fields that were given; return the names of those that differ."""
    changed = []
    for name in sorted(body.model_fields_set & _AS_GIVEN):
        if getattr(ticket, name) != getattr(body, name):
            setattr(ticket, name, getattr(body, name))
            changed.append(name)
    if "product" in body.model_fields_set:
        given = body.product.model_dump(mode="json", exclude_unset=True) if body.product else {}
        kept = ticket.product if body.product else {}
        product = {name: value for name, value in (kept | given).items() if value is not None}
        if product != ticket.product:
            ticket.product = product
            changed.append("product")
    return changed


async def confirm_classification(ctx: Context, reference: str, body: ClassificationIn) -> Answer:
    """Record what staff say the matter is; who, when and what the machine had said are kept.

    Raises: TicketNotFound, IfMatchRequired, VersionMismatch.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return unit.replayed
        loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        ticket = loaded.ticket
        check_version(ctx.call, ticket.version, ctx.caller.tier, required=True)
        before = ticket.classification or {}
        ticket.classification = {**before, **_confirmed(body)}
        ticket.severity = None if body.severity is Severity.NONE else body.severity
        if body.urgency is not None:
            ticket.urgency = body.urgency
        if body.kind is not None:
            ticket.kind = body.kind
        proposed = {name: before.get(name) for name in ("complaint_class", "issue_type", "severity", "urgency", "kind")}
        data = {"proposed": proposed, "confirmed": _confirmed(body), "lexicon": before.get("version")}
        unit.session.add(entry_row(ctx, ticket, "classified", staff_no=body.staff_no, text=body.reason, data=data))
        unit.session.add(event_row(ctx, ticket, "ticket.classified", changed=["classification", "severity"]))
        return await _decided_again(ctx, unit, loaded, (_confirmation(body),))


def _confirmed(body: ClassificationIn) -> dict[str, Any]:
    given = body.model_dump(mode="json", exclude={"staff_no", "reason"}, exclude_none=True)
    return given | {"confirmed_by": body.staff_no}


def _confirmation(body: ClassificationIn) -> Decision:
    labels = COMPLAINT_CLASS_LABELS[ComplaintClass(body.complaint_class)], ISSUE_TYPE_LABELS[IssueType(body.issue_type)]
    reason = Wording(
        f"工作人员{body.staff_no}确认：{'、'.join(label.zh for label in labels)}",
        f"Confirmed by staff {body.staff_no}: {', '.join(label.en for label in labels)}",
    )
    outcome = f"{body.complaint_class}/{body.issue_type}/{body.severity}"
    return Decision(DecisionKind.CLASSIFICATION, outcome, "staff", "", reason)


def _promise_again(ctx: Context, loaded: Loaded, judged: Judgement) -> list[TicketCommitment]:
    """Bring the commitments of a ticket being worked on in line; return the new ones, standing still if it waits."""
    ticket, policy = loaded.ticket, loaded.policy
    new = retarget(ticket, loaded.commitments, judged.sla.commitments, ctx.now, policy.time)
    awaited = next((awaited for awaited, status in WAITING.items() if status is ticket.status), None)
    if awaited is not None:
        pause(new, awaited, ctx.now, policy)
    ticket.promise = asdict(judged.promise)
    return new


async def _decided_again(ctx: Context, unit: Unit, loaded: Loaded, because: tuple[Decision, ...]) -> Answer:
    """Apply the rules to the changed facts and answer with the ticket. A route set by a person stays."""
    ticket, policy, department = loaded.ticket, loaded.policy, loaded.ticket.department
    judged = judge(
        policy, facts_of(ticket), ticket.opened_at, materials=ticket.materials, first_contact=ticket.owner_staff_no
    )
    new = _promise_again(ctx, loaded, judged) if ticket.status in WORKING else []
    ticket.service_level = judged.sla.service_level.name
    ticket.missing_materials = list(judged.materials.missing)
    ticket.handler_role = judged.routing.handler_role
    if not ticket.transferred:
        ticket.department = judged.routing.department
        ticket.collaborating_departments = list(judged.routing.collaborating)
    on_record = {(decision["rule"], decision["outcome"]) for decision in ticket.decisions}
    fresh = [decision for decision in judged.decisions if (decision.rule, decision.outcome) not in on_record]
    ticket.decisions = [*ticket.decisions, *decision_documents((*because, *fresh), ctx.now)]
    if ticket.department != department:
        unit.session.add(event_row(ctx, ticket, "ticket.routed", changed=["department"]))
    return await answer_changed(ctx, unit, loaded, new)
