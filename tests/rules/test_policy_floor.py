"""What an edition may not write because the law gives more, and the article each refusal names."""

import tomllib
from typing import Any

import pytest

from app.services.policy_book import PolicyBook
from app.services.rules.policy_check import check_edition
from tests.rules.documents import with_change

WRITTEN = {"basis": "policy", "clause": "第九条"}
QUALITY = {"title": {"zh": "质量问题", "en": "defects"}, "remedies": ["return"], **WRITTEN}
CARPET = {"items": {"carpet": {"zh": "地毯", "en": "carpets"}}, **WRITTEN}
TO_ORDER = {"items": {"custom_made": {"zh": "定作商品", "en": "goods made to order"}}, **WRITTEN}


def goods(category: str, months: int, **parts: int) -> dict[str, Any]:
    title = {"zh": "质保", "en": "guarantee"}
    return {"goods": [{"categories": [category], "title": title, "months": months, "parts": parts, **WRITTEN}]}


@pytest.fixture(scope="module")
def statute(book: PolicyBook) -> dict[str, Any]:
    return tomllib.loads(book.get("statute", "1").text)


@pytest.mark.parametrize(
    ("path", "value", "where", "article"),
    [
        ("returns.no_reason.within_days.value", 6, "returns.no_reason.within_days", "消费者权益保护法第25(1)条"),
        ("returns.no_reason.negotiable", True, "returns.no_reason.negotiable", "消费者权益保护法第25(1)条"),
        ("returns.no_reason.remedies", ["exchange"], "returns.no_reason.remedies", "消费者权益保护法第25(1)条"),
        (
            "returns.no_reason.exclusions", CARPET, "returns.no_reason.exclusions.items.carpet",
            "消费者权益保护法实施条例第19(1)条",
        ),
        ("returns.quality.within_days.value", 6, "returns.quality.within_days", "消费者权益保护法第24(1)条"),
        ("returns.quality.freight.value", "customer", "returns.quality.freight", "消费者权益保护法第24(2)条"),
        ("returns.quality.negotiable", True, "returns.quality.negotiable", "消费者权益保护法第24(1)条"),
        ("returns.quality.exclusions", TO_ORDER, "returns.quality.exclusions", "消费者权益保护法第24(1)条"),
        ("returns.refund_days.value", 8, "returns.refund_days", "网络购买商品七日无理由退货暂行办法第13条"),
        ("warranty", goods("refrigerator", 11), "warranty.goods[0].months", "部分商品修理更换退货责任规定"),
        (
            "warranty", goods("refrigerator", 12, main_part=35), "warranty.goods[0].parts.main_part",
            "部分商品修理更换退货责任规定",
        ),
        (
            "warranty", goods("mobile_phone", 12, battery=5), "warranty.goods[0].parts.battery",
            "移动电话机商品修理更换退货责任规定",
        ),
        ("warranty", goods("laptop", 6), "warranty.goods[0].months", "微型计算机商品修理更换退货责任规定"),
    ],
)  # fmt: skip
def test_less_than_the_law_is_refused_with_the_article(
    book: PolicyBook, statute: dict[str, Any], path: str, value: object, where: str, article: str
) -> None:
    report = check_edition(with_change(statute, path, value), book.statutes)
    assert report.edition is None
    (finding,) = report.errors
    assert finding.path == where
    assert article in finding.message.zh
    assert all(character.isascii() for character in finding.message.en)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("returns.no_reason.within_days.value", 7),
        ("returns.no_reason.within_days.value", 30),
        ("returns.no_reason.freight.value", "merchant"),
        ("returns.no_reason.remedies", ["return", "exchange"]),
        ("returns.no_reason.exclusions", TO_ORDER),
        ("returns.quality.within_days.value", 15),
        ("returns.refund_days.value", 3),
        ("returns.customer_cause", QUALITY | {"negotiable": True}),
        ("warranty", goods("refrigerator", 12, main_part=36)),
        ("warranty", goods("carpet", 1)),
    ],
)
def test_as_much_as_the_law_or_more_may_stand(
    book: PolicyBook, statute: dict[str, Any], path: str, value: object
) -> None:
    assert check_edition(with_change(statute, path, value), book.statutes).findings == ()


def test_a_term_known_from_hearsay_is_a_warning(book: PolicyBook, statute: dict[str, Any]) -> None:
    report = check_edition(with_change(statute, "warranty", goods("microwave_oven", 6)), book.statutes)
    assert report.edition is not None
    (finding,) = report.warnings
    assert (finding.path, "待核对" in finding.message.zh) == ("warranty.goods[0].months", True)
