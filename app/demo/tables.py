"""Tables for a terminal, in which a Chinese character takes two columns."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A heading in both languages; figures stand to the right."""

    zh: str
    en: str
    right: bool = True


def width(text: str) -> int:
    """Return the terminal columns of a text."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cc", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def pad(text: str, columns: int, *, right: bool = False) -> str:
    space = " " * max(0, columns - width(text))
    return space + text if right else text + space


def shorten(text: str, columns: int) -> str:
    """Return a text on one line in at most so many columns, `…` for what was cut."""
    text = " ".join(text.split())
    if width(text) <= columns:
        return text
    kept, used = [], 1
    for character in text:
        used += _columns(character)
        if used > columns:
            break
        kept.append(character)
    return "".join(kept) + "…"


def table(columns: Sequence[Column], rows: Sequence[Sequence[object]], *, total: Sequence[object] = ()) -> str:
    """Return the rows under two lines of headings, `total` under a rule; the last column is not padded."""
    written = [[_cell(value) for value in row] for row in rows]
    last = [_cell(value) for value in total]
    headings = [[column.zh for column in columns], [column.en for column in columns]]
    all_rows = [*headings, *written, *([last] if last else [])]
    widths = [max(width(row[at]) for row in all_rows) for at in range(len(columns))]
    rule = "-" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    lines = [_line(row, widths, columns) for row in headings] + [rule]
    lines += [_line(row, widths, columns) for row in written]
    if last:
        lines += [rule, _line(last, widths, columns)]
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    cells = (
        pad(text, columns_wide, right=column.right)
        for text, columns_wide, column in zip(row, widths, columns, strict=True)
    )
    return _GAP.join(cells).rstrip()


def _cell(value: object) -> str:
    """Write nothing for a zero, so that what there is stands out."""
    return "" if value in (0, None) else str(value)
