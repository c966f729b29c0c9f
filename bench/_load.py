"""A small HTTP load: one request after another on each of some connections, as fast as the server answers."""

import asyncio
import time
from urllib.parse import urlsplit


def request_bytes(url: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Write a POST as it goes over the wire."""
    parts = urlsplit(url)
    lines = [f"POST {parts.path} HTTP/1.1", f"host: {parts.netloc}", f"content-length: {len(body)}"]
    lines += ["content-type: application/json", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def rate(url: str, request: bytes, *, connections: int, seconds: float) -> float:
    """Return the answers per second. Raises: RuntimeError for an answer other than 200."""
    parts = urlsplit(url)
    until = time.perf_counter() + seconds
    counts = await asyncio.gather(
        *(_client(parts.hostname or "", parts.port or 80, request, until) for _ in range(connections))
    )
    return sum(counts) / seconds


async def _client(host: str, port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    answered = 0
    try:
        while time.perf_counter() < until:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head[:16]:
                raise RuntimeError(head.decode())
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length[15:]))
            answered += 1
    finally:
        writer.close()
    return answered
