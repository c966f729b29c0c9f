"""Names people read for the words of a classification."""

from collections.abc import Mapping
from typing import Final

from app.services.rules.classification_words import ComplaintClass, IssueType, Kind, Severity, Urgency
from app.services.rules.clause import Wording

COMPLAINT_CLASS_LABELS: Final[Mapping[ComplaintClass, Wording]] = {
    ComplaintClass.QUALITY: Wording("质量异常", "Quality anomaly"),
    ComplaintClass.NON_QUALITY: Wording("非质量异常（人为）", "Non-quality anomaly (people or handling)"),
    ComplaintClass.OTHER: Wording("其它原因", "Other cause"),
    ComplaintClass.NOT_COMPLAINT: Wording("非投诉", "Not a complaint"),
}

ISSUE_TYPE_LABELS: Final[Mapping[IssueType, Wording]] = {
    IssueType.PRODUCT_QUALITY: Wording("产品质量", "Product quality"),
    IssueType.TECHNICAL_USE: Wording("使用与技术", "Technical use"),
    IssueType.INSTALLATION: Wording("安装", "Installation"),
    IssueType.LOGISTICS: Wording("物流配送", "Delivery"),
    IssueType.SERVICE_ATTITUDE: Wording("服务态度", "Service attitude"),
    IssueType.SERVICE_TIMELINESS: Wording("服务时效", "Service timeliness"),
    IssueType.RETURN_REFUND: Wording("退换货与赔偿", "Return, refund and compensation"),
    IssueType.PRICE_BILLING: Wording("价格与收费", "Price and charges"),
    IssueType.DESCRIPTION_MISMATCH: Wording("与描述不符", "Not as described"),
    IssueType.SAFETY: Wording("安全", "Safety"),
    IssueType.PRIVACY: Wording("个人信息", "Personal information"),
    IssueType.OTHER: Wording("其它", "Other"),
    IssueType.NONE: Wording("无", "None"),
}

SEVERITY_LABELS: Final[Mapping[Severity, Wording]] = {
    Severity.MINOR: Wording("较轻", "Minor"),
    Severity.SERIOUS: Wording("严重", "Serious"),
    Severity.CRITICAL: Wording("重大", "Critical"),
    Severity.NONE: Wording("无", "None"),
}

URGENCY_LABELS: Final[Mapping[Urgency, Wording]] = {
    Urgency.EMERGENCY: Wording("紧急", "Emergency"),
    Urgency.GENERAL: Wording("一般", "General"),
}

KIND_LABELS: Final[Mapping[Kind, Wording]] = {
    Kind.CONSULTATION: Wording("咨询", "Consultation"),
    Kind.INSTALLATION: Wording("安装调试", "Installation and commissioning"),
    Kind.REPAIR: Wording("维修", "Repair"),
    Kind.MAINTENANCE: Wording("保养", "Maintenance"),
    Kind.RETURN_EXCHANGE: Wording("退换货", "Return or exchange"),
    Kind.COMPLAINT: Wording("投诉", "Complaint"),
    Kind.TECHNICAL_SUPPORT: Wording("技术支持", "Technical support"),
    Kind.TRAINING: Wording("培训", "Training"),
    Kind.SUGGESTION: Wording("建议", "Suggestion"),
    Kind.PRAISE: Wording("表扬", "Praise"),
}
