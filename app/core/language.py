"""Chinese and English: every text a person reads exists in both, and the caller's header chooses."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

Language = Literal["zh", "en"]
DEFAULT_LANGUAGE: Language = "zh"  # the readers of a request without a preference are mostly Chinese staff


class Bilingual(Protocol):
    @property
    def zh(self) -> str: ...

    @property
    def en(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages."""

    zh: str
    en: str

    def format(self, **values: object) -> "Text":
        return Text(self.zh.format(**values), self.en.format(**values))


def in_language(text: Bilingual, language: Language) -> str:
    return text.zh if language == "zh" else text.en


@lru_cache(maxsize=1024)
def preferred_language(accept_language: str | None) -> Language:
    """Choose by an `Accept-Language` header; anything unreadable, unknown or absent means Chinese.

    Only the first 20 ranges count, so that a hostile header costs nothing.
    """
    best: Language = DEFAULT_LANGUAGE
    best_quality = 0.0
    for part in (accept_language or "")[:1000].split(",")[:20]:
        tag, _, parameters = part.strip().lower().partition(";")
        quality = _quality(parameters)
        name = tag.strip().split("-")[0]
        if name in ("zh", "en") and quality > best_quality:
            best, best_quality = ("zh" if name == "zh" else "en"), quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
