"""A virus scanner beside the service: clamd, asked over TCP by its INSTREAM command."""

import asyncio
import re
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final, Self

ADDRESS: Final = re.compile(r"clamd://(?P<host>[A-Za-z0-9.-]+):(?P<port>\d{1,5})")
_SECONDS = 60.0


class ScannerUnavailable(Exception):
    """The scanner gave no verdict."""


class Scanner:
    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    @classmethod
    def at(cls, address: str) -> Self | None:
        """Return the scanner of an address like `clamd://host:3310`; None for `none`."""
        found = ADDRESS.fullmatch(address)
        return cls(found["host"], int(found["port"])) if found else None

    async def is_clean(self, parts: AsyncIterator[bytes]) -> bool:
        """Tell whether nothing harmful is found in a file.

        Raises: ScannerUnavailable, also after 60 seconds.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                verdict = await self._verdict(parts)
        except (OSError, TimeoutError) as error:
            raise ScannerUnavailable("no answer") from error
        if verdict.endswith(b"FOUND"):
            return False
        if verdict.endswith(b"OK"):
            return True
        raise ScannerUnavailable(verdict.decode("ascii", "replace")[:200])

    async def _verdict(self, parts: AsyncIterator[bytes]) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(b"zINSTREAM\0")
            async for part in parts:
                writer.write(struct.pack(">I", len(part)) + part)
                await writer.drain()
            writer.write(struct.pack(">I", 0))
            return (await reader.read(1000)).rstrip(b"\0\n")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
