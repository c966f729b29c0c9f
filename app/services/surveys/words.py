"""What the customer's page says."""

from typing import Final

from app.core.language import Text

SITE: Final = Text("售后服务", "Customer care")
SWITCH: Final = Text("English", "中文")
TITLE: Final = Text("这次服务，您满意吗？", "How did we do?")
INTRO: Final = Text(
    "只需十秒，每一项都可以跳过。您的评价会送到负责的同事手中。",
    "It takes ten seconds, and you may skip anything. Your answer goes to the people responsible.",
)
CAMPAIGN_TITLE: Final = Text("您对我们满意吗？", "How are we doing?")
CAMPAIGN_OVERALL: Final = Text("总体来说，您对我们的产品和服务", "Overall, how satisfied are you with us?")
ABOUT: Final = Text("服务单", "Service ticket")
OVERALL: Final = Text("总体来说，您对这次服务", "Overall, how satisfied are you?")
GRADES: Final = (
    Text("很不满意", "Very bad"),
    Text("不满意", "Bad"),
    Text("一般", "Fair"),
    Text("满意", "Good"),
    Text("很满意", "Great"),
)
RESOLVED: Final = Text("您的问题解决了吗？", "Is your problem solved?")
YES: Final = Text("已解决", "Yes, solved")
NO: Final = Text("还没有", "Not yet")
LOYALTY: Final = Text("您愿意把我们推荐给亲友吗？", "Would you recommend us to friends and family?")
NEVER: Final = Text("完全不愿意", "not at all")
SURELY: Final = Text("非常愿意", "very likely")
COMMENT: Final = Text("还有什么想告诉我们？", "Anything else you want to tell us?")
COMMENT_HINT: Final = Text(
    "选填，最多2000字。请勿填写证件号、银行卡号。",
    "Optional, up to 2,000 characters. Please leave out card and ID numbers.",
)
SEND: Final = Text("提交评价", "Send")
UNTIL: Final = Text(
    "{date}前可以随时打开本链接修改。", "You can open this link again and change your answer until {date}."
)
FAULT: Final = Text("请检查：", "Please check:")
FAULTS: Final = Text("还差一点", "Almost there")
NOTHING_SAID: Final = Text("请至少回答一项", "Please answer at least one question")
TOO_LONG: Final = Text("留言请不超过2000字", "Please keep the comment within 2,000 characters")
UNREADABLE: Final = Text("有一项评价未能识别，请重新选择", "One of the answers could not be read: please choose again")

STOP: Final = Text("不再接收此类邀请", "Do not ask me again")
STOP_TITLE: Final = Text("不再邀请您评价？", "Shall we stop asking you?")
STOP_LINES: Final = (
    Text(
        "确认后，我们不会再向您发送满意度调查。售后服务本身不受影响。",
        "Once you confirm, we send you no more surveys. The service you get stays the same.",
    ),
)
STOP_BUTTON: Final = Text("确认，不再邀请", "Yes, stop asking me")
STOPPED: Final = Text("好的，不再打扰", "All right, we will not ask again")
STOPPED_LINES: Final = (
    Text("我们不会再向您发送满意度调查。", "We send you no more surveys."),
    Text("售后服务本身不受影响。", "The service you get stays the same."),
)

THANKS: Final = Text("谢谢您的评价", "Thank you")
THANKS_LINES: Final = (
    Text("我们会认真阅读每一条评价。", "We read every answer."),
    Text(
        "如果有让您不满意的地方，同事会尽快与您联系。",
        "If something was not right, a colleague will be in touch with you soon.",
    ),
)
CLOSED: Final = Text("这个链接现在打不开评价", "There is nothing to answer here right now")
CLOSED_LINES: Final = (
    Text(
        "链接可能不完整、已过期，或者评价已经转给同事跟进。",
        "The link may be incomplete or out of date, or your answer is with a colleague already.",
    ),
    Text("需要帮助时，请拨打您平时使用的服务热线。", "If you need us, please call the service line you know."),
)
