"""A file of texts through intake: what each is read as, and where the file says otherwise.

A line of the file is a JSON object with `text`, `id` if it has one, and the labels `complaint_class`, `issue_type`,
`severity` and `kind` if they are known.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from app.demo.checks import Check
from app.demo.playing import Ticket
from app.demo.report import checks_text, readings_text
from app.demo.sending import Answer, Sender
from app.demo.summary import Agreement, Misread
from app.demo.tables import Column, table

_FIELDS = ("complaint_class", "issue_type", "severity", "kind")
_COUNTED = (*_FIELDS, "department", "urgency")


class TextsInvalid(Exception):
    """The file is not JSON lines with a text each."""


@dataclass(frozen=True, slots=True)
class Text:
    id: str
    text: str
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class TextsReport:
    """What came out. `seen` counts the texts whose ticket was there from an earlier run."""

    texts: int
    seen: int
    counts: dict[str, Counter[str]]
    agreements: Sequence[Agreement]
    misread: Sequence[Misread]
    check: Check

    def document(self) -> dict[str, Any]:
        return {
            "texts": self.texts,
            "seen": self.seen,
            "counts": self.counts,
            "agreement": [asdict(agreement) for agreement in self.agreements],
            "misread": [asdict(misread) for misread in self.misread],
            "checks": [asdict(self.check) | {"passed": self.check.passed}],
        }

    def text(self) -> str:
        columns = [Column("字段", "field", right=False), Column("值", "value", right=False), Column("数量", "texts")]
        rows = [[name, word, times] for name, counts in self.counts.items() for word, times in counts.most_common()]
        parts = [f"== 文本文件 / Texts ==\n{self.texts} 条，其中此前已受理 / of them seen before: {self.seen}"]
        parts += [table(columns, rows)]
        if self.agreements:
            parts += [readings_text(self.agreements, self.misread)]
        return "\n\n".join([*parts, checks_text([self.check])])


@dataclass(frozen=True, slots=True)
class TextFile:
    """Texts, and a short name of the content they come from."""

    name: str
    texts: Sequence[Text]


def load_texts(path: Path) -> TextFile:
    """Read a file of texts.

    Raises: TextsInvalid naming the line.
    """
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TextsInvalid(f"{path}: {error}") from error
    texts = [_text(path, at, line) for at, line in enumerate(lines, 1) if line.strip()]
    return TextFile(sha256(content).hexdigest()[:12], texts)


def _text(path: Path, at: int, line: str) -> Text:
    try:
        row = json.loads(line)
        text = row["text"]
    except (ValueError, TypeError, KeyError) as error:
        raise TextsInvalid(f"{path}:{at}: a JSON object with a text is expected") from error
    if not isinstance(text, str):
        raise TextsInvalid(f"{path}:{at}: the text is not a string")
    labels = {name: str(row[name]) for name in _FIELDS if row.get(name) is not None}
    return Text(str(row.get("id") or at)[:60], text, labels)


async def play_texts(sender: Sender, file: TextFile, *, line: str) -> TextsReport:
    """Send the texts as online chats without a kind. A second run finds the tickets of the first."""
    texts = file.texts
    references = [f"text-{file.name}-{line}-{text.id}" for text in texts]
    posts = (_post(sender, text, reference, line) for text, reference in zip(texts, references, strict=True))
    answers = await asyncio.gather(*posts)
    told = [(text, answer.document) for text, answer in zip(texts, answers, strict=True) if answer.ok]
    agreements, misread = _compare(told)
    return TextsReport(
        texts=len(texts),
        seen=sum(answer.status == 200 for answer in answers),
        counts={name: Counter(_read(ticket, name) for _, ticket in told) for name in _COUNTED},
        agreements=agreements,
        misread=misread,
        check=_check(texts, answers),
    )


async def _post(sender: Sender, text: Text, reference: str, line: str) -> Answer:
    body = {
        "business_line": line,
        "channel": "online_chat",
        "external_ref": reference,
        "customer": {"external_id": reference},
        "description": text.text,
    }
    return await sender.post("intake", "/v1/tickets", body)


def _read(ticket: Ticket, name: str) -> str:
    """Return a field as it was read from the text, or as the ticket has it."""
    read = ticket["classification"] or {}
    return str(read.get(name, ticket.get(name)))


def _compare(told: Sequence[tuple[Text, Ticket]]) -> tuple[list[Agreement], list[Misread]]:
    agreements, misread = [], []
    for name in _FIELDS:
        labelled = [(text, _read(ticket, name)) for text, ticket in told if name in text.labels]
        wrong = [(text, read) for text, read in labelled if read != text.labels[name]]
        misread += [Misread(text.id, name, text.labels[name], read, text.text) for text, read in wrong]
        if labelled:
            agreements.append(Agreement(name, len(labelled) - len(wrong), len(labelled)))
    return agreements, misread


def _check(texts: Sequence[Text], answers: Sequence[Answer]) -> Check:
    """Every text has a ticket, and texts with different ids have different ones."""
    refused = [f"{text.id}: {answer.code}" for text, answer in zip(texts, answers, strict=True) if not answer.ok]
    numbers = {answer.document["number"] for answer in answers if answer.ok}
    ids = {text.id for text, answer in zip(texts, answers, strict=True) if answer.ok}
    if len(numbers) != len(ids):
        refused.append(f"{len(ids)} texts, {len(numbers)} tickets")
    return Check("每条文本恰有一张工单", "every text has one ticket", tuple(refused))
