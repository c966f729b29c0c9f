"""Review, inspection and the decision of a return request, and giving it up."""

from collections.abc import Sequence
from typing import Any

from app.core.answers import Answer
from app.schemas.return_requests import ApproveIn, InspectIn, MoveIn, ReasonIn, RedecideIn
from app.services.context import Context
from app.services.return_requests import wording
from app.services.return_requests.deadlines import drop, meet
from app.services.return_requests.deciding import on_file, stated
from app.services.return_requests.loading import DecidedLine, Loaded, answer_again, chosen_lines, take_up
from app.services.return_requests.records import decide_anew, moved, note_on_ticket
from app.services.return_requests.refusals import (
    NoNewFacts,
    NotApprovable,
    NotRefusable,
    ReasonRequired,
    TooManyApproved,
)
from app.services.rules.return_requests import (
    Approval,
    DeadlineKind,
    ReturnMove,
    ReturnStatus,
    bar_to_refusal,
    found_by_inspection,
    remedy_to_grant,
)
from app.services.rules.returns.words import RequestedRemedy


async def review(ctx: Context, reference: str, body: MoveIn) -> Answer:
    """Note that the form was looked at.

    Raises: ReturnNotFound, VersionMismatch, ReturnMoveNotAllowed, StaffOfAnotherDepartment.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, ReturnMove.REVIEW, body.staff_no)
        return await moved(ctx, unit, loaded, ReturnMove.REVIEW, body.staff_no, text=body.note)


async def inspect(ctx: Context, reference: str, body: InspectIn) -> Answer:
    """Record what an inspection found, and decide again on the lines for which that is new.

    Raises: as `review`; LineTwice, NoSuchLines.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        move = ReturnMove.INSPECT
        loaded = await take_up(unit, ctx, reference, move, body.staff_no)
        lines = chosen_lines(loaded, body.lines)
        for line in lines:
            found = found_by_inspection(line.line.reason, body.result)
            decide_anew(
                ctx, unit.session, loaded, line, stated(ctx, body.facts), found, cause=move, staff_no=body.staff_no
            )
        data = {"result": body.result, "lines": outcomes(lines)}
        return await moved(ctx, unit, loaded, move, body.staff_no, text=body.finding, data=data)


async def redecide(ctx: Context, reference: str, body: RedecideIn) -> Answer:
    """Decide again on a line by facts that are new; the decisions before stay beside it.

    Raises: as `review`; NoSuchLines, NoNewFacts.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        move = ReturnMove.REDECIDE
        loaded = await take_up(unit, ctx, reference, move, body.staff_no)
        [line] = chosen_lines(loaded, [body.line])
        file = await on_file(unit.session, ctx, line.line, body.facts)
        # What comes back of a gift or a bundle was said before, unless it is said anew.
        for name in {"gift", "bundle"} - body.facts.model_fields_set:
            file.pop(name, None)
        made = decide_anew(
            ctx, unit.session, loaded, line, stated(ctx, body.facts), file, cause=move, staff_no=body.staff_no
        )
        if made is None:
            raise NoNewFacts
        data = {"lines": outcomes([line])}
        return await moved(ctx, unit, loaded, move, body.staff_no, text=body.reason, data=data)


async def approve(ctx: Context, reference: str, body: ApproveIn) -> Answer:
    """Approve lines as decided, by the company's consent, or as goodwill.

    Raises: as `review`; LineTwice, NoSuchLines, TooManyApproved, NotApprovable, NotRefusable for what is left out of an
    approval though the customer may demand it, ReasonRequired.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, ReturnMove.APPROVE, body.staff_no)
        _grant(loaded, body)
        loaded.request.goodwill = _is_goodwill(loaded, body)
        meet(loaded.deadline(DeadlineKind.ANSWER), ctx.now)
        data = {
            "goodwill": loaded.request.goodwill,
            "lines": [
                {"line": line.line.place, "quantity": line.line.approved, "remedy": line.line.remedy}
                for line in loaded.lines
            ],
        }
        await note_on_ticket(ctx, unit.session, loaded.request, "return_approved", body.staff_no)
        return await moved(
            ctx, unit, loaded, ReturnMove.APPROVE, body.staff_no, text=body.reason or body.note,
            message=wording.approved(loaded), data=data,
        )  # fmt: skip


def _grant(loaded: Loaded, body: ApproveIn) -> None:
    """Note what is approved of each line.

    Raises: LineTwice, NoSuchLines, TooManyApproved.
    """
    named = {given.line: given for given in body.lines or ()}
    chosen = chosen_lines(loaded, None if body.lines is None else [given.line for given in body.lines])
    for place, decided in enumerate(chosen):
        line, given = decided.line, named.get(decided.line.place)
        line.approved = (given and given.quantity) or line.quantity
        line.remedy = (given and given.remedy) or remedy_to_grant(decided.asked, decided.remedies)
        if line.approved > line.quantity:
            raise TooManyApproved(place)
    for decided in loaded.lines:
        decided.line.held = decided.line.approved


def _is_goodwill(loaded: Loaded, body: ApproveIn) -> bool:
    """Tell whether anything is approved that nobody could demand.

    Another remedy than was asked for needs its reason too: the customer has agreed to it.
    Raises: NotApprovable if so and the body does not say it; NotRefusable, ReasonRequired.
    """
    granted = [line for line in loaded.lines if line.line.approved]
    beyond = [line for line in granted if line.approval is Approval.GOODWILL]
    if beyond and not body.goodwill:
        raise NotApprovable([{"line": line.line.place, "outcome": line.outcome} for line in beyond])
    short = [line for line in loaded.lines if line.line.approved < line.line.quantity]
    _check_refusal(loaded, short)
    plain = all(
        line.approval is Approval.AS_DECIDED and line.asked in (RequestedRemedy.ANY, line.line.remedy)
        for line in granted
    )
    if body.reason is None and (short or not plain):
        raise ReasonRequired
    return bool(beyond)


def _check_refusal(loaded: Loaded, lines: Sequence[DecidedLine]) -> None:
    """Raises: NotRefusable."""
    bar = bar_to_refusal((line.outcome for line in lines), inspected=loaded.request.status is ReturnStatus.INSPECTED)
    if bar is not None:
        raise NotRefusable(bar)


async def refuse(ctx: Context, reference: str, body: ReasonIn) -> Answer:
    """Refuse the request, with the reason; its units are free again.

    Raises: as `review`; NotRefusable.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, ReturnMove.REFUSE, body.staff_no)
        _check_refusal(loaded, loaded.lines)
        meet(loaded.deadline(DeadlineKind.ANSWER), ctx.now)
        _release(loaded)
        data = {"lines": outcomes(loaded.lines)}
        await note_on_ticket(ctx, unit.session, loaded.request, "return_refused", body.staff_no)
        return await moved(
            ctx, unit, loaded, ReturnMove.REFUSE, body.staff_no, text=body.reason, message=wording.refused(loaded),
            data=data,
        )  # fmt: skip


async def cancel(ctx: Context, reference: str, body: ReasonIn) -> Answer:
    """Give the request up, as the customer wishes or as a mistake; its units are free again.

    Raises: as `review`.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, ReturnMove.CANCEL, body.staff_no)
        for row in loaded.deadlines:
            drop(row, ctx.now)
        _release(loaded)
        await note_on_ticket(ctx, unit.session, loaded.request, "return_cancelled", body.staff_no)
        return await moved(
            ctx, unit, loaded, ReturnMove.CANCEL, body.staff_no, text=body.reason, message=wording.cancelled(loaded)
        )


def _release(loaded: Loaded) -> None:
    for decided in loaded.lines:
        decided.line.held = 0


def outcomes(lines: Sequence[DecidedLine]) -> list[dict[str, Any]]:
    """Return what stands on record of lines now, for the timeline."""
    return [{"line": line.line.place, "outcome": line.outcome, "revision": len(line.decisions)} for line in lines]
