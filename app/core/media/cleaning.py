"""What of a file is kept: images, sound and film without what they tell beside it, documents as they are."""

import re
import struct
from collections.abc import Callable, Iterator
from typing import Final

from app.core.media.faults import Fault, Unusable
from app.core.media.formats import Format
from app.core.media.images import Content, clean_jpeg, clean_png, clean_webp, riff, riff_chunks

_MARKUP: Final = re.compile(rb"<\s*(?:!doctype|html|script|svg|body|iframe|\?xml)", re.IGNORECASE)
_SNIFFED: Final = 4096  # more than any browser looks at to guess a type
_ARCHIVE_END: Final = b"PK\x05\x06"
_ARCHIVE_SEARCHED: Final = 66_000  # an unpacker looks for the end of an archive in the last 64 KiB


def cleaned(format_: Format, content: Content) -> Iterator[Content]:
    """Yield what is kept of a file that begins as its format does, in parts.

    Raises: Unusable, before the first part or between two.
    """
    return _CLEANERS[format_](content)


def _check_hidden(content: Content) -> None:
    """Raises: Unusable for what a browser could take for a page, or an unpacker for an archive."""
    if _MARKUP.search(content[:_SNIFFED]) or _ARCHIVE_END in bytes(content[-_ARCHIVE_SEARCHED:]):
        raise Unusable(Fault.HIDDEN_CONTENT)


def _pdf(content: Content) -> Iterator[Content]:
    _check_hidden(content)
    _, end, rest = bytes(content[-2048:]).rpartition(b"%%EOF")
    if not end:
        raise Unusable(Fault.BROKEN)
    if rest.strip(b"\0\t\r\n "):
        raise Unusable(Fault.HIDDEN_CONTENT)
    yield content


_BOXES: Final = {
    b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"sidx", b"moof", b"mfra", b"pdin",
}  # fmt: skip
_TELLING: Final = (b"udta", b"meta", b"uuid")  # place, device, author
_CONTAINERS: Final = (b"moov", b"trak")


def _mp4(content: Content) -> Iterator[Content]:
    _check_hidden(content)
    kinds = [kind for kind, _, _ in _boxes(content, 0, len(content))]
    if b"moov" not in kinds or not all(kind in _BOXES or kind in _TELLING for kind in kinds):
        raise Unusable(Fault.BROKEN)
    yield from _blanked(content, 0, len(content))


def _blanked(content: Content, start: int, end: int) -> Iterator[Content]:
    """Yield boxes with empty space in place of those that tell something: nothing moves, so offsets stay right."""
    for kind, at, stop in _boxes(content, start, end):
        if kind in _TELLING:
            yield struct.pack(">I", stop - at) + b"free" + bytes(stop - at - 8)
        elif kind in _CONTAINERS:
            yield content[at : at + 8]
            yield from _blanked(content, at + 8, stop)
        else:
            yield content[at:stop]


def _boxes(content: Content, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes of a span, which they fill exactly. Raises: Unusable. Sizes of 64 bits need no 10 MB."""
    at = start
    while at < end:
        if at + 8 > end:
            raise Unusable(Fault.BROKEN)
        size, kind = struct.unpack_from(">I4s", content, at)
        if size == 0 and kind == b"mdat":
            size = end - at
        if size == 1 and kind == b"mdat" and at + 16 <= end:
            [size] = struct.unpack_from(">Q", content, at + 8)
        if size < 8 or at + size > end:
            raise Unusable(Fault.BROKEN)
        yield kind, at, at + size
        at += size


_PADDING: Final = re.compile(rb"\0+")


def _mp3(content: Content) -> Iterator[Content]:
    _check_hidden(content)
    start, end = 0, len(content)
    while content[start : start + 3] == b"ID3" and len(content) >= start + 10:
        sevens = content[start + 6 : start + 10]
        footer = 10 if content[start + 5] & 0x10 else 0
        start += 10 + footer + sum((part & 0x7F) << 7 * (3 - place) for place, part in enumerate(sevens))
    if content[-128:-125] == b"TAG":
        end -= 128
    padding = _PADDING.match(content, start)
    sound = content[padding.end() if padding else start : end]
    if len(sound) < 4 or sound[0] != 0xFF or sound[1] < 0xE0:
        raise Unusable(Fault.BROKEN)
    yield sound


def _wav(content: Content) -> Iterator[Content]:
    kept = [(kind, body) for kind, body in riff_chunks(content) if kind in (b"fmt ", b"fact", b"data")]
    if {b"fmt ", b"data"} - {kind for kind, _ in kept}:
        raise Unusable(Fault.BROKEN)
    yield from riff(b"WAVE", kept)


def _amr(content: Content) -> Iterator[Content]:
    _check_hidden(content)
    yield content


_CLEANERS: Final[dict[Format, Callable[[Content], Iterator[Content]]]] = {
    Format.JPEG: clean_jpeg,
    Format.PNG: clean_png,
    Format.WEBP: clean_webp,
    Format.PDF: _pdf,
    Format.MP4: _mp4,
    Format.M4A: _mp4,
    Format.MP3: _mp3,
    Format.WAV: _wav,
    Format.AMR: _amr,
}
