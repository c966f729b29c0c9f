"""Files to send, right and wrong, made here."""

import io
import struct
import zlib

from PIL import Image

PLACE = b"GPSCANARY"  # stands where a camera writes its place
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-" + b"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
ARCHIVE = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)


def picture(form: str = "JPEG", *, turned: bool = True, size: tuple[int, int] = (8, 6)) -> bytes:
    """An image with a place, a comment and a device in its metadata, lying on its side."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
    exif[0x010F] = PLACE.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (30.0, 15.0, 0.0), 29: PLACE.decode()})
    out = io.BytesIO()
    if form == "PNG":
        image.save(out, form, exif=exif)
    elif form == "WEBP":
        image.save(out, form, exif=exif, lossless=True)
    else:
        image.save(out, form, exif=exif, comment=PLACE, quality=90)
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and has next to no data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def pdf(hidden: bytes = b"", *, behind: bytes = b"\n") -> bytes:
    return b"%PDF-1.4\n" + hidden + b"1 0 obj <</Type/Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF" + behind


def film(brand: bytes = b"mp42") -> bytes:
    """An MP4 whose `moov` tells a place."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(body), kind) + body

    told = box(b"udta", box(b"\xa9xyz", PLACE))
    moov = box(b"moov", box(b"mvhd", bytes(100)) + told + box(b"trak", told + box(b"mdia", bytes(8))))
    return box(b"ftyp", brand + bytes(4)) + moov + box(b"mdat", b"frames")


def sound(kind: str) -> bytes:
    """A voice message with a place beside it, where the format has room for one."""
    if kind == "wav":
        chunks = b"LIST" + struct.pack("<I", 10) + PLACE + b"\0" + b"fmt " + struct.pack("<I", 16) + bytes(16)
        chunks += b"data" + struct.pack("<I", 4) + b"\x01\x02\x03\x04"
        return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
    if kind == "mp3":
        tag = b"ID3\x03\0\0" + bytes([0, 0, 0, len(PLACE)]) + PLACE
        return tag + b"\xff\xfb\x90\0" + bytes(400) + b"TAG" + PLACE.ljust(125, b"\0")
    return b"#!AMR\n" + bytes(320)
