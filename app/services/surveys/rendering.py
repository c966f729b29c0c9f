"""The customer's page as HTML: self-contained, without a script, and with headers that allow nothing else."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from app.core.answers import Answer
from app.core.language import Bilingual, Language, Text, in_language
from app.services.policy_pages.rendering import TAGS, TEMPLATES
from app.services.surveys import words

_STYLE: Final = TEMPLATES.get_template("survey_style.html").render()
_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final[Mapping[str, str]] = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
    "vary": "Accept-Language",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
}


def render_page(template: str, status: int, language: Language, **values: object) -> Answer:
    def say(text: Bilingual, **filled: object) -> str:
        return in_language(text, language).format(**filled) if filled else in_language(text, language)

    other: Language = "en" if language == "zh" else "zh"
    page = TEMPLATES.get_template(template).render(
        values, language=language, tag=TAGS[language], other=other, other_tag=TAGS[other], say=say, words=words,
        style=_STYLE,
    )  # fmt: skip
    return Answer(status, page.encode(), {**_HEADERS, "content-language": TAGS[language]})


def thanks_page(language: Language) -> Answer:
    return _message(200, language, words.THANKS, words.THANKS_LINES, happy=True)


def closed_page(language: Language, *, status: int = 404) -> Answer:
    """Return the page for whatever cannot be answered: it is the same for all of it."""
    return _message(status, language, words.CLOSED, words.CLOSED_LINES, happy=False)


def stop_page(language: Language, *, done: bool) -> Answer:
    """Return the page on which a customer says that they do not want to be asked, or that they have said so."""
    if done:
        return _message(200, language, words.STOPPED, words.STOPPED_LINES, happy=True)
    return _message(200, language, words.STOP_TITLE, words.STOP_LINES, happy=False, button=words.STOP_BUTTON)


def _message(
    status: int, language: Language, title: Text, lines: Sequence[Text], *, happy: bool, button: Text | None = None
) -> Answer:
    values = {"title": title, "lines": lines, "happy": happy, "button": button}
    return render_page("survey_message.html", status, language, **values)
