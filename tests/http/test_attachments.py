"""Files of a ticket: what is taken, what comes back, and who may have it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.personal import Tier
from app.services.attachments import receiving
from app.services.attachments.upkeep import GRACE, sweep_blobs
from app.services.rules.attachments import EXTENSIONS_OF, MOST_BYTES
from tests.files import ARCHIVE, EICAR, PLACE, film, pdf, picture, png_of, sound
from tests.http.operations import BODIES
from tests.http.problems import check_problem
from tests.http.service import Service, take

NAME = "王芳的小票.jpg"


def named(name: str) -> dict[str, str]:
    quoted = "".join(f"%{byte:02X}" for byte in name.encode())
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quoted}"}


async def send(
    client: httpx.AsyncClient,
    ticket: dict[str, Any],
    content: Any = None,
    *,
    name: str = NAME,
    kind: str = "photo",
    headers: dict[str, str] | None = None,
    **query: str,
) -> httpx.Response:
    content = picture() if content is None else content
    url = f"/v1/tickets/{ticket['id']}/attachments"
    return await client.post(url, params={"kind": kind} | query, content=content, headers=named(name) | (headers or {}))


async def sent(client: httpx.AsyncClient, ticket: dict[str, Any], content: Any = None, **how: Any) -> dict[str, Any]:
    response = await send(client, ticket, content, **how)
    assert response.status_code == 201, response.text
    attachment: dict[str, Any] = response.json()
    return attachment


def content_of(ticket: dict[str, Any], attachment: dict[str, Any]) -> str:
    return f"/v1/tickets/{ticket['id']}/attachments/{attachment['id']}/content"


def blobs_of(service: Service) -> list[Path]:
    folder = Path(service.app.state.settings.attachments)
    return sorted(file for file in folder.rglob("*") if file.is_file())


@pytest.fixture
async def ticket(caller: httpx.AsyncClient) -> dict[str, Any]:
    return await take(caller)


@pytest.fixture(scope="module")
async def reader(service: Service) -> httpx.AsyncClient:
    return await service.client(tier=Tier.SENSITIVE)


async def test_a_photo_comes_back_without_its_place_as_a_download_that_no_browser_runs(
    caller: httpx.AsyncClient, reader: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    shown = await sent(caller, ticket, staff_no="1101")
    download = await reader.get(content_of(ticket, shown))
    assert download.status_code == 200
    assert PLACE not in download.content
    assert shown["sha256"] == hashlib.sha256(download.content).hexdigest()
    assert shown["sent_sha256"] == hashlib.sha256(picture()).hexdigest() != shown["sha256"]
    assert (shown["scan"], shown["name"], shown["attached_by"]) == ("not_scanned", None, "1101")
    headers = download.headers
    assert headers["content-type"] == "image/jpeg"
    assert headers["content-disposition"].startswith(f'attachment; filename="{shown["id"]}.jpg"; filename*=UTF-8')
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    assert int(headers["content-length"]) == shown["size_bytes"] == len(download.content)
    [listed] = (await reader.get(f"/v1/tickets/{ticket['id']}/attachments")).json()["items"]
    assert listed == shown | {"name": NAME}


TAKEN = {
    "png": ("purchase_proof", picture("PNG")), "webp": ("photo", picture("WEBP")), "pdf": ("document", pdf()),
    "mp4": ("video", film()), "m4a": ("voice", film(b"M4A ")), "mp3": ("voice", sound("mp3")),
    "wav": ("voice", sound("wav")), "amr": ("voice", sound("amr")),
}  # fmt: skip


@pytest.mark.parametrize("extension", TAKEN)
async def test_every_format_is_taken_for_what_it_is(
    caller: httpx.AsyncClient, reader: httpx.AsyncClient, ticket: dict[str, Any], extension: str
) -> None:
    kind, content = TAKEN[extension]
    shown = await sent(caller, ticket, content, name=f"x.{extension}", kind=kind)
    assert (shown["kind"], shown["format"]) == (kind, extension)
    download = await reader.get(content_of(ticket, shown))
    assert (download.status_code, download.headers["content-type"]) == (200, shown["media_type"])


@pytest.mark.parametrize("kind", EXTENSIONS_OF)
async def test_a_file_of_the_wrong_kind_is_told_which_formats_are_right(
    caller: httpx.AsyncClient, ticket: dict[str, Any], kind: str
) -> None:
    extension = next(name for name in TAKEN if name not in EXTENSIONS_OF[kind])  # type: ignore[index]
    response = await send(caller, ticket, TAKEN[extension][1], name=f"x.{extension}", kind=kind)
    check_problem(response, 422, "validation_failed")
    assert response.json()["errors"][0]["parameter"] == "kind"


REFUSED: dict[str, tuple[str, Any, int, str]] = {
    "gif and script": ("a.jpg", b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)", 415, "unsupported_file"),
    "an archive": ("a.pdf", ARCHIVE, 415, "unsupported_file"),
    "an archive by name": ("a.zip", ARCHIVE, 415, "unsupported_file"),
    "a drawing": ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_file"),
    "a page": ("a.html", b"<html></html>", 415, "unsupported_file"),
    "a page named as a picture": ("a.png", b"<html></html>", 415, "unsupported_file"),
    "a picture named as another": ("a.png", picture(), 415, "unsupported_file"),
    "a plain text": ("a.pdf", EICAR, 415, "unsupported_file"),
    "document and page": ("a.pdf", pdf(b"<html>"), 422, "unusable_file"),
    "a bomb": ("a.png", png_of(40_000, 40_000), 422, "unusable_file"),
    "half a picture": ("a.jpg", picture()[:200], 422, "unusable_file"),
    "nothing": ("a.jpg", b"", 422, "unusable_file"),
    "too large": ("a.jpg", b"\xff\xd8\xff" + bytes(MOST_BYTES), 413, "file_too_large"),
    "a path": ("../../a.jpg", None, 422, "validation_failed"),
    "a path of Windows": ("..\\a.jpg", None, 422, "validation_failed"),
    "NUL": ("a.jpg\0.html", None, 422, "validation_failed"),
    "from right to left": ("a\u202egpj.jpg", None, 422, "validation_failed"),
    "a line end": ("a\r\nX-Evil: 1.jpg", None, 422, "validation_failed"),
    "a hidden name": (".jpg", None, 422, "validation_failed"),
    "a long name": ("a" * 200 + ".jpg", None, 422, "validation_failed"),
}


@pytest.mark.parametrize(("name", "content", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_R34_what_is_no_honest_file_of_the_list_is_refused_and_leaves_nothing_that_can_be_had(
    caller: httpx.AsyncClient, ticket: dict[str, Any], name: str, content: Any, status: int, code: str
) -> None:
    kind = "document" if name.endswith("pdf") else "photo"
    check_problem(await send(caller, ticket, content, name=name, kind=kind), status, code)
    assert (await caller.get(f"/v1/tickets/{ticket['id']}/attachments")).json() == {"items": []}


async def test_a_file_that_grows_too_large_on_its_way_is_refused(
    caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"\xff\xd8\xff"
        for _ in range(MOST_BYTES // 65_536 + 1):
            yield bytes(65_536)

    check_problem(await send(caller, ticket, endless()), 413, "file_too_large")


@pytest.mark.parametrize("header", [{}, {"Content-Disposition": "attachment"}, {"Content-Disposition": ";;;"}])
async def test_a_file_without_a_name_is_refused(
    caller: httpx.AsyncClient, ticket: dict[str, Any], header: dict[str, str]
) -> None:
    url = f"/v1/tickets/{ticket['id']}/attachments?kind=photo"
    check_problem(await caller.post(url, content=picture(), headers=header), 422, "validation_failed")


async def test_a_compressed_upload_is_not_unpacked(caller: httpx.AsyncClient, ticket: dict[str, Any]) -> None:
    response = await send(caller, ticket, headers={"Content-Encoding": "gzip"})
    check_problem(response, 415, "unsupported_media_type")


async def test_R34_twenty_uploads_at_once_for_the_tenth_place_fill_it_once(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    for _ in range(9):
        await sent(caller, ticket)
    answers = await asyncio.gather(*(send(caller, ticket) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    for answer in answers:
        if answer.status_code == 409:
            check_problem(answer, 409, "too_many_attachments")
    [[rows]] = await service.sql("SELECT count(*) FROM attachment WHERE ticket_id = $1::uuid", ticket["id"][4:])
    assert rows == 10


async def test_a_repeated_upload_is_made_once_and_another_file_under_its_key_is_refused(
    caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    key = {"Idempotency-Key": f"upload-{ticket['id']}"}
    for _ in range(9):
        await sent(caller, ticket)
    first = await sent(caller, ticket, headers=key)
    again = await send(caller, ticket, headers=key)
    assert (again.status_code, again.json(), again.headers["idempotent-replayed"]) == (201, first, "true")
    other = await send(caller, ticket, picture(turned=False), headers=key)
    check_problem(other, 422, "idempotency_key_reused")
    assert len((await caller.get(f"/v1/tickets/{ticket['id']}/attachments")).json()["items"]) == 10


async def test_a_file_is_bound_to_an_inspection_or_a_return_of_its_own_ticket_only(
    caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    other = await take(caller)
    body = BODIES["POST /v1/tickets/{ticket}/inspections"]
    inspections = [
        (await caller.post(f"/v1/tickets/{of['id']}/inspections", json=body)).json()["id"] for of in (ticket, other)
    ]
    line = {"product_name": "餐盘", "reason": "quality"}
    form = {"business_line": ticket["business_line"], "lines": [line]}
    returns = [
        (await caller.post("/v1/returns", json=form | {"ticket": of["number"]})).json()["id"] for of in (ticket, other)
    ]
    for about in (inspections[0], returns[0]):
        assert (await sent(caller, ticket, about=about))["about"] == about
    for about in (inspections[1], returns[1], "ins_" + "0" * 32, "tkt_" + "0" * 32, ticket["id"]):
        response = await send(caller, ticket, about=about)
        check_problem(response, 422, "validation_failed")
        assert response.json()["errors"][0]["parameter"] == "about"


async def test_what_is_removed_is_gone_with_its_name_and_the_reason_stays(
    service: Service, caller: httpx.AsyncClient, reader: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    shown = await sent(caller, ticket)
    url = f"/v1/tickets/{ticket['id']}/attachments/{shown['id']}"
    removed = await caller.post(f"{url}/remove", json={"staff_no": "1101", "reason": "客户要求"})
    assert removed.status_code == 200
    check_problem(await reader.get(f"{url}/content"), 404, "not_found")
    check_problem(await caller.post(f"{url}/remove", json={"staff_no": "1", "reason": "x"}), 404, "not_found")
    entries = (await reader.get(f"/v1/tickets/{ticket['id']}/timeline")).json()["items"]
    told = [(entry["kind"], entry["staff_no"], entry["text"]) for entry in entries if "attach" in entry["kind"]]
    assert told == [("attached", None, None), ("attachment_removed", "1101", "客户要求")]
    [row] = await service.sql("SELECT * FROM attachment WHERE id = $1::uuid", shown["id"][4:])
    assert (row["blob"], row["name_sealed"], row["removed_by"]) == (None, None, "1101")


async def test_the_content_is_for_the_tier_sensitive_and_each_download_is_on_record(
    service: Service, caller: httpx.AsyncClient, reader: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    shown = await sent(caller, ticket)
    for tier in (Tier.PUBLIC, Tier.GENERAL):
        client = await service.client(tier=tier)
        check_problem(await client.get(content_of(ticket, shown)), 403, "insufficient_tier")
    await reader.get(content_of(ticket, shown), headers={"X-Request-Id": "download-1"})
    [looked] = await service.sql("SELECT * FROM access_log WHERE request_id = 'download-1'")
    assert (looked["subject"], looked["fields"]) == (f"tickets/{ticket['id']}", [shown["id"]])


async def test_a_files_name_is_readable_in_no_table_and_no_storage_name(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    await sent(caller, ticket)
    tables = [row[0] for row in await service.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    for table in tables:
        assert not [row for row in await service.sql(f"SELECT t::text FROM {table} t") if "王芳的小票" in row[0]], table
    for file in blobs_of(service):
        assert len(file.name) == 64
        assert "." not in file.name


async def test_what_is_another_lines_does_not_exist(service: Service) -> None:
    us, them = await service.client(lines=("tableware",)), await service.client(lines=("chemicals",))
    ours, theirs = await take(us), await take(them, business_line="chemicals")
    shown = await sent(them, theirs)
    unknown = {"id": "tkt_" + "0" * 32}
    for ticket in (theirs, unknown):
        url = f"/v1/tickets/{ticket['id']}/attachments"
        for response in (
            await send(us, ticket),
            await us.get(url),
            await us.get(f"{url}/{shown['id']}/content"),
            await us.post(f"{url}/{shown['id']}/remove", json={"staff_no": "1", "reason": "x"}),
        ):
            check_problem(response, 404, "not_found")
    check_problem(await us.get(content_of(ours, shown)), 404, "not_found")  # under a ticket of ours
    assert len((await them.get(f"/v1/tickets/{theirs['id']}/attachments")).json()["items"]) == 1


async def test_R34_an_upload_that_breaks_off_leaves_no_row_and_its_blob_is_swept(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    kept = await sent(caller, ticket)
    before = blobs_of(service)
    await service.sql("ALTER TABLE attachment ADD CONSTRAINT broken CHECK (false) NOT VALID")
    try:
        check_problem(await send(caller, ticket), 500, "internal_error")
    finally:
        await service.sql("ALTER TABLE attachment DROP CONSTRAINT broken")
    [stray] = set(blobs_of(service)) - set(before)
    shown = (await caller.get(f"/v1/tickets/{ticket['id']}/attachments")).json()["items"]
    assert [item["id"] for item in shown] == [kept["id"]]
    kit = service.app.state.kit
    await sweep_blobs(kit.db, kit.blobs, service.clock() + GRACE)
    assert stray in blobs_of(service)  # it might still be under way
    while await sweep_blobs(kit.db, kit.blobs, service.clock() + GRACE * 2):
        pass
    live = {row[0] for row in await service.sql("SELECT blob FROM attachment WHERE blob IS NOT NULL")}
    assert {file.name for file in blobs_of(service)} == live
    assert {row[0] for row in await service.sql("SELECT name FROM stored_blob")} == live


async def test_a_caller_who_hangs_up_leaves_nothing_but_a_note_for_the_sweeper(
    service: Service, ticket: dict[str, Any]
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"\xff\xd8\xff"
        raise ConnectionResetError

    before = blobs_of(service)
    kit = service.app.state.kit
    with pytest.raises(ConnectionResetError):
        await receiving.receive(kit.blobs, kit.blobs.new_name(), "a.jpg", broken())
    assert blobs_of(service) == before


@contextmanager
def away(folder: Path) -> Iterator[None]:
    """Put something else in a folder's place."""
    moved = folder.rename(folder.with_name(f"{folder.name}-away"))
    folder.write_text("in the way")
    try:
        yield
    finally:
        folder.unlink()
        moved.rename(folder)


async def test_a_store_that_is_away_is_said_to_be_away(
    service: Service, caller: httpx.AsyncClient, reader: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    shown = await sent(caller, ticket)
    with away(Path(service.app.state.settings.attachments)):
        check_problem(await send(caller, ticket), 503, "files_unavailable")
        check_problem(await reader.get(content_of(ticket, shown)), 503, "files_unavailable")
    assert (await reader.get(content_of(ticket, shown))).status_code == 200
