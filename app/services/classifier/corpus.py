"""Labelled texts: the corpus the project has written, and what staff have said of real ones."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.services.rules.classification import ComplaintClass, IssueType, Kind, Severity, Urgency

CORPUS: Final = Path(__file__).resolve().parents[2] / "corpus"
HELD_OUT_FOLDER: Final = "held_out"
FEEDBACK_TOPIC: Final = "feedback"
_FEEDBACK_HELD_OUT: Final = 5  # one in so many texts of staff's is kept for measuring


class CorpusInvalid(ValueError):
    """The files cannot be trained on; `lines` has one line an error: file, line, what is wrong."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class LabelledText(BaseModel):
    """One text with its labels; keys of a line that are not named here say nothing of the text and are dropped."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    product: str | None = None
    complaint_class: ComplaintClass
    issue_type: IssueType
    also: tuple[IssueType, ...] = ()
    severity: Severity
    urgency: Urgency = Urgency.GENERAL
    kind: Kind

    @model_validator(mode="after")
    def _agree(self) -> "LabelledText":
        none = self.complaint_class is ComplaintClass.NOT_COMPLAINT
        if (self.issue_type is IssueType.NONE) is not none or (self.severity is Severity.NONE) is not none:
            raise ValueError("not_complaint goes with issue_type none and severity none, everything else with neither")
        if self.issue_type in self.also or IssueType.NONE in self.also or (none and self.also):
            raise ValueError("also names further issue types of a complaint, each once")
        return self


@dataclass(frozen=True, slots=True)
class Entry:
    """A text of a file. `topic` is the file's name without its number: what is held out together."""

    labels: LabelledText
    topic: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """`held_out` is never trained on: whole topics, and files written at another time."""

    training: tuple[Entry, ...]
    held_out: tuple[Entry, ...]


def load_corpus(folder: Path = CORPUS) -> Corpus:
    """Read every `*.jsonl` of a folder for training, and those of its folder `held_out` for measuring.

    Raises: CorpusInvalid, also where a folder has no text to train on.
    """
    lines: list[str] = []
    training = tuple(_entries(sorted(folder.glob("*.jsonl")), lines))
    held_out = tuple(_entries(sorted((folder / HELD_OUT_FOLDER).glob("*.jsonl")), lines))
    if not training and not lines:
        lines.append(f"{folder.name}: *.jsonl?")
    if lines:
        raise CorpusInvalid(tuple(lines))
    return Corpus(training, held_out)


def feedback_corpus(rows: Iterable[Mapping[str, Any]]) -> Corpus:
    """Make a corpus of what staff said of tickets; one text in five, chosen by its content for ever, is held out.

    Raises: CorpusInvalid.
    """
    wrong: list[str] = []
    entries: list[Entry] = []
    for number, row in enumerate(rows, start=1):
        try:
            entries.append(Entry(LabelledText.model_validate(row), FEEDBACK_TOPIC))
        except ValidationError as invalid:
            wrong.append(f"{FEEDBACK_TOPIC}: {number}: {_reason(invalid)}")
    if wrong:
        raise CorpusInvalid(tuple(wrong))
    kept = [int.from_bytes(_digest([entry])[:4], "big") % _FEEDBACK_HELD_OUT == 0 for entry in entries]
    return Corpus(
        tuple(entry for entry, held in zip(entries, kept, strict=True) if not held),
        tuple(entry for entry, held in zip(entries, kept, strict=True) if held),
    )


def digest(entries: Iterable[Entry]) -> str:
    """Return a digest of texts and labels in their order, in hexadecimal."""
    return _digest(entries).hex()


def _digest(entries: Iterable[Entry]) -> bytes:
    documents = (entry.labels.model_dump_json(exclude_defaults=True) for entry in entries)
    return sha256("\n".join(documents).encode()).digest()


def _entries(files: Iterable[Path], wrong: list[str]) -> Iterator[Entry]:
    for file in files:
        topic = file.stem.rstrip("0123456789").rstrip("_")
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as unread:
            wrong.append(f"{file.name}: {type(unread).__name__}")
            continue
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield Entry(LabelledText.model_validate(json.loads(line)), topic)
            except (ValidationError, json.JSONDecodeError) as invalid:
                wrong.append(f"{file.name}: {number}: {_reason(invalid)}")


def _reason(invalid: ValidationError | json.JSONDecodeError) -> str:
    if isinstance(invalid, json.JSONDecodeError):
        return invalid.msg
    first = invalid.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
