"""Plays a story against the application, in one language, and notes what was sent and what was answered."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.http.operations import A_PICTURE
from tests.http.service import Service
from tests.story.english import ENGLISH

Recorded = dict[str, Any]
_CHINESE: Final = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_ID: Final = re.compile(r"\b([a-z]{3})_([0-9a-f]{32})\b")
# What differs with each recording, or would look like a secret that somebody lost.
_INVENTED: Final = {
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "order_token": "ot_example",
    "next_cursor": "eyJhZnRlciI6ImV4YW1wbGUifQ",
    "fingerprint": "0" * 64,
}


@dataclass
class Player:
    """One client and what it has made so far. `known` holds references by their names in paths."""

    service: Service
    client: httpx.AsyncClient
    language: str
    known: dict[str, str] = field(default_factory=dict)
    recorded: dict[str, Recorded] = field(default_factory=dict)

    async def does(
        self, name: str, body: Mapping[str, Any] | None = None, *, query: Mapping[str, str] | None = None, **keeps: str
    ) -> Any:
        """Perform an operation, `METHOD /path/{template}`, and return its JSON.

        `"{purchase}"` in the body becomes what is known by that name. `keeps` notes parts of the answer as references:
        `action="actions.0.id"`. The first time an operation is performed becomes its example.
        """
        method, template = name.split(" ", 1)
        sent = None if body is None else self._worded(body)
        asked = {key: self.known.get(value.strip("{}"), value) for key, value in (query or {}).items()}
        headers = {"If-Match": "*"} if method in ("PATCH", "PUT", "DELETE") else {}
        response = await self.client.request(
            method, template.format(**self.known), json=sent, params=asked, headers=headers
        )
        return self._note(name, response, sent, asked, keeps)

    async def uploads(self, name: str, **keeps: str) -> Any:
        """Send a picture as an attachment."""
        headers = {"Content-Disposition": "attachment; filename=photo.png"}
        path, query = name.split(" ", 1)[1].format(**self.known), {"kind": "photo"}
        response = await self.client.post(path, params=query, content=A_PICTURE, headers=headers)
        return self._note(name, response, None, query, keeps)

    def _note(
        self, name: str, response: httpx.Response, sent: Any, asked: Mapping[str, str], keeps: Mapping[str, str]
    ) -> Any:
        assert response.is_success, (name, sent, response.text)
        references = re.findall(r"\{(\w+)\}", name)
        noted = self.recorded.setdefault(name, {"parameters": {}, "request": sent, "answers": {}})
        noted["parameters"] = {one: self.known[one] for one in references} | dict(asked) | noted["parameters"]
        if not response.headers.get("content-type", "").startswith("application/json"):
            return None
        answer = response.json()
        noted["answers"].setdefault(str(response.status_code), answer)
        for reference, place in keeps.items():
            self.known[reference] = _part(answer, place)
        return answer

    def _worded(self, value: Any) -> Any:
        """Return a body with what is known put in, and its texts in the language of the story."""
        if isinstance(value, Mapping):
            return {name: self._worded(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self._worded(part) for part in value]
        if not isinstance(value, str):
            return value
        if value.startswith("{") and value.endswith("}"):
            return self.known[value[1:-1]]
        return ENGLISH[value] if self.language == "en" and _CHINESE.search(value) else value


def _part(answer: Any, place: str) -> str:
    for step in place.split("."):
        answer = answer[int(step)] if step.isdecimal() else answer[step]
    return str(answer)


def steady(recorded: dict[str, Recorded]) -> dict[str, Recorded]:
    """Return a recording with ids that are the same each time, and none of what is secret."""
    numbers: dict[str, str] = {}

    def renamed(match: re.Match[str]) -> str:
        return f"{match[1]}_{numbers.setdefault(match[2], f'0190{len(numbers) + 1:028x}')}"

    shown: dict[str, Recorded] = json.loads(_ID.sub(renamed, json.dumps(recorded, ensure_ascii=False)))
    return {name: _harmless(one) for name, one in shown.items()}


def _harmless(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _INVENTED[name] if name in _INVENTED and part is not None else _harmless(part)
            for name, part in value.items()
        }
    return [_harmless(part) for part in value] if isinstance(value, list) else value
