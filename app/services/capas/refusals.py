"""Refusals of the CAPA use cases."""

from app.core.errors import FieldError, NotFound, ServiceError, ValidationFailed
from app.core.language import Text
from app.services.rules.capa import CapaStatus, allowed_moves


class CapaNotFound(NotFound):
    """No such CAPA, or one of a line the caller does not see."""

    title = Text("未找到该纠正和预防措施", "No such corrective and preventive action")


class ActionNotFound(NotFound):
    """The CAPA has no such action."""

    title = Text("该纠正和预防措施中没有此项", "The CAPA has no such action")


class CapaMoveNotAllowed(ServiceError):
    """The life cycle does not allow this from the present status."""

    status, code, by_rule = 409, "invalid_transition", True
    title = Text("当前状态下不能进行此操作", "The CAPA's status does not allow this")

    def __init__(self, status: CapaStatus, move: str) -> None:
        allowed = [other for other in allowed_moves(status) if other != move]
        super().__init__(
            Text(
                f"状态为 {status}，不能 {move}；可以：{'、'.join(allowed) or '无'}",
                f"A CAPA that is {status} cannot {move}; allowed are: {', '.join(allowed) or 'none'}",
            ),
            members={"capa_status": status, "allowed": allowed},
        )


class ActionSettled(ServiceError):
    """The action is done or was dropped."""

    status, code, by_rule = 409, "action_settled", True
    title = Text("该项已完成或已取消", "The action is done, or was dropped")


def wrong_field(pointer: str, code: str, detail: Text) -> FieldError:
    return FieldError(("pointer", f"#/{pointer}"), code, detail)


class ClosedByAnother(ValidationFailed):
    """The edition leaves closing to another department."""

    def __init__(self, departments: list[str]) -> None:
        names = ", ".join(departments)
        detail = Text(f"按制度可由以下部门关闭：{names}", f"By the policy it is closed by: {names}")
        super().__init__(errors=[wrong_field("department", "unknown_value", detail)])


class EarlyReasonRequired(ValidationFailed):
    """The check comes before its planned day."""

    def __init__(self, due_on: str) -> None:
        detail = Text(
            f"计划于 {due_on} 验证效果，提前验证须说明原因（reason）",
            f"The check is planned for {due_on}: say why it is done before",
        )
        super().__init__(errors=[wrong_field("reason", "required", detail)])


class NoSuchTickets(ValidationFailed):
    """Some of the tickets to link are not there, or not of the line."""

    def __init__(self, places: list[int]) -> None:
        detail = Text("该经营线没有此工单", "The business line has no such ticket")
        super().__init__(errors=[wrong_field(f"tickets/{place}", "unknown_value", detail) for place in places])


class NoSuchCapa(ValidationFailed):
    """The CAPA to link is not there, or not of the ticket's line."""

    def __init__(self) -> None:
        detail = Text("该经营线没有此纠正和预防措施", "The business line has no such CAPA")
        super().__init__(errors=[wrong_field("capa", "unknown_value", detail)])
