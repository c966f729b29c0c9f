"""Longer texts made of shorter ones: customers write about several things at once, the corpus mostly about one.

Labels follow the labelling rules: the harshest severity wins; what the writer mainly wants put right is what is
gravest, and of what is equally grave, what most of the text is about; the rest is `also`.
"""

from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import Final

from app.services.classifier.corpus import Entry, LabelledText
from app.services.rules.classification import ComplaintClass, Kind, Severity, Urgency

_JOINTS: Final = ("，", "。", " ", "，", "；", "！", "，另外", "，还有", "。而且", "，不过", "，就是")
_PARTS: Final = (2, 2, 2, 3, 3, 4)
_LONGEST: Final = 400  # characters
_FEWEST: Final = 20  # texts of a product, to be joined with one another only
_COMPLAINTS_FIRST: Final = 0.85


def compose(entries: Sequence[Entry], number: int, *, seed: int) -> list[Entry]:
    """Return so many joined texts; the same entries and seed give the same ones."""
    random = Random(seed)  # noqa: S311 - a choice of texts, not a secret
    by_product: dict[str | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_product[entry.labels.product].append(entry)
    complaints = [entry for entry in entries if _complains(entry.labels)]
    composed: list[Entry] = []
    while len(composed) < number and complaints:
        first = random.choice(complaints if random.random() < _COMPLAINTS_FIRST else entries)
        alike = by_product[first.labels.product]
        others = alike if len(alike) >= _FEWEST else entries
        parts = [first.labels, *(random.choice(others).labels for _ in range(random.choice(_PARTS) - 1))]
        random.shuffle(parts)
        text = _joined([part.text for part in parts], random.choice(_JOINTS))
        if len(text) <= _LONGEST:
            composed.append(Entry(_labelled(text, parts), first.topic))
    return composed


def _complains(labels: LabelledText) -> bool:
    return labels.complaint_class is not ComplaintClass.NOT_COMPLAINT


def _joined(texts: Sequence[str], joint: str) -> str:
    *before, last = texts
    return "".join(text.strip().rstrip("。，！!. ") + joint for text in before) + last.strip()


def _labelled(text: str, parts: Sequence[LabelledText]) -> LabelledText:
    complaints = [part for part in parts if _complains(part)]
    if not complaints:
        return parts[0].model_copy(update={"text": text})
    worst = max((part.severity for part in complaints), key=_gravity)
    main = max((part for part in complaints if part.severity is worst), key=lambda part: len(part.text))
    issues = dict.fromkeys(issue for part in complaints for issue in (part.issue_type, *part.also))
    return LabelledText(
        text=text,
        product=main.product,
        complaint_class=main.complaint_class,
        issue_type=main.issue_type,
        also=tuple(issue for issue in issues if issue is not main.issue_type),
        severity=worst,
        urgency=Urgency.EMERGENCY if worst is Severity.CRITICAL else Urgency.GENERAL,
        kind=Kind.COMPLAINT,
    )


def _gravity(severity: Severity) -> int:
    return (Severity.NONE, Severity.MINOR, Severity.SERIOUS, Severity.CRITICAL).index(severity)
