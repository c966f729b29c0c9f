"""Who of a department takes the next matter."""

from datetime import UTC, datetime, timedelta

import pytest

from app.services.rules.queues import Member, choose

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)


def member(number: str, load: int = 0, *, of: int = 10, skills: str = "", idle_hours: int | None = None) -> Member:
    last = None if idle_hours is None else NOON - timedelta(hours=idle_hours)
    return Member(number, frozenset({"technical"}), frozenset(skills.split()), load, of, last)


@pytest.mark.parametrize(
    ("members", "department", "skills", "chosen"),
    [
        pytest.param([], "technical", "", None, id="nobody is there"),
        pytest.param([member("1", 3), member("2", 1)], "technical", "", "2", id="the least loaded"),
        pytest.param([member("1", 3, of=100), member("2", 1, of=2)], "technical", "", "1", id="by share of capacity"),
        pytest.param([member("1", 10)], "technical", "", None, id="all have enough"),
        pytest.param([member("1"), member("2", 5, skills="gas")], "technical", "gas", "2", id="only who has the skill"),
        pytest.param([member("1", skills="gas")], "technical", "gas height", None, id="every skill is needed"),
        pytest.param([member("1")], "production", "", None, id="of another department"),
        pytest.param([member("1", idle_hours=1), member("2", idle_hours=9)], "technical", "", "2", id="idle longest"),
        pytest.param([member("1", idle_hours=9), member("2")], "technical", "", "2", id="never given anything"),
        pytest.param([member("2"), member("1")], "technical", "", "1", id="else by number"),
    ],
)
def test_who_takes_it(members: list[Member], department: str, skills: str, chosen: str | None) -> None:
    found = choose(members, department, frozenset(skills.split()))
    assert (found.staff_no if found else None) == chosen
