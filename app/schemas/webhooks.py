"""Bodies of the webhook endpoints."""

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from app.core.egress import LONGEST_URL
from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Instant, Line, Reference, RequestBody, ResponseBody
from app.schemas.lists import Cursor, Limit, Lines, Several
from app.services.rules.webhooks import DeliveryState, DisabledReason

_TYPES = re.compile(r"[a-z0-9_]{1,40}\.(?:[a-z0-9_.]{1,40}|\*)", re.ASCII)


def _type(value: object) -> object:
    if isinstance(value, str) and not _TYPES.fullmatch(value):
        raise Refusal(
            "wrong_format", Text("事件类型如 ticket.closed 或 ticket.*", "A type is written ticket.closed or ticket.*")
        )
    return value


_Type = Annotated[str, BeforeValidator(_type), WithJsonSchema({"type": "string", "pattern": f"^{_TYPES.pattern}$"})]
EventTypes = Annotated[list[_Type], Field(max_length=50)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
LineNames = Annotated[list[Annotated[str, Field(max_length=40)]], Field(min_length=1, max_length=50)]


class NothingIn(RequestBody):
    """No field is known."""


class EndpointIn(RequestBody):
    """`business_lines` left out: those of the key. `types` left out or empty: every type."""

    url: Url
    business_lines: LineNames | None = None
    types: EventTypes = []
    description: Line | None = None


class EndpointPatch(RequestBody):
    url: Url | None = None
    business_lines: LineNames | None = None
    types: EventTypes | None = None
    description: Line | None = None

    @model_validator(mode="after")
    def _what_is_needed_stays(self) -> Self:
        for name in ("url", "business_lines", "types"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise Refusal("required", Text("不能为空", "This field cannot be taken away"), field=name)
        return self


class ReplayIn(RequestBody):
    """Events that happened from `after` on and before `until`, of these types.

    `which` is `dead` for what was given up, or `all`: also what was delivered, and what is older than the endpoint.
    """

    after: Instant | None = None
    until: Instant | None = None
    types: EventTypes = []
    which: Literal["dead", "all"] = "dead"

    @model_validator(mode="after")
    def _a_range_runs_forward(self) -> Self:
        if self.after and self.until and self.after > self.until:
            raise Refusal("empty_range", Text("after 晚于 until", "after is after until"), field="after")
        return self


class EndpointFilter(RequestBody):
    business_line: Lines | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class DeliveryFilter(RequestBody):
    business_line: Lines | None = None
    state: Several[DeliveryState] = []
    endpoint: Reference | None = None
    ticket: Reference | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class EndpointOut(ResponseBody):
    """`failing_since` is the first failure after the last success; five days of it disable the endpoint."""

    id: str
    url: str
    business_lines: list[str]
    types: list[str]
    description: str | None
    enabled: bool
    disabled_at: Instant | None
    disabled_reason: DisabledReason | None
    failing_since: Instant | None
    previous_secret_until: Instant | None
    version: int
    created_at: Instant


class EndpointSecret(EndpointOut):
    """With the secret, which is shown this once."""

    secret: str


class EndpointList(ResponseBody):
    items: list[EndpointOut]
    next_cursor: str | None
    has_more: bool


class AttemptOut(ResponseBody):
    """`status` is the receiver's; without one, `error` says why none came. `reply` is the beginning of a refusal."""

    at: Instant
    status: int | None
    error: str | None
    duration_ms: int
    reply: str | None


class DeliveryOut(ResponseBody):
    """`request_id` is that of the request that caused the event, where one did. `last_attempt` is the latest."""

    id: str
    endpoint_id: str
    business_line: str
    webhook_id: str
    type: str
    subject: str
    sequence: int
    request_id: str | None
    state: DeliveryState
    tries: int
    next_attempt_at: Instant | None
    last_attempt: AttemptOut | None
    created_at: Instant
    delivered_at: Instant | None


class DeliveryDetail(DeliveryOut):
    attempts: list[AttemptOut]


class DeliveryList(ResponseBody):
    items: list[DeliveryOut]
    next_cursor: str | None
    has_more: bool


class ReplayOut(ResponseBody):
    """`has_more`: the range holds more than one call takes; repeat it with `next_after` as `after`."""

    queued: int
    has_more: bool
    next_after: Instant | None
