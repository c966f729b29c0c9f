"""The law of returns as data: rules with their article, how sure we are of them, and the figures they fix."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import Field

from app.services.rules.clause import RuleId, Terms, Wording
from app.services.rules.policy_shapes import Days, Months
from app.services.rules.returns.words import Certainty, GoodsClass, Part, Payer, PurchaseChannel, RuleSource

Category = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Count = Annotated[int, Field(gt=0, le=100)]


class Parameters(Terms):
    """The figures a rule may fix; `figures` below says which rule has which."""

    days: Days | None = None
    months: Months | None = None
    least_months: Months | None = None
    repairs: Count | None = None
    repair_days: Days | None = None
    freight: Payer | None = None
    region: str | None = None
    channels: tuple[PurchaseChannel, ...] = ()
    goods_class: GoodsClass | None = None
    categories: tuple[Category, ...] = ()
    excludes: tuple[Category, ...] = ()  # kinds of goods without a return for no reason


class Rule(Terms):
    """One rule. Without `effective_from` it has no beginning; `effective_until` is its last day."""

    id: RuleId
    law: str
    article: str
    source: RuleSource
    certainty: Certainty
    effective_from: date | None = None
    effective_until: date | None = None
    reason: Wording
    parameters: Parameters = Parameters()

    @cached_property
    def shown(self) -> str:
        """The rule as an answer shows it, in JSON; written once, for it stands in thousands of answers."""
        words = {"zh": self.reason.zh, "en": self.reason.en}
        document = {"rule": self.id, "source": self.source, "law": self.law, "article": self.article, "reason": words}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

    def in_force(self, day: date) -> bool:
        return (self.effective_from or date.min) <= day <= (self.effective_until or date.max)


class GoodsTerm(Terms):
    """三包 terms of listed goods; `depreciation_percent` of the price a day (折旧费)."""

    categories: tuple[Category, ...]
    title: Wording
    rule: RuleId
    certainty: Certainty
    months: Months
    parts: Mapping[Part, Months] = Field(default_factory=dict)
    depreciation_percent: Annotated[Decimal, Field(gt=0, le=100)] | None = None


class StatutePart(Terms):
    """One file. `laws` gives English names of laws."""

    laws: Mapping[str, str] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    goods: tuple[GoodsTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalFigures:
    """The figures of regional rules; `rules` names the rule of a region."""

    rules: Mapping[str, str]
    zhejiang_repairs: int
    zhejiang_repair_days: int
    shandong_days: int
    shanghai_days: int
    shanghai_channels: frozenset[PurchaseChannel]
    beijing_months: int
    beijing_least_months: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Every figure a decision needs, read once."""

    no_reason_days: int
    no_reason_channels: frozenset[PurchaseChannel]
    no_reason_freight: Payer
    refund_days: int
    defect_days: int
    defect_freight: Payer
    burden_months: int
    claim_months: int
    defect_delay_days: int
    no_reason_delay_days: int
    listed_return_days: int
    listed_exchange_days: int
    repairs: int
    parts_days: int
    repairer_days: int
    inspection_failed_freight: Payer
    local: LocalFigures
    goods_classes: Mapping[str, GoodsClass]  # by category
    exclusions: Mapping[str, tuple[str, ...]]  # excluded kind → the rules that say so


@dataclass(frozen=True, slots=True)
class Statutes:
    """The law on one day: the rules in force, by id."""

    rules: Mapping[str, Rule]
    figures: Figures
    goods: Mapping[str, GoodsTerm]  # by category

    def local_rule(self, region: str) -> str | None:
        """Return the rule of a region, if it is in force."""
        rule = self.figures.local.rules.get(region)
        return rule if rule in self.rules else None

    def goods_class(self, category: str) -> GoodsClass:
        return self.figures.goods_classes.get(category, GoodsClass.OTHER)


class StatuteBook:
    """All rules, with the law as it stands between any two changes of it."""

    def __init__(self, rules: Iterable[Rule], goods: Iterable[GoodsTerm], laws: Mapping[str, str]) -> None:
        self.rules: Mapping[str, Rule] = _unique(rules)
        self._laws = laws
        self.goods: Mapping[str, GoodsTerm] = MappingProxyType(
            {category: term for term in goods for category in term.categories}
        )
        for term in self.goods.values():
            if term.rule not in self.rules:
                raise ValueError(f"{term.title.en}: there is no rule {term.rule}")
        self.figures = figures_of(self.rules)
        starts = {rule.effective_from for rule in self.rules.values() if rule.effective_from}
        ends = {
            date.fromordinal(rule.effective_until.toordinal() + 1)
            for rule in self.rules.values()
            if rule.effective_until
        }
        self._changes = sorted({date.min, *starts, *ends})
        # A matter older than the Act of 2014 is decided under it, as one older than a policy's first edition is.
        self._first = self.rules["CPL-25-1"].effective_from or date.min
        self._periods = [
            Statutes(
                MappingProxyType({name: rule for name, rule in self.rules.items() if rule.in_force(day)}),
                self.figures,
                self.goods,
            )
            for day in self._changes
        ]

    @classmethod
    def joined(cls, parts: Iterable[StatutePart]) -> Self:
        """Raises: ValueError for a rule given twice, or one that lacks its figure."""
        parts = list(parts)
        laws = {name: english for part in parts for name, english in part.laws.items()}
        return cls(
            [rule for part in parts for rule in part.rules], [term for part in parts for term in part.goods], laws
        )

    def on(self, day: date) -> Statutes:
        return self._periods[bisect_right(self._changes, max(day, self._first)) - 1]

    def citation(self, rule: str) -> Wording:
        """Name a rule's article for a message: 消费者权益保护法第25(1)条."""
        law, article = self.rules[rule].law, self.rules[rule].article
        english = self._laws.get(law, law)
        if not article[0].isdigit():
            return Wording(law, english)
        return Wording(f"{law}第{article}条", f"{english}, article {article}")


def _unique(rules: Iterable[Rule]) -> Mapping[str, Rule]:
    found: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in found:
            raise ValueError(f"rule {rule.id} is given twice")
        found[rule.id] = rule
    return MappingProxyType(found)


class _Reader:
    """Reads figures from the rules that fix them. Raises: ValueError naming a rule that lacks one."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules

    def of(self, rule: str) -> Parameters:
        if rule not in self._rules:
            raise ValueError(f"rule {rule} is missing")
        return self._rules[rule].parameters

    def number(self, rule: str, name: str = "days") -> int:
        value = getattr(self.of(rule), name)
        if not isinstance(value, int):
            raise ValueError(f"rule {rule} needs {name}")
        return value

    def freight(self, rule: str) -> Payer:
        payer = self.of(rule).freight
        if payer is None:
            raise ValueError(f"rule {rule} needs freight")
        return payer


def figures_of(rules: Mapping[str, Rule]) -> Figures:
    """Read every figure from the rule that fixes it. Raises: ValueError naming a rule that lacks one."""
    read = _Reader(rules)
    return Figures(
        no_reason_days=read.number("CPL-25-1"),
        no_reason_channels=frozenset(read.of("CPL-25-1").channels),
        no_reason_freight=read.freight("CPL-25-3"),
        refund_days=read.number("7D-13"),
        defect_days=read.number("CPL-24-1"),
        defect_freight=read.freight("CPL-24-2"),
        burden_months=read.number("CPL-23-3", "months"),
        claim_months=read.number("CC-621-2", "months"),
        defect_delay_days=read.number("PEN-08"),
        no_reason_delay_days=read.number("PEN-09"),
        listed_return_days=read.number("3G-09"),
        listed_exchange_days=read.number("3G-10"),
        repairs=read.number("3G-11", "repairs"),
        parts_days=read.number("3G-12"),
        repairer_days=read.number("3G-12", "repair_days"),
        inspection_failed_freight=read.freight("CO-FREIGHT"),
        local=_local_figures(rules, read),
        goods_classes=MappingProxyType(dict(_classified(rules.values()))),
        exclusions=MappingProxyType(_exclusions(rules.values())),
    )


def _local_figures(rules: Mapping[str, Rule], read: _Reader) -> LocalFigures:
    regions = {rule.parameters.region: name for name, rule in rules.items()}
    return LocalFigures(
        rules=MappingProxyType({region: name for region, name in regions.items() if region is not None}),
        zhejiang_repairs=read.number("LOC-ZJ-26", "repairs"),
        zhejiang_repair_days=read.number("LOC-ZJ-26", "repair_days"),
        shandong_days=read.number("LOC-SD-27"),
        shanghai_days=read.number("LOC-SH-30"),
        shanghai_channels=frozenset(read.of("LOC-SH-30").channels),
        beijing_months=read.number("LOC-BJ-6", "months"),
        beijing_least_months=read.number("LOC-BJ-6", "least_months"),
    )


def _classified(rules: Iterable[Rule]) -> Iterator[tuple[str, GoodsClass]]:
    for rule in rules:
        if rule.parameters.goods_class is not None:
            yield from dict.fromkeys(rule.parameters.categories, rule.parameters.goods_class).items()


def _exclusions(rules: Iterable[Rule]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        for kind in rule.parameters.excludes:
            found[kind] = (*found.get(kind, ()), rule.id)
    return found
