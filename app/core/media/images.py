"""Images without their metadata: the pixels stay bit for bit, place, device, time, thumbnails and comments go.

Nothing is decoded. A picture of 50 megapixels would take 150 MB, and a JPEG would lose quality; the containers alone
tell the size and where what is left out stands. The orientation is kept: without it a photo lies on its side.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final

from app.core.media.faults import Fault, Unusable

Content = bytes | memoryview  # a view of a file takes no memory of its own, and neither do its slices
MOST_PIXELS: Final = 50_000_000
_UPRIGHT: Final = 1
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3


def check_size(width: int, height: int) -> None:
    """Raises: Unusable for an image without pixels, or with more than 50 million."""
    if not width or not height:
        raise Unusable(Fault.BROKEN)
    if width * height > MOST_PIXELS:
        raise Unusable(Fault.TOO_MANY_PIXELS)


def orientation_of(tiff: bytes) -> int:
    """Return the orientation (1 to 8) that an Exif block tells; 1 where it tells none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return _UPRIGHT
    try:
        [at] = struct.unpack_from(f"{order}I", tiff, 4)
        [entries] = struct.unpack_from(f"{order}H", tiff, at)
        for place in range(at + 2, at + 2 + 12 * entries, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, place)
            if tag == _ORIENTATION and kind == _SHORT:
                return value if 1 <= value <= 8 else _UPRIGHT
    except struct.error:
        pass  # cut off: what cannot be read is left out like the rest
    return _UPRIGHT


def exif_of(orientation: int) -> bytes:
    """Return an Exif block that tells the orientation and nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, _SHORT, 1, orientation, 0, 0)


_NEXT_MARKER: Final = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END, _JFIF, _EXIF, _ADOBE = 0xDA, 0xD9, 0xE0, 0xE1, 0xEE
_TELLING: Final = frozenset({*range(0xE0, 0xF0), 0xFE})  # application segments and comments


def clean_jpeg(content: Content) -> Iterator[Content]:
    """Yield a JPEG without its application segments and comments, up to its end marker.

    Raises: Unusable.
    """
    frames, orientation, kept = 0, _UPRIGHT, list[Content]()
    for marker, body, scan in _segments(content):
        if marker in _FRAMES:
            frames += 1
            height, width = _unpacked(">HH", body, 1)
            check_size(width, height)
        if marker == _EXIF and body.startswith(b"Exif\0\0"):
            orientation = orientation_of(body[6:])
            continue
        if marker == _JFIF and body.startswith(b"JFIF\0"):
            body = body[:12] + b"\0\0"  # without its thumbnail
        elif marker in _TELLING and not (marker == _ADOBE and body.startswith(b"Adobe")):
            continue
        kept += [_segment(marker, body), scan]
    if frames != 1:
        raise Unusable(Fault.BROKEN)
    yield b"\xff\xd8"
    if orientation != _UPRIGHT:
        yield _segment(_EXIF, b"Exif\0\0" + exif_of(orientation))
    yield from kept
    yield b"\xff\xd9"


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _segments(content: Content) -> Iterator[tuple[int, bytes, Content]]:
    """Yield marker, body and, behind the head of a scan, its coded data. Raises: Unusable if the end never comes."""
    at = 2
    while found := _NEXT_MARKER.match(content, at):
        marker, at = found[1][0], found.end()
        if marker == _END:
            return
        [length] = _unpacked(">H", content, at)
        if length < 2 or at + length > len(content):
            break
        body, at = bytes(content[at + 2 : at + length]), at + length
        scan: Content = b""
        if marker == _SCAN:
            following = _NEXT_MARKER.search(content, at)
            if following is None:
                break
            scan, at = content[at : following.start()], following.start()
        yield marker, body, scan
    raise Unusable(Fault.BROKEN)


def _unpacked(form: str, content: Content, at: int = 0) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, content, at)
    except struct.error:
        raise Unusable(Fault.BROKEN) from None


_PNG_KEPT: Final = {b"PLTE", b"IDAT", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs"}


def clean_png(content: Content) -> Iterator[Content]:
    """Yield a PNG with the chunks its picture needs, up to its end chunk; an animation keeps its still picture.

    Raises: Unusable, also where a check sum is wrong.
    """
    orientation, kept, data = _UPRIGHT, list[Content](), False
    (_, header), *chunks = list(_chunks(content)) or [(b"", b"")]
    check_size(*_unpacked(">II", header))
    for kind, body in chunks:
        if kind == b"eXIf":
            orientation = orientation_of(bytes(body))
        elif kind in _PNG_KEPT:
            kept += _chunk(kind, body)
            data = data or kind == b"IDAT"
    if not data:
        raise Unusable(Fault.BROKEN)
    yield content[:8]
    yield from _chunk(b"IHDR", header)
    if orientation != _UPRIGHT:
        yield from _chunk(b"eXIf", exif_of(orientation))
    yield from kept
    yield from _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: Content) -> Iterator[Content]:
    yield struct.pack(">I", len(body)) + kind
    yield body
    yield struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _chunks(content: Content) -> Iterator[tuple[bytes, Content]]:
    at = 8
    while True:
        [length] = _unpacked(">I", content, at)
        name = bytes(content[at + 4 : at + 8])
        [check] = _unpacked(">I", content, at + 8 + length)
        body = content[at + 8 : at + 8 + length]
        if check != zlib.crc32(body, zlib.crc32(name)) or (at == 8) is not (name == b"IHDR"):
            raise Unusable(Fault.BROKEN)
        if name == b"IEND":
            return
        yield name, body
        at += 12 + length


_EXIF_FLAG, _NO_METADATA, _ANIMATION = 0x08, 0xD3, 0x02


def clean_webp(content: Content) -> Iterator[Content]:
    """Yield a WebP with its picture and transparency only, up to the length it states.

    Raises: Unusable, also for an animation.
    """
    kept, orientation, pictures = list[tuple[bytes, Content]](), _UPRIGHT, 0
    for kind, body in riff_chunks(content):
        if kind in (b"ANIM", b"ANMF") or (kind == b"VP8X" and body[:1] and body[0] & _ANIMATION):
            raise Unusable(Fault.ANIMATED)
        if kind == b"EXIF":
            orientation = orientation_of(bytes(body).removeprefix(b"Exif\0\0"))
        elif kind in (b"VP8X", b"VP8 ", b"VP8L", b"ALPH"):
            kept.append((kind, body))
            pictures += kind in (b"VP8 ", b"VP8L")
            _check_webp_size(kind, body)
    if pictures != 1:
        raise Unusable(Fault.BROKEN)
    turned = orientation != _UPRIGHT and kept[0][0] == b"VP8X"
    if kept[0][0] == b"VP8X":
        flags = kept[0][1][0] & _NO_METADATA | (_EXIF_FLAG if turned else 0)
        kept[0] = b"VP8X", bytes([flags]) + kept[0][1][1:]
    yield from riff(b"WEBP", [*kept, *([(b"EXIF", exif_of(orientation))] if turned else [])])


def _check_webp_size(kind: bytes, body: Content) -> None:
    if len(body) < 10 and kind in (b"VP8X", b"VP8 "):
        raise Unusable(Fault.BROKEN)
    if kind == b"VP8X":
        check_size(int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
    elif kind == b"VP8 ":
        check_size(*(side & 0x3FFF for side in _unpacked("<HH", body, 6)))
    elif kind == b"VP8L":
        [sides] = _unpacked("<I", body, 1)
        check_size((sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1)


def riff_chunks(content: Content) -> Iterator[tuple[bytes, Content]]:
    """Yield the chunks of a RIFF file within the length it states. Raises: Unusable if it is shorter."""
    [length] = _unpacked("<I", content, 4)
    at, end = 12, 8 + length
    if end > len(content) + 1:  # some writers count a last byte of padding that they leave out
        raise Unusable(Fault.BROKEN)
    while at + 8 <= end:
        [size] = _unpacked("<I", content, at + 4)
        if at + 8 + size > len(content):
            raise Unusable(Fault.BROKEN)
        yield bytes(content[at : at + 4]), content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def riff(form: bytes, chunks: list[tuple[bytes, Content]]) -> Iterator[Content]:
    """Yield a RIFF file of these chunks."""
    size = 4 + sum(8 + len(body) + len(body) % 2 for _, body in chunks)
    yield b"RIFF" + struct.pack("<I", size) + form
    for kind, body in chunks:
        yield kind + struct.pack("<I", len(body))
        yield body
        yield b"\0" * (len(body) % 2)
