"""The company's mail server, and a letter handed to it."""

from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum
from urllib.parse import unquote, urlsplit

import aiosmtplib


class Encryption(StrEnum):
    """How a connection is protected: from its first byte, from STARTTLS on, or not at all."""

    TLS = "smtps"
    STARTTLS = "smtp"
    NONE = "smtp+plain"


_PORTS = {Encryption.TLS: 465, Encryption.STARTTLS: 587, Encryption.NONE: 25}
_FAREWELL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A server that takes letters, and the address they come from."""

    host: str
    port: int
    encryption: Encryption
    user: str | None
    password: str | None = field(repr=False)
    sender: str

    @classmethod
    def parse(cls, url: str, sender: str | None = None) -> "Mailbox":
        """Read `smtps://user:password@host:port`; `smtp://` needs STARTTLS, `smtp+plain://` is for a local relay.

        Raises: ValueError saying what is wrong, never the password.
        """
        parts = urlsplit(url)
        if parts.scheme not in set(Encryption) or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("it is written smtps://user:password@host:465, smtp://… (STARTTLS) or smtp+plain://host")
        encryption = Encryption(parts.scheme)
        user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
        if encryption is Encryption.NONE and user is not None:
            raise ValueError("a password is not sent unencrypted: take smtps:// or smtp://")
        if sender is None:
            sender = user if user is not None and "@" in user else f"aftersales@{parts.hostname}"
        return cls(parts.hostname, parts.port or _PORTS[encryption], encryption, user, password, sender)

    @property
    def domain(self) -> str:
        return self.sender.rpartition("@")[2]


async def post_letter(mailbox: Mailbox, letter: EmailMessage, recipient: str) -> None:
    """Hand a letter over. It is the caller who sets an end to the wait.

    Raises: aiosmtplib.SMTPException, OSError. Without an exception the server has taken the letter.
    """
    client = aiosmtplib.SMTP(
        hostname=mailbox.host,
        port=mailbox.port,
        use_tls=mailbox.encryption is Encryption.TLS,
        start_tls=mailbox.encryption is Encryption.STARTTLS,
        username=mailbox.user,
        password=mailbox.password,
        local_hostname=mailbox.domain,
        timeout=None,
    )
    try:
        await client.connect()
        # Its own bytes: `send_message` would fold all headers again, links among them.
        await client.sendmail(mailbox.sender, [recipient], letter.as_bytes())
        with suppress(aiosmtplib.SMTPException, OSError):  # the letter is taken, whatever the farewell brings
            await client.quit(timeout=_FAREWELL_SECONDS)
    finally:
        client.close()
