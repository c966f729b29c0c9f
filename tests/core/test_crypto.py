"""Personal data at rest: sealed to its place, found by keyed hash, through a change of key."""

import base64
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag

from app.core.crypto import KeyRing, KeyRingInvalid

PLACE = "ticket.customer_sealed"
OLD, NEW = KeyRing.new_entry("old"), KeyRing.new_entry("new")


def ring(*entries: str) -> KeyRing:
    return KeyRing.read(None, ",".join(entries))


def test_what_is_sealed_opens_again_and_shows_nothing() -> None:
    row, person = uuid4(), {"name": "王芳", "phone": "+8613800001234"}
    sealed = ring(OLD).seal(person, place=PLACE, row=row)
    assert ring(OLD).open(sealed, place=PLACE, row=row) == person
    assert b"13800001234" not in sealed
    assert "王芳".encode() not in sealed
    assert ring(OLD).seal(person, place=PLACE, row=row) != sealed  # equal people do not look equal


def test_what_was_moved_or_changed_does_not_open() -> None:
    row, keyring = uuid4(), ring(OLD)
    sealed = keyring.seal({"name": "王芳"}, place=PLACE, row=row)
    with pytest.raises(InvalidTag):
        keyring.open(sealed, place=PLACE, row=uuid4())
    with pytest.raises(InvalidTag):
        keyring.open(sealed, place="idempotency_record.answer", row=row)
    for position in range(sealed.index(0) + 1, len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(InvalidTag):
            keyring.open(bytes(changed), place=PLACE, row=row)


def test_a_new_key_in_front_still_opens_finds_and_trusts_what_the_old_one_made() -> None:
    row = uuid4()
    sealed = ring(OLD).seal({"name": "王芳"}, place=PLACE, row=row)
    found_by, signature = ring(OLD).lookup("phone", "+8613800001234"), ring(OLD).sign("cursor", b"page 2")
    rotated = ring(NEW, OLD)
    assert rotated.open(sealed, place=PLACE, row=row) == {"name": "王芳"}
    assert found_by in rotated.lookups("phone", "+8613800001234")
    assert rotated.signed("cursor", b"page 2", signature)
    assert rotated.lookup("phone", "+8613800001234") != found_by
    assert rotated.seal({}, place=PLACE, row=row).startswith(b"new\0")


def test_a_key_that_left_the_ring_opens_finds_and_trusts_nothing() -> None:
    row = uuid4()
    sealed = ring(OLD).seal({"name": "王芳"}, place=PLACE, row=row)
    with pytest.raises(KeyRingInvalid, match="'old' is not in the ring"):
        ring(NEW).open(sealed, place=PLACE, row=row)
    assert ring(OLD).lookup("phone", "1") not in ring(NEW).lookups("phone", "1")
    assert not ring(NEW).signed("cursor", b"page 2", ring(OLD).sign("cursor", b"page 2"))


def test_purposes_are_kept_apart() -> None:
    keyring = ring(OLD)
    assert keyring.lookup("phone", "123") != keyring.lookup("email", "123")
    assert not keyring.signed("survey", b"page 2", keyring.sign("cursor", b"page 2"))
    assert not keyring.signed("cursor", b"page 3", keyring.sign("cursor", b"page 2"))
    assert not keyring.signed("cursor", b"page 2", b"")


def test_a_ring_is_read_from_a_file_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{NEW}\n\n{OLD}\n")
    assert KeyRing.read(file, None).lookups("phone", "1") == ring(NEW, OLD).lookups("phone", "1")


@pytest.mark.parametrize(
    "text",
    [None, "", " , ", "old", "old:", "old:AAAA", "old:not base64", ":" + OLD.partition(":")[2], f"{OLD},bad:AAAA"],
    ids=range(9),
)  # fmt: skip
def test_a_ring_that_is_not_right_is_refused_without_showing_a_secret(text: str | None) -> None:
    with pytest.raises(KeyRingInvalid) as refusal:
        KeyRing.read(None, text)
    assert "AAAA" not in str(refusal.value)
    assert OLD.partition(":")[2] not in str(refusal.value)


@pytest.mark.parametrize(
    "secret",
    [bytes(32), b"\xff" * 32, bytes(range(32)), bytes(range(31, -1, -1)), b"changeme" * 4, b"0123456789abcdef" * 2,
     b"correct horse battery staple 123", b"\xde\xad\xbe\xef" * 8],
)  # fmt: skip
def test_R47_a_key_that_somebody_thought_up_is_refused(secret: bytes) -> None:
    with pytest.raises(KeyRingInvalid, match="'first' of the ring is an example"):
        ring(f"first:{base64.b64encode(secret).decode()}")


def test_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(KeyRingInvalid, match="twice"):
        ring(OLD, KeyRing.new_entry("old"))


def test_a_ring_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(KeyRingInvalid, match="cannot be read"):
        KeyRing.read(tmp_path / "absent", None)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KeyRingInvalid):
        KeyRing.read(tmp_path / "binary", None)
