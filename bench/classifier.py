"""Measure the classifier: `python -m bench.classifier [FILE …]`.

Without a file it measures the texts that the corpus holds out. A file holds one JSON object a line, with `text` and its
labels as in `app/corpus`; keys that are not known are ignored. With files the held-out texts are measured beside them:
a held-out split that is much easier than real texts flatters the model, so the exit status is 1 where it is better than
the files by more than `MARGIN`.
"""

import gc
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from app.services.classifier.corpus import Entry, LabelledText, load_corpus
from app.services.classifier.measuring import FIELDS, measure
from app.services.policy_book import PolicyBook
from app.services.rules.classification import ClassificationFacts, Classifier, Kind, classify
from app.services.rules.classification_model import Figures

MARGIN = 0.10  # of accuracy, in the mean of class, issue type and severity
REPEATS = 5


def labelled(file: Path) -> list[Entry]:
    """Read labelled texts; the kind of ticket is not measured and may be missing."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Entry(LabelledText.model_validate({"kind": Kind.COMPLAINT} | row), file.stem) for row in rows]


def seconds_per_100_characters(texts: Sequence[str], classifier: Classifier) -> float:
    """Return the best mean of a few rounds."""
    joined = "".join(texts)
    pieces = [joined[at : at + 100] for at in range(0, len(joined) - 99, 100)] or [joined]
    best = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        for piece in pieces:
            classify(ClassificationFacts(piece), classifier)
        best = min(best, time.process_time() - start)
    return best / len(pieces)


def report(name: str, entries: Sequence[Entry], classifier: Classifier) -> Figures:
    found = [classify(ClassificationFacts(entry.labels.text), classifier) for entry in entries]
    figures = measure([entry.labels for entry in entries], found)
    print(f"{name}: {figures.texts} texts")
    for field in FIELDS:
        of_field = figures.fields[field]
        print(f"  {field:16} accuracy {of_field.accuracy:.3f}  macro-F1 {of_field.macro_f1:.3f}")
    recall, precision = figures.critical_recall, figures.critical_precision
    print(f"  {'critical':16} recall {recall:.3f}  precision {precision:.3f}  ({figures.critical} texts)")
    sure = [(entry, one) for entry, one in zip(entries, found, strict=True) if not one.needs_confirmation]
    right = sum(entry.labels.complaint_class is one.complaint_class for entry, one in sure) / max(1, len(sure))
    print(f"  {'sure enough':16} {len(sure) / max(1, len(entries)):.3f} of the texts, their class right in {right:.3f}")
    return figures


def speed(entries: Sequence[Entry], classifier: Classifier) -> None:
    texts = [entry.labels.text for entry in entries]
    print(f"time: {seconds_per_100_characters(texts, classifier) * 1000:.3f} ms per 100 characters")
    long = ("".join(texts) * 20)[:10_000]
    start = time.process_time()
    classify(ClassificationFacts(long), classifier)
    print(f"      {(time.process_time() - start) * 1000:.1f} ms for {len(long)} characters")


def accuracy(figures: Figures) -> float:
    return figures.right / max(1, len(FIELDS) * figures.texts)


def main(argv: Sequence[str]) -> int:
    classifier, held_out = PolicyBook.load().classifier, load_corpus().held_out
    gc.freeze()  # as the service does
    print(f"model {classifier.model.version}, lexicon {classifier.lexicon.version}")
    own = report("held out of the corpus", held_out, classifier)
    entries = [entry for name in argv for entry in labelled(Path(name))]
    if not entries:
        speed(held_out, classifier)
        return 0
    theirs = report("files", entries, classifier)
    speed(entries, classifier)
    ahead = accuracy(own) - accuracy(theirs)
    passed = ahead <= MARGIN
    print(f"held out is ahead by {ahead:+.3f}; at most {MARGIN:+.3f}: {'pass' if passed else 'FAIL'}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
