"""ETag and If-Match (RFC 9110): a strong tag of version and view, of which a write compares the version only."""

import re

from app.core.call import Call
from app.core.errors import IfMatchRequired, VersionMismatch

_TAG = re.compile(r'^"(\d{1,18})\.([a-z]{1,20})"$', re.ASCII)


def etag(version: int, view: str) -> str:
    """Return `"<version>.<view>"`; the view is the permission tier, since bytes differ by tier."""
    return f'"{version}.{view}"'


def unchanged(call: Call, tag: str) -> bool:
    """Tell whether the caller already holds this representation (`If-None-Match`, to which a weak tag is as good)."""
    sent = call.if_none_match
    if sent is None:
        return False
    return sent.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in sent.split(","))


def check_version(call: Call, version: int, view: str, *, required: bool = False) -> None:
    """Compare `If-Match` with the version on file. Weak or unreadable tags never match.

    Raises: VersionMismatch (412), and IfMatchRequired (428) if the header is required and absent.
    """
    if call.if_match is None:
        if required:
            raise IfMatchRequired
        return
    if call.if_match.strip() == "*":
        return
    tags = (_TAG.match(part.strip()) for part in call.if_match.split(",")[:20])
    if not any(tag and int(tag[1]) == version for tag in tags):
        raise VersionMismatch(members={"current_etag": etag(version, view)})
