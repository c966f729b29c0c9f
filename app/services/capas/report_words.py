"""The fixed texts of the printed CAPA report."""

from typing import Final

from app.core.language import Text
from app.services.rules.capa import CapaSource, CapaStatus, CauseCategory, CauseMethod, Effect, TaskKind

TITLE: Final = Text("纠正和预防措施报告", "Corrective and preventive action report")
NUMBER: Final = Text("编号", "Number")
OPENED: Final = Text("提出", "Opened")
BY: Final = Text("{who}（{day}）", "{who}, {day}")
SOURCE: Final = Text("来源", "Source")
STATUS: Final = Text("状态", "Status")
PROBLEM: Final = Text("问题描述", "Problem")
TICKETS: Final = Text("涉及工单", "Tickets")
TICKET: Final = Text("工单", "Ticket")
REPORTED_ON: Final = Text("反映日期", "Reported")
MODEL: Final = Text("型号", "Model")
BATCH: Final = Text("批次", "Batch")
DEFECTIVE: Final = Text("不良数／数量", "Defective / delivered")
ROUND: Final = Text("第{round}轮", "Round {round}")
CAUSE: Final = Text("原因分析", "Root cause")
METHOD: Final = Text("分析方法", "Method")
ROOT_CAUSE: Final = Text("根本原因", "Root cause found")
NOT_YET: Final = Text("尚未分析", "Not analysed yet")
ACTION: Final = Text("措施", "Action")
OWNER: Final = Text("责任人与部门", "Owner")
DUE: Final = Text("期限", "Due")
DONE: Final = Text("完成情况", "Done")
EVIDENCE: Final = Text("证据：{evidence}", "Evidence: {evidence}")
LATE: Final = Text("逾期原因：{reason}", "Late because: {reason}")
DROPPED: Final = Text("已取消：{reason}", "Dropped: {reason}")
NOTHING: Final = Text("无", "None")
CHECK: Final = Text("效果验证", "Effectiveness check")
CRITERIA: Final = Text("判断标准", "Criteria")
PLANNED_FOR: Final = Text("计划日期", "Planned for")
RESULT: Final = Text("结果", "Result")
FINDING: Final = Text("验证情况", "What was found")
VERIFIED_BY: Final = Text("验证人", "Checked by")
CHECK_NOT_PLANNED: Final = Text(
    "措施全部完成后确定验证日期。", "The day of the check is set once every action is done."
)
CLOSED: Final = Text("关闭", "Closure")
STILL_OPEN: Final = Text("尚未关闭。", "Not closed yet.")
RECURRED: Final = Text(
    "关闭后又收到同型号同类问题的投诉{count}件：{tickets}",
    "Complaints about the same model and issue since it was closed: {count} ({tickets})",
)
PREPARED: Final = Text("拟制", "Prepared")
CHECKED: Final = Text("审核", "Checked")
APPROVED: Final = Text("批准", "Approved")

STATUSES: Final = {
    CapaStatus.OPEN: Text("已提出", "Open"),
    CapaStatus.ROOT_CAUSE: Text("已查明原因", "Root cause found"),
    CapaStatus.PLANNED: Text("已制定措施", "Planned"),
    CapaStatus.IN_PROGRESS: Text("实施中", "In progress"),
    CapaStatus.AWAITING_EFFECTIVENESS: Text("待验证效果", "Awaiting the effectiveness check"),
    CapaStatus.EFFECTIVE: Text("验证有效", "Effective"),
    CapaStatus.NOT_EFFECTIVE: Text("验证无效", "Not effective"),
    CapaStatus.CLOSED: Text("已关闭", "Closed"),
    CapaStatus.CANCELLED: Text("已撤销", "Cancelled"),
}
SOURCES: Final = {
    CapaSource.COMPLAINT: Text("客户投诉", "Complaint"),
    CapaSource.INTERNAL_FINDING: Text("内部质量控制发现", "Internal finding"),
    CapaSource.NONCONFORMING_GOODS: Text("不合格品审理", "Nonconforming goods"),
    CapaSource.AUDIT: Text("审核", "Audit"),
}
METHODS: Final = {
    CauseMethod.FIVE_WHYS: Text("五个为什么", "Five whys"),
    CauseMethod.FISHBONE: Text("鱼骨图", "Fishbone"),
}
CATEGORIES: Final = {
    CauseCategory.PEOPLE: Text("人", "People"),
    CauseCategory.MACHINE: Text("机", "Machine"),
    CauseCategory.MATERIAL: Text("料", "Material"),
    CauseCategory.METHOD: Text("法", "Method"),
    CauseCategory.ENVIRONMENT: Text("环", "Environment"),
    CauseCategory.MEASUREMENT: Text("测", "Measurement"),
}
KINDS: Final = {
    TaskKind.CORRECTION: Text("纠正", "Correction"),
    TaskKind.CORRECTIVE: Text("纠正措施", "Corrective action"),
    TaskKind.PREVENTIVE: Text("预防措施", "Preventive action"),
}
EFFECTS: Final = {Effect.EFFECTIVE: Text("有效", "Effective"), Effect.NOT_EFFECTIVE: Text("无效", "Not effective")}
