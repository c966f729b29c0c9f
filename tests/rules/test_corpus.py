"""The labelled texts of complaints: complete, consistent, each once."""

import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.services.rules.classification import ComplaintClass, IssueType, Kind, Severity, Urgency

KEYS = ["text", "product", "complaint_class", "issue_type", "also", "severity", "urgency", "kind"]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def corpus(project: Path) -> list[Row]:
    files = sorted((project / "app" / "corpus").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def test_there_are_texts_of_every_class_issue_and_severity(corpus: list[Row]) -> None:
    assert len(corpus) >= 4000
    for field, words, fewest in (("complaint_class", ComplaintClass, 300), ("issue_type", IssueType, 90)):
        counted = Counter(row[field] for row in corpus)
        assert {word for word in words if counted[word] < fewest} == set(), field
    assert {row["severity"] for row in corpus} == set(Severity)


def test_every_text_has_the_same_fields_and_words_we_know(corpus: list[Row]) -> None:
    for row in corpus:
        assert list(row) == KEYS, row
        assert isinstance(row["text"], str)
        assert 2 <= len(row["text"]) <= 2000, row
        ComplaintClass(row["complaint_class"])
        Severity(row["severity"])
        Urgency(row["urgency"])
        Kind(row["kind"])
        assert {IssueType(word) for word in (row["issue_type"], *row["also"])}, row


def test_what_is_no_complaint_has_neither_issue_nor_severity(corpus: list[Row]) -> None:
    for row in corpus:
        words = {row["complaint_class"] == "not_complaint", row["issue_type"] == "none", row["severity"] == "none"}
        assert len(words) == 1, row
        assert row["issue_type"] not in row["also"], row


def test_no_text_stands_twice_and_none_has_a_number_of_a_person(corpus: list[Row]) -> None:
    texts = ["".join(c for c in unicodedata.normalize("NFKC", str(row["text"])) if c.isalnum()) for row in corpus]
    assert [text for text, times in Counter(texts).items() if times > 1] == []
    digits = [sum(1 for _ in run) for text in texts for run in "".join(c if c.isdigit() else " " for c in text).split()]
    assert max(digits) < 7
