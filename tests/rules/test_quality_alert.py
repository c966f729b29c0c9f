"""The quality alert: a rise beyond chance is found, a steady rate is left alone."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from app.services.rules.quality_alert import FALSE_ALARM_RATE, RateRise, find_rise

START = datetime(2026, 1, 1, tzinfo=UTC)


def every(hours: float, times: int, since: datetime = START) -> list[datetime]:
    return [since + timedelta(hours=hours * n) for n in range(1, times + 1)]


def rise(complaints: Sequence[datetime], **when: float) -> RateRise | None:
    return find_rise(complaints, complaints[-1] + timedelta(**when) if when else complaints[-1])


@pytest.mark.parametrize(
    "complaints",
    [
        pytest.param([], id="none"),
        pytest.param(every(24, 4), id="too few to say anything"),
        pytest.param([START] * 30, id="all at one moment: nothing to compare with"),
        pytest.param(every(24, 200), id="steady"),
        pytest.param(every(24, 40) + every(48, 40, START + timedelta(days=40)), id="falling"),
        pytest.param(every(24, 20) + every(12, 6, START + timedelta(days=20)), id="a few quick ones"),
    ],
)
def test_no_alarm(complaints: list[datetime]) -> None:
    assert find_rise(complaints, START + timedelta(days=400)) is None


def test_a_rate_that_has_risen_is_found_with_the_day_it_rose() -> None:
    change = START + timedelta(days=20)
    found = rise(every(24, 20) + every(4, 30, change))
    assert found is not None
    assert abs(found.since - change) <= timedelta(days=3)
    assert found.before + found.after == 50
    assert found.rate_before == pytest.approx(1, rel=0.1)
    assert found.rate_after == pytest.approx(6, rel=0.2)
    assert found.evidence >= 1 / FALSE_ALARM_RATE


def test_only_the_ratio_of_the_rates_counts_not_their_size() -> None:
    slow = rise(every(240, 20) + every(40, 30, START + timedelta(days=200)))
    quick = rise(every(2.4, 20) + every(0.4, 30, START + timedelta(days=2)))
    assert slow is not None
    assert quick is not None
    assert slow.evidence == pytest.approx(quick.evidence, rel=1e-6)


def test_quiet_time_takes_an_alarm_back() -> None:
    complaints = every(24, 20) + every(4, 30, START + timedelta(days=20))
    assert rise(complaints) is not None
    assert rise(complaints, days=60) is None


def test_a_lower_rate_of_false_alarms_asks_for_more() -> None:
    complaints = every(24, 20) + every(6, 15, START + timedelta(days=20))
    assert find_rise(complaints, complaints[-1], false_alarm_rate=0.5) is not None
    assert find_rise(complaints, complaints[-1], false_alarm_rate=1e-9) is None


def test_quiet_batches_hardly_ever_give_an_alarm() -> None:
    chance, alarms = random.Random(7), 0
    for _ in range(300):
        rate, complaints, instant = 10 ** chance.uniform(-2, 1), [], START
        for _ in range(40):
            instant += timedelta(days=chance.expovariate(rate))
            complaints.append(instant)
        alarms += any(find_rise(complaints[:n], complaints[n - 1]) for n in range(5, 41))
    assert alarms <= 9  # expected at most 3: more than 9 has a chance of 1 in 1,000
