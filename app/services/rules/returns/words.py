"""The words in which returns are asked for and decided. Values are part of the HTTP contract."""

from enum import StrEnum


class BuyerType(StrEnum):
    CONSUMER = "consumer"  # 为生活消费
    BUSINESS = "business"


class PurchaseChannel(StrEnum):
    ONLINE = "online"
    LIVESTREAM = "livestream"
    ONLINE_PICKUP = "online_pickup"  # 线上下单、到店自提
    PHONE = "phone"
    TV = "tv"
    MAIL_ORDER = "mail_order"
    STORE = "store"
    DOOR_TO_DOOR = "door_to_door"  # 上门推销
    B2B_CONTRACT = "b2b_contract"


class Reason(StrEnum):
    """退换货原因, as the customer gives it."""

    NO_REASON = "no_reason"
    QUALITY = "quality"
    WRONG_ITEM = "wrong_item"
    NOT_AS_DESCRIBED = "not_as_described"
    SHIPPING_DAMAGE = "shipping_damage"
    CUSTOMER_MIS_SELECTION = "customer_mis_selection"  # 选型错误
    MISUSE = "misuse"  # 使用不当


class RequestedRemedy(StrEnum):
    ANY = "any"
    RETURN = "return"
    EXCHANGE = "exchange"
    REPAIR = "repair"


class ItemCondition(StrEnum):
    UNUSED = "unused"
    TRIED = "tried"  # checked or debugged only
    USED_LIGHTLY = "used_lightly"
    USED = "used"
    DAMAGED_BY_CUSTOMER = "damaged_by_customer"


class NonreturnableGround(StrEnum):
    """Why goods may be excluded if the buyer confirms it (七日无理由退货暂行办法 第七条)."""

    NONE = "none"
    SAFETY_OR_QUALITY_AFTER_UNSEALING = "safety_or_quality_after_unsealing"
    ACTIVATION_DEPRECIATES = "activation_depreciates"
    NEAR_EXPIRY_OR_FLAWED_DISCLOSED = "near_expiry_or_flawed_disclosed"
    OTHER = "other"  # the seller's own invention


class ConfirmationMethod(StrEnum):
    PER_PURCHASE_EXPLICIT = "per_purchase_explicit"
    DEFAULT_CHECKED = "default_checked"
    PAGE_NOTICE_ONLY = "page_notice_only"
    NONE = "none"


class MerchantClause(StrEnum):
    NONE = "none"
    NO_RETURNS_AFTER_SIGNING = "no_returns_after_signing"
    SIGNING_ACCEPTS_QUALITY = "signing_accepts_quality"
    CUSTOMER_ALWAYS_PAYS_FREIGHT = "customer_always_pays_freight"


class Intake(StrEnum):
    WEB = "web"
    HOTLINE_IVR_MESSAGE = "hotline_ivr_message"
    HOTLINE_AGENT = "hotline_agent"
    STORE_COUNTER = "store_counter"


class Approval(StrEnum):
    NOT_REQUESTED = "not_requested"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class QualityDefect(StrEnum):
    NONE = "none"
    CLAIMED = "claimed"
    CONFIRMED_BY_QC = "confirmed_by_qc"
    REJECTED_BY_QC = "rejected_by_qc"
    INCONCLUSIVE = "inconclusive"


class Reinspection(StrEnum):
    NONE = "none"
    PASSED = "passed"
    FAILED = "failed"


class Part(StrEnum):
    MAIN_PART = "main_part"
    BATTERY = "battery"
    CHARGER = "charger"
    EARPHONE = "earphone"
    DATA_CARD = "data_card"


class RepairDelayCause(StrEnum):
    NONE = "none"
    REPAIRER = "repairer"
    PARTS = "parts"


class GoodsClass(StrEnum):
    """Kinds of goods for which the law measures 完好 differently, or bars the return."""

    HYGIENE = "hygiene"
    ELECTRONICS = "electronics"
    TEXTILE = "textile"
    MEDICINE = "medicine"
    OTHER = "other"


class Outcome(StrEnum):
    ELIGIBLE = "eligible"
    NOT_ELIGIBLE = "not_eligible"
    NEEDS_INSPECTION = "needs_inspection"
    NEGOTIABLE = "negotiable"
    NEEDS_FACTS = "needs_facts"


class Remedy(StrEnum):
    RETURN = "return"
    RETURN_WITH_DEPRECIATION = "return_with_depreciation"  # 退货并收取折旧费
    EXCHANGE = "exchange"
    REPAIR = "repair"
    PAID_REPAIR = "paid_repair"


class Payer(StrEnum):
    """运费承担方."""

    MERCHANT = "merchant"
    CUSTOMER = "customer"


class Flag(StrEnum):
    QUANTITY_EXCEEDS_RETURNABLE = "quantity_exceeds_returnable"
    STATUTORY_DELAY_15D = "statutory_delay_15d"
    REFUND_OVERDUE = "refund_overdue"
    INSPECTION_CONFLICT = "inspection_conflict"
    RECEIPT_MISMATCH = "receipt_mismatch"


class RuleSource(StrEnum):
    LAW = "law"
    REGULATION = "regulation"
    LOCAL = "local"
    COMPANY = "company"
    PROMISE = "promise"


class Certainty(StrEnum):
    """How well the wording of a rule is known to us."""

    TEXT_SEEN = "text_seen"
    SECONDARY_SOURCE = "secondary_source"
    KNOWLEDGE = "knowledge"  # to be checked against the text; a company may put its own figure in its place


DEFECT_REASONS = frozenset({Reason.QUALITY, Reason.WRONG_ITEM, Reason.NOT_AS_DESCRIBED, Reason.SHIPPING_DAMAGE})
FREE = frozenset({Remedy.RETURN, Remedy.EXCHANGE, Remedy.REPAIR})
