from collections.abc import Mapping
from enum import StrEnum

import pytest

from app.services.rules import labels
from app.services.rules.classification import ComplaintClass, IssueType, Kind, Severity, Urgency
from app.services.rules.clause import Wording


@pytest.mark.parametrize(
    ("words", "table"),
    [
        (ComplaintClass, labels.COMPLAINT_CLASS_LABELS),
        (IssueType, labels.ISSUE_TYPE_LABELS),
        (Severity, labels.SEVERITY_LABELS),
        (Urgency, labels.URGENCY_LABELS),
        (Kind, labels.KIND_LABELS),
    ],
)
def test_every_word_has_a_name_in_both_languages(words: type[StrEnum], table: Mapping[StrEnum, Wording]) -> None:
    assert set(table) == set(words)
    assert all(label.zh and label.en for label in table.values())
    assert len({label.zh for label in table.values()}) == len(words)
