"""Files kept beside the database: in a local folder, or in a bucket that speaks S3. Their names say nothing."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from app.core.errors import ServiceError
from app.core.language import Text
from app.core.late import Late

if TYPE_CHECKING:
    import obstore
    from obstore import exceptions
    from obstore import store as stores
else:
    obstore, stores, exceptions = Late("obstore"), Late("obstore.store"), Late("obstore.exceptions")  # 4 MB

BUCKET: Final = "s3://"
_PART = 256 * 1024
_AT_A_TIME = 2
_PATIENCE = timedelta(seconds=20)


class FilesUnavailable(ServiceError):
    status, code, retryable = 503, "files_unavailable", True
    title = Text("附件存储暂不可用，请稍后重试", "The store of attachments is not available: try again shortly")


class BlobMissing(Exception):
    """There is no blob of this name."""


class Blobs:
    """One place for blobs: a folder, or `s3://bucket/prefix` with the usual `AWS_*` variables for the rest.

    `room` bounds how many files of a process are held in memory at a time.
    """

    def __init__(self, place: str, *, store: "stores.ObjectStore | None" = None) -> None:
        self._folder = None if store is not None or place.startswith(BUCKET) else Path(place).absolute()
        self._place, self._given = place, store
        self.room = asyncio.Semaphore(_AT_A_TIME)

    @staticmethod
    def new_name() -> str:
        return secrets.token_hex(32)

    @cached_property
    def _store(self) -> "stores.ObjectStore":
        """Made when it is first needed, since a process that keeps no files needs no folder."""
        if self._given is not None:
            return self._given
        if self._folder is None:
            # Not every bucket deletes several at a time; and who waits for an answer is not kept for minutes.
            return stores.S3Store.from_url(
                self._place,
                config={"disable_bulk_delete": True},
                retry_config={"max_retries": 2, "retry_timeout": _PATIENCE},
            )
        return stores.LocalStore(self._folder, mkdir=True)

    async def put(self, name: str, content: IO[bytes]) -> None:
        """Keep a blob; when this returns it outlives a loss of power.

        Raises: FilesUnavailable.
        """
        try:
            if self._folder is None:
                await obstore.put_async(self._store, name, content, max_concurrency=1)
            else:  # obstore would hold 5 MB at a time, and leave the rest to the page cache
                await asyncio.to_thread(_write, self._folder, name, content)
        except Exception as error:
            raise FilesUnavailable(headers={"Retry-After": "5"}) from error

    async def read(self, name: str) -> AsyncIterator[bytes]:
        """Return the parts of a blob, as they are read.

        Raises: BlobMissing, FilesUnavailable, both before the first part.
        """
        try:
            found = await obstore.get_async(self._store, name)
        except (FileNotFoundError, exceptions.NotFoundError):
            raise BlobMissing(name) from None
        except Exception as error:
            raise FilesUnavailable(headers={"Retry-After": "5"}) from error
        return _parts(found.stream(min_chunk_size=_PART))

    async def names(self, beginning: str) -> list[str]:
        """Return the names that begin so, in order. In a bucket it must sort behind the names that `new_name` makes.

        Raises: FilesUnavailable.
        """
        try:
            if self._folder is not None:
                return await asyncio.to_thread(_names, self._folder, beginning)
            found: list[str] = []
            async for page in obstore.list(self._store, offset=beginning):
                found += [item["path"] for item in page if item["path"].startswith(beginning)]
        except Exception as error:
            raise FilesUnavailable from error
        return sorted(found)

    async def delete(self, name: str) -> None:
        """Delete a blob, if there is one.

        Raises: FilesUnavailable.
        """
        try:
            await obstore.delete_async(self._store, name)
        except (FileNotFoundError, exceptions.NotFoundError):
            return
        except Exception as error:
            raise FilesUnavailable from error


async def _parts(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for part in stream:
        yield bytes(part)


def _names(folder: Path, beginning: str) -> list[str]:
    return sorted(file.name for file in folder.glob(f"{beginning}*"))


def _write(folder: Path, name: str, content: IO[bytes]) -> None:
    """Copy a file into the folder and on to the disk. A name is new, and not told before it is all there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / name).open("xb") as file:
        shutil.copyfileobj(content, file, _PART)
        file.flush()
        os.fsync(file.fileno())
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
