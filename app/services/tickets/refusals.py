"""Refusals of the ticket use cases."""

from app.core.errors import FieldError, NotFound, ServiceError, ValidationFailed
from app.core.language import Text
from app.services.rules.tickets import Move, Status, allowed_moves


class TicketNotFound(NotFound):
    """No such ticket, or one of a line the caller does not see."""

    title = Text("未找到该工单", "No such ticket")


class CommitmentNotFound(NotFound):
    """The ticket has no such commitment."""

    title = Text("该工单没有此时限", "The ticket has no such commitment")


class ExternalRefConflict(ServiceError):
    """The reference already stands for a ticket with other facts."""

    status, code, by_rule = 409, "external_ref_conflict", True
    title = Text(
        "该 external_ref（或 call_id）已对应另一内容的工单",
        "The external_ref (or call_id) already stands for a ticket with other facts",
    )

    def __init__(self, number: str | None) -> None:
        """`number` is None for a ticket of a line that the caller no longer sees."""
        if number is None:
            super().__init__()
            return
        super().__init__(
            Text(
                f"该 external_ref（或 call_id）已用于工单 {number}，但内容不同；如为新事项请换一个编号",
                f"The external_ref (or call_id) belongs to ticket {number} with other facts: give a new matter its own",
            ),
            members={"ticket": number},
        )


class InvalidTransition(ServiceError):
    """The life cycle does not allow this move from the present status."""

    status, code, by_rule = 409, "invalid_transition", True
    title = Text("当前状态下不能进行此操作", "The ticket's status does not allow this move")

    def __init__(self, status: Status, move: Move) -> None:
        allowed = [other for other in allowed_moves(status) if other is not move]
        super().__init__(
            Text(
                f"工单状态为 {status}，不能 {move}；可以：{'、'.join(allowed) or '无'}",
                f"A ticket that is {status} cannot {move}; allowed are: {', '.join(allowed) or 'none'}",
            ),
            members={"ticket_status": status, "allowed": allowed},
        )


class DelayReasonRequired(ServiceError):
    """The move meets a milestone after its time, and no reason is on record (002 第十五条)."""

    # Not kept under a key: the reason may be put on record, and the same request then goes through.
    status, code = 422, "delay_reason_required"
    title = Text("该步骤已超过时限，请在 delay_reason 中说明原因", "This step is late: give the reason in delay_reason")

    def __init__(self, milestones: list[str]) -> None:
        super().__init__(members={"milestones": milestones})


class UnknownDepartment(ValidationFailed):
    """The edition has no such department."""

    def __init__(self, known: list[str]) -> None:
        listed = ", ".join(known)
        super().__init__(
            errors=[
                FieldError(("pointer", "#/department"), "unknown_value", Text(f"可选：{listed}", f"One of: {listed}"))
            ]
        )


class RouteReasonRequired(ValidationFailed):
    """The edition routes the ticket elsewhere: whoever overrides it says why."""

    def __init__(self) -> None:
        detail = Text(
            "转至制度规定以外的部门须说明原因（reason）",
            "The policy routes this ticket elsewhere: give the reason for the transfer",
        )
        super().__init__(errors=[FieldError(("pointer", "#/reason"), "required", detail)])


class EditionNotInForce(ValidationFailed):
    """The ticket's policy has no such edition, or it is not in force yet."""

    def __init__(self, field: str, name: str, in_force: list[str]) -> None:
        listed = ", ".join(in_force)
        detail = Text(
            f"没有该版本或尚未施行；工单适用的制度 {name} 已施行的版本：{listed}",
            f"No such edition, or not in force yet; of the ticket's policy, {name}, these are: {listed}",
        )
        super().__init__(errors=[FieldError(("pointer", f"#/policy/{field}"), "not_in_force", detail)])


class NothingEscalated(ServiceError):
    """No open commitment of the ticket has escalated that is not acknowledged yet."""

    status, code, by_rule = 409, "nothing_escalated", True
    title = Text(
        "没有待确认的升级：未完成的时限尚未升级，或已有人确认；人工升级无需确认，直接办理即可",
        "Nothing waits to be acknowledged: no open milestone has escalated, or somebody has acknowledged it already. "
        "A ticket raised by hand needs no acknowledgement: go on with it",
    )


class EscalatedAlready(ValidationFailed):
    """The ticket stands at a higher level; escalation only climbs."""

    def __init__(self, level: int) -> None:
        detail = Text(f"工单已升级至第 {level} 级，不能降级", f"The ticket stands at level {level} already")
        super().__init__(errors=[FieldError(("pointer", "#/level"), "too_small", detail)])
