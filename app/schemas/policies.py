"""Bodies of the policy endpoints."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, ValidationInfo, field_validator, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Bilingual, LocalDate, RequestBody, ResponseBody
from app.services.rules.policy_findings import FindingLevel

MOST_CHARACTERS = 100_000  # of a TOML document; the longest shipped edition has 20,000

Version = Annotated[str, Field(max_length=40)]
Source = Annotated[Literal["shipped", "database"], Field(description="`database`: registered by the company itself")]
Sha256 = Annotated[str, Field(description="of the edition's text; also its `ETag`")]


class DraftIn(RequestBody):
    """An edition as the text of its TOML file, or as a JSON object of the same shape: exactly one of the two."""

    document: Annotated[str, Field(max_length=MOST_CHARACTERS)] | None = None
    edition: dict[str, JsonValue] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.document is None) is (self.edition is None):
            detail = Text("document 与 edition 须且只须有一项", "Send document or edition, exactly one of the two")
            raise Refusal("one_of", detail)
        return self


class PolicyWanted(RequestBody):
    """Which edition: the one in force on a date (default: today), or one by its version."""

    on: LocalDate | None = None
    version: Version | None = None

    @field_validator("version")
    @classmethod
    def _one_way_to_choose(cls, version: str | None, info: ValidationInfo) -> str | None:
        if version is not None and info.data.get("on") is not None:
            raise Refusal("one_of", Text("on 与 version 只能给出一项", "Give on or version, not both"))
        return version


class EditionOut(ResponseBody):
    version: str
    effective_from: date
    origin: Source
    in_force: bool
    sha256: Sha256


class PolicyOut(ResponseBody):
    """A policy with those of its editions that the caller may see; `business_lines` are the caller's under it."""

    name: str
    title: Bilingual
    editions: list[EditionOut]
    business_lines: list[str]


class PolicyList(ResponseBody):
    items: list[PolicyOut]
    next_cursor: None = None
    has_more: Literal[False] = False


class FindingOut(ResponseBody):
    """`path` leads to the place in the document; `clause` is the one cited there."""

    level: FindingLevel
    path: str
    clause: str | None
    message: Bilingual


class EditionRef(ResponseBody):
    name: str
    version: str
    effective_from: date


class CheckOut(ResponseBody):
    """`edition` is null where the document is not valid."""

    valid: bool
    findings: list[FindingOut]
    edition: EditionRef | None


class RegisteredOut(EditionRef):
    origin: Source
    sha256: Sha256
    warnings: list[FindingOut]


class PolicyDocument(RegisteredOut):
    """`edition` holds every value with its basis and clause, and nothing that the document leaves out."""

    edition: dict[str, JsonValue]
