"""A finished answer: the bytes that are sent, and that a replay sends again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import BaseModel

JSON = "application/json; charset=utf-8"
PROBLEM_JSON = "application/problem+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, body: BaseModel | Mapping[str, Any], **headers: str) -> "Answer":
        """Render a response body; keyword names are header names with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        written = body.model_dump_json(by_alias=True).encode() if isinstance(body, BaseModel) else orjson.dumps(body)
        return cls(status, written, {"content-type": JSON, **named})
