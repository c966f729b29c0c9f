"""ETag and If-Match."""

import pytest

from app.core.call import Call
from app.core.conditional import check_version, etag, unchanged
from app.core.errors import IfMatchRequired, VersionMismatch


def call(if_match: str | None = None, if_none_match: str | None = None) -> Call:
    return Call("req_1", "en", "PATCH", "/v1/x/1", "/v1/x/{x}", if_match=if_match, if_none_match=if_none_match)


@pytest.mark.parametrize(
    "sent", ['"3.general"', '"3.public"', ' "3.general" ', '"1.general", "3.general"', "*", '"2.a","3.b"']
)
def test_the_version_is_compared_and_the_view_is_not(sent: str) -> None:
    check_version(call(sent), 3, "general", required=True)


@pytest.mark.parametrize(
    "sent",
    [
        '"2.general"', '"30.general"', 'W/"3.general"', "3.general", '"3"', '"3."', '""', "", " ", ",", "garbage",
        '"٣.general"',
        '"3.general', '"3.general"x', '"03.general "', '"-3.general"', '"3.general\x00"', "9" * 10_000,
        '"9999999999999999999999.general"', ",".join(['"2.general"'] * 5000),
    ],
)  # fmt: skip
def test_a_stale_weak_or_unreadable_tag_does_not_match_and_the_answer_names_the_current_one(sent: str) -> None:
    with pytest.raises(VersionMismatch) as refusal:
        check_version(call(sent), 3, "general")
    assert refusal.value.members == {"current_etag": etag(3, "general")}


def test_a_missing_header_matters_only_where_it_is_required() -> None:
    check_version(call(), 3, "general")
    with pytest.raises(IfMatchRequired):
        check_version(call(), 3, "general", required=True)


@pytest.mark.parametrize(
    ("sent", "held"),
    [
        ('"3.general"', True),
        ('"1.x", "3.general"', True),
        ("*", True),
        ('"3.sensitive"', False),  # other bytes
        ('W/"3.general"', True),  # If-None-Match compares weakly (RFC 9110, 13.1.2)
        ("3.general", False),
        ("", False),
        (None, False),
    ],
)
def test_a_representation_is_the_same_only_with_its_view(sent: str | None, held: bool) -> None:
    assert unchanged(call(if_none_match=sent), etag(3, "general")) is held
