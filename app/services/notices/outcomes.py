"""What became of one try to deliver a message."""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from app.services.rules.notices import Verdict

_LONGEST_TEXT, _LONGEST_CODE = 300, 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is of HTTP or SMTP, `code` the messenger's own, `text` what the other side said.

    `rest` is how long the channel is left alone whatever else waits for it.
    """

    verdict: Verdict
    status: int | None = None
    code: str | None = None
    text: str | None = None
    rest: timedelta = timedelta(0)

    @classmethod
    def unreachable(cls, text: str) -> "Outcome":
        """The other side could not be asked; others of its kind should not wait for it again at once."""
        return cls(Verdict.LATER, text=text, rest=timedelta(seconds=10))


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
