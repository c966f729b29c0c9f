"""The law as data: what it has to hold, and which rules are in force on a day."""

from datetime import date

import pytest

from app.services.rules.returns.statutes import Parameters, Rule, StatuteBook, StatutePart
from tests.returns.cases import BOOK

LAW = BOOK.statutes
RULES = tuple(LAW.rules.values())
GOODS = tuple({id(term): term for term in LAW.goods.values()}.values())


@pytest.mark.parametrize(
    ("day", "rule", "in_force"),
    [
        (date(2024, 6, 30), "REG-18-1", False),
        (date(2024, 7, 1), "REG-18-1", True),
        (date(2022, 3, 14), "SPC-02", False),
        (date(2022, 3, 15), "SPC-02", True),
        (date(2017, 4, 30), "LOC-ZJ-26", False),
        (date(2010, 1, 1), "CPL-25-1", True),  # older matters are decided under the Act of 2014
        (date(2026, 1, 1), "LOC-BJ-6", True),  # without a date
    ],
)
def test_a_rule_is_in_force_from_its_day_on(day: date, rule: str, in_force: bool) -> None:
    assert (rule in LAW.on(day).rules) is in_force


def test_a_rule_ends_after_its_last_day() -> None:
    ended = LAW.rules["3G-11"].model_copy(update={"effective_until": date(2026, 6, 30)})
    book = StatuteBook([rule if rule.id != "3G-11" else ended for rule in RULES], GOODS, laws={})
    assert "3G-11" in book.on(date(2026, 6, 30)).rules
    assert "3G-11" not in book.on(date(2026, 7, 1)).rules


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_says_its_article_and_why_in_both_languages(rule: Rule) -> None:
    assert rule.law
    assert rule.article
    assert any("\u4e00" <= character <= "\u9fff" for character in rule.reason.zh)
    assert all(ord(character) < 128 for character in rule.reason.en)


def test_a_rule_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="rule CPL-2 is given twice"):
        StatuteBook.joined([StatutePart(rules=RULES), StatutePart(rules=(LAW.rules["CPL-2"],))])


def test_a_figure_nobody_gives_is_refused() -> None:
    bare = LAW.rules["CPL-25-1"].model_copy(update={"parameters": Parameters()})
    with pytest.raises(ValueError, match="rule CPL-25-1 needs days"):
        StatuteBook([rule if rule.id != bare.id else bare for rule in RULES], GOODS, laws={})


def test_a_rule_that_figures_come_from_cannot_be_missing() -> None:
    with pytest.raises(ValueError, match="rule 3G-12 is missing"):
        StatuteBook([rule for rule in RULES if rule.id != "3G-12"], (), laws={})


def test_goods_name_a_rule_that_exists() -> None:
    stray = GOODS[0].model_copy(update={"rule": "3G-NOWHERE"})
    with pytest.raises(ValueError, match="there is no rule 3G-NOWHERE"):
        StatuteBook(RULES, [stray], laws={})


def test_an_article_is_cited_in_both_languages() -> None:
    cited = LAW.citation("CPL-25-1")
    assert (cited.zh, cited.en) == ("消费者权益保护法第25(1)条", "Consumer Protection Law, article 25(1)")
    assert LAW.citation("3G-CAT").zh == "部分商品修理更换退货责任规定"
