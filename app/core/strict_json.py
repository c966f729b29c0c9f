"""Strict JSON: what two readers could understand differently is refused.

UTF-8 only; no duplicate keys, NaN, Infinity or numbers that overflow, no NUL, no lone surrogates, integers within
±(2^53−1), at most 32 levels, and 10,000 entries in a list or an object.
"""

import json
import math
import re
from typing import Any, NoReturn

from app.core.errors import MalformedJson
from app.core.language import Text

MAX_DEPTH = 32
MAX_ITEMS = 10_000
MAX_INTEGER = 2**53 - 1

# A string, also one that never ends, or a bracket. Possessive: an unfinished string must not be tried again and again.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


class _Refused(ValueError):
    def __init__(self, detail: Text) -> None:
        self.detail = detail


def parse_json(raw: bytes) -> Any:
    """Return the parsed body.

    Raises: MalformedJson saying what to send instead; it never repeats the body.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedJson(
            Text(
                "请求体不是 UTF-8 编码，请将 GBK 等编码转换为 UTF-8 后发送",
                "The body is not UTF-8: convert it (from GBK, say) to UTF-8 before sending",
            )
        ) from None
    try:
        _check_depth(text)
        value = _DECODER.decode(text)
        _check_text(text, value)
    except _Refused as refused:
        raise MalformedJson(refused.detail) from None
    except (ValueError, RecursionError):
        raise MalformedJson from None
    return value


def _check_depth(text: str) -> None:
    """Count brackets outside strings, so that a deep body is refused before anything recurses."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += _STEP.get(token[0], 0)
        if depth > MAX_DEPTH:
            raise _Refused(Text("JSON 嵌套超过 32 层", "The JSON is nested deeper than 32 levels"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_ITEMS:
        raise _Refused(Text("JSON 对象超过 10000 个键", "A JSON object holds more than 10,000 keys"))
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _Refused(Text("JSON 对象中有重复的键", "A key stands twice in one JSON object"))
    return result


def _constant(_name: str) -> NoReturn:
    raise _Refused(Text("JSON 不允许 NaN 或 Infinity", "NaN and Infinity are not JSON"))


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _Refused(Text("数值超出范围", "A number is out of range"))
    return value


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise _Refused(Text("整数须在 ±(2^53−1) 之内", "Integers go up to ±(2^53−1)"))
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer)


def _check_text(text: str, value: Any) -> None:
    """Look for what only an escape can smuggle in, and for long lists; a body without either is not walked."""
    if "\\u" in text or "\x00" in text:
        _walk_text(value)
    if text.count(",") >= MAX_ITEMS:
        _walk_lists(value)


def _walk_text(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise _Refused(
                Text("文本中不允许 NUL 字符或不成对的代理字符", "Text may not hold NUL or lone surrogate characters")
            )
    elif isinstance(value, list):
        for item in value:
            _walk_text(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _walk_text(key)
            _walk_text(item)


def _walk_lists(value: Any) -> None:
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            raise _Refused(Text("列表超过 10000 项", "A list holds more than 10,000 items"))
        for item in value:
            _walk_lists(item)
    elif isinstance(value, dict):
        for item in value.values():
            _walk_lists(item)
