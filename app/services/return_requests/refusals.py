"""Refusals of the use cases on return requests."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.core.errors import FieldError, NotFound, ServiceError, ValidationFailed
from app.core.language import Text
from app.services.rules.return_requests import RefusalBar, ReturnMove, ReturnStatus, allowed_moves


class ReturnNotFound(NotFound):
    """No such return request, or one of a line the caller does not see."""

    title = Text("未找到该退换货单", "No such return request")


class ReturnMoveNotAllowed(ServiceError):
    """The life cycle does not allow this from the present status."""

    status, code, by_rule = 409, "invalid_transition", True
    title = Text("当前状态下不能进行此操作", "The request's status does not allow this")

    def __init__(self, status: ReturnStatus, move: ReturnMove) -> None:
        allowed = allowed_moves(status)
        super().__init__(
            Text(
                f"状态为 {status}，不能 {move}；可以：{'、'.join(allowed) or '无'}",
                f"A request that is {status} cannot {move}; allowed are: {', '.join(allowed) or 'none'}",
            ),
            members={"return_status": status, "allowed": list(allowed)},
        )


class QuantityExceedsReturnable(ServiceError):
    """More units than the purchase has left: others are in open requests, or came back already."""

    status, code, by_rule = 409, "quantity_exceeds_returnable", True
    title = Text(
        "超出可退数量：其余已退回，或已在其他退换货单中",
        "More than may come back: the others did already, or are in another request",
    )

    def __init__(self, lines: Sequence[dict[str, Any]]) -> None:
        super().__init__(members={"lines": list(lines)})


class NotApprovable(ServiceError):
    """The decision gives no right to it: approving is goodwill, and is to be said so."""

    status, code, by_rule = 409, "goodwill_required", True
    title = Text(
        "按决定无权退换；如仍同意，请注明 goodwill 并说明原因",
        "The decision gives no right to it: approve it as goodwill, with a reason",
    )

    def __init__(self, lines: Sequence[dict[str, Any]]) -> None:
        super().__init__(members={"lines": list(lines)})


_BARS = {
    RefusalBar.RIGHT_STANDS: Text(
        "客户有权退换，不能拒绝；如有新的事实，请先重新决定",
        "The customer has a right to it: it cannot be refused; should facts be new, decide on them first",
    ),
    RefusalBar.INSPECTION_DUE: Text("须先检验再作决定", "It turns on the inspection: inspect first"),
}


class NotRefusable(ServiceError):
    """What the customer may demand cannot be refused, and what an inspection decides not before it."""

    status, code, by_rule = 409, "refusal_not_allowed", True
    title = Text("现在不能拒绝", "It cannot be refused now")

    def __init__(self, bar: RefusalBar) -> None:
        super().__init__(_BARS[bar], members={"because": bar})


class NoNewFacts(ServiceError):
    """Nothing differs from what the decision on record stands on."""

    status, code, by_rule = 409, "no_new_facts", True
    title = Text("没有新的事实，原决定仍有效", "No fact is new: the decision stands")


class RefundBeyondDecision(ServiceError):
    """More than the decision gives for the units that were kept, or nothing says how much that is."""

    status, code, by_rule = 409, "refund_beyond_decision", True
    title = Text("退款超出决定的金额", "The refund is more than was decided")

    def __init__(self, lines: Sequence[dict[str, Any]]) -> None:
        super().__init__(members={"lines": list(lines)})


class GoodsNotThere(ServiceError):
    """More units than are on hand."""

    status, code, by_rule = 409, "goods_not_on_hand", True
    title = Text("超出在手数量", "More units than are on hand")


class NothingToReplace(ServiceError):
    """None of the lines is to be exchanged, or they were replaced already."""

    status, code, by_rule = 409, "nothing_to_replace", True
    title = Text("没有待换货的商品", "Nothing is to be replaced")


def wrong_field(pointer: str, code: str, detail: Text) -> FieldError:
    return FieldError(("pointer", f"#/{pointer}"), code, detail)


_REQUIRED = Text("此时须说明原因", "A reason is needed here")


class ReasonRequired(ValidationFailed):
    def __init__(self) -> None:
        super().__init__(errors=[wrong_field("reason", "required", _REQUIRED)])


class NoSuchLines(ValidationFailed):
    """Lines that the form does not have, or not for this."""

    def __init__(self, places: Iterable[int]) -> None:
        detail = Text("没有此行，或不适用于此行", "There is no such line, or it is not one for this")
        super().__init__(errors=[wrong_field(f"lines/{place}/line", "unknown_value", detail) for place in places])


class LineTwice(ValidationFailed):
    def __init__(self) -> None:
        detail = Text("同一行出现两次", "A line stands twice")
        super().__init__(errors=[wrong_field("lines", "repeated", detail)])


class NotOnFile(ValidationFailed):
    """Something a body names that the business line does not have."""

    def __init__(self, pointers: Iterable[str]) -> None:
        detail = Text("该经营线没有此记录", "The business line has no such record")
        super().__init__(errors=[wrong_field(pointer, "unknown_value", detail) for pointer in pointers])


class TooManyApproved(ValidationFailed):
    def __init__(self, place: int) -> None:
        detail = Text("批准数量超出申请数量", "More is approved than was asked for")
        super().__init__(errors=[wrong_field(f"lines/{place}/quantity", "out_of_range", detail)])


class StaffOfAnotherDepartment(ValidationFailed):
    """The staff register has this person, and the edition leaves the step to another department."""

    def __init__(self, department: str) -> None:
        detail = Text(f"按制度此步骤由 {department} 办理", f"By the policy this step is for {department}")
        super().__init__(errors=[wrong_field("staff_no", "not_of_department", detail)])


class NotYet(ValidationFailed):
    """A time that lies in the future."""

    def __init__(self, field: str) -> None:
        super().__init__(errors=[wrong_field(field, "in_future", Text("不能晚于现在", "It cannot lie in the future"))])
