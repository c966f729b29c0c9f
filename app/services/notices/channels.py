"""通知渠道: put in, listed, changed, tried out, taken away. Addresses and secrets are sealed, and never shown again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version, etag, unchanged
from app.core.errors import FieldError, NotFound, ServiceError, ValidationFailed
from app.core.ids import id_from, id_text, new_id
from app.core.language import Text
from app.core.pagination import Cursors, next_link
from app.models.notices import Notice, NoticeChannel
from app.schemas.fields import Bilingual
from app.schemas.lists import NoticeChannelFilter
from app.schemas.notice_channels import (
    NoticeChannelIn,
    NoticeChannelList,
    NoticeChannelOut,
    NoticeChannelPatch,
    NoticeTestOut,
)
from app.services.context import Context
from app.services.directory import Line
from app.services.notices.courier import advise
from app.services.notices.robots import SIGNED
from app.services.notices.sealing import seal_address, seal_secret
from app.services.notices.sending import deliver
from app.services.rules.notice_wording import word_test
from app.services.rules.notices import EVERY_ROLE, ChannelKind, NoticeState

_PREFIX = "nch"


class NoticeChannelNotFound(NotFound):
    """No such channel, or one of a line the caller does not see."""

    title = Text("未找到该通知渠道", "No such notice channel")


class NoticeChannelExists(ServiceError):
    """The line has this address already."""

    status, code, by_rule = 409, "notice_channel_exists", True
    title = Text(
        "该地址已是本经营线的通知渠道，请在其 roles 中增加角色",
        "The address is a channel of this line already: add the role to its roles",
    )


async def create_channel(ctx: Context, body: NoticeChannelIn) -> Answer:
    """Put in where notices for some roles of a line go.

    Raises: NotFound, ValidationFailed, NoticeChannelExists.
    """
    line = ctx.line(body.business_line)
    _check_roles(ctx, line, body.roles)
    _check_way(ctx, body.kind, body.address, body.secret)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        channel = NoticeChannel(
            id=new_id(), business_line_id=line.id, roles=sorted(set(body.roles)), kind=body.kind,
            enabled=body.enabled, version=1, ready_at=func.clock_timestamp(), created_at=ctx.now, updated_at=ctx.now,
        )  # fmt: skip
        seal_address(channel, body.address, ctx.keyring)
        seal_secret(channel, body.secret, ctx.keyring)
        unit.session.add(channel)
        await _write(unit.session)
        return unit.answer(_answer(ctx, 201, channel))


async def get_channel(ctx: Context, reference: str) -> Answer:
    """Return a channel, or 304. Raises: NoticeChannelNotFound."""
    async with ctx.db.begin() as session:
        channel = await _find(session, ctx, reference)
    tag = etag(channel.version, ctx.caller.tier)
    if unchanged(ctx.call, tag):
        return Answer(304, b"", {"etag": tag, "vary": "Authorization"})
    return _answer(ctx, 200, channel)


async def list_channels(ctx: Context, wanted: NoticeChannelFilter) -> Answer:
    """Return one page of channels, in the order in which they were put in.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    query = wanted.model_dump(mode="json", exclude={"cursor", "limit"})
    lines = sorted(line.hex for line in ctx.line_ids())
    cursors = Cursors(ctx.keyring, {**query, "lines": lines, "path": ctx.call.route}, now=ctx.now)
    key = tuple_(NoticeChannel.created_at, NoticeChannel.id)
    conditions: list[ColumnElement[bool]] = [NoticeChannel.business_line_id.in_(ctx.line_ids(wanted.business_line))]
    if wanted.kind:
        conditions.append(NoticeChannel.kind.in_(wanted.kind))
    if wanted.cursor is not None:
        created_at, channel_id = cursors.read(wanted.cursor)
        conditions.append(key > tuple_(datetime.fromisoformat(created_at), UUID(channel_id)))
    chosen = select(NoticeChannel).where(*conditions).order_by(NoticeChannel.created_at, NoticeChannel.id)
    async with ctx.db.begin() as session:
        rows = (await session.scalars(chosen.limit(wanted.limit + 1))).all()
    more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
    following = cursors.issue([rows[-1].created_at.isoformat(), rows[-1].id.hex]) if more else None
    page = NoticeChannelList(items=[_shown(ctx, row) for row in rows], next_cursor=following, has_more=more)
    return Answer.of(200, page, **next_link(ctx.call, following))


async def change_channel(ctx: Context, reference: str, body: NoticeChannelPatch) -> Answer:
    """Change a channel; what waits for it goes to its new address.

    Raises: NoticeChannelNotFound, IfMatchRequired, VersionMismatch, ValidationFailed, NoticeChannelExists.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            await _find(unit.session, ctx, reference)
            return unit.replayed
        channel = await _find(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, channel.version, ctx.caller.tier, required=True)
        if body.roles is not None:
            _check_roles(ctx, ctx.known.by_id[channel.business_line_id], body.roles)
            channel.roles = sorted(set(body.roles))
        if body.address is not None:
            _check_way(ctx, channel.kind, body.address, None)
            seal_address(channel, body.address, ctx.keyring)
        if "secret" in body.model_fields_set:
            _check_secret(channel.kind, body.secret)
            seal_secret(channel, body.secret, ctx.keyring)
        if body.enabled is not None:
            channel.enabled = body.enabled
        channel.version += 1
        channel.updated_at = ctx.now
        await _write(unit.session)
        return unit.answer(_answer(ctx, 200, channel))


async def delete_channel(ctx: Context, reference: str) -> Answer:
    """Take a channel away; what waits for it is dropped, and stays on record.

    Raises: NoticeChannelNotFound, IfMatchRequired, VersionMismatch.
    """
    async with ctx.write(None) as unit:
        channel = await _find(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, channel.version, ctx.caller.tier, required=True)
        waiting = Notice.channel_id == channel.id, Notice.next_try_at.is_not(None)
        await unit.session.execute(
            update(Notice).where(*waiting).values(state=NoticeState.DROPPED, next_try_at=None)
        )  # fmt: skip
        await unit.session.delete(channel)
        return unit.answer(Answer(204, b""))


async def try_channel(ctx: Context, reference: str) -> NoticeTestOut:
    """Send a test notice at once, also to a channel that is not enabled, and return what the server answered.

    No transaction is open meanwhile, and nothing is stored: a repeat sends again.
    Raises: NoticeChannelNotFound.
    """
    async with ctx.db.begin() as session:
        channel = await _find(session, ctx, reference)
    message = word_test(ctx.known.by_id[channel.business_line_id].name)
    outcome = await deliver(ctx.kit.courier, ctx.keyring, channel, message, new_id())
    advice = advise(channel.kind, outcome.status, outcome.code, outcome.text)
    return NoticeTestOut(
        verdict=outcome.verdict,
        status=outcome.status,
        code=outcome.code,
        text=outcome.text,
        advice=advice and Bilingual(zh=advice.zh, en=advice.en),
    )


def _check_roles(ctx: Context, line: Line, roles: list[str]) -> None:
    """Raises: ValidationFailed for a role that the line's edition does not name."""
    known = {EVERY_ROLE, *ctx.known.policy_on(line, ctx.now).edition.roles}
    if not known.issuperset(roles):
        listed = ", ".join(sorted(known))
        raise _wrong("roles", "unknown_value", Text(f"可选：{listed}", f"Of these: {listed}"))


def _check_way(ctx: Context, kind: ChannelKind, address: str, secret: str | None) -> None:
    """Raises: ValidationFailed for an address of another kind, or a server nobody named."""
    if not ctx.kit.courier.may_reach(kind, address):
        raise _wrong("address", "wrong_address", _ADDRESSES[kind])
    _check_secret(kind, secret)


def _check_secret(kind: ChannelKind, secret: str | None) -> None:
    if secret is not None and kind not in SIGNED:
        raise _wrong("secret", "not_signed", Text("此类渠道不签名", "Channels of this kind are not signed"))


_ADDRESSES = {
    ChannelKind.EMAIL: Text("邮箱地址格式如 name@example.com", "An email address is written name@example.com"),
    ChannelKind.DINGTALK: Text(
        "应为 https://oapi.dingtalk.com/robot/send?access_token=…，其他服务器须列入 AFTERSALES_ROBOT_GATEWAYS",
        "It begins https://oapi.dingtalk.com/robot/send?access_token=; AFTERSALES_ROBOT_GATEWAYS can name others",
    ),
    ChannelKind.WECOM: Text(
        "应为 https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…，其他服务器须列入 AFTERSALES_ROBOT_GATEWAYS",
        "It begins https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=; AFTERSALES_ROBOT_GATEWAYS can name others",
    ),
    ChannelKind.FEISHU: Text(
        "应为 https://open.feishu.cn/open-apis/bot/v2/hook/…，其他服务器须列入 AFTERSALES_ROBOT_GATEWAYS",
        "It begins https://open.feishu.cn/open-apis/bot/v2/hook/; AFTERSALES_ROBOT_GATEWAYS can name others",
    ),
}


def _wrong(field: str, code: str, detail: Text) -> ValidationFailed:
    return ValidationFailed(errors=[FieldError(("pointer", f"#/{field}"), code, detail)])


async def _find(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> NoticeChannel:
    channel_id = id_from(_PREFIX, reference)
    wanted = select(NoticeChannel).where(
        NoticeChannel.id == channel_id, NoticeChannel.business_line_id.in_(ctx.line_ids())
    )
    channel = await session.scalar(wanted.with_for_update() if lock else wanted) if channel_id else None
    if channel is None:
        raise NoticeChannelNotFound
    return channel


async def _write(session: AsyncSession) -> None:
    """Raises: NoticeChannelExists."""
    try:
        await session.flush()
    except IntegrityError as error:
        if "uq_notice_channel_address" in str(error.orig):
            raise NoticeChannelExists from None
        raise


def _answer(ctx: Context, status: int, channel: NoticeChannel) -> Answer:
    shown = _shown(ctx, channel)
    tag = etag(channel.version, ctx.caller.tier)
    return Answer.of(status, shown, location=f"/v1/notice-channels/{shown.id}", etag=tag, vary="Authorization")


def _shown(ctx: Context, channel: NoticeChannel) -> NoticeChannelOut:
    return NoticeChannelOut(
        id=id_text(_PREFIX, channel.id),
        business_line=ctx.known.by_id[channel.business_line_id].name,
        roles=channel.roles,
        kind=channel.kind,
        address=channel.address_masked,
        signed=channel.secret_sealed is not None,
        enabled=channel.enabled,
        version=channel.version,
        created_at=channel.created_at,
        updated_at=channel.updated_at,
    )
