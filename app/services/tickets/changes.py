"""Changes of a ticket's facts, and of its edition. Whatever depends on them is decided again."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from app.core.answers import Answer
from app.core.conditional import check_version
from app.core.errors import FieldError, ValidationFailed
from app.core.outbox import Event
from app.core.unit import Unit
from app.core.validation import validation_problem
from app.models.tickets import Ticket, TicketCommitment, TimelineEntry
from app.schemas.tickets import CONTACT_REQUIRED, CustomerIn, ProductIn, TicketPatch
from app.services.complaint_reports.opening import report_if_required
from app.services.context import Context
from app.services.rules.clause import Decision, DecisionKind
from app.services.rules.facts import Channel
from app.services.rules.tickets import WAITING, WORKING
from app.services.tickets.answering import answer_again, answer_changed, answer_ticket
from app.services.tickets.clocks import decision_documents, pause, retarget
from app.services.tickets.customers import open_customer, seal_customer
from app.services.tickets.editions import move_to, wanted_edition
from app.services.tickets.judgement import Judgement, facts_of, is_serious_complaint, judge, unrecorded
from app.services.tickets.loading import Loaded, load_ticket
from app.services.tickets.records import entry_row, event_row
from app.services.tickets.service_points import correct_points, forget_seller, network_of

_AS_GIVEN = frozenset({
    "kind", "urgency", "severity", "item_class", "materials",
    "seller", "service_provider", "branch", "region",
})  # fmt: skip
_ROUTED = ("department", "sold_by", "served_by")


async def change_ticket(ctx: Context, reference: str, body: TicketPatch) -> Answer:
    """Correct facts; commitments, materials, route and promise follow. What is the same already changes nothing.

    Raises: TicketNotFound, IfMatchRequired, VersionMismatch, ValidationFailed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        ticket = loaded.ticket
        check_version(ctx.call, ticket.version, ctx.caller.tier, required=True)
        was_serious = is_serious_complaint(ticket)
        order_no = ticket.product.get("order_no")
        before = _correct(ticket, body) | _correct_product(ticket, body) | _correct_customer(ctx, ticket, body)
        if "sold_by" not in body.model_fields_set:
            before |= await forget_seller(unit.session, ticket, order_no)
        points, chosen = await correct_points(ctx, unit.session, ticket, body)
        before |= points
        policy = await wanted_edition(ctx, loaded, body.policy) if body.policy else loaded.policy
        if policy.version != ticket.policy_version:
            before["policy"] = {"name": ticket.policy_name, "version": ticket.policy_version}
            loaded = move_to(ctx, loaded, policy)
        if not before:
            return unit.answer(await answer_ticket(ctx, unit.session, 200, ticket, loaded.commitments))
        note = entry_row(ctx, ticket, "changed", staff_no=body.staff_no, text=body.reason, data={"before": before})
        noted = note, event_row(ctx, ticket, "ticket.changed", changed=sorted(before))
        return await decide_again(ctx, unit, loaded, chosen, noted, was_serious=was_serious)


def _correct(ticket: Ticket, body: TicketPatch) -> dict[str, Any]:
    """Write the fields that were given; return what those that differ were before."""
    before = {}
    for name in sorted(body.model_fields_set & _AS_GIVEN):
        if getattr(ticket, name) != getattr(body, name):
            before[name] = getattr(ticket, name)
            setattr(ticket, name, getattr(body, name))
    return before


def _correct_product(ticket: Ticket, body: TicketPatch) -> dict[str, Any]:
    """Merge the product into what is known of it.

    Raises: ValidationFailed if the two together make no sense.
    """
    if "product" not in body.model_fields_set:
        return {}
    given = body.product.model_dump(mode="json", exclude_unset=True) if body.product else {}
    kept = ticket.product if body.product else {}
    product = {name: value for name, value in (kept | given).items() if value is not None}
    try:
        ProductIn.model_validate(product)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", "product", *fault["loc"])} for fault in error.errors()]
        raise validation_problem(faults) from None
    before, ticket.product = ticket.product, product
    return {"product": before} if before != product else {}


def _correct_customer(ctx: Context, ticket: Ticket, body: TicketPatch) -> dict[str, Any]:
    """Correct who the customer is; the timeline learns which fields, not what they were.

    Raises: ValidationFailed if nobody could be answered any more.
    """
    if "customer" not in body.model_fields_set:
        return {}
    given = body.customer.model_dump(exclude_unset=True) if body.customer else dict.fromkeys(CustomerIn.model_fields)
    person = open_customer(ticket.customer_sealed, ticket.id, ctx.keyring)
    known = {**person, "external_id": ticket.customer_external_id, "tier": ticket.customer_tier}
    after = known | given
    changed = sorted(name for name in given if known[name] != after[name])
    if not any(after[name] for name in ("phone", "email", "external_id")) and ticket.channel is not Channel.INTERNAL:
        raise ValidationFailed(errors=[FieldError(("pointer", "#/customer"), "contact_required", CONTACT_REQUIRED)])
    seal_customer(ticket, after, ctx.keyring)
    ticket.customer_external_id, ticket.customer_tier = after["external_id"], after["tier"]
    return {"customer": changed} if changed else {}


def _promise_again(ctx: Context, loaded: Loaded, judged: Judgement) -> list[TicketCommitment]:
    """Bring the commitments of a ticket being worked on in line; return the new ones, standing still if it waits."""
    ticket, policy = loaded.ticket, loaded.policy
    new = retarget(ticket, loaded.commitments, judged.sla.commitments, ctx.now, policy)
    awaited = next((awaited for awaited, status in WAITING.items() if status is ticket.status), None)
    if awaited is not None:
        pause([*loaded.commitments, *new], awaited, ctx.now, policy)
    return new


async def decide_again(
    ctx: Context,
    unit: Unit,
    loaded: Loaded,
    because: Sequence[Decision],
    noted: tuple[TimelineEntry, Event],
    *,
    was_serious: bool,
) -> Answer:
    """Apply the rules to the changed facts and answer with the ticket. A route set by a person stays.

    `because` are the decisions behind the change, recorded as they are; `noted` is how the change is told: a complaint
    on a new path is reported to its department with it.
    """
    ticket, policy = loaded.ticket, loaded.policy
    routed = {name: getattr(ticket, name) for name in _ROUTED}
    network = await network_of(ctx, unit.session, ticket) if ticket.status in WORKING else None
    if network is not None:
        ticket.sold_by = network.sold_by
    judged = judge(
        policy, facts_of(ticket), ticket.round_started_at, materials=ticket.materials,
        first_contact=ticket.owner_staff_no, unanswered_since=ticket.unanswered_since,
        points=network.points if network and not ticket.served_by_chosen else None,
    )  # fmt: skip
    new = _promise_again(ctx, loaded, judged) if ticket.status in WORKING else []
    ticket.service_level = judged.sla.service_level.name
    ticket.missing_materials = list(judged.materials.missing)
    ticket.handler_role = judged.routing.handler_role
    if judged.serving is not None:
        ticket.served_by = judged.serving.number
    if not ticket.transferred:
        ticket.department = judged.routing.department
        ticket.collaborating_departments = list(judged.routing.collaborating)
    fresh = [*because, *unrecorded(ticket, judged.decisions)]
    ticket.decisions = [*ticket.decisions, *decision_documents(fresh, ctx.now)]
    if any(decision.kind is DecisionKind.HANDLING for decision in fresh):
        for row in noted:
            row.data = {**row.data, "reported_to": ticket.department}
    unit.session.add_all(noted)
    rerouted = [name for name, was in routed.items() if getattr(ticket, name) != was]
    if rerouted:
        unit.session.add(event_row(ctx, ticket, "ticket.routed", changed=rerouted))
    if is_serious_complaint(ticket) and not was_serious:
        unit.session.add(event_row(ctx, ticket, "complaint.serious", severity=ticket.severity))
    unit.session.add_all(await report_if_required(unit.session, ctx, ticket, policy))
    return await answer_changed(ctx, unit, loaded, new)
