"""服务网络: the points of a line put in, changed and listed."""

from datetime import date
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version, etag
from app.core.errors import FieldError, NotFound, ServiceError, ValidationFailed
from app.core.ids import id_from, id_text, new_id
from app.core.language import Text
from app.core.pagination import next_link
from app.models.service_points import ServicePoint
from app.schemas.lists import ServicePointFilter
from app.schemas.service_points import ServicePointIn, ServicePointList, ServicePointOut, ServicePointPatch
from app.services.archive.records import duplicate_means
from app.services.context import Context
from app.services.directory import Line
from app.services.listing import latest_first
from app.services.rules.service_points import PointKind, region_chain

_PREFIX: Final = "spt"
_VIEW: Final = "network"
UNKNOWN_POINT: Final = Text("该经营线没有此编号的服务网点", "The line has no service point of this number")
_INACTIVE: Final = Text("该服务网点今日不在有效期内", "The service point is not active today")


class ServicePointNotFound(NotFound):
    """No such point, or one of a line the caller does not see."""

    title = Text("未找到该服务网点", "No such service point")


class ServicePointExists(ServiceError):
    """The line has a point of this number."""

    status, code, by_rule = 409, "service_point_exists", True
    title = Text(
        "该经营线已有此编号的服务网点，请改用修改",
        "The line has a service point of this number already: change it instead",
    )


async def add_service_point(ctx: Context, body: ServicePointIn) -> Answer:
    """Put in a point.

    Raises: NotFound, ValidationFailed for a department the edition does not have or a last day before the first,
    ServicePointExists.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        point = ServicePoint(id=new_id(), business_line_id=line.id, version=1, created_at=ctx.now, updated_at=ctx.now)
        given = body.model_dump(exclude={"business_line"}) | {"active_from": body.active_from or local_day(ctx, line)}
        _apply(ctx, line, point, given)
        unit.session.add(point)
        with duplicate_means(ServicePointExists()):
            await unit.session.flush()
        shown = _shown(ctx, point)
        answer = Answer.of(201, shown, location=f"/v1/service-points/{shown.id}", etag=etag(1, _VIEW))
        unit.answer(answer)
    if line.id not in ctx.known.networked:
        ctx.kit.directory.expire()
    return answer


async def change_service_point(ctx: Context, reference: str, body: ServicePointPatch) -> Answer:
    """Change what a point is and serves; tickets keep it until they are routed again.

    Raises: ServicePointNotFound, ValidationFailed, IfMatchRequired, VersionMismatch.
    """
    async with ctx.write(body) as unit:
        point = await _find(unit.session, ctx, reference, lock=unit.replayed is None)
        if unit.replayed is not None:
            return unit.replayed
        check_version(ctx.call, point.version, _VIEW, required=True)
        _apply(ctx, ctx.known.by_id[point.business_line_id], point, body.model_dump(exclude_unset=True))
        point.version += 1
        point.updated_at = ctx.now
        await unit.session.flush()
        return unit.answer(_answer(ctx, point))


async def get_service_point(ctx: Context, reference: str) -> Answer:
    """Raises: ServicePointNotFound."""
    async with ctx.db.read() as session:
        return _answer(ctx, await _find(session, ctx, reference))


async def list_service_points(ctx: Context, wanted: ServicePointFilter) -> Answer:
    """Return the points of the caller's lines, the latest first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    lines = [ctx.known.by_id[line] for line in ctx.line_ids(wanted.business_line)]
    chosen = select(ServicePoint).where(ServicePoint.business_line_id.in_([line.id for line in lines]))
    if wanted.number is not None:
        chosen = chosen.where(ServicePoint.number == wanted.number)
    if wanted.kind:
        chosen = chosen.where(ServicePoint.kind.in_(wanted.kind))
    if wanted.region is not None:
        chosen = chosen.where(ServicePoint.regions.any_() == region_chain(wanted.region)[0])
    if wanted.active is not None:
        days = [(ServicePoint.business_line_id == line.id) & active_on(local_day(ctx, line)) for line in lines]
        today = or_(*days)
        chosen = chosen.where(today if wanted.active == "true" else ~today)
    async with ctx.db.read() as session:
        found, following = await latest_first(ctx, session, chosen, ServicePoint.created_at, wanted=wanted)
    items = [_shown(ctx, point) for point in found]
    page = ServicePointList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


def local_day(ctx: Context, line: Line) -> date:
    """Return today where the line is. Raises: EditionUnavailable."""
    return ctx.now.astimezone(ZoneInfo(ctx.known.policy_on(line, ctx.now).time.timezone)).date()


def active_on(day: date) -> ColumnElement[bool]:
    until = ServicePoint.active_until
    return (ServicePoint.active_from <= day) & (until.is_(None) | (until >= day))


async def is_branch(session: AsyncSession, line: UUID, number: str) -> bool:
    """Tell whether the point is a branch: what it answers for, the company does."""
    same = ServicePoint.business_line_id == line, ServicePoint.number == number
    return await session.scalar(select(ServicePoint.kind).where(*same)) is PointKind.BRANCH


async def check_points(session: AsyncSession, line: UUID, given: dict[str, str | None], *, day: date) -> None:
    """Check the points that a body names in `sold_by` and `served_by`; one that is to serve must be active that day.

    Raises: ValidationFailed naming the fields.
    """
    numbers = {number for number in given.values() if number is not None}
    if not numbers:
        return
    chosen = select(ServicePoint.number, active_on(day).label("active")).where(
        ServicePoint.business_line_id == line, ServicePoint.number.in_(numbers)
    )
    active = {row.number: row.active for row in await session.execute(chosen)}
    errors = []
    for field, number in given.items():
        if number is None:
            continue
        if number not in active:
            errors.append(FieldError(("pointer", f"#/{field}"), "unknown_value", UNKNOWN_POINT))
        elif field == "served_by" and not active[number]:
            errors.append(FieldError(("pointer", f"#/{field}"), "not_active", _INACTIVE))
    if errors:
        raise ValidationFailed(errors=errors)


async def _find(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> ServicePoint:
    point_id = id_from(_PREFIX, reference)
    if point_id is None:
        raise ServicePointNotFound
    wanted = select(ServicePoint).where(ServicePoint.id == point_id, ServicePoint.business_line_id.in_(ctx.line_ids()))
    point = await session.scalar(wanted.with_for_update() if lock else wanted)
    if point is None:
        raise ServicePointNotFound
    return point


def _apply(ctx: Context, line: Line, point: ServicePoint, given: dict[str, object]) -> None:
    """Set what was given, each region written in one way. Raises: ValidationFailed."""
    for name, value in given.items():
        setattr(point, name, value)
    point.regions = list(dict.fromkeys(region_chain(region)[0] for region in point.regions))
    departments = ctx.known.policy_on(line, ctx.now).edition.departments
    if point.department is not None and point.department not in departments:
        names = ", ".join(sorted(departments))
        detail = Text(f"该经营线的部门为：{names}", f"The departments of the line are {names}")
        raise ValidationFailed(errors=[FieldError(("pointer", "#/department"), "unknown_value", detail)])
    if point.active_until is not None and point.active_until < point.active_from:
        detail = Text("active_until 早于 active_from", "active_until is before active_from")
        raise ValidationFailed(errors=[FieldError(("pointer", "#/active_until"), "empty_range", detail)])


def _answer(ctx: Context, point: ServicePoint) -> Answer:
    return Answer.of(200, _shown(ctx, point), etag=etag(point.version, _VIEW))


_AS_STORED = (
    "number", "name", "kind", "regions", "categories", "ticket_kinds", "department", "contact", "active_from",
    "active_until", "version", "created_at", "updated_at",
)  # fmt: skip


def _shown(ctx: Context, point: ServicePoint) -> ServicePointOut:
    return ServicePointOut(
        id=id_text(_PREFIX, point.id),
        business_line=ctx.known.by_id[point.business_line_id].name,
        **{name: getattr(point, name) for name in _AS_STORED},
    )
