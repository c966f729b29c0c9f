"""Where a value comes from, and why a decision fell as it did.

Every figure of an edition is `Cited`: a value with its basis and its clause. Every decision is a `Decision`:
an outcome with the rule and the clause that led to it, in words for people in Chinese and English.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Value = TypeVar("Value")
RuleId = Annotated[str, Field(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$", max_length=40)]

# The `clause` of a value on which the document says nothing.
SILENT: Final = "未规定"


class Basis(StrEnum):
    POLICY = "policy"  # the company's own text says it
    STATUTE = "statute"  # the law says it
    ASSUMED = "assumed"  # the text is silent: our default, for the company to decide


@dataclass(frozen=True, slots=True)
class Wording:
    """One text in both languages; every text a person reads is one."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    zh: str
    en: str

    def document(self) -> dict[str, str]:
        return {"zh": self.zh, "en": self.en}


class Terms(BaseModel):
    """A section of an edition: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sourced(Terms):
    """Anything an edition states, with where it is stated.

    `clause` cites the source document as it numbers itself (第十八条, 六.2③, 6.4.2c); `note` is required by the
    policy check where the basis is `assumed`. `rule` is the id under which an answer on returns names the entry.
    """

    basis: Basis
    clause: str
    rule: RuleId | None = None
    note: Wording | None = None


class Cited(Sourced, Generic[Value]):
    """One figure or word of an edition."""

    value: Value


class DecisionKind(StrEnum):
    EDITION = "edition"
    KIND = "kind"
    CLASSIFICATION = "classification"
    SERVICE_LEVEL = "service_level"
    SLA = "sla"
    ROUTING = "routing"
    HANDLING = "handling"
    ASSIGNMENT = "assignment"
    OWNERSHIP = "ownership"
    RESPONSIBILITY = "responsibility"
    MATERIALS = "materials"
    COMPENSATION = "compensation"
    CAPA = "capa"
    NONCONFORMITY = "nonconformity"
    WARRANTY = "warranty"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by which rule of which clause, and why.

    `rule` is the path of the deciding entry in the edition (`service_levels.emergency.first_response`), so that a
    reader with the file in hand finds it at once.
    """

    kind: DecisionKind
    outcome: str
    rule: str
    clause: str
    reason: Wording
    basis: Basis | None = None  # on what the deciding entry rests; None where no entry of the edition decided

    def document(self) -> dict[str, Any]:
        # Said part by part: a ticket has eight of them, and `asdict` takes twenty times as long.
        return {
            "kind": self.kind, "outcome": self.outcome, "rule": self.rule, "clause": self.clause,
            "reason": self.reason.document(), "basis": self.basis,
        }  # fmt: skip
