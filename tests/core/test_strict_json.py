"""Strict JSON: what two readers could understand differently is refused, and refusing costs next to nothing."""

import json
import time
from contextlib import suppress

import pytest

from app.core.errors import MalformedJson
from app.core.strict_json import MAX_DEPTH, MAX_INTEGER, MAX_ITEMS, parse_json

REFUSED = {
    "empty": b"",
    "blank": b" \n",
    "invalid UTF-8": b'{"a":"\xff"}',
    "GBK": '{"a":"餐盘"}'.encode("gbk"),
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a":1}'.encode("utf-16-be"),
    "byte order mark": b'\xef\xbb\xbf{"a":1}',
    "encoded surrogate": b'{"a":"\xed\xa0\x80"}',
    "overlong NUL": b'{"a":"\xc0\x80"}',
    "escaped NUL": rb'{"a":"\u0000"}',
    "escaped NUL in a key": rb'{"\u0000":1}',
    "raw NUL": b'{"a":"\x00"}',
    "raw control character": b'{"a":"\x1b"}',
    "lone surrogate": rb'{"a":"\ud800"}',
    "surrogates in the wrong order": rb'{"a":"\udc00\ud800"}',
    "lone surrogate in a key": rb'{"a":[{"\udfff":1}]}',
    "duplicate key": b'{"a":1,"a":2}',
    "duplicate key in disguise": rb'{"a":1,"\u0061":2}',
    "duplicate key further in": b'[{"b":{"a":1,"a":1}}]',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b'{"a":-Infinity}',
    "1e999": b'{"a":1e999}',
    "-1e999": b'{"a":-1e999}',
    "2^53": f'{{"a":{2**53}}}'.encode(),
    "-2^53": f'{{"a":-{2**53}}}'.encode(),
    "2^63": f'{{"a":{2**63}}}'.encode(),
    "5,000 digits": b'{"a":' + b"9" * 5000 + b"}",
    "leading zero": b'{"a":01}',
    "plus sign": b'{"a":+1}',
    "hexadecimal": b'{"a":0x10}',
    "trailing comma": b'{"a":1,}',
    "comment": b'{"a":1/* no */}',
    "single quotes": b"{'a':1}",
    "truncated": b'{"a":"b',
    "two documents": b"{}{}",
    "33 levels": b"[" * 33 + b"]" * 33,
    "33 levels of both kinds": b'{"a":[' * 17 + b"]}" * 17,
    "10,001 items": b"[" + b"0," * MAX_ITEMS + b"0]",
    "10,001 items further in": b'{"a":{"b":[' + b"0," * MAX_ITEMS + b"0]}}",
    "10,001 members": json.dumps(dict.fromkeys(map(str, range(MAX_ITEMS + 1)))).encode(),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_strict_json_is_refused_without_repeating_it(body: bytes) -> None:
    with pytest.raises(MalformedJson) as refusal:
        parse_json(body)
    assert "餐盘" not in refusal.value.detail.zh + refusal.value.detail.en
    assert refusal.value.__cause__ is None  # a chained error would put the body into a log


TAKEN = {
    "emoji": ('{"a":"😀"}', {"a": "😀"}),
    "escaped emoji": (r'{"a":"\ud83d\ude00"}', {"a": "😀"}),
    "noncharacter": (r'{"a":"\ufffe"}', {"a": "\ufffe"}),
    "right to left": ('{"a":"\u202eabc"}', {"a": "\u202eabc"}),
    "-0": ('{"a":-0}', {"a": 0}),
    "largest integer": (f"[{MAX_INTEGER},-{MAX_INTEGER}]", [MAX_INTEGER, -MAX_INTEGER]),
    "tiny float": ("[1e-999]", [0.0]),
    "32 levels": ("[" * 32 + "]" * 32, None),
    "brackets in text": (json.dumps({"a": "[{" * 500 + '\\"' * 3}), {"a": "[{" * 500 + '\\"' * 3}),
    "many short lists": ("[" + "[0]," * (MAX_ITEMS - 1) + "[0]]", [[0]] * MAX_ITEMS),
    "same key in two objects": ('[{"a":1},{"a":1}]', [{"a": 1}, {"a": 1}]),
}


@pytest.mark.parametrize(("body", "value"), TAKEN.values(), ids=TAKEN.keys())
def test_unusual_but_sound_json_is_taken(body: str, value: object) -> None:
    parsed = parse_json(body.encode())
    assert value is None or parsed == value


def test_a_body_that_is_not_utf_8_is_told_how_to_send_it() -> None:
    with pytest.raises(MalformedJson) as refusal:
        parse_json('{"description":"餐盘裂了"}'.encode("gbk"))
    assert "UTF-8" in refusal.value.detail.zh
    assert "GBK" in refusal.value.detail.zh
    assert "UTF-8" in refusal.value.detail.en


DEAR = {
    "100,000 levels": b"[" * 100_000,
    "a mebibyte of levels": b'{"a":' * 200_000,
    "an unfinished text of escaped quotes": b"[" * 40 + b'"' + rb"\"" * 500_000,
    "an unfinished text of escapes": b"[" * 40 + b'"' + rb"\\" * 500_000,
    "quotes and nothing else": b"[" * 40 + b'"' * 1_000_000,
    "a million commas": b"[" + b"," * 1_000_000 + b"]",
    "a long number": b"[" + b"9" * 1_000_000 + b"]",
    "a long fraction": b"[0." + b"9" * 1_000_000 + b"]",
    "many members": b"{" + b",".join(b'"%d":1' % number for number in range(80_000)) + b"}",
}


@pytest.mark.parametrize("body", DEAR.values(), ids=DEAR.keys())
def test_no_mebibyte_keeps_the_process_busy(body: bytes) -> None:
    started = time.process_time()
    with suppress(MalformedJson):
        parse_json(body)
    assert time.process_time() - started < 0.5


def test_depth_is_counted_outside_of_text_only() -> None:
    parse_json(("[" * MAX_DEPTH + r'"\"]]]]\\"' + "]" * MAX_DEPTH).encode())
    with pytest.raises(MalformedJson) as refusal:
        parse_json(("[" * MAX_DEPTH + r'"]]]]\\",[' + "]" * (MAX_DEPTH + 1)).encode())
    assert "32" in refusal.value.detail.en
