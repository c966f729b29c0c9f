"""Finding one return request for a caller, and taking it up for a move."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version
from app.core.ids import id_from
from app.core.personal import Tier
from app.core.unit import Unit
from app.models.return_requests import ReturnDeadline, ReturnDecisionRow, ReturnLine, ReturnRequest
from app.models.staff import StaffMember
from app.models.tickets import Ticket
from app.services.access_log import log_replay
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.return_requests.deciding import facts_of_row
from app.services.return_requests.refusals import (
    LineTwice,
    NoSuchLines,
    ReturnMoveNotAllowed,
    ReturnNotFound,
    StaffOfAnotherDepartment,
)
from app.services.rules.policy_shapes import Step as FlowStep
from app.services.rules.return_requests import (
    LIFE_CYCLE,
    Approval,
    DeadlineKind,
    LineRemedy,
    ReturnMove,
    approval_of,
    refund_limit,
)
from app.services.rules.returns.words import Outcome, Remedy, RequestedRemedy

_LONGEST_REFERENCE = 64


@dataclass(frozen=True, slots=True)
class DecidedLine:
    """A line with every decision on it, the latest last."""

    line: ReturnLine
    decisions: list[ReturnDecisionRow]

    @property
    def latest(self) -> ReturnDecisionRow:
        return self.decisions[-1]

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.latest.answer["outcome"])

    @property
    def remedies(self) -> list[Remedy]:
        return [Remedy(remedy) for remedy in self.latest.answer["remedies"]]

    @property
    def asked(self) -> RequestedRemedy:
        return RequestedRemedy(self.latest.facts["requested_remedy"])

    @property
    def approval(self) -> Approval | None:
        """What it is to grant the line's remedy by the decision on record; None if none is granted."""
        remedy = self.line.remedy
        return None if remedy is None else approval_of(self.outcome, self.remedies, remedy)

    @property
    def refund_limit(self) -> Decimal | None:
        """What is due in money for the units kept, CNY; nothing for an exchange, None if no price is known."""
        if self.line.remedy is not LineRemedy.RETURN:
            return Decimal(0)
        amount = self.latest.answer.get("refund_amount")
        paid = facts_of_row(self.latest).price_paid
        return refund_limit(None if amount is None else Decimal(amount), paid, self.line.units)

    @property
    def is_settled(self) -> bool:
        """Tell whether the customer has what is due for the units kept."""
        line = self.line
        if line.units.kept == 0:
            return True
        if line.remedy is LineRemedy.EXCHANGE:
            return line.replaced_on is not None
        limit = self.refund_limit
        return limit is not None and line.refunded >= limit


@dataclass(frozen=True, slots=True)
class Loaded:
    """A return request with its lines in the order of the form, its deadlines and the edition it keeps."""

    request: ReturnRequest
    lines: list[DecidedLine]
    deadlines: list[ReturnDeadline]
    policy: Policy
    ticket: str | None  # its number

    def deadline(self, kind: DeadlineKind) -> ReturnDeadline | None:
        return next((row for row in self.deadlines if row.kind is kind), None)

    def flow_step(self, move: ReturnMove) -> FlowStep | None:
        """Return the step of the edition's flow that a move is, if the edition has it."""
        terms, name = self.policy.edition.returns, LIFE_CYCLE[move].step
        return next((step for step in terms.flow if step.name == name), None) if terms else None


async def find_return(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> ReturnRequest:
    """Return the request by number or id; `lock` holds its row until the transaction ends.

    Raises: ReturnNotFound, also for one of a line the caller does not see.
    """
    if len(reference) > _LONGEST_REFERENCE or not reference.isascii() or not reference.isprintable():
        raise ReturnNotFound
    request_id = id_from("ret", reference)
    same = ReturnRequest.id == request_id if request_id is not None else ReturnRequest.number == reference.upper()
    wanted = select(ReturnRequest).where(same, ReturnRequest.business_line_id.in_(ctx.line_ids()))
    request = await session.scalar(wanted.with_for_update() if lock else wanted)
    if request is None:
        raise ReturnNotFound
    return request


async def ticket_number(session: AsyncSession, request: ReturnRequest) -> str | None:
    """Return the number of the ticket it belongs to, if it does to one."""
    if request.ticket_id is None:
        return None
    number: str | None = await session.scalar(select(Ticket.number).where(Ticket.id == request.ticket_id))
    return number


async def load_return(session: AsyncSession, ctx: Context, request: ReturnRequest) -> Loaded:
    """Return a request with all that hangs on it."""
    chosen = select(ReturnLine).where(ReturnLine.return_request_id == request.id).order_by(ReturnLine.place)
    lines = (await session.scalars(chosen)).all()
    decisions = defaultdict[UUID, list[ReturnDecisionRow]](list)
    of_lines = select(ReturnDecisionRow).where(ReturnDecisionRow.return_line_id.in_([line.id for line in lines]))
    for row in await session.scalars(of_lines.order_by(ReturnDecisionRow.revision)):
        decisions[row.return_line_id].append(row)
    return Loaded(
        request,
        [DecidedLine(line, decisions[line.id]) for line in lines],
        (await deadlines_of(session, [request]))[request.id],
        await ctx.edition_of(request.policy_name, request.policy_version),
        await ticket_number(session, request),
    )


async def deadlines_of(
    session: AsyncSession, requests: Iterable[ReturnRequest]
) -> defaultdict[UUID, list[ReturnDeadline]]:
    """Return the deadlines of requests by the request's id, in the order they began."""
    chosen = select(ReturnDeadline).where(ReturnDeadline.return_request_id.in_([request.id for request in requests]))
    found = defaultdict[UUID, list[ReturnDeadline]](list)
    for row in await session.scalars(chosen.order_by(ReturnDeadline.kind)):
        found[row.return_request_id].append(row)
    return found


async def take_up(unit: Unit, ctx: Context, reference: str, move: ReturnMove, staff_no: str) -> Loaded:
    """Lock a request for a move of its life cycle by a member of staff.

    Raises: ReturnNotFound, VersionMismatch, ReturnMoveNotAllowed, StaffOfAnotherDepartment.
    """
    request = await find_return(unit.session, ctx, reference, lock=True)
    check_version(ctx.call, request.version, ctx.caller.tier)
    if request.status not in LIFE_CYCLE[move].leads:
        raise ReturnMoveNotAllowed(request.status, move)
    loaded = await load_return(unit.session, ctx, request)
    await _of_department(unit.session, loaded, move, staff_no)
    return loaded


async def _of_department(session: AsyncSession, loaded: Loaded, move: ReturnMove, staff_no: str) -> None:
    """Believe the caller about staff who are not registered only.

    Raises: StaffOfAnotherDepartment.
    """
    step = loaded.flow_step(move)
    if step is None or step.department is None:
        return
    departments = await session.scalar(
        select(StaffMember.departments).where(
            StaffMember.business_line_id == loaded.request.business_line_id, StaffMember.staff_no == staff_no
        )
    )
    if departments is not None and step.department not in departments:
        raise StaffOfAnotherDepartment(step.department)


async def answer_again(ctx: Context, unit: Unit, reference: str | None) -> Answer:
    """Give the answer that is on record, to a caller who may still see the request; in full, it is logged again.

    Raises: ReturnNotFound.
    """
    assert unit.replayed is not None  # noqa: S101 — asked for only then
    if reference is not None:
        await find_return(unit.session, ctx, reference)
    if ctx.caller.tier is Tier.SENSITIVE:
        log_replay(unit.session, ctx)
    return unit.replayed


def chosen_lines(loaded: Loaded, places: Sequence[int] | None) -> list[DecidedLine]:
    """Return the lines that a body names, or all.

    Raises: LineTwice, NoSuchLines.
    """
    if places is None:
        return loaded.lines
    if len(set(places)) < len(places):
        raise LineTwice
    missing = [n for n, place in enumerate(places) if place > len(loaded.lines)]
    if missing:
        raise NoSuchLines(missing)
    return [loaded.lines[place - 1] for place in places]
