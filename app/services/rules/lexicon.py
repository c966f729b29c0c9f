"""The lexicon as an edition states it: words, and what each of them is a sign of.

The edition is a folder of TOML files, each a `LexiconPart`; `Lexicon.joined` makes one lexicon of them. The form that
reads texts is built from it once, on first use.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from app.services.rules.classification_words import ComplaintClass, IssueType, Severity
from app.services.rules.clause import Terms
from app.services.rules.lexicon_matcher import Matcher
from app.services.rules.lexicon_text import folding

_MACRO = re.compile(r"<(\w+)>")


def _split(words: object) -> object:
    return tuple(words.split()) if isinstance(words, str) else words


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]  # in the file: one text, separated by white space


class Role(StrEnum):
    """How a sign is read."""

    FAULT = "fault"  # states a grievance by itself
    HAZARD = "hazard"  # states harm or danger, unless denied or only feared
    REFUSAL = "refusal"  # a fault too: refund, exchange or repair refused or put off
    BREAKAGE = "breakage"  # a fault of the goods, or of their transport when they arrived so
    OVERHEATING = "overheating"  # a minor fault; with a stated fear, a hazard
    COUNTERFEIT = "counterfeit"  # a fault: fake, used or refurbished; with proof, a serious one
    FEAR = "fear"
    ONGOING = "ongoing"  # trouble that goes on while the text is read: with a call for haste, an emergency
    URGENT = "urgent"
    GOOD = "good"
    BAD = "bad"
    NEGATOR = "negator"
    DOUBT = "doubt"  # what follows is feared, supposed or conditional
    QUESTION = "question"
    INQUIRY = "inquiry"  # says of itself that it asks: what follows is asked about, not stated
    THANKS = "thanks"
    TERMS = "terms"  # asks what would be done: a fault in the same clause is a case, not an event
    SETTLED = "settled"  # what came before has been put right
    CONTRAST = "contrast"  # what follows weighs more
    REQUEST = "request"  # asks for refund, exchange or compensation
    DISPUTE = "dispute"  # quarrels: the fault came back, the seller blames the customer, nobody is to be believed
    PROOF = "proof"  # pictures, recordings, an expert's finding
    ESCALATION = "escalation"  # regulator, media, court
    MISUSE = "misuse"  # the customer's own hand
    CHOICE = "choice"  # a return for the customer's own reasons: wrong size or model ordered, unopened, not needed
    TRANSPORT = "transport"
    RETURN = "return"  # asks to give the goods back
    SUGGESTION = "suggestion"  # what follows is proposed, not stated
    GOODS = "goods"  # what goods these are
    SHIELD = "shield"  # protects the words inside it from being read


STATES_FAULT = frozenset(
    {Role.FAULT, Role.HAZARD, Role.REFUSAL, Role.BREAKAGE, Role.OVERHEATING, Role.FEAR, Role.COUNTERFEIT}
)


class Sign(Terms):
    """A group of words that say the same thing."""

    name: str
    role: Role
    words: Words
    issue: IssueType | None = None
    cause: ComplaintClass | None = None
    severity: Severity = Severity.MINOR
    weight: float = Field(default=1, gt=0)
    unless_goods: tuple[str, ...] = ()  # names of the goods about which these words mean something else
    reach: int = 2  # of a negator: characters it may stand before the word it denies

    @model_validator(mode="after")
    def _complete(self) -> "Sign":
        if self.role in STATES_FAULT and (self.issue is None or self.cause is None):
            raise ValueError(f"sign {self.name}: a {self.role} names its issue and its cause")
        return self


class Characters(Terms):
    pairs: Words  # traditional or variant character, then the one it is read as

    @model_validator(mode="after")
    def _pairs(self) -> "Characters":
        if wrong := [pair for pair in self.pairs if len(pair) != 2]:
            raise ValueError(f"not pairs of characters: {' '.join(wrong)}")
        return self


class LexiconPart(Terms):
    """One file: its signs, and those of the general terms that it states."""

    version: str | None = None
    gap: int | None = None
    macros: dict[str, str] | None = None
    signs: tuple[Sign, ...] = ()
    characters: Characters | None = None


class Lexicon(Terms):
    version: str
    gap: int = Field(ge=1, le=12)  # most characters a "~" stands for
    macros: dict[str, str]  # lists of alternatives that many entries share
    signs: tuple[Sign, ...]
    characters: Characters

    @classmethod
    def joined(cls, parts: Iterable[LexiconPart]) -> "Lexicon":
        """Make one lexicon of its files: their signs in this order, everything else from the one file that states it.

        Raises: ValueError, as a ValidationError too, if a term is missing or stated twice, or a name stands twice.
        """
        parts = tuple(parts)
        stated: dict[str, object] = {}
        for part in parts:
            for name in sorted(part.model_fields_set - {"signs"}):
                if name in stated:
                    raise ValueError(f"{name} is stated in two files")
                stated[name] = getattr(part, name)
        return cls.model_validate(stated | {"signs": tuple(sign for part in parts for sign in part.signs)})

    @cached_property
    def folding(self) -> Mapping[int, str]:
        """Character map for `str.translate`; one character for one, so offsets stay those of the original."""
        return folding(self.characters.pairs)

    @cached_property
    def matcher(self) -> Matcher[Sign]:
        entries = ((self._spelt(word), sign) for sign in self.signs for word in sign.words)
        return Matcher(entries, gap=self.gap)

    def _spelt(self, word: str) -> str:
        """Put the macros in, and fold the entry as the texts are folded."""
        return _MACRO.sub(lambda name: self.macros[name[1]], word).translate(self.folding)

    @model_validator(mode="after")
    def _known_macros(self) -> "Lexicon":
        used = {name for sign in self.signs for word in sign.words for name in _MACRO.findall(word)}
        if unknown := sorted(used - self.macros.keys()):
            raise ValueError(f"unknown macros: {', '.join(unknown)}")
        return self

    @model_validator(mode="after")
    def _names_stand_once(self) -> "Lexicon":
        names = Counter(sign.name for sign in self.signs)
        if repeated := sorted(name for name, times in names.items() if times > 1):
            raise ValueError(f"signs named twice: {', '.join(repeated)}")
        return self
