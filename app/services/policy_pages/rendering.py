"""Pages as HTML: the templates, the one style sheet, and the headers that go with them."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.core.answers import Answer
from app.core.language import Bilingual, Language, in_language
from app.services.policy_pages import words

TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parents[2] / "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_STYLE: Final = TEMPLATES.get_template("style.html").render()
_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
TAGS: Final[Mapping[Language, str]] = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True, slots=True)
class Links:
    """Where the other language is, and the list of all policies."""

    switch: str
    index: str


def render(template: str, language: Language, links: Links, **values: object) -> Answer:
    """Return a page that may be kept for a minute; the tag changes with any byte of it."""
    body = _html(template, language, links, values)
    headers = _headers(language) | {
        "cache-control": "public, max-age=60",
        "etag": f'"{sha256(body).hexdigest()[:32]}"',
        "vary": "Accept-Language",
    }
    return Answer(200, body, headers)


def render_message(status: int, language: Language, title: Bilingual, help_: Bilingual) -> Answer:
    """Return the page that says why there is nothing to show."""
    links = Links(switch="", index=f"/policies?lang={language}")
    values = {"title": in_language(title, language), "help": in_language(help_, language)}
    return Answer(status, _html("message.html", language, links, values), _headers(language))


def _headers(language: Language) -> dict[str, str]:
    return {
        "content-type": "text/html; charset=utf-8",
        "content-language": TAGS[language],
        "content-security-policy": _POLICY,
    }


def _html(template: str, language: Language, links: Links, values: Mapping[str, object]) -> bytes:
    def say(text: Bilingual, **filled: object) -> str:
        return in_language(text, language).format(**filled) if filled else in_language(text, language)

    other: Language = "en" if language == "zh" else "zh"
    page = TEMPLATES.get_template(template).render(
        values,
        language=language,
        tag=TAGS[language],
        other_tag=TAGS[other],
        links=links,
        say=say,
        words=words,
        style=_STYLE,
    )
    return page.encode()
