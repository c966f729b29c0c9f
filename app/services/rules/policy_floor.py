"""The law is the floor: what an edition may not write into its return rules."""

from collections.abc import Iterator
from typing import Final

from app.services.rules.clause import Cited
from app.services.rules.policy import Edition
from app.services.rules.policy_customers import Payer
from app.services.rules.policy_findings import Finding, error

_DEFECTS: Final = "消费者权益保护法 第二十四条"
_NO_REASON: Final = "消费者权益保护法 第二十五条"
_LAW_EN: Final = "Consumer Protection Law, article"
_DAYS: Final = 7  # both articles


def below_the_law(edition: Edition) -> Iterator[Finding]:
    """Yield one error for each figure less favourable to consumers than the article it names."""
    returns = edition.returns
    if returns is None:
        return
    quality, no_reason = returns.quality, returns.no_reason
    if quality and quality.freight and quality.freight.value is Payer.CUSTOMER:
        yield error(
            "returns.quality.freight", quality.freight.clause,
            f"质量问题的运输费用由经营者承担（{_DEFECTS}）",
            f"for a confirmed defect the merchant bears the freight ({_LAW_EN} 24)",
        )  # fmt: skip
    if quality and _shorter(quality.within_days):
        yield error(
            "returns.quality.within_days", quality.clause,
            f"质量问题的退货期限不得少于{_DAYS}天（{_DEFECTS}）",
            f"a defect may be returned for at least {_DAYS} days ({_LAW_EN} 24)",
        )  # fmt: skip
    if no_reason and _shorter(no_reason.within_days):
        yield error(
            "returns.no_reason.within_days", no_reason.clause,
            f"无理由退货期限不得少于{_DAYS}天（{_NO_REASON}）",
            f"a return without reason is open for at least {_DAYS} days ({_LAW_EN} 25)",
        )  # fmt: skip
    if returns.refund_days and returns.refund_days.value > _DAYS:
        yield error(
            "returns.refund_days", returns.refund_days.clause,
            f"收到退回商品之日起{_DAYS}天内须退款（{_NO_REASON}）",
            f"the price is repaid within {_DAYS} days of receiving the goods ({_LAW_EN} 25)",
        )  # fmt: skip


def _shorter(days: Cited[int] | None) -> bool:
    return days is not None and days.value < _DAYS
