"""Notices by email: the letter, and what the mail server's answer means."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from app.core.language import Text
from app.core.mail import Mailbox, post_letter
from app.services.notices.outcomes import Outcome, Trouble, said
from app.services.rules.notice_wording import Message
from app.services.rules.notices import Verdict


def build_letter(message: Message, to: str, mailbox: Mailbox, reference: str, at: datetime) -> EmailMessage:
    """Return the letter. Its Message-ID is made of the notice's own, so that a double is known as one.

    Raises: ValueError if a header would take more than one line.
    """
    letter = EmailMessage(policy=SMTP)
    letter["From"] = Address("售后服务 After-sales", addr_spec=mailbox.sender)
    letter["To"] = Address(addr_spec=to)
    letter["Subject"] = f"{message.subject.zh} / {message.subject.en}"
    letter["Date"] = format_datetime(at)
    letter["Message-ID"] = f"<{reference}@{mailbox.domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(f"{message.text()}\n\n{reference}\n", cte="base64")
    return letter


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
