"""The fixed texts of the printed report."""

from collections.abc import Mapping
from typing import Final

from app.core.language import Text
from app.services.rules.complaint_reports import MeasureState, ReportStatus, Verdict

TITLE: Final = Text("客户投诉处理报告单", "Complaint handling report")
NUMBER: Final = Text("编号", "No.")
OPENED: Final = Text("填单日期", "Opened")
STATUS: Final = Text("状态", "Status")
BASIS: Final = Text("依据", "Under")
SILENT: Final = Text("文件未规定", "not laid down")

CUSTOMER: Final = Text("客户", "Customer")
CONTACT: Final = Text("联系方式", "Contact")
TAKEN: Final = Text("受理时间", "Taken on")
DEPARTMENT: Final = Text("责任部门", "Department")
PRODUCT: Final = Text("产品名称", "Product")
MODEL: Final = Text("规格型号", "Model")
ORDER: Final = Text("订单号", "Order no.")
SERIAL: Final = Text("序列号", "Serial no.")
CLASSIFICATION: Final = Text("投诉分类", "Classification")
CONFIRMED: Final = Text("（{staff_no} 确认）", " (confirmed by {staff_no})")
DESCRIPTION: Final = Text("投诉内容", "Complaint")

MEASURES: Final = Text("处理措施", "Measures")
MEASURE_COLUMNS: Final = (
    Text("部门", "Department"),
    Text("措施", "Measure"),
    Text("责任人", "Owner"),
    Text("完成期限", "Due"),
    Text("完成情况", "State"),
)
REMEDY: Final = Text("处理意见", "Remedy")
AGREED: Final = Text(
    "{day} 与客户商定；{department} {staff_no}", "Agreed with the customer on {day}; {department}, {staff_no}"
)
APPROVALS: Final = Text("部门审批", "Approvals")
ROUND: Final = Text("第 {round} 轮", "round {round}")
IN_ORDER: Final = Text("依次审批", "in order")
EARLIER: Final = Text("以前各轮审批意见", "Verdicts of earlier rounds")
EARLIER_COLUMNS: Final = (
    Text("轮次", "Round"),
    Text("部门", "Department"),
    Text("意见", "Verdict"),
    Text("说明", "Reason"),
    Text("审批人", "Signed"),
    Text("日期", "Date"),
)
SIGNED: Final = Text("签名", "Signature")
DATE: Final = Text("日期", "Date")
ANSWER: Final = Text("最终答复", "Final answer")
ANSWERED: Final = Text("{day} 答复客户；{staff_no}", "Given to the customer on {day}; {staff_no}")
PRINTED: Final = Text("{number} · {moment} 打印", "{number} · printed {moment}")
PAGE: Final = Text("第 {page} 页，共 {pages} 页", "Page {page} of {pages}")
MASKED: Final = Text("个人信息已按权限遮盖", "Personal data masked by permission")
DONE_ON: Final = Text("{day} 完成（{staff_no}）", "Done {day} ({staff_no})")
NOTHING: Final = "—"

STATUS_LABELS: Final[Mapping[ReportStatus, Text]] = {
    ReportStatus.OPEN: Text("待填写", "Open"),
    ReportStatus.MEASURES: Text("拟定措施", "Measures under way"),
    ReportStatus.SETTLED: Text("待审批", "Awaiting approval"),
    ReportStatus.IN_APPROVAL: Text("审批中", "In approval"),
    ReportStatus.APPROVED: Text("已批准", "Approved"),
    ReportStatus.ANSWERED: Text("已答复客户", "Customer answered"),
}
STATE_LABELS: Final[Mapping[MeasureState, Text]] = {
    MeasureState.PLANNED: Text("未完成", "Open"),
    MeasureState.DUE: Text("今日到期", "Due today"),
    MeasureState.LATE: Text("逾期", "Late"),
    MeasureState.DONE: Text("已完成", "Done"),
}
VERDICT_LABELS: Final[Mapping[Verdict, Text]] = {
    Verdict.APPROVE: Text("同意", "Approved"),
    Verdict.REFUSE: Text("不同意", "Refused"),
}
