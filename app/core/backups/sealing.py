"""Files sealed for keeping elsewhere: compressed, then AES-256-GCM in chunks of 1 MiB, written and read as a stream.

A file is `magic, key name, NUL, salt, chunks`. Each file has a key of its own, made of the ring's and the salt. A
chunk's nonce is its number and whether it is the last, and each is bound to the header and the name the file goes by:
chunks that were changed, dropped, moved or taken from another file do not open, nor does a file under another's name.
"""

import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag

from app.core.crypto import KeyRing
from app.core.faults import Fault
from app.core.language import Text
from app.core.private_file import sync_folder

_MAGIC = b"aftersales sealed file 1\n"
_CHUNK, _TAG, _SALT = 1 << 20, 16, 32
_LONGEST_NAME = 100
_FASTEST = 1


def seal_file(target: Path, parts: Iterable[bytes], keyring: KeyRing, name: str) -> None:
    """Write `parts` to `target`, which appears when all of it is on the disk; what `parts` raises leaves nothing.

    name: what the file is, to be given again when it is read.
    Raises: OSError.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.unfinished")
    salt = os.urandom(_SALT)
    key_name, key = keyring.file_key(salt)
    header = _MAGIC + key_name.encode() + b"\0" + salt
    try:
        with unfinished.open("wb") as file:
            unfinished.chmod(0o600)
            file.write(header)
            for nonce, chunk in _numbered(_chunks(_compressed(parts))):
                file.write(key.encrypt(nonce, chunk, header + name.encode()))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(target.parent)


def unseal(source: Path, keyring: KeyRing, name: str) -> Iterator[bytes]:
    """Return the parts that were sealed, each of them proved; that none is missing is known when they end.

    Raises: Fault for what is no sealed file, is not whole, was changed, or has another key or name.
    """
    try:
        with source.open("rb") as file:
            yield from _expanded(_opened(file, keyring, name), source)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Fault(Text(f"无法读取 {source}：{reason}", f"{source} cannot be read: {reason}")) from None


def _opened(file: IO[bytes], keyring: KeyRing, name: str) -> Iterator[bytes]:
    head = file.read(len(_MAGIC) + _LONGEST_NAME)
    key_name, separator, _ = head.removeprefix(_MAGIC).partition(b"\0")
    if not head.startswith(_MAGIC) or not separator:
        raise Fault(Text(f"{file.name} 不是加密的备份文件", f"{file.name} is not a sealed file of a backup"))
    file.seek(len(_MAGIC) + len(key_name) + 1)
    salt = file.read(_SALT)
    _, key = keyring.file_key(salt, key_name.decode("utf-8", "replace"))
    header = _MAGIC + key_name + b"\0" + salt
    try:
        for nonce, chunk in _numbered(iter(lambda: file.read(_CHUNK + _TAG), b"")):
            yield key.decrypt(nonce, chunk, header + name.encode())
    except InvalidTag:
        raise Fault(
            Text(
                f"{file.name} 无法解密：文件不完整或被改动，或密钥 {key_name.decode()} 与加密时的不同",
                f"{file.name} does not open: it was cut or changed, or the key {key_name.decode()} is not the one "
                "that sealed it",
            )
        ) from None


def _numbered(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Put its nonce before each chunk; there is always a last one, if need be an empty one."""
    number, current = 0, next(chunks, b"")
    for following in chunks:
        yield number.to_bytes(11, "big") + b"\0", current
        number, current = number + 1, following
    yield number.to_bytes(11, "big") + b"\1", current


def _chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for part in parts:
        waiting += part
        while len(waiting) >= _CHUNK:
            yield bytes(waiting[:_CHUNK])
            del waiting[:_CHUNK]
    if waiting:
        yield bytes(waiting)


def _compressed(parts: Iterable[bytes]) -> Iterator[bytes]:
    squeeze = zlib.compressobj(_FASTEST)
    for part in parts:
        yield squeeze.compress(part)
    yield squeeze.flush()


def _expanded(parts: Iterable[bytes], source: Path) -> Iterator[bytes]:
    expand = zlib.decompressobj()
    for part in parts:
        rest = part
        while rest:
            if plain := expand.decompress(rest, _CHUNK):
                yield plain
            rest = expand.unconsumed_tail
    if plain := expand.flush():
        yield plain
    if not expand.eof:
        raise Fault(Text(f"{source} 不完整", f"{source} is not whole"))
