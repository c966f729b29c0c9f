"""What goes wrong on the way in: an IVR that repeats itself, one that speaks GBK, and bodies that are wrong."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any

from app.demo.sending import JSON_HEADERS, as_json

Body = dict[str, Any]


class Trouble(StrEnum):
    NONE = "none"
    NERVOUS = "nervous"  # posted several times at once
    GBK = "gbk"  # posted in GBK, then again in UTF-8
    BROKEN = "broken"  # wrong, and never mended


@dataclass(frozen=True, slots=True)
class Refusal:
    """The problem a post has to be answered with; `pointer` names the field, None where the body has no say."""

    status: int
    code: str
    pointer: str | None = None


@dataclass(frozen=True, slots=True)
class Post:
    content: bytes
    headers: Mapping[str, str]
    refusal: Refusal | None = None  # None: it is to be taken


# Posts of one wave go out together; a wave begins when the one before it is answered.
Waves = tuple[tuple[Post, ...], ...]


def post_of(body: Body, key: str | None = None) -> Post:
    return Post(as_json(body), JSON_HEADERS | ({"Idempotency-Key": key} if key else {}))


def nervous(body: Body, reference: str, rng: Random) -> Waves:
    """Post the same matter two to five times at once, in one of the ways IVRs and impatient web pages do."""
    times = rng.randint(2, 5)
    way = rng.choice(("same_key", "fresh_keys", "no_key", "other_facts"))
    if way == "same_key":
        return (tuple(post_of(body, f"{reference}-key") for _ in range(times)),)
    if way == "fresh_keys":
        return (tuple(post_of(body, f"{reference}-key-{number}") for number in range(times)),)
    if way == "no_key":
        return (tuple(post_of(body) for _ in range(times)),)
    return (tuple(post_of(_told_again(body, number)) for number in range(times)),)


def _told_again(body: Body, number: int) -> Body:
    """The same matter as another leg of the sender saw it: later, and after more rings."""
    again = deepcopy(body)
    if "call" in again:
        again["call"]["rings"] += number
    later = datetime.fromisoformat(body["opened_at"]) + timedelta(seconds=7 * number)
    return again | {"opened_at": later.isoformat()}


def gbk(body: Body, reference: str, rng: Random) -> Waves:
    """Post in GBK, with or without saying so; when that is refused, post in UTF-8."""
    content = as_json(body).decode().encode("gbk")
    if rng.random() < 0.5:
        first = Post(content, JSON_HEADERS, Refusal(400, "malformed_json"))
    else:
        headers = {"Content-Type": "application/json; charset=gbk"}
        first = Post(content, headers, Refusal(415, "unsupported_media_type"))
    return ((first,), (post_of(body, f"{reference}-key"),))


def broken(body: Body, number: int) -> Waves:
    """Spoil a body in one of the ways of `_FAULTS`, which `number` goes through in turn."""
    spoil = _FAULTS[number % len(_FAULTS)]
    spoiled = deepcopy(body)
    refusal = spoil(spoiled)
    return ((Post(as_json(spoiled), JSON_HEADERS, refusal),),)


def _no_contact(body: Body) -> Refusal:
    del body["customer"]
    return Refusal(422, "validation_failed", "#/customer")


def _misspelt(body: Body) -> Refusal:
    body["descripton"] = body.pop("description")
    return Refusal(422, "validation_failed", "#/descripton")


def _wrong_phone(body: Body) -> Refusal:
    body["customer"] |= {"phone": "13800000000000000"}
    return Refusal(422, "validation_failed", "#/customer/phone")


def _no_offset(body: Body) -> Refusal:
    body["opened_at"] = body["opened_at"][:19]
    return Refusal(422, "timezone_required", "#/opened_at")


def _unknown_line(body: Body) -> Refusal:
    body["business_line"] = "garden_furniture"
    return Refusal(404, "not_found")


def _tomorrow(body: Body) -> Refusal:
    body["opened_at"] = (datetime.fromisoformat(body["opened_at"]) + timedelta(days=9)).isoformat()
    return Refusal(422, "validation_failed", "#/opened_at")


def _words_for_a_number(body: Body) -> Refusal:
    body["product"] |= {"quantity": "三箱"}
    return Refusal(422, "validation_failed", "#/product/quantity")


_FAULTS: tuple[Callable[[Body], Refusal], ...] = (
    _no_contact,
    _misspelt,
    _wrong_phone,
    _no_offset,
    _unknown_line,
    _words_for_a_number,
    _tomorrow,
)
