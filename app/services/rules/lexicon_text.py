"""A text made ready for matching: folded character for character, and cut into clauses."""

import re
from collections.abc import Iterable
from typing import NamedTuple

_FULL_WIDTH = range(0xFF01, 0xFF5F)  # ！ to ～, in the order of ASCII
_LONGEST_CLAUSE = 80  # bounds the work per clause, and how far words are read together
# Chinese writers use the space as a stop; between two Latin words it is none. What may be a stop is found first, and
# looked at then: one set of characters is searched for several times as fast as four patterns.
_STOP = re.compile(r"[。!?;,…~·|.\s](?:(?<![.\s])|(?<=\n)|(?<=\.)(?!\d)|(?<=\s)(?:(?<![\x00-\x7f]\s)|(?![\x00-\x7f])))")
_SENTENCE_STOPS = frozenset("。!?;\n.")


class Span(NamedTuple):
    """A clause: offsets into the text, and the number of its sentence."""

    start: int
    end: int
    sentence: int


def folding(pairs: Iterable[str]) -> dict[int, str]:
    """Map full-width to half-width, capitals to small letters, traditional to simplified: one character for one."""
    table = {code: chr(code - 0xFEE0).lower() for code in _FULL_WIDTH}
    table |= {code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)}
    table |= {0x3000: " ", ord("｡"): "。", ord("’"): "'"}
    return table | {ord(pair[0]): pair[1] for pair in pairs}


def clauses(text: str) -> list[Span]:
    """Cut a folded text into clauses of at most 80 characters; empty ones are left out."""
    cut: list[Span] = []
    start = sentence = 0
    for stop in _STOP.finditer(text):
        at, after = stop.span()
        sign = text[at]
        end = after if sign == "?" else at  # the question mark is a word of the lexicon
        if start < end <= start + _LONGEST_CLAUSE:
            cut.append(Span(start, end, sentence))
        else:
            cut += _pieces(start, end, sentence)
        start = after
        sentence += sign in _SENTENCE_STOPS
    return cut + _pieces(start, len(text), sentence)


def _pieces(start: int, end: int, sentence: int) -> list[Span]:
    return [Span(at, min(end, at + _LONGEST_CLAUSE), sentence) for at in range(start, end, _LONGEST_CLAUSE)]
