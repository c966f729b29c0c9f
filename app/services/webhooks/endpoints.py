"""Where events are sent: registering receivers, their secrets, switching them on and off."""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version, etag, unchanged
from app.core.egress import TargetRefused
from app.core.errors import FieldError, NotFound, ValidationFailed
from app.core.ids import id_from, id_text, new_id
from app.core.language import Text
from app.core.outbox import Event
from app.core.pagination import Cursors, next_link
from app.core.unit import Unit
from app.models.webhooks import WebhookEndpoint
from app.schemas.webhooks import (
    EndpointFilter,
    EndpointIn,
    EndpointList,
    EndpointOut,
    EndpointPatch,
    EndpointSecret,
    NothingIn,
)
from app.services.context import Context
from app.services.rules.webhooks import DisabledReason
from app.services.webhooks.signing import give_secret, rotate_secret


class EndpointNotFound(NotFound):
    """There is no such endpoint, or it is for lines of which the caller does not see all."""

    title = Text("未找到该 webhook 端点", "No such webhook endpoint")


async def create_endpoint(ctx: Context, body: EndpointIn) -> Answer:
    """Register a receiver of the events from now on; the answer shows its secret, this once.

    Raises: NotFound for a line that is not the caller's; ValidationFailed for a URL that may not be called.
    """
    lines = _lines(ctx, body.business_lines)
    refusal = await _url_refused(ctx, body.url)
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return unit.replayed
        if refusal is not None:
            raise refusal
        endpoint = WebhookEndpoint(
            id=new_id(),
            business_line_ids=lines,
            version=1,
            url=body.url,
            types=body.types,
            description=body.description,
            position=await unit.session.scalar(select(func.max(Event.position))) or 0,
            created_at=ctx.now,
        )
        secret = give_secret(ctx.keyring, endpoint)
        unit.session.add(endpoint)
        await unit.session.flush()
        return unit.answer(_answer(ctx, endpoint, status=201, secret=secret))


def _lines(ctx: Context, names: Sequence[str] | None) -> list[UUID]:
    """Raises: NotFound for a line that is not the caller's, and for a caller without lines."""
    lines = ctx.line_ids() if names is None else [ctx.line(name).id for name in dict.fromkeys(names)]
    if not lines:
        raise NotFound(Text("未找到经营线", "No business line"))
    return lines


async def _url_refused(ctx: Context, url: str) -> ValidationFailed | None:
    """Look a URL up, before the transaction: it may take seconds."""
    try:
        await ctx.kit.egress.check(url)
    except TargetRefused as refusal:
        return ValidationFailed(errors=[FieldError(("pointer", "#/url"), refusal.code, refusal.detail)])
    return None


async def get_endpoint(ctx: Context, reference: str) -> Answer:
    """Return an endpoint, or 304 if the caller holds this representation already.

    Raises: EndpointNotFound.
    """
    async with ctx.db.begin() as session:
        endpoint = await find_endpoint(session, ctx, reference)
    tag = etag(endpoint.version, ctx.caller.tier)
    if unchanged(ctx.call, tag):
        return Answer(304, b"", {"etag": tag, "vary": "Authorization"})
    return _answer(ctx, endpoint)


async def list_endpoints(ctx: Context, wanted: EndpointFilter) -> Answer:
    """Return one page of endpoints, the newest first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    lines = ctx.line_ids(wanted.business_line)
    query = {"lines": sorted(line.hex for line in ctx.line_ids()), "of": wanted.business_line, "path": ctx.call.route}
    cursors = Cursors(ctx.keyring, query, now=ctx.now)
    chosen = _visible(ctx).where(WebhookEndpoint.business_line_ids.overlap(lines))
    if wanted.cursor is not None:
        chosen = chosen.where(WebhookEndpoint.id < UUID(cursors.read(wanted.cursor)[0]))
    async with ctx.db.begin() as session:
        found = (await session.scalars(chosen.order_by(WebhookEndpoint.id.desc()).limit(wanted.limit + 1))).all()
    more, found = len(found) > wanted.limit, found[: wanted.limit]
    following = cursors.issue([found[-1].id.hex]) if more else None
    body = EndpointList(items=[_shown(ctx, row) for row in found], next_cursor=following, has_more=more)
    return Answer.of(200, body, **next_link(ctx.call, following))


async def change_endpoint(ctx: Context, reference: str, body: EndpointPatch) -> Answer:
    """Change where, of which lines and which events are sent. What waits for a line taken away is given up.

    Raises: EndpointNotFound, IfMatchRequired, VersionMismatch, ValidationFailed.
    """
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if body.business_lines is not None:
        del given["business_lines"]
        given["business_line_ids"] = _lines(ctx, body.business_lines)
    refusal = await _url_refused(ctx, body.url) if body.url is not None else None
    async with ctx.write(body) as unit:
        endpoint = await find_endpoint(unit.session, ctx, reference, lock=True)
        if unit.replayed is not None:
            return unit.replayed
        check_version(ctx.call, endpoint.version, ctx.caller.tier, required=True)
        if refusal is not None:
            raise refusal
        for name, value in given.items():
            setattr(endpoint, name, value)
        return await _changed(ctx, unit, endpoint)


async def delete_endpoint(ctx: Context, reference: str) -> Answer:
    """End an endpoint: nothing more is sent, and its secrets are gone.

    Raises: EndpointNotFound, IfMatchRequired, VersionMismatch.
    """
    async with ctx.write(None) as unit:
        endpoint = await find_endpoint(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, endpoint.version, ctx.caller.tier, required=True)
        endpoint.deleted_at = ctx.now
        endpoint.secrets_sealed = b""
        return unit.answer(Answer(204, b""))


async def renew_secret(ctx: Context, reference: str, body: NothingIn) -> Answer:
    """Give an endpoint another secret and show it, this once; the one before signs for 24 hours more.

    Raises: EndpointNotFound.
    """
    async with ctx.write(body) as unit:
        endpoint = await find_endpoint(unit.session, ctx, reference, lock=True)
        if unit.replayed is not None:
            return unit.replayed
        secret = rotate_secret(ctx.keyring, endpoint, ctx.now)
        return await _changed(ctx, unit, endpoint, secret)


async def enable_endpoint(ctx: Context, reference: str, body: NothingIn) -> Answer:
    """Send again, from where it stopped on.

    Raises: EndpointNotFound.
    """

    def enable(endpoint: WebhookEndpoint) -> None:
        endpoint.disabled_at = endpoint.disabled_reason = endpoint.failing_since = None

    return await _switched(ctx, reference, body, enable)


async def disable_endpoint(ctx: Context, reference: str, body: NothingIn) -> Answer:
    """Send nothing for now; what happens meanwhile is sent once it is enabled.

    Raises: EndpointNotFound.
    """

    def disable(endpoint: WebhookEndpoint) -> None:
        if endpoint.disabled_at is None:
            endpoint.disabled_at, endpoint.disabled_reason = ctx.now, DisabledReason.MANUAL

    return await _switched(ctx, reference, body, disable)


async def _switched(ctx: Context, reference: str, body: NothingIn, switch: Callable[[WebhookEndpoint], None]) -> Answer:
    async with ctx.write(body) as unit:
        endpoint = await find_endpoint(unit.session, ctx, reference, lock=True)
        if unit.replayed is not None:
            return unit.replayed
        check_version(ctx.call, endpoint.version, ctx.caller.tier)
        switch(endpoint)
        return await _changed(ctx, unit, endpoint)


async def _changed(ctx: Context, unit: Unit, endpoint: WebhookEndpoint, secret: str | None = None) -> Answer:
    """Count the change, if there is one, write it, and answer with the endpoint."""
    if unit.session.is_modified(endpoint):
        endpoint.version += 1
    await unit.session.flush()
    return unit.answer(_answer(ctx, endpoint, secret=secret))


def _visible(ctx: Context) -> Select[WebhookEndpoint]:
    mine = WebhookEndpoint.business_line_ids.contained_by(ctx.line_ids())
    return select(WebhookEndpoint).where(mine, WebhookEndpoint.deleted_at.is_(None))


async def find_endpoint(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> WebhookEndpoint:
    """Return an endpoint all of whose lines the caller sees; `lock` holds its row until the transaction ends.

    Raises: EndpointNotFound.
    """
    wanted = _visible(ctx).where(WebhookEndpoint.id == id_from("whe", reference))
    endpoint = await session.scalar(wanted.with_for_update(key_share=True) if lock else wanted)
    if endpoint is None:
        raise EndpointNotFound
    return endpoint


def _answer(ctx: Context, endpoint: WebhookEndpoint, *, status: int = 200, secret: str | None = None) -> Answer:
    shown = _shown(ctx, endpoint)
    body = shown if secret is None else EndpointSecret(**dict(shown), secret=secret)
    tag = etag(endpoint.version, ctx.caller.tier)
    return Answer.of(status, body, location=f"/v1/webhook-endpoints/{shown.id}", etag=tag, vary="Authorization")


def _shown(ctx: Context, endpoint: WebhookEndpoint) -> EndpointOut:
    return EndpointOut(
        id=id_text("whe", endpoint.id),
        url=endpoint.url,
        business_lines=[ctx.known.by_id[line].name for line in endpoint.business_line_ids],
        types=endpoint.types,
        description=endpoint.description,
        enabled=endpoint.disabled_at is None,
        disabled_at=endpoint.disabled_at,
        disabled_reason=endpoint.disabled_reason,
        failing_since=endpoint.failing_since,
        previous_secret_until=endpoint.previous_until,
        version=endpoint.version,
        created_at=endpoint.created_at,
    )
