"""附件: which files may be attached, and how they may be named."""

import unicodedata
from enum import StrEnum
from typing import Final

MOST_BYTES: Final = 10 * 1024 * 1024
MOST_PER_TICKET: Final = 10
_LONGEST_NAME: Final = 200
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})  # Unicode categories of what does not show


class AttachmentKind(StrEnum):
    PURCHASE_PROOF = "purchase_proof"  # 购买凭证
    PHOTO = "photo"
    VIDEO = "video"
    VOICE = "voice"
    DOCUMENT = "document"


_IMAGES: Final = frozenset({"jpg", "png", "webp"})
EXTENSIONS_OF: Final = {
    AttachmentKind.PURCHASE_PROOF: _IMAGES | {"pdf"},
    AttachmentKind.PHOTO: _IMAGES,
    AttachmentKind.VIDEO: frozenset({"mp4"}),
    AttachmentKind.VOICE: frozenset({"m4a", "mp3", "wav", "amr"}),
    AttachmentKind.DOCUMENT: _IMAGES | {"pdf"},
}


class ScanState(StrEnum):
    """What the scanner said. Only `clean` and `not_scanned` may be downloaded."""

    NOT_SCANNED = "not_scanned"  # the deployment has no scanner
    PENDING = "pending"
    CLEAN = "clean"
    INFECTED = "infected"


DOWNLOADABLE: Final = frozenset({ScanState.NOT_SCANNED, ScanState.CLEAN})


def may_be_named(name: str) -> bool:
    """Tell whether a file name names one file and shows as what it is.

    Path signs, control characters and those that turn the direction of writing (`gpj.exe` shown as `exe.jpg`) are not
    taken. It is never used as the name of a file here.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or name.startswith("."):
        return False
    return not any(sign in "/\\" or unicodedata.category(sign) in _UNSEEN for sign in name)
