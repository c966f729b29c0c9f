"""Cursors: opaque, signed, bound to their query, valid for a day."""

import base64
from collections.abc import Mapping
from datetime import timedelta

import pytest

from app.core.crypto import KeyRing
from app.core.errors import CursorFilterMismatch, InvalidCursor
from app.core.pagination import LIFETIME, Cursors
from tests.conftest import SUNDAY_NOON

OURS, THEIRS = KeyRing.new_entry("ours"), KeyRing.new_entry("theirs")
RING = KeyRing.read(None, OURS)
QUERY = {"status": ["open"], "sort": "-opened_at", "lines": ["a"]}
AFTER = ["2026-11-22T04:00:00+00:00", "0" * 32]


def cursors(query: Mapping[str, object] = QUERY, ring: KeyRing = RING, **later: int) -> Cursors:
    return Cursors(ring, dict(query), now=SUNDAY_NOON + timedelta(**later))


def test_a_cursor_gives_back_what_it_was_made_of() -> None:
    cursor = cursors().issue(AFTER)
    assert cursors().read(cursor) == AFTER
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_cursor_ends_after_a_day() -> None:
    cursor = cursors().issue(AFTER)
    assert cursors(hours=24).read(cursor) == AFTER
    with pytest.raises(InvalidCursor):
        cursors(seconds=int(LIFETIME.total_seconds()) + 1).read(cursor)


@pytest.mark.parametrize("changed", [{"status": ["closed"]}, {"sort": "opened_at"}, {"lines": ["b"]}, {"more": 1}])
def test_a_cursor_belongs_to_its_query(changed: dict[str, object]) -> None:
    cursor = cursors().issue(AFTER)
    with pytest.raises(CursorFilterMismatch):
        cursors({**QUERY, **changed}).read(cursor)


def test_a_cursor_of_another_key_ring_is_none_and_one_of_an_older_key_is() -> None:
    cursor = cursors().issue(AFTER)
    with pytest.raises(InvalidCursor):
        cursors(ring=KeyRing.read(None, THEIRS)).read(cursor)
    assert cursors(ring=KeyRing.read(None, f"{THEIRS},{OURS}")).read(cursor) == AFTER


def test_every_changed_or_missing_character_is_noticed() -> None:
    cursor = cursors().issue(AFTER)
    for end in range(len(cursor)):
        with pytest.raises(InvalidCursor):
            cursors().read(cursor[:end])
    for position in range(len(cursor) - 1):  # the last holds spare bits
        with pytest.raises(InvalidCursor):
            cursors().read(f"{cursor[:position]}{'A' if cursor[position] != 'A' else 'B'}{cursor[position + 1 :]}")


@pytest.mark.parametrize(
    "garbage",
    [
        "", "A", "AAAA", "=", "====", "%00", "\x00", "é", "光标", "\ud800", "a" * 2000, "..", "' OR 1=1 --",
        base64.urlsafe_b64encode(b"\0" * 16).decode(),
        base64.urlsafe_b64encode(b"\0" * 16 + b"not json").decode(),
        base64.urlsafe_b64encode(RING.sign("other", b"[]") + b"[]").decode(),
    ],
    ids=range(16),
)  # fmt: skip
def test_what_never_was_a_cursor_is_refused(garbage: str) -> None:
    with pytest.raises(InvalidCursor):
        cursors().read(garbage)


@pytest.mark.parametrize("message", [b"not json", b"[]", b"{}", b'["query",1]', b"1", b"\xff"])
def test_even_under_our_signature_only_our_form_is_read(message: bytes) -> None:
    cursor = base64.urlsafe_b64encode(RING.sign("cursor", message) + message).decode()
    with pytest.raises(InvalidCursor):
        cursors().read(cursor)
