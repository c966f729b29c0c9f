"""Bodies of the notice channels: what is put in is never shown again in full."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Bilingual, Flag, Instant, RequestBody, ResponseBody, Word
from app.services.rules.notices import ChannelKind, Verdict

Role = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z][a-z0-9_]{0,39})$")]
Roles = Annotated[
    list[Role], Field(min_length=1, max_length=50, description="roles of the line's edition, or `*` for any")
]
Address = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000),
    Field(description="an email address, or a robot's URL as its vendor gives it; shown masked"),
]
Secret = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(description="what DingTalk and Feishu robots sign with; never shown"),
]


class NoticeChannelIn(RequestBody):
    business_line: Word | None = None
    roles: Roles
    kind: ChannelKind
    address: Address
    secret: Secret | None = None
    enabled: Flag = True


class NoticeChannelPatch(RequestBody):
    """What may be changed; `secret: null` takes the secret away. Another kind is another channel."""

    roles: Roles | None = None
    address: Address | None = None
    secret: Secret | None = None
    enabled: Flag | None = None

    @model_validator(mode="after")
    def _what_a_channel_must_have(self) -> Self:
        for name in ("roles", "address", "enabled"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise Refusal("required", Text(f"{name} 不能清空", f"{name} cannot be cleared"), field=name)
        return self


class NoticeChannelOut(ResponseBody):
    id: str
    business_line: str
    roles: list[str]
    kind: ChannelKind
    address: str
    signed: bool
    enabled: bool
    version: int
    created_at: Instant
    updated_at: Instant


class NoticeChannelList(ResponseBody):
    items: list[NoticeChannelOut]
    next_cursor: str | None
    has_more: bool


class NoticeTestOut(ResponseBody):
    """What the receiving server answered: `status` is of HTTP or SMTP, `code` the messenger's own."""

    verdict: Verdict
    status: int | None
    code: str | None
    text: str | None
    advice: Annotated[Bilingual | None, Field(description="what to do so that the next one arrives")]
