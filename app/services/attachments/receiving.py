"""Receiving a file: written to disk as it comes, looked at in a thread, and never more than two in memory."""

import asyncio
import hashlib
import mmap
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import Message
from typing import IO

from app.core.blobs import Blobs
from app.core.errors import FieldError, ValidationFailed
from app.core.language import Text
from app.core.media.cleaning import cleaned
from app.core.media.faults import Fault, Unusable
from app.core.media.formats import Format, begins_as, format_named
from app.services.attachments.refusals import UnsupportedFile, UnusableFile
from app.services.rules.attachments import may_be_named

_BUFFER = 256 * 1024
_NAME_WANTED = FieldError(
    ("header", "Content-Disposition"),
    "file_name",
    Text(
        "请给出文件名：attachment; filename*=UTF-8''…，至多 200 字，不含路径和控制字符",
        "Name the file: attachment; filename*=UTF-8''…, 200 characters at most, without path or control characters",
    ),
)


@dataclass(frozen=True, slots=True)
class Received:
    """What came of a file: what is kept lies under a blob's name already."""

    name: str
    format: Format
    size_bytes: int
    sha256: bytes
    sent_sha256: bytes


def file_name(disposition: str | None) -> str:
    """Return the file name of a `Content-Disposition` header (RFC 6266, RFC 8187).

    Raises: ValidationFailed if there is none, or one that could pass for another.
    """
    header = Message()
    header["content-disposition"] = (disposition or "").encode("latin-1", "replace").decode("utf-8", "replace")
    try:
        name = header.get_filename()
    except (ValueError, LookupError):  # a charset nobody knows, or bytes that are not of it
        name = None
    if name is None or not may_be_named(name):
        raise ValidationFailed(errors=[_NAME_WANTED])
    return name


async def receive(blobs: Blobs, blob: str, name: str, parts: AsyncIterator[bytes]) -> Received:
    """Take a file in and keep its cleaned content under `blob`.

    Raises: UnsupportedFile, UnusableFile, FilesUnavailable.
    """
    format_ = format_named(name)
    if format_ is None:
        raise UnsupportedFile
    with tempfile.TemporaryFile(buffering=0) as sent, tempfile.TemporaryFile() as kept:
        sent_sha256 = await _spool(parts, sent)
        async with blobs.room:
            size, sha256 = await asyncio.to_thread(_clean, format_, sent, kept)
            await blobs.put(blob, kept)
    return Received(name, format_, size, sha256, sent_sha256)


async def _spool(parts: AsyncIterator[bytes], file: IO[bytes]) -> bytes:
    digest, waiting = hashlib.sha256(), bytearray()
    async for part in parts:
        digest.update(part)
        waiting += part
        if len(waiting) >= _BUFFER:
            await asyncio.to_thread(file.write, bytes(waiting))
            waiting.clear()
    await asyncio.to_thread(file.write, bytes(waiting))
    return digest.digest()


def _clean(format_: Format, sent: IO[bytes], kept: IO[bytes]) -> tuple[int, bytes]:
    """Write what is kept of a file, and return its size and digest. Raises: UnsupportedFile, UnusableFile."""
    if not sent.seek(0, os.SEEK_END):
        raise UnusableFile(Fault.EMPTY)
    content = memoryview(mmap.mmap(sent.fileno(), 0, access=mmap.ACCESS_READ))
    if not begins_as(format_, bytes(content[:16])):
        raise UnsupportedFile
    digest, size = hashlib.sha256(), 0
    try:
        for part in cleaned(format_, content):
            kept.write(part)
            digest.update(part)
            size += len(part)
    except Unusable as unusable:
        raise UnusableFile(unusable.fault) from None
    kept.seek(0)
    return size, digest.digest()
