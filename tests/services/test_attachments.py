"""What workers do for attachments, and stores of another kind than a folder."""

import asyncio
import io
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from obstore.store import MemoryStore

from app.core.blobs import BlobMissing, Blobs
from app.core.personal import Tier
from app.core.scanner import Scanner
from app.services.attachments.upkeep import scan_next
from app.services.policy_book import PolicyBook
from tests.conftest import Databases
from tests.files import EICAR, pdf
from tests.http.problems import check_problem
from tests.http.service import Service, open_service, take


class Clamd:
    """A scanner that knows one virus, or answers what it is told to."""

    def __init__(self) -> None:
        self.scanned: list[bytes] = []
        self.answer: bytes | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = b""
        while size := struct.unpack(">I", await reader.readexactly(4))[0]:
            content += await reader.readexactly(size)
        self.scanned.append(content)
        verdict = b"stream: Eicar-Signature FOUND\0" if EICAR in content else b"stream: OK\0"
        writer.write(self.answer or verdict)
        writer.close()


@asynccontextmanager
async def clamd() -> AsyncIterator[tuple[Clamd, str]]:
    scanner = Clamd()
    server = await asyncio.start_server(scanner.serve, "127.0.0.1")
    async with server:
        yield scanner, f"clamd://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def send(client: httpx.AsyncClient, ticket: dict[str, Any], content: bytes) -> dict[str, Any]:
    response = await client.post(
        f"/v1/tickets/{ticket['id']}/attachments", params={"kind": "document"}, content=content,
        headers={"Content-Disposition": "attachment; filename=a.pdf"},
    )  # fmt: skip
    assert response.status_code == 201, response.text
    attachment: dict[str, Any] = response.json()
    return attachment


async def scans(service: Service, address: str) -> int:
    kit = service.app.state.kit
    return await scan_next(kit.db, kit.blobs, Scanner.at(address), service.clock())


async def test_R34_a_file_is_had_by_nobody_before_its_scan_and_never_if_it_is_harmful(
    databases: Databases, book: PolicyBook
) -> None:
    async with clamd() as (scanner, address), open_service(await databases.clone(), book, scanner=address) as service:
        client = await service.client(tier=Tier.SENSITIVE)
        ticket = await take(client)
        url = f"/v1/tickets/{ticket['id']}/attachments"
        harmless, harmful = await send(client, ticket, pdf()), await send(client, ticket, pdf(EICAR))
        for sent in (harmless, harmful):
            assert sent["scan"] == "pending"
            check_problem(await client.get(f"{url}/{sent['id']}/content"), 409, "attachment_not_scanned")
        assert [await scans(service, address) for _ in range(3)] == [1, 1, 0]
        assert sorted(scanner.scanned) == sorted([pdf(), pdf(EICAR)])
        assert (await client.get(f"{url}/{harmless['id']}/content")).content == pdf()
        check_problem(await client.get(f"{url}/{harmful['id']}/content"), 404, "not_found")
        [left] = (await client.get(url)).json()["items"]
        assert (left["id"], left["scan"]) == (harmless["id"], "clean")
        entries = (await client.get(f"/v1/tickets/{ticket['id']}/timeline")).json()["items"]
        assert entries[-1]["kind"] == "attachment_removed"
        [row] = await service.sql("SELECT data FROM event WHERE type = 'ticket.attachment_removed'")
        assert '"scan": "infected"' in row["data"]


@pytest.mark.parametrize("answer", [b"INSTREAM size limit exceeded. ERROR\0", b"", b"?"])
async def test_a_file_without_a_verdict_stays_out_of_reach_and_is_tried_again(
    databases: Databases, book: PolicyBook, answer: bytes
) -> None:
    async with clamd() as (scanner, address), open_service(await databases.clone(), book, scanner=address) as service:
        client = await service.client(tier=Tier.SENSITIVE)
        ticket = await take(client)
        sent = await send(client, ticket, pdf())
        scanner.answer = answer or b"\0"
        assert [await scans(service, address) for _ in range(2)] == [1, 0]
        url = f"/v1/tickets/{ticket['id']}/attachments/{sent['id']}/content"
        check_problem(await client.get(url), 409, "attachment_not_scanned")
        scanner.answer = None
        service.clock.advance(seconds=121)
        assert await scans(service, address) == 1
        assert (await client.get(url)).status_code == 200


async def test_a_scanner_that_is_away_lets_nothing_through(databases: Databases, book: PolicyBook) -> None:
    async with clamd() as (_, address):
        pass
    async with open_service(await databases.clone(), book, scanner=address) as service:
        client = await service.client(tier=Tier.SENSITIVE)
        ticket = await take(client)
        sent = await send(client, ticket, pdf())
        assert await scans(service, address) == 1
        url = f"/v1/tickets/{ticket['id']}/attachments/{sent['id']}/content"
        check_problem(await client.get(url), 409, "attachment_not_scanned")


class Bucket:
    """As much of S3 as a store of blobs needs."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.signed = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.signed = self.signed and "credential=made-up/" in headers.get("authorization", "")
        status, content = "200 OK", b""
        if method == "PUT":
            self.objects[path] = body
        elif method == "DELETE":
            status = "204 No Content"
            self.objects.pop(path, None)
        elif "list-type=2" in path:
            content = self.listed(path)
        elif path in self.objects:
            content = self.objects[path]
        else:
            status, content = "404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>"
        lines = f'HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\nETag: "x"\r\nConnection: close\r\n'
        lines += "Last-Modified: Sun, 22 Nov 2026 04:00:00 GMT\r\n\r\n"
        writer.write(lines.encode() + content)
        writer.close()

    def listed(self, path: str) -> bytes:
        """Answer as S3 does: names after a given one."""
        bucket, _, query = path.partition("?")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        names = sorted(key.removeprefix(f"{bucket}/") for key in self.objects)
        wanted = [name for name in names if name.startswith(asked["prefix"]) and name > asked["start-after"]]
        rows = "".join(
            f"<Contents><Key>{name}</Key><LastModified>2026-11-22T04:00:00.000Z</LastModified><Size>1</Size></Contents>"
            for name in wanted
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode()


async def round_trip(blobs: Blobs) -> None:
    name, content = blobs.new_name(), bytes(range(256)) * 4000
    await blobs.put(name, io.BytesIO(content))
    for number in (2, 1):
        await blobs.put(f"ledger-{number}", io.BytesIO(b"1"))
    assert await blobs.names("ledger-") == ["ledger-1", "ledger-2"]
    assert b"".join([part async for part in await blobs.read(name)]) == content
    await blobs.delete(name)
    await blobs.delete(name)
    with pytest.raises(BlobMissing):
        await blobs.read(name)


async def test_a_bucket_keeps_blobs_as_a_folder_does(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket()
    async with await asyncio.start_server(bucket.serve, "127.0.0.1") as server:
        variables = {
            "ENDPOINT": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "ALLOW_HTTP": "true",
            "ACCESS_KEY_ID": "made-up", "SECRET_ACCESS_KEY": "made-up", "REGION": "cn-north-1",
        }  # fmt: skip
        for name, value in variables.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        blobs = Blobs("s3://files/aftersales")
        await blobs.put("one", io.BytesIO(b"content"))
        assert list(bucket.objects) == ["/files/aftersales/one"]
        await round_trip(blobs)
        assert bucket.signed


async def test_a_store_in_memory_keeps_blobs_as_a_folder_does(tmp_path: Path) -> None:
    await round_trip(Blobs("", store=MemoryStore()))
    await round_trip(Blobs(str(tmp_path)))
