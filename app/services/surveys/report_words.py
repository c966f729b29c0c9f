"""The fixed texts of the satisfaction report and its sign-in."""

from collections.abc import Mapping
from typing import Final

from app.core.language import Text

TITLE: Final = Text("客户满意度报告", "Customer satisfaction")
SIGN_IN: Final = Text("登录报告", "Sign in to reports")
KEY: Final = Text("密钥（as_sk_…），须有 surveys:read 权限", "Key (as_sk_…) with the scope surveys:read")
ENTER: Final = Text("登录", "Sign in")
LEAVE: Final = Text("退出", "Sign out")
REFUSED: Final = Text("密钥无效、已过期或没有该权限", "The key is not valid, has expired, or lacks the scope")
TWELVE: Final = Text("登录 12 小时内有效。", "You stay signed in for twelve hours.")
FROM: Final = Text("自", "From")
TO: Final = Text("至", "To")
LINE: Final = Text("经营线", "Business line")
ALL: Final = Text("全部", "All")
BY: Final = Text("分组", "Group by")
SHOW: Final = Text("查看", "Show")
SATISFIED: Final = Text("满意率（4–5 分）", "Satisfied (4–5)")
MEAN: Final = Text("总体平均分", "Mean score")
ANSWERS: Final = Text("回答 / 邀请", "Answers / invited")
RESPONSE: Final = Text("回收率", "Response rate")
NPS: Final = Text("净推荐值", "Net promoter score")
FOLLOW_UPS: Final = Text("不满意跟进（已完成）", "Follow-ups (done)")
GROUPS: Final = Text("分组比较", "By group")
TREND: Final = Text("逐月趋势", "By month")
THEMES: Final = Text("留言主题", "What comments complain of")
ASPECTS: Final = Text("各项平均分", "Mean by aspect")
WHAT: Final = Text("项目", "What")
COUNT: Final = Text("条数", "Count")
INTERVAL: Final = Text("95% 区间", "95 % interval")
TOO_SMALL: Final = Text("样本不足", "too few answers")
NOTHING: Final = Text("本期没有数据。", "There is nothing in this period.")
LEGEND: Final = Text(
    "横条为满意率，细线为 95% 置信区间（Wilson）。",
    "Bars: share of satisfied customers; thin lines: the 95 % interval (Wilson).",
)
CHANGED: Final = Text(
    "超出偶然的变化：{month} 起由 {before} 变为 {after}", "From {month} on: {before} became {after}, beyond chance"
)
STEADY: Final = Text("没有超出偶然的变化（Fisher 精确检验）。", "No change beyond chance (Fisher's exact test).")
GROUP_TITLES: Final[Mapping[str, Text]] = {
    "department": Text("部门", "Department"),
    "staff": Text("人员", "Staff"),
    "product": Text("产品", "Product"),
    "channel": Text("受理渠道", "Channel"),
    "month": Text("月份", "Month"),
    "business_line": Text("经营线", "Business line"),
}
ASPECT_TITLES: Final[Mapping[str, Text]] = {
    "product_quality": Text("产品质量", "Product quality"),
    "attitude": Text("服务态度", "Attitude"),
    "timeliness": Text("服务及时性", "Timeliness"),
    "problem_solving": Text("问题解决", "Problem solving"),
}
