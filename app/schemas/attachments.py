"""Parameters and bodies of attachments."""

from typing import Annotated

from pydantic import Field

from app.core.media.formats import Format
from app.schemas.fields import Instant, RequestBody, ResponseBody, ShortText, StaffNo
from app.services.rules.attachments import AttachmentKind, ScanState

About = Annotated[
    str,
    Field(
        pattern=r"^[a-z]{3}_[0-9a-f]{32}$",
        description="the id of an inspection or return request of the ticket that it belongs to",
    ),
]


class AttachmentIn(RequestBody):
    """What is said of a file beside its content, in the query."""

    kind: AttachmentKind
    about: About | None = None
    staff_no: StaffNo | None = None


class SentFile(AttachmentIn):
    """What a retry must repeat to be one."""

    name: str
    sha256: str


class RemovalIn(RequestBody):
    staff_no: StaffNo
    reason: ShortText


class AttachmentOut(ResponseBody):
    """`name` is for the tier `sensitive` only. `sha256` is that of what is kept, `sent_sha256` of what was sent."""

    id: str
    kind: AttachmentKind
    about: str | None
    name: str | None
    format: Format
    media_type: str
    size_bytes: int
    sha256: str
    sent_sha256: str
    scan: ScanState
    attached_by: str | None
    attached_at: Instant


class AttachmentList(ResponseBody):
    """The attachments that are there, the earliest first: ten at most."""

    items: list[AttachmentOut]
