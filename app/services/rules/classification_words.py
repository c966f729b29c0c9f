"""The words of a classification; `classification` exports them. They stand apart so that the lexicon can use them."""

from enum import StrEnum


class ComplaintClass(StrEnum):
    """Classes of complaint. Source: components 6.4.1."""

    QUALITY = "quality"  # 质量异常
    NON_QUALITY = "non_quality"  # 非质量异常（人为）
    OTHER = "other"  # 其它原因
    NOT_COMPLAINT = "not_complaint"


class IssueType(StrEnum):
    PRODUCT_QUALITY = "product_quality"
    TECHNICAL_USE = "technical_use"
    INSTALLATION = "installation"
    LOGISTICS = "logistics"
    SERVICE_ATTITUDE = "service_attitude"
    SERVICE_TIMELINESS = "service_timeliness"
    RETURN_REFUND = "return_refund"
    PRICE_BILLING = "price_billing"
    DESCRIPTION_MISMATCH = "description_mismatch"
    SAFETY = "safety"
    PRIVACY = "privacy"
    OTHER = "other"
    NONE = "none"


class Severity(StrEnum):
    MINOR = "minor"  # 较轻
    SERIOUS = "serious"  # 严重
    CRITICAL = "critical"  # 重大: harm to a body, or a concrete hazard
    NONE = "none"


class Urgency(StrEnum):
    EMERGENCY = "emergency"  # 紧急
    GENERAL = "general"  # 一般


class Kind(StrEnum):
    """What the customer wants: the kind of ticket (服务类型)."""

    CONSULTATION = "consultation"
    INSTALLATION = "installation"
    REPAIR = "repair"
    MAINTENANCE = "maintenance"
    RETURN_EXCHANGE = "return_exchange"
    COMPLAINT = "complaint"
    TECHNICAL_SUPPORT = "technical_support"
    TRAINING = "training"
    SUGGESTION = "suggestion"
    PRAISE = "praise"
