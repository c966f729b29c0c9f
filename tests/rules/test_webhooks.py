"""When an event is offered again, and when it is given up."""

from datetime import timedelta

import pytest

from app.services.rules.webhooks import LONGEST_WAIT, OWN_FAULT, SCHEDULE, SPREAD, DeliveryState, Outcome, judge_try

STANDARD = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]  # seconds, Standard Webhooks 1.0
REFUSED = Outcome(status=500)


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    assert [wait.total_seconds() for wait in SCHEDULE] == STANDARD
    assert sum(SCHEDULE, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)


@pytest.mark.parametrize("spread", [SPREAD[0], 1.0, SPREAD[1]])
def test_ten_tries_are_made_each_after_its_wait_give_or_take_a_fifth(spread: float) -> None:
    verdicts = [judge_try(REFUSED, tries, spread=spread) for tries in range(1, 11)]
    assert [verdict.wait for verdict in verdicts] == [*(wait * spread for wait in SCHEDULE[1:]), None]
    assert [verdict.state for verdict in verdicts] == [*[DeliveryState.RETRYING] * 9, DeliveryState.DEAD]
    assert judge_try(REFUSED, 11, spread=spread).state is DeliveryState.DEAD


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_two_hundreds_are_a_yes_whichever_try_it_is(status: int) -> None:
    for tries in (1, 10, 30):
        verdict = judge_try(Outcome(status=status), tries, spread=1)
        assert (verdict.state, verdict.wait) == (DeliveryState.DELIVERED, None)


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 304, 307, 400, 401, 404, 409, 422, 429, 500, 503, 599])
def test_everything_else_is_a_no(status: int) -> None:
    assert judge_try(Outcome(status=status), 1, spread=1).state is DeliveryState.RETRYING


@pytest.mark.parametrize("error", ["timeout", "connection_lost", "address_not_public", "tls_failed"])
def test_silence_is_a_no(error: str) -> None:
    assert judge_try(Outcome(error=error), 1, spread=1).state is DeliveryState.RETRYING


def test_gone_is_the_end_at_the_first_try() -> None:
    assert judge_try(Outcome(status=410), 1, spread=1).state is DeliveryState.DEAD


def test_an_event_we_cannot_send_is_given_up_after_three_tries() -> None:
    states = [judge_try(Outcome(error=OWN_FAULT), tries, spread=1).state for tries in (1, 2, 3)]
    assert states == [DeliveryState.RETRYING, DeliveryState.RETRYING, DeliveryState.DEAD]


@pytest.mark.parametrize(
    ("asked", "tries", "waited"),
    [
        (timedelta(minutes=1), 1, timedelta(minutes=1)),
        (timedelta(seconds=1), 1, timedelta(seconds=5)),  # never sooner than the schedule
        (timedelta(minutes=1), 2, timedelta(minutes=5)),
        (timedelta(days=3), 1, LONGEST_WAIT),
        (timedelta(days=3), 10, None),  # a receiver cannot ask for an eleventh try
    ],
)
def test_a_receiver_may_ask_for_a_longer_wait_up_to_a_day(
    asked: timedelta, tries: int, waited: timedelta | None
) -> None:
    assert judge_try(Outcome(status=503, retry_after=asked), tries, spread=1).wait == waited
