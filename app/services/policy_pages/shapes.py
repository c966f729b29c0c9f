"""What a page is made of: plain values in one language, which the templates only lay out."""

from dataclasses import dataclass
from typing import ClassVar

from app.services.rules.clause import Basis


@dataclass(frozen=True, slots=True)
class Source:
    """On what a value rests, as the reader sees it; `note` only where it adds to the company's own words.

    `silent` says that no clause even touches the matter.
    """

    basis: Basis
    label: str
    note: str = ""
    silent: bool = False

    @property
    def assumed(self) -> bool:
        return self.basis is Basis.ASSUMED

    @property
    def statute(self) -> bool:
        return self.basis is Basis.STATUTE


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that applies. Without a text it is open: the edition has not even a default."""

    text: str
    source: Source


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    said: Said
    limits: str = ""  # to what it is limited


@dataclass(frozen=True, slots=True)
class Table:
    kind: ClassVar[str] = "table"

    caption: str
    rows: tuple[Row, ...]
    label_head: str
    said_head: str


@dataclass(frozen=True, slots=True)
class Steps:
    kind: ClassVar[str] = "steps"

    caption: str
    items: tuple[Said, ...]


Block = Table | Steps


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    blocks: tuple[Block, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure for the top of the page: only what the company or the law lays down."""

    value: str
    label: str
