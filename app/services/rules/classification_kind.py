"""Which kinds of ticket go with which class of complaint."""

from app.services.rules.classification_words import ComplaintClass, Kind

# What is asked, wished or praised: nothing is wrong.
_CONTENT = frozenset({Kind.CONSULTATION, Kind.SUGGESTION, Kind.PRAISE})


def kind_of_class(kind: Kind, complaint_class: ComplaintClass) -> Kind:
    """Return a kind brought in line with a class; most kinds go with either."""
    if complaint_class is ComplaintClass.NOT_COMPLAINT:
        return Kind.CONSULTATION if kind is Kind.COMPLAINT else kind
    return Kind.COMPLAINT if kind in _CONTENT else kind
