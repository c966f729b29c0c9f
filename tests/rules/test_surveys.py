"""Whom to ask and when, and what an answer means."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from app.core.ids import new_id
from app.services.policy_book import PolicyBook
from app.services.rules.surveys import (
    Answers,
    SurveyAspect,
    SurveyTerms,
    contact_time,
    drawn,
    ends_matter,
    explain_follow_up,
    is_dissatisfied,
    is_satisfied,
    lot_of,
)
from app.services.rules.tickets import Move

SHANGHAI = ZoneInfo("Asia/Shanghai")


def terms(book: PolicyBook, name: str = "tableware") -> SurveyTerms:
    return book.editions(name)[0].edition.surveys


@pytest.mark.parametrize(
    ("asked_at", "window", "expected"),
    [
        ("2026-11-22T12:00", ("09:00", "20:00"), "2026-11-22T12:00"),
        ("2026-11-22T09:00", ("09:00", "20:00"), "2026-11-22T09:00"),
        ("2026-11-22T08:59", ("09:00", "20:00"), "2026-11-22T09:00"),
        ("2026-11-22T19:59", ("09:00", "20:00"), "2026-11-22T19:59"),
        ("2026-11-22T20:00", ("09:00", "20:00"), "2026-11-23T09:00"),
        ("2026-12-31T23:30", ("09:00", "20:00"), "2027-01-01T09:00"),
        ("2026-11-22T23:30", ("08:30", "24:00"), "2026-11-22T23:30"),
    ],
)
def test_customers_are_written_to_in_contact_hours(asked_at: str, window: tuple[str, str], expected: str) -> None:
    instant = datetime.fromisoformat(asked_at).replace(tzinfo=SHANGHAI)
    assert contact_time(instant, window, "Asia/Shanghai") == datetime.fromisoformat(expected).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("scores", "resolved", "dissatisfied", "satisfied"),
    [
        ({"overall": 5}, True, False, True),
        ({"overall": 4, "attitude": 3}, None, False, True),
        ({"overall": 3}, None, False, False),
        ({"overall": 5, "attitude": 2}, True, True, True),
        ({"overall": 1}, None, True, False),
        ({"overall": 5}, False, True, True),
        ({"attitude": 5}, None, False, None),
        ({}, None, False, None),
    ],
)
def test_what_an_answer_means(
    book: PolicyBook, scores: dict[str, int], resolved: bool | None, dissatisfied: bool, satisfied: bool | None
) -> None:
    answers = Answers({SurveyAspect(name): score for name, score in scores.items()}, resolved)
    assert is_dissatisfied(answers, terms(book)) is dissatisfied
    assert is_satisfied(answers, terms(book)) is satisfied


def test_a_follow_up_names_the_entry_that_called_for_it(book: PolicyBook) -> None:
    low, unresolved = Answers({SurveyAspect.OVERALL: 1}, False), Answers({SurveyAspect.OVERALL: 5}, False)
    rules = [explain_follow_up("after_sales", answers, terms(book)).rule for answers in (low, unresolved)]
    assert rules == ["surveys.dissatisfied_at_most", "surveys.unresolved_is_dissatisfied"]


@pytest.mark.parametrize(
    ("name", "move", "asked"),
    [
        ("tableware", Move.ACCEPT, True),  # 第十五条: the customer signs for the service
        ("tableware", Move.CLOSE, True),
        ("home_furnishing", Move.ACCEPT, False),  # 1.2: closed, then followed up
        ("home_furnishing", Move.CLOSE, True),
        ("tableware", Move.RESOLVE, False),
        ("tableware", Move.CANCEL, False),
    ],
)
def test_the_edition_says_when_a_matter_is_over(book: PolicyBook, name: str, move: Move, asked: bool) -> None:
    assert ends_matter(move, terms(book, name)) is asked


def test_the_lot_falls_on_the_share_and_falls_the_same_again() -> None:
    ids: list[UUID] = [new_id() for _ in range(4000)]
    chosen = [survey for survey in ids if drawn(survey, 20, "loyalty")]
    assert 0.16 < len(chosen) / len(ids) < 0.24  # five standard deviations and more
    assert all(drawn(survey, 20, "loyalty") for survey in chosen)
    assert not any(drawn(survey, 0, "loyalty") for survey in ids)
    assert all(drawn(survey, 100, "invited") for survey in ids)


def test_lots_are_the_same_again_and_spread_evenly() -> None:
    customers = [place.to_bytes(32) for place in range(2000)]
    autumn = [lot_of("autumn", customer) for customer in customers]
    assert autumn == [lot_of("autumn", customer) for customer in customers]
    assert set(autumn) == set(range(100))
    below = sum(lot < 20 for lot in autumn)
    assert 330 < below < 470  # 400 expected, within four standard deviations
    both = sum(lot < 20 and lot_of("winter", customer) < 20 for lot, customer in zip(autumn, customers, strict=True))
    assert 45 < both < 115  # another seed draws others: 80 expected
