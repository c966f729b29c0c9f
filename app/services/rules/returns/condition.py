"""商品完好: are the goods in the state in which they may be returned without a reason?"""

from enum import StrEnum
from typing import NamedTuple

from app.services.rules.returns.case import Case
from app.services.rules.returns.facts import known
from app.services.rules.returns.words import GoodsClass, ItemCondition


class State(StrEnum):
    INTACT = "intact"
    DOUBTFUL = "doubtful"  # to be looked at by a person
    SPOILED = "spoiled"


class Condition(NamedTuple):
    state: State
    basis: tuple[str, ...]
    uncertain: bool = False


def condition_of(case: Case, exception: tuple[str, ...]) -> Condition:
    """Judge the goods by 暂行办法 第八条、第九条; `exception` is what was found on art. 7 goods."""
    facts = case.facts
    condition = known(facts.condition, "condition")
    spoiled = _spoiled(case, condition)
    if spoiled is not None:
        return spoiled
    if condition is ItemCondition.USED_LIGHTLY:
        return Condition(State.DOUBTFUL, ("7D-09",))
    if known(facts.abuse_suspected, "abuse_suspected"):
        return Condition(State.DOUBTFUL, ("REG-19-4",))
    if known(facts.activated, "activated") and _class(case) is GoodsClass.ELECTRONICS:
        # 第九条(二) names activation, yet courts make shops take back what was not confirmed under 第七条(二).
        return Condition(State.INTACT, ("7D-07-2", "7D-09-2", *(() if exception else ("7D-20",))), True)
    if known(facts.packaging_opened, "packaging_opened"):
        return Condition(State.INTACT, ("7D-08", "REG-19-3", "SPC-03"))
    return Condition(State.INTACT, ("7D-08", "REG-19-3") if condition is ItemCondition.TRIED else ())


def _spoiled(case: Case, condition: ItemCondition) -> Condition | None:
    facts = case.facts
    if condition is ItemCondition.DAMAGED_BY_CUSTOMER:
        return _by_class(case, GoodsClass.TEXTILE, "7D-09-3")
    if condition is ItemCondition.USED:
        # No article speaks of installation: fixing the goods is use beyond checking, as we read it.
        return Condition(State.SPOILED, ("7D-09", "7D-08"), facts.installed_at is not None)
    if known(facts.sealed_hygiene_opened, "sealed_hygiene_opened") and _class(case) is GoodsClass.HYGIENE:
        return Condition(State.SPOILED, ("7D-09-1",))
    for altered in ("unauthorized_repair", "label_defaced"):
        if known(getattr(facts, altered), altered):
            return _by_class(case, GoodsClass.ELECTRONICS, "7D-09-2")
    if not known(facts.tags_intact, "tags_intact"):
        return _by_class(case, GoodsClass.TEXTILE, "7D-09-3")
    if not known(facts.accessories_complete, "accessories_complete"):
        return Condition(State.SPOILED, ("7D-08",))
    return None


def _by_class(case: Case, goods: GoodsClass, rule: str) -> Condition:
    """Spoiled by the rule for a class of goods, or else by the general one."""
    return Condition(State.SPOILED, (rule,) if _class(case) is goods else ("7D-08", "7D-09"))


def _class(case: Case) -> GoodsClass:
    return case.law.goods_class(known(case.facts.product_category, "product_category"))
