"""Refusals of the use cases about nonconforming goods."""

from app.core.errors import FieldError, NotFound, ServiceError, ValidationFailed
from app.core.language import Text
from app.services.rules.nonconformities import NonconformityStatus, allowed_moves


class NonconformityNotFound(NotFound):
    """No such nonconforming goods, or those of a line the caller does not see."""

    title = Text("未找到该不合格品记录", "No such nonconforming goods")


class NonconformityMoveNotAllowed(ServiceError):
    """The life cycle does not allow this from the present status."""

    status, code, by_rule = 409, "invalid_transition", True
    title = Text("当前状态下不能进行此操作", "The status of the goods does not allow this")

    def __init__(self, status: NonconformityStatus, move: str) -> None:
        allowed = [other for other in allowed_moves(status) if other != move]
        super().__init__(
            Text(
                f"状态为 {status}，不能 {move}；可以：{'、'.join(allowed) or '无'}",
                f"Goods that are {status} cannot {move}; allowed are: {', '.join(allowed) or 'none'}",
            ),
            members={"nonconformity_status": status, "allowed": allowed},
        )


class CapaAlreadyLinked(ServiceError):
    """A CAPA answers these goods already."""

    status, code, by_rule = 409, "capa_already_linked", True
    title = Text("已关联纠正和预防措施", "A CAPA answers these goods already")


def _wrong_field(pointer: str, code: str, detail: Text) -> FieldError:
    return FieldError(("pointer", f"#/{pointer}"), code, detail)


class StepOfAnother(ValidationFailed):
    """The edition leaves the step to another department."""

    def __init__(self, departments: list[str]) -> None:
        names = ", ".join(departments)
        detail = Text(f"按制度由以下部门进行：{names}", f"By the policy this is done by: {names}")
        super().__init__(errors=[_wrong_field("department", "unknown_value", detail)])


class QuantitiesDiffer(ValidationFailed):
    """The portions do not add up to what is under review."""

    def __init__(self, given: int, wanted: int) -> None:
        detail = Text(f"处置数量合计 {given}，应为 {wanted}", f"The portions add up to {given}, not to {wanted}")
        super().__init__(errors=[_wrong_field("portions", "quantities_differ", detail)])


class TooManyFailed(ValidationFailed):
    """More failed than were looked at again."""

    def __init__(self, verified: int) -> None:
        detail = Text(f"重新检验的数量为 {verified}", f"Only {verified} were looked at again")
        super().__init__(errors=[_wrong_field("failed_quantity", "too_large", detail)])


class NoSuchInspection(ValidationFailed):
    """The inspection is not there, or not of the line."""

    def __init__(self) -> None:
        detail = Text("该经营线没有此检验记录", "The business line has no such inspection")
        super().__init__(errors=[_wrong_field("inspection", "unknown_value", detail)])
