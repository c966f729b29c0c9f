"""What robots are sent and what their answers mean, against the vendors' guides; signatures against openssl's."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from app.services.notices.courier import advise
from app.services.notices.outcomes import Outcome, Trouble
from app.services.notices.robots import build_request, read_answer
from app.services.rules.notices import ChannelKind, Verdict

DINGTALK, WECOM, FEISHU = ChannelKind.DINGTALK, ChannelKind.WECOM, ChannelKind.FEISHU
AT = datetime(2026, 11, 22, 8, 36, 1, 123_000, tzinfo=UTC)
URL = {
    DINGTALK: "https://oapi.dingtalk.com/robot/send?access_token=abc",
    WECOM: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abc",
    FEISHU: "https://open.feishu.cn/open-apis/bot/v2/hook/abc",
}


def test_dingtalk_is_signed_in_the_address_with_milliseconds() -> None:
    request = build_request(DINGTALK, URL[DINGTALK], "SEC3f9a8b7c6d5e4f", "工单", AT)
    # printf '1795336561123\nSEC3f9a8b7c6d5e4f' | openssl dgst -sha256 -hmac SEC3f9a8b7c6d5e4f -binary | base64
    assert request.url == (
        f"{URL[DINGTALK]}&timestamp=1795336561123&sign=9dF84CBFN0lTg5hpEqEgFI050jyMuVnsCwZFraP5KW4%3D"
    )
    assert json.loads(request.body) == {"msgtype": "text", "text": {"content": "工单"}}


def test_feishu_is_signed_in_the_body_with_seconds_for_a_key_and_nothing_signed() -> None:
    request = build_request(FEISHU, URL[FEISHU], "FsK9secret", "工单", AT)
    # openssl dgst -sha256 -mac HMAC -macopt hexkey:(1795336561\nFsK9secret in hex), of nothing
    assert request.url == URL[FEISHU]
    assert json.loads(request.body) == {
        "timestamp": "1795336561",
        "sign": "ua4iE5ZvHdVLCyg1L+4Okj5pwPm+oulKwViOi0dMVLI=",
        "msg_type": "text",
        "content": {"text": "工单"},
    }


@pytest.mark.parametrize("kind", [DINGTALK, WECOM, FEISHU])
def test_a_robot_without_a_secret_is_not_signed(kind: ChannelKind) -> None:
    request = build_request(kind, URL[kind], None, "工单", AT)
    assert request.url == URL[kind]
    assert "sign" not in json.loads(request.body)


@pytest.mark.parametrize("second", range(0, 1000, 7))
def test_a_signature_has_the_very_millisecond(second: int) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(milliseconds=second * 1001 + 1)
    query = parse_qs(urlsplit(build_request(DINGTALK, URL[DINGTALK], "s", "x", at).url).query)
    assert query["timestamp"] == [str((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))]


@pytest.mark.parametrize("text", ["裂" * 5000, "a" + "裂" * 5000, "x" * 5000])
def test_a_text_too_long_for_a_robot_is_cut_between_two_characters(text: str) -> None:
    content = json.loads(build_request(WECOM, URL[WECOM], None, text, AT).body)["text"]["content"]
    assert text.startswith(content)
    assert 2045 <= len(content.encode()) <= 2048


TEN_MINUTES, ONE_MINUTE, AT_ONCE = timedelta(minutes=10), timedelta(minutes=1), timedelta(0)
ANSWERS = [
    # (robot, HTTP status, body, verdict, its code, rest of the channel, a word of the advice)
    (DINGTALK, 200, {"errcode": 0, "errmsg": "ok"}, "accepted", "0", AT_ONCE, None),
    (DINGTALK, 200, {"errcode": 310000, "errmsg": "sign not match"}, "refused", "310000", AT_ONCE, "secret"),
    (DINGTALK, 200, {"errcode": 310000, "errmsg": "invalid timestamp"}, "refused", "310000", AT_ONCE, "clock"),
    (DINGTALK, 200, {"errcode": 310000, "errmsg": "keywords not in content"}, "refused", "310000", AT_ONCE, "工单"),
    (DINGTALK, 200, {"errcode": 310000, "errmsg": "ip 1.2.3.4 not in whitelist"}, "refused", "310000", AT_ONCE, "IP"),
    (DINGTALK, 200, {"errcode": 310000}, "refused", "310000", AT_ONCE, "security"),
    (DINGTALK, 200, {"errcode": 300001, "errmsg": "token is not exist"}, "refused", "300001", AT_ONCE, "address"),
    (DINGTALK, 200, {"errcode": 130101, "errmsg": "send too fast"}, "later", "130101", TEN_MINUTES, None),
    (DINGTALK, 200, {"errcode": -1, "errmsg": "系统繁忙"}, "later", "-1", AT_ONCE, None),
    (DINGTALK, 200, {"errcode": 987654, "errmsg": "news"}, "later", "987654", AT_ONCE, None),
    (WECOM, 200, {"errcode": 0, "errmsg": "ok"}, "accepted", "0", AT_ONCE, None),
    (WECOM, 200, {"errcode": 45009, "errmsg": "api freq out of limit"}, "later", "45009", ONE_MINUTE, None),
    (WECOM, 200, {"errcode": 93000, "errmsg": "invalid webhook url"}, "refused", "93000", AT_ONCE, "address"),
    (WECOM, 200, {"errcode": 40058, "errmsg": "exceed max length"}, "refused", "40058", AT_ONCE, "support"),
    (FEISHU, 200, {"code": 0, "msg": "success", "StatusCode": 0}, "accepted", "0", AT_ONCE, None),
    (FEISHU, 200, {"StatusCode": 0, "StatusMessage": "success"}, "accepted", "0", AT_ONCE, None),
    (FEISHU, 200, {"code": 19021, "msg": "sign match fail"}, "refused", "19021", AT_ONCE, "clock"),
    (FEISHU, 200, {"code": 19022, "msg": "Ip Not Allowed"}, "refused", "19022", AT_ONCE, "IP"),
    (FEISHU, 200, {"code": 19024, "msg": "Key Words Not Found"}, "refused", "19024", AT_ONCE, "工单"),
    (FEISHU, 200, {"code": 19001, "msg": "param invalid"}, "refused", "19001", AT_ONCE, "address"),
    (FEISHU, 200, {"code": 11232, "msg": "frequency limited"}, "later", "11232", ONE_MINUTE, None),
    (FEISHU, 200, {"code": 9499, "msg": "too many request"}, "later", "9499", ONE_MINUTE, None),
    (FEISHU, 200, {"code": 9499, "msg": "Bad Request"}, "refused", "9499", AT_ONCE, "support"),
    # The code of another vendor means nothing here.
    (WECOM, 200, {"errcode": 130101}, "later", "130101", AT_ONCE, None),
    (FEISHU, 200, {"errcode": 0, "errmsg": "ok"}, "later", "not_a_robot", AT_ONCE, "proxy"),
    (DINGTALK, 429, {}, "later", None, ONE_MINUTE, None),
    (DINGTALK, 503, {}, "later", None, AT_ONCE, None),
    (DINGTALK, 302, {"errcode": 0}, "refused", None, AT_ONCE, "address"),
    (WECOM, 404, {}, "refused", None, AT_ONCE, "address"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "status", "answer", "verdict", "code", "rest", "advice"), ANSWERS)
def test_a_robots_answer_is_read_by_its_code_and_not_by_its_status(
    kind: ChannelKind,
    status: int,
    answer: dict[str, object],
    verdict: str,
    code: str | None,
    rest: timedelta,
    advice: str | None,
) -> None:
    outcome = read_answer(kind, status, json.dumps(answer, ensure_ascii=False).encode())
    assert (outcome.verdict, outcome.status, outcome.code, outcome.rest) == (verdict, status, code, rest)
    given = advise(kind, outcome.status, outcome.code, outcome.text) if outcome.verdict != "accepted" else None
    assert (given is not None) == (advice is not None)
    assert given is None or (advice or "") in given.en
    assert given is None or given.zh


HOSTILE = [
    b"", b"null", b"[]", b"0", b'"ok"', b"<html>", b"\xff\xfe", b"[" * 60_000, b'{"errcode":', b'{"errcode":null}',
    b'{"errcode":true}', b'{"errcode":[0]}', b'{"errcode":"' + b"0" * 1000 + b'"}', b'{"errcode":"\\u0000"}',
    b'{"errcode":0.0}', b'{"errcode":1e400}', b'{"code":{}}',
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=[body[:16].decode("latin-1") for body in HOSTILE])
@pytest.mark.parametrize("kind", [DINGTALK, WECOM, FEISHU])
def test_whatever_else_answers_has_not_taken_the_message(kind: ChannelKind, body: bytes) -> None:
    assert read_answer(kind, 200, body) == Outcome(Verdict.LATER, 200, Trouble.NOT_A_ROBOT)


def test_what_a_stranger_says_is_kept_to_one_harmless_line() -> None:
    words = "a\r\nSet-Cookie: x\x00\x1b[31m\u202e裂\ud800" + "x" * 10_000
    outcome = read_answer(WECOM, 200, json.dumps({"errcode": 1, "errmsg": words}).encode())
    assert outcome.text is not None
    assert outcome.text.startswith("a  Set-Cookie: x  [31m 裂 x")
    assert outcome.text.isprintable()
    assert len(outcome.text) <= 300
