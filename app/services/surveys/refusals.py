"""Why a survey cannot be made or answered."""

from app.core.errors import NotFound, ServiceError
from app.core.language import Text


class SurveyNotFound(NotFound):
    """No such survey, or one of a line the caller does not see."""

    title = Text("未找到该满意度调查", "No such survey")


class SurveyTooEarly(ServiceError):
    """The matter is not over."""

    status, code, by_rule = 409, "survey_too_early", True
    title = Text("工单尚未解决，不能邀请评价", "The ticket is not resolved yet: its customer cannot be asked")


class CustomerNotAsked(ServiceError):
    """The customer may not be asked, or cannot be; `reason` says why."""

    status, code, by_rule = 409, "customer_not_asked", True
    title = Text("不能邀请该客户评价，见 reason", "This customer is not to be asked: see reason")


class SurveyClosed(ServiceError):
    """Its answers stand: it has expired, a follow-up is under way, or the customer was not asked."""

    status, code, by_rule = 409, "survey_closed", True
    title = Text(
        "该调查已过期、已转入跟进或未发出，答案不能再改",
        "The survey has expired, is being followed up or was not sent: its answers stand",
    )
