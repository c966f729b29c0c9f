"""Looking into a PDF without a reader: which signs its fonts show, and whether they are inside."""

import re
import zlib

import pytest
import typst

from app.core.pdf import SANS, SERIF

needs_a_font = pytest.mark.skipif(
    not {*SERIF, *SANS} & set(typst.Fonts().families()), reason="no Chinese font on this machine: nothing is printed"
)

_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_SHOWN = re.compile(rb"<[0-9A-Fa-f]+>\s*<([0-9A-Fa-f]{4,})>")


def contents(document: bytes) -> bytes:
    """The document with every compressed stream unpacked."""
    parts = [document]
    for found in _STREAM.finditer(document):
        try:
            parts.append(zlib.decompress(found[1]))
        except zlib.error:
            continue
    return b"\n".join(parts)


def signs(document: bytes) -> set[str]:
    """Every sign that a reader could copy out of the document, by the maps of its fonts."""
    maps = contents(document).split(b"begincmap")[1:]
    texts = [bytes.fromhex(code.decode()).decode("utf-16-be") for part in maps for code in _SHOWN.findall(part)]
    return {sign for text in texts for sign in text}


def pages(document: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", contents(document)))
