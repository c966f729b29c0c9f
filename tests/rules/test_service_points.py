"""The service network: which point serves a matter where it is."""

import pytest

from app.services.rules.classification import Kind, Urgency
from app.services.rules.clause import Basis, Sourced
from app.services.rules.facts import Channel, TicketFacts
from app.services.rules.service_points import Point, decide_by_staff, decide_service_point, region_chain

ZHEJIANG = Point("Z-1", "浙江分公司", ("CN-ZJ",))
HANGZHOU = Point("H-1", "杭州服务商", ("CN-3301",))
WEST_LAKE = Point("W-1", "西湖代理商", ("CN-330106", "CN-330105"))
ANOTHER_WEST_LAKE = Point("A-1", "西湖服务商", ("CN-330106",))
COUNTRY = Point("C-1", "总部", ("CN",))
HEATERS = Point("E-1", "浴霸服务商", ("CN-330106",), categories=("heater",))
INSTALLERS = Point("I-1", "安装服务商", ("CN-330106",), ticket_kinds=(Kind.INSTALLATION,))
DEALER = Point("D-1", "浙江经销商", ("CN-ZJ",))
SHOP = Point("S-1", "网店")  # it sells and does not serve


def facts(
    region: str | None, *, sold_by: str | None = None, category: str | None = None, kind: Kind = Kind.REPAIR
) -> TicketFacts:
    return TicketFacts(
        Channel.HOTLINE, kind, Urgency.GENERAL, product_category=category, region=region, sold_by=sold_by
    )


@pytest.mark.parametrize(
    ("region", "chain"),
    [
        ("CN-330106", ("CN-330106", "CN-3301", "CN-ZJ", "CN")),
        ("CN-3301", ("CN-3301", "CN-ZJ", "CN")),
        ("CN-330100", ("CN-3301", "CN-ZJ", "CN")),
        ("CN-330000", ("CN-ZJ", "CN")),
        ("CN-33", ("CN-ZJ", "CN")),
        ("CN-ZJ", ("CN-ZJ", "CN")),
        ("CN-110105", ("CN-110105", "CN-1101", "CN-BJ", "CN")),
        ("CN", ("CN",)),
        ("CN-33010", ("CN-33010", "CN")),  # no figure of GB/T 2260
        ("CN-99", ("CN-99", "CN")),  # no province
        ("DE-33", ("DE-33", "DE")),
    ],
)
def test_a_region_lies_in_its_city_province_and_country(region: str, chain: tuple[str, ...]) -> None:
    assert region_chain(region) == chain


@pytest.mark.parametrize(
    ("given", "points", "number", "how"),
    [
        # the most exact region wins, whatever the numbers
        (facts("CN-330106"), (COUNTRY, HANGZHOU, WEST_LAKE, ZHEJIANG), "W-1", "region"),
        (facts("CN-330102"), (COUNTRY, HANGZHOU, WEST_LAKE, ZHEJIANG), "H-1", "region"),
        (facts("CN-3302"), (COUNTRY, HANGZHOU, WEST_LAKE, ZHEJIANG), "Z-1", "region"),
        (facts("CN-33"), (COUNTRY, HANGZHOU, WEST_LAKE, ZHEJIANG), "Z-1", "region"),
        (facts("CN-BJ"), (COUNTRY, HANGZHOU, WEST_LAKE, ZHEJIANG), "C-1", "region"),
        # of two as exact the lower number
        (facts("CN-330106"), (WEST_LAKE, ANOTHER_WEST_LAKE), "A-1", "region"),
        # what a point does not take it does not serve; a category nobody knows is not its own
        (facts("CN-330106", category="heater"), (HEATERS, HANGZHOU), "E-1", "region"),
        (facts("CN-330106", category="tableware"), (HEATERS, HANGZHOU), "H-1", "region"),
        (facts("CN-330106"), (HEATERS, HANGZHOU), "H-1", "region"),
        (facts("CN-330106", kind=Kind.INSTALLATION), (INSTALLERS, HANGZHOU), "I-1", "region"),
        (facts("CN-330106"), (INSTALLERS,), None, "none"),
        # the seller where it serves itself, else as without it
        (facts("CN-330106", sold_by="D-1"), (WEST_LAKE, DEALER), "D-1", "seller"),
        (facts("CN-BJ", sold_by="D-1"), (COUNTRY, DEALER), "C-1", "region"),
        (facts("CN-330106", sold_by="S-1"), (WEST_LAKE, SHOP), "W-1", "region"),
        (facts("CN-330106", sold_by="E-1"), (HEATERS, HANGZHOU), "H-1", "region"),
        (facts(None, sold_by="D-1"), (WEST_LAKE, DEALER), "D-1", "seller"),
        (facts(None, sold_by="S-1"), (WEST_LAKE, SHOP), None, "none"),
        # nobody
        (facts(None), (COUNTRY, WEST_LAKE), None, "none"),
        (facts("CN-GD"), (WEST_LAKE,), None, "none"),
        (facts("CN-GD"), (), None, "none"),
    ],
)
def test_the_table_of_who_serves(given: TicketFacts, points: tuple[Point, ...], number: str | None, how: str) -> None:
    for order in (points, points[::-1]):
        serving = decide_service_point(given, order, None)
        assert (serving.number, serving.decision.rule) == (number, f"routing.service_network.{how}")
        assert serving.decision.outcome == (number or "none")


def test_a_decision_names_region_point_and_clause() -> None:
    stated = Sourced(basis=Basis.POLICY, clause="1.3")
    served = decide_service_point(facts("CN-330199"), (HANGZHOU,), stated).decision
    assert (served.clause, served.basis) == ("1.3", "policy")
    assert served.reason.en == "CN-3301 is served by 杭州服务商 (H-1)"
    assert served.reason.zh == "CN-3301 由杭州服务商（H-1）服务"
    assumed = decide_service_point(facts("CN-330199"), (HANGZHOU,), None).decision
    assert (assumed.clause, assumed.basis) == ("未规定", "assumed")


def test_nobody_is_told_with_the_reason() -> None:
    assert "unknown" in decide_service_point(facts(None), (COUNTRY,), None).decision.reason.en
    assert "CN-GD" in decide_service_point(facts("CN-GD"), (), None).decision.reason.en


def test_a_choice_of_staff_is_a_decision_without_an_entry() -> None:
    assert (decide_by_staff("H-1").outcome, decide_by_staff("H-1").basis) == ("H-1", None)
    assert decide_by_staff(None).outcome == "none"
