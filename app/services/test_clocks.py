"""测试时钟: an integrator's tickets live through days within a moment, and their timers fire on the way."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.errors import FieldError, NotFound, ValidationFailed
from app.core.ids import id_from, id_text, new_id
from app.core.language import Text
from app.core.pagination import Cursors, next_link
from app.models.test_clocks import TestClock
from app.models.tickets import TicketCommitment
from app.schemas.fields import LAST_INSTANT
from app.schemas.lists import TestClockFilter
from app.schemas.test_clocks import (
    LONGEST_STEP_SECONDS,
    AdvancedOut,
    AdvanceIn,
    TestClockIn,
    TestClockList,
    TestClockOut,
)
from app.services.context import Context
from app.services.directory import Known
from app.services.timers import fire_due

MOST_FIRED_AT_ONCE = 500  # commitments that fire before an advance answers; a worker fires the rest


class TestClockNotFound(NotFound):
    """No such test clock, or one of a line the caller does not see."""

    title = Text("未找到该测试时钟", "No such test clock")


async def create_clock(ctx: Context, body: TestClockIn) -> Answer:
    """Make a clock that stands at an instant.

    Raises: NotFound, ValidationFailed.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        clock = TestClock(
            id=new_id(), business_line_id=line.id, name=body.name, now=body.now, version=1, created_at=ctx.now
        )
        unit.session.add(clock)
        await unit.session.flush()
        shown = _shown(ctx, clock, unfinished=False)
        return unit.answer(Answer.of(201, shown, location=f"/v1/test-clocks/{shown.id}"))


async def get_clock(ctx: Context, reference: str) -> TestClockOut:
    """Raises: TestClockNotFound."""
    async with ctx.db.read() as session:
        clock = await _find(session, ctx, reference)
        return _shown(ctx, clock, unfinished=await _is_unfinished(session, clock))


async def list_clocks(ctx: Context, wanted: TestClockFilter) -> Answer:
    """Return one page of clocks, the latest first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    lines = sorted(line.hex for line in ctx.line_ids())
    query = {"business_line": wanted.business_line, "lines": lines, "path": ctx.call.route}
    cursors = Cursors(ctx.keyring, query, now=ctx.now)
    chosen = select(TestClock, _unfinished()).where(TestClock.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    if wanted.cursor is not None:
        chosen = chosen.where(TestClock.id < UUID(cursors.read(wanted.cursor)[0]))
    async with ctx.db.begin() as session:
        found = (await session.execute(chosen.order_by(TestClock.id.desc()).limit(wanted.limit + 1))).all()
    more, found = len(found) > wanted.limit, found[: wanted.limit]
    following = cursors.issue([found[-1][0].id.hex]) if more else None
    items = [_shown(ctx, clock, unfinished=unfinished) for clock, unfinished in found]
    page = TestClockList(items=items, next_cursor=following, has_more=more)
    return Answer.of(200, page, **next_link(ctx.call, following))


async def advance_clock(ctx: Context, reference: str, body: AdvanceIn) -> Answer:
    """Move a clock forwards and fire what is due on the way, in due order, before answering.

    Raises: TestClockNotFound, ValidationFailed for a step backwards, or of more than two years.
    """
    async with ctx.write(body) as unit:
        session = unit.session
        clock = await _find(session, ctx, reference, lock=True)
        if unit.replayed is not None:
            return unit.replayed
        clock.now, clock.version = _reached(clock.now, body), clock.version + 1
        await session.flush()
        fired = await fire_due(session, ctx.known, test_clock=clock, limit=MOST_FIRED_AT_ONCE)
        shown = _shown(ctx, clock, unfinished=await _is_unfinished(session, clock))
        return unit.answer(Answer.of(200, AdvancedOut(**dict(shown), fired=fired)))


async def finish_advances(session: AsyncSession, known: Known) -> int:
    """Fire what is due on tickets bound to test clocks; return how many thresholds fired."""
    fired = 0
    for clock in await session.scalars(select(TestClock).where(_unfinished())):
        fired += await fire_due(session, known, test_clock=clock)
    return fired


def _reached(now: datetime, body: AdvanceIn) -> datetime:
    """Raises: ValidationFailed if that is in the clock's past or too far from it."""
    if body.by_seconds is not None:
        name, to = "by_seconds", now + timedelta(seconds=body.by_seconds)
    else:
        assert body.to is not None  # noqa: S101 — the body has one of the two
        name, to = "to", body.to
    if to < now:
        fault = "in_the_past", Text("测试时钟只能向前拨", "A test clock only goes forwards")
    elif to - now > timedelta(seconds=LONGEST_STEP_SECONDS):
        fault = "too_large", Text("一次最多向前拨两年", "A step is two years at most")
    elif to >= LAST_INSTANT:
        fault = "out_of_range", Text("年份须在 1970–2100 之间", "Years from 1970 to 2100 are taken")
    else:
        return to
    raise ValidationFailed(errors=[FieldError(("pointer", f"#/{name}"), *fault)])


async def _find(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> TestClock:
    """Return the clock; `lock` keeps others from advancing it, not from binding tickets to it.

    Raises: TestClockNotFound.
    """
    wanted = select(TestClock).where(
        TestClock.id == id_from("clk", reference), TestClock.business_line_id.in_(ctx.line_ids())
    )
    clock = await session.scalar(wanted.with_for_update(key_share=True) if lock else wanted)
    if clock is None:
        raise TestClockNotFound
    return clock


def _unfinished() -> ColumnElement[bool]:
    """Timers of a clock's tickets lie in its past."""
    row = TicketCommitment
    return select(row.id).where(row.test_clock_id == TestClock.id, row.next_fire_at < TestClock.now).exists()


async def _is_unfinished(session: AsyncSession, clock: TestClock) -> bool:
    return bool(await session.scalar(select(_unfinished()).where(TestClock.id == clock.id)))


def _shown(ctx: Context, clock: TestClock, *, unfinished: bool) -> TestClockOut:
    return TestClockOut(
        id=id_text("clk", clock.id),
        business_line=ctx.known.by_id[clock.business_line_id].name,
        name=clock.name,
        now=clock.now,
        status="advancing" if unfinished else "ready",
        version=clock.version,
        created_at=clock.created_at,
    )
