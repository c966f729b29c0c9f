"""What became of one try to deliver a message."""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.core.language import Text
from app.services.rules.notices import Verdict

_LONGEST_TEXT, _LONGEST_CODE = 300, 20


class Trouble(StrEnum):
    """Codes of our own, beside those of the messengers, which are numbers."""

    UNREACHABLE = "unreachable"
    NOT_A_ROBOT = "not_a_robot"
    NOT_ADMITTED = "not_admitted"
    SEALED = "sealed"
    SMTP_NOT_SET = "smtp_not_set"
    SMTP_SESSION = "smtp_session"
    PUBLIC_URL_NOT_SET = "public_url_not_set"


ADVICE: dict[str, Text] = {
    Trouble.UNREACHABLE: Text(
        "对方服务器没有应答，系统会自动重试；如一再失败，请检查网络",
        "The server does not answer. It is asked again; if that does not help, check the network",
    ),
    Trouble.NOT_A_ROBOT: Text(
        "应答的不是机器人：请检查代理或网关", "What answers is no robot: check the proxy or gateway on the way"
    ),
    Trouble.NOT_ADMITTED: Text(
        "地址不在允许的范围：请核对地址或 AFTERSALES_ROBOT_GATEWAYS",
        "The address is not one that may be reached: check it, and AFTERSALES_ROBOT_GATEWAYS",
    ),
    Trouble.SEALED: Text(
        "密钥环中没有加密此渠道的密钥：请补上，或重新填写地址和签名密钥",
        "The key ring lacks the key this channel was sealed with: add it, or put address and secret in again",
    ),
    Trouble.SMTP_NOT_SET: Text(
        "尚未设置 AFTERSALES_SMTP_URL，设置后请重发", "AFTERSALES_SMTP_URL is not set: set it, then resend"
    ),
    Trouble.PUBLIC_URL_NOT_SET: Text(
        "尚未设置 AFTERSALES_PUBLIC_URL，邮件中没有可用的链接",
        "AFTERSALES_PUBLIC_URL is not set: the letter would have no link",
    ),
    Trouble.SMTP_SESSION: Text(
        "邮件服务器拒绝连接或登录：请核对 AFTERSALES_SMTP_URL",
        "The mail server refuses the connection or the login: check AFTERSALES_SMTP_URL",
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is of HTTP or SMTP, `code` the messenger's own or a `Trouble`, `text` what the other side said.

    `rest` is how long the channel is left alone whatever else waits for it.
    """

    verdict: Verdict
    status: int | None = None
    code: str | None = None
    text: str | None = None
    rest: timedelta = timedelta(0)

    @classmethod
    def unreachable(cls, text: str | None = None) -> "Outcome":
        """The other side could not be asked; what else waits for it is not tried at once."""
        return cls(Verdict.LATER, code=Trouble.UNREACHABLE, text=text, rest=timedelta(seconds=10))


def said(text: object) -> str:
    """Cut what a stranger's server said to one line of harmless length."""
    line = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in str(text)[:_LONGEST_TEXT])
    return line.strip()


def code_of(value: object) -> str | None:
    """Return a server's code as text; None for what is no code."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    code = str(value).strip()
    return code if code and len(code) <= _LONGEST_CODE and code.isascii() and code.isprintable() else None
