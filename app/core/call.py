"""What is known of the HTTP request being served: who calls, in which language, under which id."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.core.language import Language
from app.core.personal import Tier

EVERYTHING = "*"  # every scope, or every business line
STAFF_NO: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated key, or a person with a token. `client_id` outlives the key: a rotated key keeps its references.

    `origins` are the pages a browser key may be used from; None: a secret key. `staff_no` is who is at work: the
    person, or whom a key that may do so names. `rate_factor` multiplies the rate limits.
    """

    key_id: UUID
    client_id: UUID
    name: str
    scopes: frozenset[str]
    business_lines: frozenset[str]
    tier: Tier
    origins: frozenset[str] | None = None
    staff_no: str | None = None
    rate_factor: int = 1

    def may(self, scope: str) -> bool:
        return scope in self.scopes or EVERYTHING in self.scopes

    def sees(self, business_line: str) -> bool:
        return business_line in self.business_lines or EVERYTHING in self.business_lines


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `route` is the path's template, `path` and `query` are as they stand in a URI.

    Conditions are as sent; the idempotency key is checked, and there for methods that change something only.
    """

    request_id: str
    language: Language
    method: str
    path: str
    route: str
    idempotency_key: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    query: str = ""
