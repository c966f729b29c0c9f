"""投诉分类: what a text is about, how grave it is, and who would handle it."""

from typing import Final

from app.core.answers import Answer
from app.schemas.complaints import ClassificationFactsIn, ClassifyIn, ClassifyOut
from app.services.context import Context
from app.services.rules.facts import Channel, TicketFacts
from app.services.rules.routing import decide_routing
from app.services.tickets.clocks import decision_documents
from app.services.tickets.judgement import classification_document, known_issue, read_text

_NO_FACTS: Final = ClassificationFactsIn()


async def classify_complaint(ctx: Context, body: ClassifyIn) -> Answer:
    """Read a text and say who would handle it under the line's edition. Nothing is stored.

    Raises: NotFound, ValidationFailed.
    """
    line = ctx.line(body.business_line)
    policy = ctx.known.policy_on(line, ctx.now)
    edition, given = policy.edition, body.facts or _NO_FACTS
    category = body.product.category if body.product else None
    channel = given.channel or Channel.HOTLINE
    reading = read_text(
        ctx.known.book, body.text, kind=given.kind, severity=given.severity, urgency=given.urgency,
        product_category=category, channel=channel, edition=edition,
    )  # fmt: skip
    found = reading.classification
    facts = TicketFacts(
        channel=channel,
        kind=reading.kind,
        urgency=reading.urgency,
        severity=reading.severity,
        tier=given.tier,
        item_class=given.item_class,
        product_category=category,
        region=given.region,
        seller=given.seller,
        service_provider=given.service_provider,
        branch=given.branch,
        complaint_class=found.complaint_class,
        issue_type=known_issue(found.issue_type),
    )
    routing = decide_routing(facts, None, edition.routing, edition.departments, edition.roles)
    read = {
        **classification_document(found),
        "department": routing.department,
        "collaborating_departments": list(routing.collaborating),
        "handler_role": routing.handler_role,
        "decisions": decision_documents((*reading.decisions, *routing.decisions), ctx.now),
    }
    return Answer.of(200, ClassifyOut.model_validate(read))
