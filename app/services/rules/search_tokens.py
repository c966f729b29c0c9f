"""Words to search text by: Chinese in overlapping pairs of characters, the rest in whole words."""

import re
import unicodedata

_RUN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+|[0-9a-z]{1,64}")
_CHINESE = "\u3400"
MOST = 5000


def search_tokens(text: str) -> tuple[str, ...]:
    """Return the distinct tokens of a text, in order of appearance, at most 5,000.

    A Chinese run gives its pairs (`售后服务` → 售后, 后服, 服务); a single character and any other run give themselves,
    in lower case and half width.
    """
    tokens: dict[str, None] = {}
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if run[0] < _CHINESE or len(run) == 1:
            tokens[run] = None
        else:
            tokens.update(dict.fromkeys(run[place : place + 2] for place in range(len(run) - 1)))
        if len(tokens) >= MOST:
            break
    return tuple(tokens)[:MOST]


def whole_tokens(text: str) -> tuple[str, ...]:
    """Return the tokens that any text containing this one must have.

    A word or a single character at either end may be part of a longer one there, and is left out.
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    sure = dict[str, None]()
    for match in _RUN.finditer(folded):
        run, inside = match[0], match.start() > 0 and match.end() < len(folded)
        if run[0] >= _CHINESE and len(run) > 1:
            sure.update(dict.fromkeys(run[place : place + 2] for place in range(len(run) - 1)))
        elif inside:
            sure[run] = None
    return tuple(sure)
