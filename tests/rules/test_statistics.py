"""Figures of satisfaction against an independent computation, on data that nobody chose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from scipy.stats import fisher_exact as scipy_fisher

from app.services.rules.statistics import (
    CHANGE_LEVEL,
    Period,
    find_changes,
    fisher_exact,
    net_promoter_interval,
    net_promoter_score,
    wilson,
)


@st.composite
def shares(draw: st.DrawFn, most: int = 3000) -> tuple[int, int]:
    n = draw(st.integers(1, most))
    return draw(st.integers(0, n)), n


@given(shares())
def test_the_interval_of_a_share_is_wilsons(share: tuple[int, int]) -> None:
    successes, n = share
    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.lists(st.integers(0, 10), min_size=1, max_size=400))
def test_the_net_promoter_score_and_its_interval(answers: list[int]) -> None:
    promoters, detractors = sum(answer >= 9 for answer in answers), sum(answer <= 6 for answer in answers)
    values = np.array([100 if answer >= 9 else -100 if answer <= 6 else 0 for answer in answers])
    assert net_promoter_score(promoters, detractors, len(answers)) == pytest.approx(values.mean())
    # Three made-up answers: three quarters of one a promoter, as much a detractor, the rest between.
    weights = np.append(np.ones(len(values)), [0.75, 0.75, 1.5])
    values = np.append(values, [100, -100, 0])
    middle = np.average(values, weights=weights)
    half = norm.ppf(0.975) * np.sqrt(np.average((values - middle) ** 2, weights=weights) / weights.sum())
    expected = (max(middle - half, -100), min(middle + half, 100))
    assert net_promoter_interval(promoters, detractors, len(answers)) == pytest.approx(expected)


def test_nothing_has_no_figures() -> None:
    assert wilson(0, 0) is None
    assert net_promoter_score(0, 0, 0) is None
    assert net_promoter_interval(0, 0, 0) is None
    assert find_changes([]) == find_changes([Period(3, 5)]) == find_changes([Period(0, 0), Period(3, 5)]) == []


@given(shares(400), shares(400))
def test_two_shares_are_compared_by_fishers_test(one: tuple[int, int], other: tuple[int, int]) -> None:
    table = [[share[0], share[1] - share[0]] for share in (one, other)]
    assert fisher_exact(Period(*one), Period(*other)) == pytest.approx(scipy_fisher(table).pvalue, abs=1e-6, rel=1e-5)


@pytest.mark.parametrize(
    ("series", "places"),
    [
        ([(90, 100)] * 6, []),
        ([(90, 100)] * 3 + [(60, 100)] * 3, [3]),
        ([(90, 100)] * 3 + [(60, 100)] * 3 + [(90, 100)] * 4, [3, 6]),
        ([(5, 5), (2, 5)], []),  # five answers a month say little
        ([(90, 100), (0, 0), (0, 0), (40, 100)], [1]),
    ],
)
def test_a_change_is_marked_where_it_is_beyond_chance(series: list[tuple[int, int]], places: list[int]) -> None:
    assert [change.place for change in find_changes([Period(*share) for share in series])] == places


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_a_series_without_a_change_hardly_ever_shows_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    runs = 60
    series = [[Period(int(k), 80) for k in random.binomial(80, 0.85, size=12)] for _ in range(runs)]
    marked = sum(bool(find_changes(run)) for run in series)
    assert marked <= binomial_bound(runs)


def binomial_bound(runs: int) -> int:
    """How many of so many series may show a change before one in a thousand million such tests fails."""
    bound = 0
    while binomtest(bound, runs, CHANGE_LEVEL, alternative="greater").pvalue > 1e-9:
        bound += 1
    return bound
