"""Which formats are taken. A file is what its content and its name agree on."""

from enum import StrEnum
from typing import Final


class Format(StrEnum):
    """A format, by the extension its files are handed out with."""

    JPEG = "jpg"
    PNG = "png"
    WEBP = "webp"
    PDF = "pdf"
    MP4 = "mp4"
    M4A = "m4a"
    MP3 = "mp3"
    WAV = "wav"
    AMR = "amr"


MEDIA_TYPES: Final = {
    Format.JPEG: "image/jpeg",
    Format.PNG: "image/png",
    Format.WEBP: "image/webp",
    Format.PDF: "application/pdf",
    Format.MP4: "video/mp4",
    Format.M4A: "audio/mp4",
    Format.MP3: "audio/mpeg",
    Format.WAV: "audio/wav",
    Format.AMR: "audio/amr",
}
EXTENSIONS: Final = {"jpeg": Format.JPEG, **{format_.value: format_ for format_ in Format}}
_ISO_BRANDS: Final = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4A ", b"dash")


def format_named(name: str) -> Format | None:
    """Return the format a file name's extension stands for."""
    _, dot, extension = name.rpartition(".")
    return EXTENSIONS.get(extension.lower()) if dot else None


def begins_as(format_: Format, content: bytes) -> bool:
    """Tell whether content begins as files of a format do. Recorders write sound and film under the same brands."""
    match format_:
        case Format.JPEG:
            return content.startswith(b"\xff\xd8\xff")
        case Format.PNG:
            return content.startswith(b"\x89PNG\r\n\x1a\n")
        case Format.WEBP | Format.WAV:
            return content[:4] == b"RIFF" and content[8:12] == (b"WEBP" if format_ is Format.WEBP else b"WAVE")
        case Format.PDF:
            return content.startswith(b"%PDF-")
        case Format.MP4 | Format.M4A:
            return content[4:8] == b"ftyp" and content[8:12] in _ISO_BRANDS
        case Format.MP3:
            return content.startswith(b"ID3") or (content[:1] == b"\xff" and content[1:2] >= b"\xe0")
        case Format.AMR:
            return content.startswith((b"#!AMR\n", b"#!AMR-WB\n"))
