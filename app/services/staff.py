"""人员: who can be given matters, with which departments and skills."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version, etag
from app.core.errors import FieldError, NotFound, ServiceError, ValidationFailed
from app.core.ids import id_from, id_text, new_id
from app.core.language import Text
from app.core.pagination import next_link
from app.models.staff import StaffMember
from app.models.tickets import Ticket
from app.schemas.lists import StaffFilter
from app.schemas.staff import AvailabilityIn, StaffIn, StaffList, StaffOut, StaffPatch
from app.services.context import Context
from app.services.listing import latest_first
from app.services.rules.tickets import WORKING

_VIEW = "staff"


class StaffNotFound(NotFound):
    """No such staff member, or one of a line the caller does not see."""

    title = Text("未找到该人员", "No such staff member")


class StaffExists(ServiceError):
    """The line has a staff member of this number."""

    status, code, by_rule = 409, "staff_exists", True
    title = Text("该经营线已有此工号，请改用修改", "The line has this staff number already: change it instead")


class StaffAtCapacity(ServiceError):
    """The staff member has as many open matters as they may have at a time."""

    # Not kept under a key: once one of them is done, the same request goes through.
    status, code = 409, "staff_at_capacity"
    title = Text(
        "该人员的在办工单已达上限（capacity）：请另选他人，或由主管调高上限",
        "The staff member has as many open tickets as their capacity: choose another, or raise the capacity first",
    )

    def __init__(self, staff_no: str, capacity: int) -> None:
        super().__init__(members={"staff_no": staff_no, "capacity": capacity})


async def add_staff(ctx: Context, body: StaffIn) -> Answer:
    """Register a staff member.

    Raises: NotFound, ValidationFailed for a department the edition does not have, StaffExists.
    """
    line = ctx.line(body.business_line)
    _known_departments(ctx, line.name, body.departments)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        same = StaffMember.business_line_id == line.id, StaffMember.staff_no == body.staff_no
        # One registration a number at a time, so that the second is told rather than failed.
        await unit.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"staff/{line.id}", 0))))
        if await unit.session.scalar(select(StaffMember.id).where(*same)):
            raise StaffExists
        member = StaffMember(
            id=new_id(), business_line_id=line.id, version=1, created_at=ctx.now, updated_at=ctx.now,
            last_assigned_at=None, **body.model_dump(exclude={"business_line"}),
        )  # fmt: skip
        unit.session.add(member)
        await unit.session.flush()
        shown = _shown(ctx, member, 0)
        return unit.answer(Answer.of(201, shown, location=f"/v1/staff/{shown.id}", etag=etag(1, _VIEW)))


async def change_staff(ctx: Context, reference: str, body: StaffPatch | AvailabilityIn) -> Answer:
    """Change what is known of a staff member; only a patch of several facts needs `If-Match`.

    Raises: StaffNotFound, ValidationFailed, IfMatchRequired, VersionMismatch.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            await _find(unit.session, ctx, reference)
            return unit.replayed
        member = await _find(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, member.version, _VIEW, required=isinstance(body, StaffPatch))
        given = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
        if "departments" in given:
            _known_departments(ctx, ctx.known.by_id[member.business_line_id].name, given["departments"])
        for name, value in given.items():
            setattr(member, name, value)
        member.version += 1
        member.updated_at = ctx.now
        await unit.session.flush()
        return unit.answer(await _answer(unit.session, ctx, member))


async def get_staff(ctx: Context, reference: str) -> Answer:
    """Raises: StaffNotFound."""
    async with ctx.db.read() as session:
        return await _answer(session, ctx, await _find(session, ctx, reference))


async def list_staff(ctx: Context, wanted: StaffFilter) -> Answer:
    """Return the staff of the caller's lines, the latest registered first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(StaffMember).where(StaffMember.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    if wanted.department is not None:
        chosen = chosen.where(StaffMember.departments.any_() == wanted.department)
    if wanted.staff_no is not None:
        chosen = chosen.where(StaffMember.staff_no == wanted.staff_no)
    if wanted.available is not None:
        chosen = chosen.where(StaffMember.available == (wanted.available == "true"))
    async with ctx.db.read() as session:
        found, following = await latest_first(ctx, session, chosen, StaffMember.created_at, wanted=wanted)
        loads = await open_tickets(session, found)
    items = [_shown(ctx, member, loads.get((member.business_line_id, member.staff_no), 0)) for member in found]
    page = StaffList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


async def open_tickets(session: AsyncSession, staff: Sequence[StaffMember]) -> dict[tuple[UUID, str], int]:
    """Count the open tickets each of these staff members has, by line and number."""
    numbers = [member.staff_no for member in staff]
    counted = (
        select(Ticket.business_line_id, Ticket.assignee_staff_no, func.count())
        .where(
            Ticket.business_line_id.in_({member.business_line_id for member in staff}),
            Ticket.assignee_staff_no.in_(numbers),
            Ticket.status.in_(WORKING),
        )
        .group_by(Ticket.business_line_id, Ticket.assignee_staff_no)
    )
    return {(line, number): count for line, number, count in await session.execute(counted) if number is not None}


async def require_room(session: AsyncSession, line: UUID, staff_no: str) -> None:
    """See that one matter more may be given to a staff member, and hold their row so that nobody else gives one now.

    Who is not registered has no capacity to exceed.
    Raises: StaffAtCapacity.
    """
    registered = select(StaffMember).where(StaffMember.business_line_id == line, StaffMember.staff_no == staff_no)
    member = await session.scalar(registered.with_for_update(key_share=True))
    if member is None:
        return
    loads = await open_tickets(session, [member])
    if loads.get((line, staff_no), 0) >= member.capacity:
        raise StaffAtCapacity(staff_no, member.capacity)


async def _find(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> StaffMember:
    member_id = id_from("stf", reference)
    if member_id is None:
        raise StaffNotFound
    wanted = select(StaffMember).where(StaffMember.id == member_id, StaffMember.business_line_id.in_(ctx.line_ids()))
    member = await session.scalar(wanted.with_for_update() if lock else wanted)
    if member is None:
        raise StaffNotFound
    return member


async def _answer(session: AsyncSession, ctx: Context, member: StaffMember) -> Answer:
    loads = await open_tickets(session, [member])
    shown = _shown(ctx, member, loads.get((member.business_line_id, member.staff_no), 0))
    return Answer.of(200, shown, etag=etag(member.version, _VIEW))


def _shown(ctx: Context, member: StaffMember, load: int) -> StaffOut:
    return StaffOut(
        id=id_text("stf", member.id),
        business_line=ctx.known.by_id[member.business_line_id].name,
        open_tickets=load,
        **{name: getattr(member, name) for name in _AS_STORED},
    )


_AS_STORED = (
    "staff_no", "departments", "skills", "capacity", "available", "last_assigned_at", "version", "created_at",
    "updated_at",
)  # fmt: skip


def _known_departments(ctx: Context, line: str, departments: Sequence[str]) -> None:
    """Raises: ValidationFailed naming the departments the line's edition has."""
    known = ctx.known.policy_on(ctx.known.by_name[line], ctx.now).edition.departments
    unknown = [place for place, name in enumerate(departments) if name not in known]
    if unknown:
        names = ", ".join(sorted(known))
        detail = Text(f"该经营线的部门为：{names}", f"The departments of the line are {names}")
        raise ValidationFailed(
            errors=[FieldError(("pointer", f"#/departments/{place}"), "unknown_value", detail) for place in unknown]
        )
