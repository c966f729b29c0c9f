"""A text made ready for matching: folded character for character, and cut into clauses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FULL_WIDTH = range(0xFF01, 0xFF5F)  # ！ to ～, in the order of ASCII
_LONGEST_CLAUSE = 80  # bounds the work per clause, and how far words are read together
_STOPS = frozenset("。!?;,\n…~·|")
_SENTENCE_STOPS = frozenset("。!?;\n")


@dataclass(frozen=True, slots=True)
class Span:
    """A clause: offsets into the text, and the number of its sentence."""

    start: int
    end: int
    sentence: int


def folding(pairs: Iterable[str]) -> dict[int, str]:
    """Map full-width to half-width, capitals to small letters, traditional to simplified: one character for one."""
    table = {code: chr(code - 0xFEE0).lower() for code in _FULL_WIDTH}
    table |= {code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)}
    table |= {0x3000: " ", ord("｡"): "。", ord("’"): "'"}
    return table | {ord(before): after for before, after in pairs}


def clauses(text: str) -> Iterator[Span]:
    """Cut a folded text into clauses of at most 80 characters; empty ones are left out."""
    start = sentence = 0
    for at, char in enumerate(text):
        stops = char in _STOPS or (char == "." and not text[at + 1 : at + 2].isdigit()) or _space_stops(text, at)
        if not stops and at - start < _LONGEST_CLAUSE:
            continue
        end = at + 1 if not stops or char == "?" else at  # the question mark is a word of the lexicon
        if end > start:
            yield Span(start, end, sentence)
        start = at + 1
        sentence += char in _SENTENCE_STOPS or char == "."
    if start < len(text):
        yield Span(start, len(text), sentence)


def _space_stops(text: str, at: int) -> bool:
    """Chinese writers use the space as a stop; between two Latin words it is none."""
    if not text[at].isspace():
        return False
    return not (text[at - 1 : at].isascii() and text[at + 1 : at + 2].isascii())
