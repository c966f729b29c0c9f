"""The group robots of DingTalk, WeCom and Feishu: what they are sent, and what their answers mean.

Pure: no network and no clock. A robot answers HTTP 200 to what it refuses; its own code tells. After the vendors'
guides to custom robots (钉钉 自定义机器人接入, 企业微信 群机器人配置说明, 飞书 自定义机器人使用指南).
"""

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus

from app.core.language import Text
from app.services.notices.outcomes import Outcome, Trouble, code_of, said
from app.services.rules.notices import ChannelKind, Verdict

# Where each vendor's robots answer. A robot's address begins with this, so that no other server can be reached.
OFFICIAL = {
    ChannelKind.DINGTALK: ("https://oapi.dingtalk.com/robot/send?",),
    ChannelKind.WECOM: ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?",),
    ChannelKind.FEISHU: (
        "https://open.feishu.cn/open-apis/bot/v2/hook/",
        "https://open.larksuite.com/open-apis/bot/v2/hook/",
    ),
}
SIGNED = frozenset({ChannelKind.DINGTALK, ChannelKind.FEISHU})
_MOST_BYTES = 2048  # of a text to WeCom; the others take 20 kB


@dataclass(frozen=True, slots=True)
class RobotRequest:
    """A POST of JSON."""

    url: str
    body: bytes


def build_request(kind: ChannelKind, url: str, secret: str | None, text: str, at: datetime) -> RobotRequest:
    """Return the request that has a robot say a text; `at` goes into the signature, good for an hour."""
    content = _fitted(text)
    match kind:
        case ChannelKind.DINGTALK:
            return RobotRequest(_signed_url(url, secret, at), _json({"msgtype": "text", "text": {"content": content}}))
        case ChannelKind.WECOM:
            return RobotRequest(url, _json({"msgtype": "text", "text": {"content": content}}))
        case ChannelKind.FEISHU:
            message = {"msg_type": "text", "content": {"text": content}}
            return RobotRequest(url, _json(_feishu_signature(secret, at) | message))
        case _:
            raise ValueError(f"{kind} is no robot")


def _signed_url(url: str, secret: str | None, at: datetime) -> str:
    if secret is None:
        return url
    timestamp = round(at.timestamp() * 1000)
    sign = base64.b64encode(hmac.digest(secret.encode(), f"{timestamp}\n{secret}".encode(), sha256))
    return f"{url}&timestamp={timestamp}&sign={quote_plus(sign)}"


def _feishu_signature(secret: str | None, at: datetime) -> dict[str, str]:
    """Feishu takes the time and the secret for the key, and signs nothing with it."""
    if secret is None:
        return {}
    timestamp = str(int(at.timestamp()))
    sign = base64.b64encode(hmac.digest(f"{timestamp}\n{secret}".encode(), b"", sha256))
    return {"timestamp": timestamp, "sign": sign.decode()}


def _fitted(text: str) -> str:
    """Cut a text to what all robots take, between two characters."""
    return text.encode()[:_MOST_BYTES].decode(errors="ignore")


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def read_answer(kind: ChannelKind, status: int, body: bytes) -> Outcome:
    """Say what a robot's answer means. What nobody knows is tried again, since that does no harm."""
    if status != 200:
        verdict = Verdict.LATER if status in _PASSING or status >= 500 else Verdict.REFUSED
        return Outcome(verdict, status, rest=_REST if status == 429 else timedelta(0))
    answer = _document(body)
    fields = ("code", "StatusCode", "msg") if kind is ChannelKind.FEISHU else ("errcode", "errcode", "errmsg")
    code = code_of(answer.get(fields[0], answer.get(fields[1])))
    text = said(answer.get(fields[2], "")) or None
    if code is None:
        return Outcome(Verdict.LATER, status, Trouble.NOT_A_ROBOT)
    if code == "0":
        return Outcome(Verdict.ACCEPTED, status, code)
    if _too_fast(kind, code, text):
        return Outcome(Verdict.LATER, status, code, text, rest=_RESTS.get(kind, _REST))
    verdict = Verdict.REFUSED if (kind, code) in _ADVICE else Verdict.LATER
    return Outcome(verdict, status, code, text)


_PASSING = (408, 425, 429)
_REST = timedelta(minutes=1)
_RESTS = {ChannelKind.DINGTALK: timedelta(minutes=10)}  # its penalty for more than 20 a minute
_TOO_FAST = {
    (ChannelKind.DINGTALK, "130101"),
    (ChannelKind.DINGTALK, "410100"),
    (ChannelKind.WECOM, "45009"),
    (ChannelKind.WECOM, "45033"),
    (ChannelKind.FEISHU, "11232"),
}


def _too_fast(kind: ChannelKind, code: str, text: str | None) -> bool:
    """Feishu has one code for a request it cannot read and for one too many."""
    many = (kind, code) == (ChannelKind.FEISHU, "9499") and "too many" in (text or "").lower()
    return many or (kind, code) in _TOO_FAST


def _document(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


_MEND_KEYWORD = Text(
    "机器人设置了自定义关键词：请加入关键词“工单”", "The robot asks for a keyword: add the keyword 工单 in its settings"
)
_MEND_SIGN = Text(
    "签名不符：请核对加签密钥，并确认服务器时间准确",
    "The signature is wrong: check the signing secret, and that the server's clock is right",
)
_MEND_ADDRESS = Text(
    "地址已失效：机器人可能已停用或移出群聊，请新建机器人并更新地址",
    "The address is no longer good: the robot may be disabled or gone; make one and put in its address",
)
_MEND_IP = Text(
    "机器人限制了来源 IP：请将本服务的出口 IP 加入白名单",
    "The robot admits certain IPs only: add the one this service calls from",
)
_MEND_BODY = Text("机器人不接受消息内容，请联系技术支持", "The robot does not take the message: tell support")
_MEND_SECURITY = Text(
    "未通过机器人的安全设置：请核对关键词（建议“工单”）、加签密钥和 IP 白名单",
    "The robot's security settings refuse it: check the keyword (工单 is good), the signing secret and the IPs",
)
# What is useless to try again, and what to do about it.
_ADVICE = {
    (ChannelKind.DINGTALK, "310000"): _MEND_SECURITY,
    (ChannelKind.DINGTALK, "300001"): _MEND_ADDRESS,
    (ChannelKind.DINGTALK, "300005"): _MEND_ADDRESS,
    (ChannelKind.DINGTALK, "400013"): _MEND_ADDRESS,
    (ChannelKind.DINGTALK, "400101"): _MEND_ADDRESS,
    (ChannelKind.DINGTALK, "400102"): _MEND_ADDRESS,
    (ChannelKind.DINGTALK, "400106"): _MEND_ADDRESS,
    (ChannelKind.DINGTALK, "40035"): _MEND_BODY,
    (ChannelKind.DINGTALK, "43004"): _MEND_BODY,
    (ChannelKind.DINGTALK, "460101"): _MEND_BODY,
    (ChannelKind.WECOM, "93000"): _MEND_ADDRESS,
    (ChannelKind.WECOM, "93004"): _MEND_ADDRESS,
    (ChannelKind.WECOM, "93008"): _MEND_ADDRESS,
    (ChannelKind.WECOM, "40058"): _MEND_BODY,
    (ChannelKind.FEISHU, "19001"): _MEND_ADDRESS,
    (ChannelKind.FEISHU, "19021"): _MEND_SIGN,
    (ChannelKind.FEISHU, "19022"): _MEND_IP,
    (ChannelKind.FEISHU, "19024"): _MEND_KEYWORD,
    (ChannelKind.FEISHU, "19036"): _MEND_BODY,
    (ChannelKind.FEISHU, "9499"): _MEND_BODY,
}
_DINGTALK_SAYS = {"keyword": _MEND_KEYWORD, "sign": _MEND_SIGN, "timestamp": _MEND_SIGN, "whitelist": _MEND_IP}


def advise(kind: ChannelKind, status: int | None, code: str | None, text: str | None) -> Text | None:
    """Say what to do about a robot's refusal; DingTalk has one code for all its security settings."""
    if code is None:
        elsewhere = status is not None and 300 <= status < 500 and status not in _PASSING
        return _MEND_ADDRESS if elsewhere else None
    if _too_fast(kind, code, text):
        return None
    if (kind, code) == (ChannelKind.DINGTALK, "310000"):
        words = (text or "").lower()
        return next((advice for sign, advice in _DINGTALK_SAYS.items() if sign in words), _MEND_SECURITY)
    return _ADVICE.get((kind, code))
