"""What the demo's callers say: `calls.toml`, read into typed values."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from app.services.rules.classification import IssueType, Kind, Severity
from app.services.rules.facts import Channel, ItemClass

Voice = Literal["agent", "customer"]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wording(_Given):
    """What goes around and into a text so that no two calls look alike."""

    cities: tuple[str, ...]
    whens: tuple[str, ...]
    surnames: tuple[str, ...]
    given_names: tuple[str, ...]
    staff: tuple[str, ...]
    menus: tuple[str, ...]
    openings: dict[Voice, tuple[str, ...]]
    closings: dict[Voice, tuple[str, ...]]


class Product(_Given):
    name: str
    model: str
    category: str | None = None


class Matter(_Given):
    """One text, and what its writer meant by it."""

    kind: Kind
    product: str
    text: str
    issue: IssueType = IssueType.NONE
    severity: Severity = Severity.NONE
    voice: Voice = "agent"
    channel: Channel | None = None

    @property
    def how_to(self) -> bool:
        """A how-to question may or may not be read as a difficulty: neither is wrong."""
        return self.kind is Kind.TECHNICAL_SUPPORT


class Line(_Given):
    """A business line's agents, goods and calls, and the parties its tickets name."""

    agents: tuple[str, ...]
    products: dict[str, Product]
    calls: tuple[Matter, ...]
    sellers: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    item_classes: tuple[ItemClass, ...] = ()
    tiers: tuple[str, ...] = ()


class Material(_Given):
    wording: Wording
    lines: dict[str, Line]


@cache
def load_material() -> Material:
    document = tomllib.loads(Path(__file__).with_name("calls.toml").read_text(encoding="utf-8"))
    wording = document.pop("wording")
    return Material.model_validate({"wording": wording, "lines": document})
