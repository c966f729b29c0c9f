"""Identifiers."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from app.core.ids import first_id, id_from, id_text, new_id


def test_ids_are_version_7_and_in_the_order_of_time() -> None:
    before, made = time.time_ns() // 1_000_000, [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert {(value.version, value.variant) for value in made} == {(7, "specified in RFC 4122")}
    stamps = [value.int >> 80 for value in made]
    assert stamps == sorted(stamps)
    assert before <= stamps[0] <= stamps[-1] <= time.time_ns() // 1_000_000


def test_the_ids_made_from_an_instant_on_are_greater_than_its_first() -> None:
    before = datetime.now(UTC)
    made = new_id()
    assert first_id(before) <= made < first_id(datetime.now(UTC) + timedelta(milliseconds=2))


def test_an_id_is_read_back_for_its_own_kind_only() -> None:
    value = new_id()
    text = id_text("tkt", value)
    assert len(text) <= 64
    assert id_from("tkt", text) == value
    assert id_from("evt", text) is None


@pytest.mark.parametrize(
    "text",
    ["", "tkt_", "tkt_" + "0" * 31, "tkt_" + "0" * 33, "tkt_" + "g" * 32, "TKT_" + "0" * 32, "tkt_" + "０" * 32,
     "0" * 32, "tkt_" + "0" * 32 + "\n", "\x00", "tkt_" + "0" * 8000],
)  # fmt: skip
def test_what_is_no_id_is_none(text: str) -> None:
    assert id_from("tkt", text) is None
