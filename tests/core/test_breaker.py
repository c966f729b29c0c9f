"""The circuit breaker, by a clock of its own."""

from app.core.breaker import Breaker


def after(*tries: bool, breaker: Breaker | None = None, start: float = 0.0) -> Breaker:
    breaker = breaker or Breaker()
    for second, succeeded in enumerate(tries):
        breaker.note(start + second, succeeded=succeeded)
    return breaker


def test_it_stays_closed_while_too_few_failed_or_too_few_were_tried() -> None:
    assert not after(*[False] * 19).open
    assert not after(*[True] * 7, *[False] * 13).open
    assert after(*[True] * 6, *[False] * 14).open


def test_what_is_older_than_five_minutes_no_longer_counts() -> None:
    breaker = after(*[False] * 19)
    assert not after(False, breaker=breaker, start=301).open


def test_an_open_one_lets_one_try_through_each_minute_until_one_succeeds() -> None:
    breaker = after(*[False] * 20)  # the last at second 19
    assert [breaker.allows(second) for second in (20, 78.9, 79)] == [False, False, True]
    breaker.note(80, succeeded=False)
    assert [breaker.allows(second) for second in (81, 139, 140)] == [False, False, True]
    breaker.note(141, succeeded=True)
    assert not breaker.open
    assert not after(*[False] * 19, breaker=breaker, start=142).open
