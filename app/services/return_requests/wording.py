"""What the customer is told of each step, in both languages, ready to be read out or sent."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.services.return_requests.loading import DecidedLine, Loaded
from app.services.rules.clause import Wording
from app.services.rules.promise import local_time
from app.services.rules.return_requests import LineRemedy
from app.services.rules.returns.words import Payer

_REMEDIES = {LineRemedy.RETURN: Wording("退货", "return"), LineRemedy.EXCHANGE: Wording("换货", "exchange")}
_FREIGHT = {
    Payer.MERCHANT: Wording("退回运费由我们承担。", "We pay for sending it back."),
    Payer.CUSTOMER: Wording("退回运费由您承担。", "Sending it back is at your cost."),
}


def submitted(loaded: Loaded, answer_by: date) -> Wording:
    return _told(loaded, f"已收到，我们将在 {answer_by} 前答复。", f"we have it, and answer by {answer_by}.")


def approved(loaded: Loaded) -> Wording:
    """Say what was approved, and who pays for the way back where all decisions agree on it."""
    lines = [line for line in loaded.lines if line.line.approved]
    goods = _joined(_approved_line(line) for line in lines)
    payers = {line.latest.answer["freight_payer"] for line in lines}
    freight = _FREIGHT.get(Payer(payers.pop())) if payers in ({Payer.MERCHANT}, {Payer.CUSTOMER}) else None
    zh, en = (f"{freight.zh}", f" {freight.en}") if freight else ("", "")
    return _told(loaded, f"已批准：{goods.zh}。{zh}", f"approved are {goods.en}.{en}")


def _approved_line(decided: DecidedLine) -> Wording:
    line = decided.line
    assert line.remedy is not None  # noqa: S101 — approved lines have one
    remedy = _REMEDIES[line.remedy]
    return Wording(
        f"{line.product_name} {line.approved} 件{remedy.zh}", f"{remedy.en} of {line.approved} × {line.product_name}"
    )


def refused(loaded: Loaded) -> Wording:
    """Say that it is refused and by which rules; what staff wrote stands in the request."""
    rules = {rule["rule"]: rule["reason"] for line in loaded.lines for rule in line.latest.answer["basis"]}
    zh = "；".join(reason["zh"] for reason in rules.values())
    en = "; ".join(reason["en"] for reason in rules.values())
    return _told(
        loaded,
        f"未获批准。依据：{zh}。如有异议，可联系我们复核。" if zh else "未获批准。如有异议，可联系我们复核。",
        f"it could not be approved, by these rules: {en}. You may ask us to look at it again."
        if en
        else "it could not be approved. You may ask us to look at it again.",
    )


def pickup(loaded: Loaded, begins: datetime, ends: datetime) -> Wording:
    zone = ZoneInfo(loaded.policy.time.timezone)
    first, last = local_time(begins, zone), local_time(ends, zone)
    return _told(loaded, f"约定上门取货：{first} 至 {last}。", f"the goods are picked up between {first} and {last}.")


def posting(loaded: Loaded, until: datetime) -> Wording:
    last = local_time(until, ZoneInfo(loaded.policy.time.timezone))
    return _told(loaded, f"请在 {last} 前寄回商品。", f"please post the goods by {last}.")


def received(loaded: Loaded, refund_by: date | None, *, differs: bool) -> Wording:
    zh, en = "商品已收到。", "the goods are back with us."
    if differs:
        zh += "收到的商品与申请不符，我们将复检后与您联系。"
        en += " What came differs from the form: we look at it again and get in touch."
    if refund_by is not None:
        zh += f"应退款项将在 {refund_by} 前退还。"
        en += f" What is due is paid back by {refund_by}."
    return _told(loaded, zh, en)


def sent_again(loaded: Loaded, units: int) -> Wording:
    return _told(loaded, f"{units} 件商品将退还给您。", f"{units} units are sent to you again.")


def refunded(loaded: Loaded, amount: Decimal) -> Wording:
    return _told(loaded, f"已退款 {amount:.2f} 元。", f"CNY {amount:.2f} were refunded.")


def replaced(loaded: Loaded, carrier: str | None, tracking_no: str | None) -> Wording:
    parcel = " ".join(part for part in (carrier, tracking_no) if part)
    zh, en = (f"（{parcel}）", f" ({parcel})") if parcel else ("", "")
    return _told(loaded, f"换货商品已发出{zh}。", f"the replacement is on its way{en}.")


def completed(loaded: Loaded) -> Wording:
    return _told(loaded, "已办结。欢迎评价我们的服务。", "it is completed. Please tell us whether you are satisfied.")


def cancelled(loaded: Loaded) -> Wording:
    return _told(loaded, "已取消。", "it is cancelled.")


def _told(loaded: Loaded, zh: str, en: str) -> Wording:
    number = loaded.request.number
    return Wording(f"退换货单 {number}：{zh}", f"Return request {number}: {en}")


def _joined(parts: Iterable[Wording]) -> Wording:
    found = list(parts)
    return Wording("；".join(part.zh for part in found), "; ".join(part.en for part in found))
