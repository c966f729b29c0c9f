"""What became of each event at each endpoint, and sending it again."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.errors import NotFound, ServiceError
from app.core.ids import id_from, id_text, new_id
from app.core.language import Text
from app.core.outbox import Event
from app.core.pagination import Cursors, next_link
from app.core.personal import Tier
from app.models.webhooks import WebhookDelivery, WebhookEndpoint
from app.schemas.webhooks import (
    AttemptOut,
    DeliveryDetail,
    DeliveryFilter,
    DeliveryList,
    DeliveryOut,
    NothingIn,
)
from app.services.context import Context
from app.services.rules.webhooks import DeliveryState
from app.services.tickets.loading import find_ticket
from app.services.webhooks.endpoints import find_endpoint
from app.services.webhooks.messages import trial_event


class DeliveryNotFound(NotFound):
    title = Text("未找到该推送", "No such delivery")


class EndpointDisabled(ServiceError):
    """Nothing is sent there now."""

    status, code, by_rule = 409, "webhook_endpoint_disabled", True
    title = Text("该 webhook 端点已停用，请先启用", "The endpoint is disabled: enable it first")


class EndpointDeleted(ServiceError):
    status, code, by_rule = 409, "webhook_endpoint_deleted", True
    title = Text("该推送的 webhook 端点已删除", "The endpoint of this delivery was deleted")


async def list_deliveries(ctx: Context, wanted: DeliveryFilter) -> Answer:
    """Return one page of deliveries, the newest first.

    Raises: NotFound for a line or ticket that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    query = wanted.model_dump(mode="json", exclude={"cursor", "limit"})
    lines = sorted(line.hex for line in ctx.line_ids())
    cursors = Cursors(ctx.keyring, {**query, "lines": lines, "path": ctx.call.route}, now=ctx.now)
    chosen = _deliveries().where(WebhookDelivery.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    if wanted.state:
        chosen = chosen.where(WebhookDelivery.state.in_(wanted.state))
    if wanted.endpoint is not None:
        chosen = chosen.where(WebhookDelivery.endpoint_id == id_from("whe", wanted.endpoint))
    if wanted.cursor is not None:
        chosen = chosen.where(WebhookDelivery.id < UUID(cursors.read(wanted.cursor)[0]))
    async with ctx.db.read() as session:
        if wanted.ticket is not None:
            ticket = await find_ticket(session, ctx, wanted.ticket)
            chosen = chosen.where(Event.subject == f"tickets/{id_text('tkt', ticket.id)}")
        found = (await session.execute(chosen.order_by(WebhookDelivery.id.desc()).limit(wanted.limit + 1))).all()
    more, found = len(found) > wanted.limit, found[: wanted.limit]
    following = cursors.issue([found[-1][0].id.hex]) if more else None
    body = DeliveryList(items=[_shown(ctx, *row) for row in found], next_cursor=following, has_more=more)
    return Answer.of(200, body, **next_link(ctx.call, following))


async def get_delivery(ctx: Context, reference: str) -> Answer:
    """Return a delivery with its attempts.

    Raises: DeliveryNotFound.
    """
    async with ctx.db.begin() as session:
        row, event = await _find(session, ctx, reference)
    attempts = [_attempt(ctx, attempt) for attempt in row.attempts]
    return Answer.of(200, DeliveryDetail(**dict(_shown(ctx, row, event)), attempts=attempts))


async def redeliver(ctx: Context, reference: str, body: NothingIn) -> Answer:
    """Send an event again at once, under the same id, with the whole schedule before it.

    Raises: DeliveryNotFound, EndpointDeleted.
    """
    async with ctx.write(body) as unit:
        row, event = await _find(unit.session, ctx, reference, lock=True)
        if unit.replayed is not None:
            return unit.replayed
        gone = select(WebhookEndpoint.deleted_at).where(WebhookEndpoint.id == row.endpoint_id)
        if await unit.session.scalar(gone) is not None:
            raise EndpointDeleted
        row.state, row.tries, row.next_attempt_at = DeliveryState.PENDING, 0, ctx.now
        await unit.session.flush()
        return unit.answer(Answer.of(202, _shown(ctx, row, event)))


async def send_test(ctx: Context, reference: str, body: NothingIn) -> Answer:
    """Queue a `webhook.test` for one endpoint, whatever its filter; the answer is the delivery to look at.

    Raises: EndpointNotFound, EndpointDisabled.
    """
    async with ctx.write(body) as unit:
        endpoint = await find_endpoint(unit.session, ctx, reference)
        if unit.replayed is not None:
            return unit.replayed
        if endpoint.disabled_at is not None:
            raise EndpointDisabled
        row = WebhookDelivery(
            id=new_id(),
            business_line_id=endpoint.business_line_ids[0],
            endpoint_id=endpoint.id,
            event_id=None,
            position=0,
            state=DeliveryState.PENDING,
            tries=0,
            next_attempt_at=ctx.now,
            attempts=[],
            created_at=ctx.now,
        )
        unit.session.add(row)
        await unit.session.flush()
        location = f"/v1/webhook-deliveries/{id_text('whd', row.id)}"
        return unit.answer(Answer.of(202, _shown(ctx, row, None), location=location))


def _deliveries() -> Select[WebhookDelivery, Event]:
    return select(WebhookDelivery, Event).outerjoin(Event, Event.id == WebhookDelivery.event_id)


async def _find(
    session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False
) -> tuple[WebhookDelivery, Event | None]:
    mine = WebhookDelivery.business_line_id.in_(ctx.line_ids())
    wanted = _deliveries().where(WebhookDelivery.id == id_from("whd", reference), mine)
    found = (await session.execute(wanted.with_for_update(of=WebhookDelivery) if lock else wanted)).first()
    if found is None:
        raise DeliveryNotFound
    return found[0], found[1]


def _shown(ctx: Context, row: WebhookDelivery, event: Event | None) -> DeliveryOut:
    event = event or trial_event(row.id, row.endpoint_id, row.business_line_id, row.created_at)
    return DeliveryOut(
        id=id_text("whd", row.id),
        endpoint_id=id_text("whe", row.endpoint_id),
        business_line=ctx.known.by_id[row.business_line_id].name,
        webhook_id=id_text("evt", event.id),
        type=event.type,
        subject=event.subject,
        sequence=event.sequence,
        request_id=event.request_id,
        state=row.state,
        tries=row.tries,
        next_attempt_at=row.next_attempt_at,
        last_attempt=_attempt(ctx, row.attempts[-1]) if row.attempts else None,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
    )


def _attempt(ctx: Context, attempt: dict[str, Any]) -> AttemptOut:
    """What a receiver says may hold anything: it is kept masked, and the lowest tier does not see it."""
    shown = AttemptOut.model_validate(attempt)
    return shown if ctx.caller.tier is not Tier.PUBLIC else shown.model_copy(update={"reply": None})
