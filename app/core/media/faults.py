"""Why a file is not taken although it begins rightly."""

from enum import StrEnum


class Fault(StrEnum):
    EMPTY = "empty"
    BROKEN = "broken"  # cut off, or not built as its format is
    TOO_MANY_PIXELS = "too_many_pixels"
    ANIMATED = "animated"
    HIDDEN_CONTENT = "hidden_content"  # it could be read as something else, too


class Unusable(Exception):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault)
