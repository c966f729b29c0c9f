"""Every fixed text of the public pages, in Chinese and English. What an edition says itself is not here."""

from collections.abc import Mapping
from typing import Final

from app.core.language import Text
from app.services.rules.facts import Channel
from app.services.rules.policy import Weekday
from app.services.rules.policy_customers import PromisedRemedy
from app.services.rules.returns.words import Payer, Remedy
from app.services.rules.routing import DutyHolder
from app.services.rules.sla import Unit
from app.services.rules.tickets import Move

# What stands before a value that is our default, so that nobody takes it for the company's promise.
ASSUMED: Final = Text("本公司尚未明文规定，暂按", "Not yet laid down; for now")
UNSAID: Final = Text("本公司尚未明文规定", "Not yet laid down by the company")

SITE: Final = Text("售后服务", "After-sales service")
CONTENTS: Final = Text("目录", "Contents")
SKIP: Final = Text("跳到正文", "Skip to the text")
SWITCH: Final = Text("English", "中文")
MATTER: Final = Text("事项", "Matter")
CONTENT: Final = Text("内容", "What applies")
TIME: Final = Text("时限", "Within")
BASIS: Final = Text("依据", "Source")
BASIS_IS: Final = Text("依据：", "Source: ")
BY_LAW: Final = Text("法定", "By law")
OPEN: Final = Text("未规定", "not stated")
SEE: Final = Text("见", "see")
ONLY: Final = Text("适用于：{what}", "For: {what}")
OTHERWISE: Final = Text("其他情况", "Everything else")
EVERYTHING: Final = Text("所有事项", "All matters")
YES: Final = Text("是", "Yes")
NO: Final = Text("否", "No")

VERSION: Final = Text("版本 {version}", "Version {version}")
EFFECTIVE: Final = Text("{date} 起施行", "In force from {date}")
CURRENT: Final = Text("现行", "In force")
PAST: Final = Text("已被新版本取代", "Superseded")
FUTURE: Final = Text("尚未施行", "Not yet in force")
PAST_NOTE: Final = Text(
    "这是过去的版本。在它施行期间受理的事项，仍按它办理。",
    "This is an earlier version. Matters taken while it was in force still follow it.",
)
FUTURE_NOTE: Final = Text(
    "这是将来的版本，自 {date} 起受理的事项按它办理。",
    "This is a coming version. It applies to matters taken from {date} on.",
)
SEE_CURRENT: Final = Text("查看现行版本", "See the version in force")
VERSIONS: Final = Text("各版本", "Versions")
LEGEND: Final = Text(
    "“依据”一栏注明出自哪一条。标有“尚未明文规定”的，是文件没有写明、暂时采用的做法，不是本公司的承诺。",
    "The source column names the clause. What is marked “not yet laid down” is a provisional default where the"
    " document is silent; it is not a promise of the company.",
)
MADE_FROM: Final = Text("制度文件：{document}", "Policy document: {document}")
FINGERPRINT: Final = Text("版本文件的 SHA-256：", "SHA-256 of the edition file: ")
ALL_POLICIES: Final = Text("全部制度", "All policies")
INDEX_TITLE: Final = Text("售后服务制度", "After-sales policies")
INDEX_INTRO: Final = Text(
    "每项制度写明：多久响应、多久办好、怎样退换、运费由谁承担、有哪些承诺。",
    "What each policy lays down: how soon you are answered, how soon it is done, what may come back, who pays the"
    " freight, and what is promised.",
)
NO_SUCH_PAGE: Final = Text("没有找到这项制度", "There is no such policy")
NO_SUCH_PAGE_HELP: Final = Text(
    "地址可能有误，或者这项制度尚未公布。", "The address may be wrong, or the policy is not published yet."
)
NOT_THEN: Final = Text("那一天还没有施行的版本", "No version was in force on that day")
NOT_THEN_HELP: Final = Text("请查看该制度的现行版本。", "Please see the version in force.")
NOT_A_DATE: Final = Text("日期无法识别", "The date cannot be read")
NOT_A_DATE_HELP: Final = Text("日期请写作 2026-01-31 的形式。", "Please write a date as 2026-01-31.")

GLANCE: Final = Text("要点", "At a glance")
TIMES: Final = Text("响应与办理时限", "How soon")
TIMES_HELP: Final = Text(
    "“小时”和“天”按自然时间连续计算；“N 天内”指之后第 N 天 24:00 之前；“工作小时”“工作日”只计工作时间。",
    "Hours and days run round the clock; “within N days” ends at 24:00 of the Nth day after. Working hours and"
    " working days count opening hours only.",
)
ALL_LEVELS: Final = Text("各等级另有的时限", "Besides, at every level")
PAUSES: Final = Text("计时", "The clock")
WAITING_CUSTOMER: Final = Text("等待您提供材料或答复时", "While you are awaited")
WAITING_SUPPLIER: Final = Text("等待供应商时", "While a supplier is awaited")
PAUSED: Final = Text("首次响应之后的时限暂停计时", "the clock stops for what follows the first response")
NOT_PAUSED: Final = Text("不暂停计时", "the clock runs on")
LATE: Final = Text("逾期", "If we are late")
LATE_REASON: Final = Text("须记录原因，并报告{role}", "the reason goes on record and to the {role}")
LATE_REPORT: Final = Text("须报告{role}", "it is reported to the {role}")

REACH: Final = Text("怎样联系我们", "How to reach us")
CHANNELS: Final = Text("受理渠道", "Channels")
STAFFED: Final = Text("仅在工作时间有人值守", "Staffed in working hours only")
COUNTER: Final = Text("接待窗口", "Counter")
SERVICES: Final = Text("可以办理", "We take care of")
MATTERS: Final = Text("受理的意见", "What you may bring")
RINGS: Final = Text("热线接听", "Hotline")
RINGS_WITHIN: Final = Text("响铃 {rings} 声之内接听", "answered within {rings} rings")
RING_COUNT: Final = Text("{rings} 声", "{rings} rings")
AGENT_NUMBER: Final = Text("接通后报出工号", "The agent gives a number")
ITEM_CLASSES: Final = Text("服务项目", "Kinds of service")

HOURS: Final = Text("工作时间与联系时间", "Opening hours and contact hours")
WORKING_HOURS: Final = Text("工作时间", "Opening hours")
HOLIDAYS: Final = Text("法定节假日", "Public holidays")
HOLIDAYS_KEPT: Final = Text("休息，调休上班日照常服务", "closed; open on announced make-up workdays")
HOLIDAYS_IGNORED: Final = Text("照常服务", "open as usual")
CONTACT_HOURS: Final = Text("我们联系您的时间", "When we contact you")
CLOSED: Final = Text("休息", "closed")
NEXT_DAY: Final = Text("次日 ", "next day ")
BEIJING: Final = Text("均为北京时间。", "All times are Beijing time.")
ZONE: Final = Text("均为 {zone} 当地时间。", "All times are local to {zone}.")

MATERIALS: Final = Text("需要准备什么", "What to have ready")
VISITS: Final = Text("上门服务", "Visits at your door")
APPOINTMENT: Final = Text("预约", "Appointment")
LATENESS: Final = Text("迟到", "If late")
MODEL_CHECK: Final = Text("型号核对", "Model check")
COMPLETION: Final = Text("完工前", "Before leaving")
ACCEPTANCE: Final = Text("验收内容", "You check")
SIGNATURE: Final = Text("客户签字确认", "Your signature")
SIGNED: Final = Text("验收后请您签字", "asked for after acceptance")

RETURNS: Final = Text("退换货与运费", "Returns, exchange and freight")
RETURN_KINDS: Final = Text("可办理", "Remedies")
NEGOTIABLE: Final = Text("{remedies}（须经本公司同意）", "{remedies} (with the company's consent)")
RETURN_DAYS: Final = Text("期限", "Within")
DAYS: Final = Text("{days} 天内", "{days} days")
FREIGHT: Final = Text("运费", "Freight")
CONDITIONS: Final = Text("条件", "Conditions")
EXCLUSIONS: Final = Text("不适用的商品", "Not for")
UNCONFIRMED_FREIGHT: Final = Text("检验未发现质量问题时的运费", "Freight where no defect is found")
CONFIRMED_BY: Final = Text("由谁确认", "Confirmed by")
OTHER_RETURNS: Final = Text("其他退换货", "Other returns")
REFUND: Final = Text("退款", "Refund")
REFUND_DAYS: Final = Text("收到退回商品后 {days} 天内", "within {days} days of receiving the goods")
RETURN_FORM: Final = Text("申请表填写", "The form asks for")
RECEIPT_CHECKS: Final = Text("收货时核对", "Checked on receipt")
RETURN_STEPS: Final = Text("退换货步骤", "Steps of a return")
LAW_STANDS: Final = Text(
    "法律规定的退货、更换、修理和赔偿，不因本制度没有写明而减少",
    "The law's own rights to return, exchange, repair and compensation stand whatever this policy leaves out",
)
LAW_RIGHTS: Final = Text("法律赋予的权利", "Your rights by law")
LAW_STANDS_CLAUSE: Final = "消费者权益保护法 第二十四条、第二十五条"

PROMISES: Final = Text("承诺、收费与补偿", "Promises, charges and compensation")
PROMISE: Final = Text("承诺", "Promise")
PROMISES_OPEN: Final = Text("收费与补偿", "Charges and compensation")
IF_BROKEN: Final = Text("未按时{steps}即适用", "applies if late: {steps}")
WARRANTY: Final = Text("质保", "Guarantee")
GUARANTEES: Final = Text("保修期内", "Within the guarantee")
GUARANTEE_MONTHS: Final = Text("{months} 个月", "{months} months")
AFTER_TERM: Final = Text("保修期满后", "After the guarantee")
CARD: Final = Text("保修卡载明", "The guarantee card states")
STANDARDS: Final = Text("服务标准", "Standard")
TRAINING: Final = Text("客户培训", "Training")
TRAINING_FORMS: Final = Text("形式", "Forms")
TRAINING_LEVELS: Final = Text("对象", "For")
CERTIFICATE: Final = Text("考核合格发证", "Certificate after the exam")

RESPONSIBLE: Final = Text("由谁负责", "Who is responsible")
DEPARTMENT: Final = Text("责任部门", "Department")
HELPED_BY: Final = Text("{department}，{helpers}协同", "{department}, with {helpers}")
FIRST_CONTACT: Final = Text("首问负责", "First contact")
FIRST_CONTACT_OWNS: Final = Text("最先接待您的人员负责到底", "who first takes your matter stays with it to the end")
FIRST_CONTACT_FREE: Final = Text("按责任部门办理", "the department answers for it")
NETWORK: Final = Text("服务网点", "Service points")
NETWORK_SERVES: Final = Text(
    "谁销售谁负责，谁服务谁负责；销售方不在当地服务的，由当地服务网点服务",
    "who sells is responsible, who serves is responsible; where the seller does not serve, the point there does",
)
DUTY: Final = Text("责任方", "Who answers for it")

HANDLING: Final = Text("投诉怎样处理", "How a complaint is handled")
STEPS: Final = Text("处理步骤", "Steps")
STEP_BY: Final = Text("{title}（{who}）", "{title} ({who})")
BY_SEVERITY: Final = Text("按严重程度", "By severity")
CLASSES: Final = Text("投诉分类", "Classes of complaint")
DETERMINATION: Final = Text("责任认定", "Finding out who is responsible")
FOLLOW_UP: Final = Text("后续跟进", "What follows")
QUALITY_STEPS: Final = Text("质量问题的处理步骤", "Steps for a quality problem")
INCIDENTS: Final = Text("突发事件", "Incidents")
INCIDENT_NOTE: Final = Text("两处时限不一致的，以较短的为准。", "Where two times differ, the shorter binds.")
EVERY_INCIDENT: Final = Text("各级突发事件", "Every level")

PROGRESS: Final = Text("进展告知", "Hearing how it goes")
PROGRESS_STEPS: Final = Text("主动告知的环节", "We tell you when your matter is")
PROGRESS_INTERVAL: Final = Text("期间没有进展时", "While nothing happens")
EVERY_HOURS: Final = Text("每 {hours} 小时告知一次", "every {hours} hours")
STEP_TITLES: Final = {
    Move.ACKNOWLEDGE: Text("受理", "taken up"),
    Move.ASSIGN: Text("派工", "assigned"),
    Move.START: Text("开始处理", "begun"),
    Move.WAIT: Text("等待", "waiting"),
    Move.RESUME: Text("继续处理", "gone on with"),
    Move.RESOLVE: Text("处理完成", "resolved"),
    Move.ACCEPT: Text("确认", "accepted"),
    Move.CLOSE: Text("办结", "closed"),
    Move.REOPEN: Text("重新处理", "reopened"),
    Move.CANCEL: Text("取消", "cancelled"),
    Move.TRANSFER: Text("转办", "passed on"),
    Move.ESCALATE: Text("升级", "escalated"),
}
SURVEY: Final = Text("回访与满意度", "Asking for your opinion")
ASPECTS: Final = Text("请您评价", "You rate")
SCALE: Final = Text("评分", "Scale")
SCALE_OF: Final = Text("{low}–{high} 分", "{low} to {high}")
METHODS: Final = Text("方式", "By")
INVITATIONS: Final = Text("打扰上限", "At most")
ONE_IN: Final = Text("{days} 天内最多邀请一次", "one invitation in {days} days")
VALID: Final = Text("邀请有效期", "An invitation is valid for")
DAY_COUNT: Final = Text("{days} 天", "{days} days")

PRIVACY: Final = Text("您的信息", "Your data")
RECORDED: Final = Text("受理时记录", "Recorded at intake")
SERVICE_RECORDED: Final = Text("服务时记录", "Recorded during service")
FILED: Final = Text("客户档案包括", "The customer file holds")
PRINCIPLES: Final = Text("保护原则", "Principles")
DATA_CLASSES: Final = Text("信息分级", "Classes of data")
ACCESS: Final = Text("其他部门查阅", "Other departments see it only by")
RETENTION: Final = Text("保存期限", "Kept")
RETAINED: Final = Text("办结后 {years} 年", "{years} years after closure")

LAW: Final = Text("相关法律", "The law behind it")

CHANNEL_LABELS: Final[Mapping[Channel, Text]] = {
    Channel.HOTLINE: Text("热线电话", "hotline"),
    Channel.EMAIL: Text("电子邮件", "email"),
    Channel.WEB: Text("网站", "website"),
    Channel.ONLINE_CHAT: Text("在线客服", "online chat"),
    Channel.STORE: Text("门店", "store"),
    Channel.LETTER: Text("信函、传真", "letter or fax"),
    Channel.ON_SITE: Text("上门", "on site"),
    Channel.CRM: Text("业务系统", "business system"),
    Channel.INTERNAL: Text("内部发现", "own findings"),
}
REMEDY_LABELS: Final[Mapping[PromisedRemedy, Text]] = {
    Remedy.RETURN: Text("退货", "return"),
    Remedy.EXCHANGE: Text("换货", "exchange"),
    Remedy.REPAIR: Text("修理", "repair"),
}
PAYER_LABELS: Final[Mapping[Payer, Text]] = {
    Payer.MERCHANT: Text("由商家承担", "paid by the merchant"),
    Payer.CUSTOMER: Text("由客户承担", "paid by the customer"),
}
DUTY_LABELS: Final[Mapping[DutyHolder, Text]] = {
    DutyHolder.SELLER: Text("谁销售谁负责", "who sold it is responsible"),
    DutyHolder.SERVICE_PROVIDER: Text("谁服务谁负责", "who served is responsible"),
    DutyHolder.COMPANY: Text("由公司负责", "the company is responsible"),
}
WEEKDAY_LABELS: Final[Mapping[Weekday, Text]] = {
    "mon": Text("周一", "Monday"),
    "tue": Text("周二", "Tuesday"),
    "wed": Text("周三", "Wednesday"),
    "thu": Text("周四", "Thursday"),
    "fri": Text("周五", "Friday"),
    "sat": Text("周六", "Saturday"),
    "sun": Text("周日", "Sunday"),
}
FROM_TO: Final = Text("{first}至{last}", "{first} to {last}")
UNIT_LABELS: Final[Mapping[Unit, Text]] = {
    Unit.HOURS: Text("{n} 小时", "{n} hours"),
    Unit.WORKING_HOURS: Text("{n} 个工作小时", "{n} working hours"),
    Unit.DAYS: Text("{n} 天", "{n} days"),
    Unit.WORKING_DAYS: Text("{n} 个工作日", "{n} working days"),
}
# Words that editions use in conditions and that have no title of their own there; others are shown as they stand.
CONDITION_LABELS: Final[Mapping[str, Text]] = {
    "appliance": Text("电器", "appliances"),
    "home_appliance": Text("家用电器", "home appliances"),
    "small_appliance": Text("小家电", "small appliances"),
    "air_conditioner": Text("空调", "air conditioners"),
    "refrigerator": Text("冰箱", "refrigerators"),
    "tv": Text("电视机", "televisions"),
    "washing_machine": Text("洗衣机", "washing machines"),
    "basic": Text("基础服务", "basic service"),
    "extended": Text("延伸服务", "extended service"),
    "customised": Text("定制服务", "customised service"),
}
LAWS: Final[Mapping[str, str]] = {
    "消费者权益保护法": "Consumer Protection Law",
    "产品质量法": "Product Quality Law",
    "电子商务法": "E-Commerce Law",
    "个人信息保护法": "Personal Information Protection Law",
    "民法典": "Civil Code",
}
