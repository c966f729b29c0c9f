"""Letters to staff and customers, and what the mail server's answer to one means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

import aiosmtplib

from app.core.language import Text
from app.core.mail import Mailbox, post_letter
from app.services.notices.outcomes import Outcome, Trouble, said
from app.services.rules.notice_wording import Message
from app.services.rules.notices import Verdict


class _Policy(EmailPolicy):
    """Leaves addresses in headers in one line: folded they would be encoded, and nobody could follow them."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name in _OF_ONE_LINE:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_OF_ONE_LINE = {"List-Unsubscribe"}
_POLICY = _Policy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is written. `headers` are added to those every letter has."""

    subject: str
    text: str
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def notice_letter(message: Message, reference: str) -> Letter:
    return Letter(f"{message.subject.zh} / {message.subject.en}", f"{message.text()}\n\n{reference}\n")


def build_letter(letter: Letter, to: str, mailbox: Mailbox, reference: str, at: datetime) -> EmailMessage:
    """Return the letter as it is sent. Its Message-ID is made of `reference`, so that a double is known as one.

    Raises: ValueError if a header would take more than one line.
    """
    sent = EmailMessage(policy=_POLICY)
    sent["From"] = Address("售后服务 After-sales", addr_spec=mailbox.sender)
    sent["To"] = Address(addr_spec=to)
    sent["Subject"] = letter.subject
    sent["Date"] = format_datetime(at)
    sent["Message-ID"] = f"<{reference}@{mailbox.domain}>"
    sent["Auto-Submitted"] = "auto-generated"
    for name, value in letter.headers.items():
        sent[name] = value
    sent.set_content(letter.text, cte="base64")
    if letter.html is not None:
        sent.add_alternative(letter.html, subtype="html", cte="base64")
    return sent


async def send_letter(mailbox: Mailbox, letter: EmailMessage, to: str) -> Outcome:
    """Hand a letter to the server. Raises: TimeoutError, OSError where there is none to talk to."""
    try:
        await post_letter(mailbox, letter, to)
    except aiosmtplib.SMTPRecipientsRefused as refusal:
        first = refusal.recipients[0]
        return _answered(first.code, first.message)
    except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as refusal:
        return _answered(refusal.code, refusal.message)
    except aiosmtplib.SMTPResponseException as refusal:  # of the connection or the login: mended for all at once
        return Outcome(Verdict.LATER, refusal.code, Trouble.SMTP_SESSION, said(refusal.message))
    except aiosmtplib.SMTPException as fault:
        return Outcome.unreachable(type(fault).__name__)
    return Outcome(Verdict.ACCEPTED, 250)


def _answered(status: int, text: str) -> Outcome:
    return Outcome(Verdict.REFUSED if status >= 500 else Verdict.LATER, status, text=said(text))


def advise(status: int | None) -> Text | None:
    """Say what to do about a letter that was refused."""
    if status is None or status < 500:
        return None
    return Text("邮件被拒收：请核对收件地址和发件地址", "The letter is refused: check the address and the sender's")
