"""服务网络: which service point of the company serves a matter where it is, and why.

Regions are codes: ISO 3166-2 (`CN-ZJ`), and for cities and districts of China the figures of GB/T 2260 (`CN-3301`,
`CN-330106`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.services.rules.classification import Kind
from app.services.rules.clause import SILENT, Basis, Decision, DecisionKind, Sourced, Wording
from app.services.rules.facts import TicketFacts


class PointKind(StrEnum):
    BRANCH = "branch"  # 分公司
    DEALER = "dealer"  # 经销商
    AGENT = "agent"  # 代理商
    SERVICE_PROVIDER = "service_provider"  # 服务商


NOBODY: Final = "none"  # the outcome where no point serves
_RULE: Final = "routing.service_network"
_CHINA: Final = "CN"
_WHOLE: Final = "00"  # GB/T 2260 ends the code of a whole province or city so

# The first two figures of GB/T 2260 and the letters of ISO 3166-2 for the same province.
_PROVINCES: Final = {
    "11": "BJ", "12": "TJ", "13": "HE", "14": "SX", "15": "NM", "21": "LN", "22": "JL", "23": "HL", "31": "SH",
    "32": "JS", "33": "ZJ", "34": "AH", "35": "FJ", "36": "JX", "37": "SD", "41": "HA", "42": "HB", "43": "HN",
    "44": "GD", "45": "GX", "46": "HI", "50": "CQ", "51": "SC", "52": "GZ", "53": "YN", "54": "XZ", "61": "SN",
    "62": "GS", "63": "QH", "64": "NX", "65": "XJ", "71": "TW", "81": "HK", "82": "MO",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """A service point that is active. Without categories it takes goods of all, without kinds matters of all.

    `regions` are as `region_chain` writes them.
    """

    number: str
    name: str
    regions: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    ticket_kinds: tuple[Kind, ...] = ()

    def takes(self, facts: TicketFacts) -> bool:
        """Tell whether it takes such a matter; a category nobody knows is not among those it names."""
        of_category = not self.categories or facts.product_category in self.categories
        return of_category and (not self.ticket_kinds or facts.kind in self.ticket_kinds)


@dataclass(frozen=True, slots=True)
class Serving:
    """Which point serves, by number; None where none does."""

    number: str | None
    decision: Decision


def region_chain(region: str) -> tuple[str, ...]:
    """Return a region and what it lies in, the most exact first: CN-330106, CN-3301, CN-ZJ, CN.

    `CN-33`, `CN-330000` and `CN-ZJ` are the same province and come out alike. A code that is no figure of GB/T 2260
    lies in its country.
    """
    country, _, code = region.partition("-")
    if country != _CHINA or not code.isdigit() or len(code) % 2:
        return (region, country) if code else (country,)
    while len(code) > 2 and code.endswith(_WHOLE):
        code = code[:-2]
    parts = [code[:length] for length in (6, 4) if len(code) >= length]
    parts.append(_PROVINCES.get(code[:2], code[:2]))
    return (*(f"{_CHINA}-{part}" for part in parts), _CHINA)


def decide_service_point(facts: TicketFacts, points: Sequence[Point], source: Sourced | None) -> Serving:
    """Return which of these points serves the matter.

    The seller goes first where it serves such a matter itself (谁销售谁负责), then the point of the most exact region,
    then the lower number. A seller is not asked for its region where the matter's is unknown.

    Args:
        source: where the edition says that such points serve; None where it does not.
    """
    cited = source or Sourced(basis=Basis.ASSUMED, clause=SILENT)
    chain = region_chain(facts.region) if facts.region else ()
    able = _able(facts, points, chain)
    if not able:
        return Serving(None, _decision(NOBODY, "none", _nobody(facts.region), cited))
    point, place = min(able, key=lambda one: (one[0].number != facts.sold_by, one[1], one[0].number))
    zh, en = f"{point.name}（{point.number}）", f"{point.name} ({point.number})"
    if point.number == facts.sold_by:
        reason = Wording(f"谁销售谁负责：由销售方{zh}服务", f"Who sells is responsible: {en} sold it and serves")
        return Serving(point.number, _decision(point.number, "seller", reason, cited))
    reason = Wording(f"{chain[place]} 由{zh}服务", f"{chain[place]} is served by {en}")
    return Serving(point.number, _decision(point.number, "region", reason, cited))


def decide_by_staff(number: str | None) -> Decision:
    """Record whom staff chose to serve; None: they leave it to the rules again."""
    if number is None:
        reason = Wording("工作人员交由系统按服务网络确定服务方", "Staff left it to the service network who serves")
    else:
        reason = Wording(f"工作人员指定由 {number} 服务", f"Staff chose {number} to serve")
    return Decision(DecisionKind.ROUTING, number or NOBODY, f"{_RULE}.staff", SILENT, reason)


def _able(facts: TicketFacts, points: Sequence[Point], chain: tuple[str, ...]) -> list[tuple[Point, int]]:
    """Return the points that take the matter where it is, each with the place of its most exact region in the chain."""
    able = []
    for point in points:
        if not point.takes(facts):
            continue
        if chain:
            place = next((place for place, region in enumerate(chain) if region in point.regions), None)
        else:
            place = 0 if point.regions and point.number == facts.sold_by else None
        if place is not None:
            able.append((point, place))
    return able


def _nobody(region: str | None) -> Wording:
    if region is None:
        return Wording("地区未知，未能确定服务网点", "The region is unknown: no service point can be named")
    return Wording(f"{region} 没有可受理此事项的服务网点", f"No service point serves such a matter in {region}")


def _decision(outcome: str, how: str, reason: Wording, source: Sourced) -> Decision:
    return Decision(DecisionKind.ROUTING, outcome, f"{_RULE}.{how}", source.clause, reason, source.basis)
