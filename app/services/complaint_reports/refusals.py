"""Refusals of the complaint handling report; each says what comes next."""

from collections.abc import Iterable, Mapping

from app.core.errors import FieldError, NotFound, ServiceError, ValidationFailed
from app.core.language import Text
from app.services.rules.complaint_reports import Next, Progress, ReportStatus, ReportStep
from app.services.rules.routing import Titled

Departments = Mapping[str, Titled]


class ReportNotFound(NotFound):
    """The ticket has no such report."""

    title = Text("该工单没有此报告单", "The ticket has no such handling report")


class ReportExists(ServiceError):
    """The ticket has a report for this round."""

    status, code, by_rule = 409, "report_exists", True
    title = Text("该工单已有报告单", "The ticket has its handling report already")

    def __init__(self, number: str) -> None:
        detail = Text(
            f"该工单已有报告单 {number}，重新处理后方可另开",
            f"The ticket has {number} already: another one begins when the ticket is reopened",
        )
        super().__init__(detail, members={"report": number})


class InvalidReportStep(ServiceError):
    """The report does not stand where this step may be taken."""

    status, code, by_rule = 409, "invalid_transition", True
    title = Text("报告单当前不能进行此操作", "The handling report does not allow this step now")

    def __init__(self, progress: Progress, departments: Departments, *, why: Text | None = None) -> None:
        following = next_in_words(progress.next, departments)
        detail = following if why is None else Text(f"{why.zh}；{following.zh}", f"{why.en}; {following.en}")
        super().__init__(detail, members=_whereabouts(progress))


class TicketIsOver(ServiceError):
    """A closed or cancelled ticket's report stands as it is."""

    status, code, by_rule = 409, "invalid_transition", True
    title = Text(
        "工单已关闭或取消，报告单不能再更改",
        "The ticket is closed or cancelled: its handling report no longer changes",
    )


class ApprovalRequired(ServiceError):
    """The final answer waits for the approvals of the handling report (components 6.4.2c)."""

    # Not kept under a key: once it is approved, the same request goes through.
    status, code = 403, "approval_required"
    title = Text(
        "报告单未经审批，不能答复客户或办结",
        "The handling report is not approved: the final answer has to wait",
    )

    def __init__(self, number: str | None, progress: Progress | None, departments: Departments) -> None:
        if progress is None:
            opening = Text("须先填写客户投诉处理报告单", "A complaint handling report has to be opened first")
            super().__init__(opening, members={"report": None, "missing_approvals": [], "next": None})
            return
        missing = _named(progress.missing_approvals, departments)
        following = next_in_words(progress.next, departments)
        detail = Text(
            f"{number} 尚缺审批：{missing.zh}；{following.zh}",
            f"{number} lacks the approval of {missing.en}; {following.en}",
        )
        members = {"report": number, "missing_approvals": progress.missing_approvals, **_whereabouts(progress)}
        super().__init__(detail, members=members)


class DepartmentNotAsked(ValidationFailed):
    """The edition asks other departments for this step."""

    def __init__(self, asked: Iterable[str], departments: Departments) -> None:
        names = list(asked)
        titles = _named(names, departments)
        listed = ", ".join(names)
        detail = Text(f"应由{titles.zh}办理：{listed}", f"This is for {titles.en}: {listed}")
        super().__init__(errors=[FieldError(("pointer", "#/department"), "not_asked", detail)])


def next_in_words(following: Next | None, departments: Departments) -> Text:
    """Say what a report waits for."""
    if following is None:
        return Text("报告单已答复客户", "the report is finished: the customer has the answer")
    who = _named(following.departments, departments)
    match following.step:
        case ReportStep.MEASURES:
            return Text(f"待提出措施：{who.zh}", f"measures are awaited of {who.en}")
        case ReportStep.SETTLE:
            return Text(f"待商定处理意见：{who.zh}", f"the remedy is to be settled by {who.en}")
        case ReportStep.APPROVALS:
            return Text(f"待审批：{who.zh}", f"the verdict is awaited of {who.en}")
        case _:
            return Text("待答复客户", "the customer is to be answered")


def _named(names: Iterable[str], departments: Departments) -> Text:
    titles = [departments[name].title for name in names]
    return Text("、".join(title.zh for title in titles) or "无", ", ".join(title.en for title in titles) or "nobody")


def _whereabouts(progress: Progress) -> dict[str, object]:
    following = progress.next
    shown = None if following is None else {"step": following.step, "departments": list(following.departments)}
    status: ReportStatus = progress.status
    return {"report_status": status, "next": shown}
