"""The fixed texts of the feedback analysis page."""

from typing import Final

from app.core.language import Text

TITLE: Final = Text("客户反馈分析报告", "Customer feedback analysis")
WHAT: Final = Text("项目", "What")
COUNT: Final = Text("本期", "This period")
SHARE: Final = Text("占比", "Share")
BEFORE: Final = Text("上期", "period before")
GRAVE: Final = Text("严重及以上", "Serious or worse")
TICKETS: Final = Text("工单", "Tickets")
COMPLAINTS: Final = Text("投诉", "Complaints")
IN_TIME: Final = Text("按时解决率", "Resolved in time")
HOURS: Final = Text("解决用时中位数（小时）", "Median hours to resolution")
PROBLEMS: Final = Text("主要问题", "Main problems")
MODELS: Final = Text("涉及型号", "Models")
EXAMPLES: Final = Text("工单示例", "Tickets to look at")
NOTHING: Final = Text("本期没有投诉问题。", "No problems were reported in this period.")
HANDLING: Final = Text("处理情况", "Handling")
RESOLVED: Final = Text("已解决", "Resolved")
STILL_OPEN: Final = Text("处理中", "Still open")
CANCELLED: Final = Text("已取消", "Cancelled")
LATE: Final = Text("超时解决", "Resolved late")
REOPENED: Final = Text("重新处理", "Reopened")
CONFIRMED: Final = Text("分类经人工确认", "Classification confirmed by staff")
TREND: Final = Text("趋势", "Trend")
LEGEND: Final = Text("浅色为全部工单，深色为投诉。", "Light: all tickets; dark: complaints.")
BY_CLASS: Final = Text("按投诉类别", "By class")
BY_ISSUE: Final = Text("按问题类型", "By issue")
BY_SEVERITY: Final = Text("按严重程度", "By severity")
BY_DEPARTMENT: Final = Text("按责任部门", "By department")
BY_MODEL: Final = Text("按型号", "By model")
