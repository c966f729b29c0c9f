"""Measure the classifier on labelled texts: `python -m bench.classifier [FILE …]`.

A file holds one JSON object a line with `text`, `complaint_class`, `issue_type` and `severity`; other keys are ignored.
Without one the project's own labelled texts are taken, `app/corpus`.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from app.services.policy_book import PolicyBook
from app.services.rules.classification import Classification, ClassificationFacts, Classifier, classify

FIELDS = ("complaint_class", "issue_type", "severity")
CORPUS = Path(__file__).resolve().parents[1] / "app" / "corpus"
REPEATS = 3


def macro_f1(expected: Sequence[str], found: Sequence[str]) -> float:
    """Mean F1 over the labels that occur on either side."""
    scores = []
    for label in sorted({*expected, *found}):
        hits = sum(e == f == label for e, f in zip(expected, found, strict=True))
        scores.append(2 * hits / (expected.count(label) + found.count(label)))
    return sum(scores) / len(scores)


def report(rows: Sequence[dict[str, str]], answers: Sequence[Classification]) -> None:
    for field in FIELDS:
        expected = [row[field] for row in rows]
        found = [str(getattr(answer, field)) for answer in answers]
        accuracy = sum(e == f for e, f in zip(expected, found, strict=True)) / len(rows)
        print(f"{field:16} accuracy {accuracy:.3f}  macro-F1 {macro_f1(expected, found):.3f}")
    expected_critical = [row["severity"] == "critical" for row in rows]
    found_critical = [answer.severity == "critical" for answer in answers]
    hits = sum(e and f for e, f in zip(expected_critical, found_critical, strict=True))
    recall, precision = hits / max(1, sum(expected_critical)), hits / max(1, sum(found_critical))
    print(f"critical         recall {recall:.3f}  precision {precision:.3f}  ({sum(expected_critical)} texts)")
    sure = [(row, answer) for row, answer in zip(rows, answers, strict=True) if not answer.needs_confirmation]
    right = sum(row["complaint_class"] == answer.complaint_class for row, answer in sure) / max(1, len(sure))
    print(f"no confirmation  {len(sure) / len(rows):.3f} of the texts, their class right in {right:.3f}")


def seconds_per_100_characters(texts: Sequence[str], classifier: Classifier) -> float:
    joined = "".join(texts)
    pieces = [joined[at : at + 100] for at in range(0, len(joined) - 99, 100)] or [joined]
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        for piece in pieces:
            classify(ClassificationFacts(piece), classifier)
        best = min(best, time.perf_counter() - start)
    return best / len(pieces)


def main(argv: Sequence[str]) -> int:
    files = [Path(name) for name in argv] or sorted(CORPUS.glob("*.jsonl"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    rows = [json.loads(line) for line in lines if line.strip()]
    classifier = PolicyBook.load().classifier
    answers = [classify(ClassificationFacts(row["text"]), classifier) for row in rows]
    print(f"{len(rows)} texts, model {classifier.model.version}, lexicon {classifier.lexicon.version}")
    report(rows, answers)
    texts = [row["text"] for row in rows]
    print(f"time             {seconds_per_100_characters(texts, classifier) * 1000:.3f} ms per 100 characters")
    long = ("".join(texts) * 20)[:10_000]
    start = time.perf_counter()
    classify(ClassificationFacts(long), classifier)
    print(f"                 {(time.perf_counter() - start) * 1000:.1f} ms for {len(long)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
