"""What a CRM relies on, by its example run as a process of its own against a server on a socket."""

import asyncio
import contextlib
import json
import os
import re
import runpy
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.egress import Egress
from app.services.upkeep import tell_progress
from tests.conftest import FakeClock, MakeKey
from tests.contracts.test_ivr import LosesTheFirstAnswer
from tests.http.problems import check_problem
from tests.http.test_webshop import served
from tests.webhooks import Hooks

Json = dict[str, Any]
SCOPES = ("tickets:write", "tickets:read", "events:read", "staff:act")
PATIENCE = 30  # a floor against hanging, not a promise


@dataclass
class Crm:
    """The example, its environment, and what it printed."""

    folder: Path
    port: int
    env: dict[str, str]

    async def run(self, *arguments: str) -> str:
        """Run a command of the example to its end and return what it printed."""
        command = [sys.executable, "crm.py", *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[asyncio.StreamReader]:
        """Let it receive during the block; what it tells stands in the stream."""
        command = (sys.executable, "crm.py", "serve", str(self.port))
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=self.env, stdout=asyncio.subprocess.PIPE
        )
        try:
            await self._listens()
            assert process.stdout is not None
            yield process.stdout
        finally:
            process.terminate()
            await process.wait()

    async def settled(self, count: int) -> None:
        """Wait until it has dealt with all it knows, and that is so many events."""
        async with asyncio.timeout(PATIENCE):
            while self.events() != [(count, count)]:  # noqa: ASYNC110  # another process: only its file tells
                await asyncio.sleep(0.05)

    def events(self) -> list[tuple[int, int]]:
        """How many events it knows, and how many of them it has dealt with."""
        with contextlib.closing(sqlite3.connect(self.env["CRM_FILE"])) as file:
            return file.execute("SELECT count(*), coalesce(sum(done), 0) FROM event").fetchall()

    async def _listens(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return


async def told(stream: asyncio.StreamReader, count: int) -> list[Json]:
    async with asyncio.timeout(PATIENCE):
        return [json.loads(await stream.readline()) for _ in range(count)]


@pytest.fixture
async def service(app: FastAPI) -> AsyncIterator[str]:
    async with served(app) as url:
        yield url


@pytest.fixture
def hooks(app: FastAPI, client: httpx.AsyncClient, clock: FakeClock) -> Hooks:
    return Hooks(app, client, clock)


@pytest.fixture
async def crm(hooks: Hooks, service: str, make_key: MakeKey, project: Path, tmp_path: Path) -> Crm:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    hooks.app.state.kit = replace(hooks.kit, egress=Egress([f"127.0.0.1:{port}"]))
    registered = await hooks.client.post("/v1/webhook-endpoints", json={"url": f"http://127.0.0.1:{port}/hooks"})
    assert registered.status_code == 201, registered.text
    env = os.environ | {
        "AFTERSALES_URL": service,
        "AFTERSALES_KEY": await make_key(SCOPES, ("tableware",)),
        "WEBHOOK_SECRET": registered.json()["secret"],
        "CRM_FILE": str(tmp_path / "crm.db"),
    }
    return Crm(project / "examples/crm", port, env)


@pytest.fixture
def asking(crm: Crm) -> Json:
    """The functions of the example that ask the service."""
    return runpy.run_path(str(crm.folder / "service.py"))


async def moved(hooks: Hooks, ticket: str, *moves: str) -> None:
    for move in moves:
        answer = await hooks.client.post(f"/v1/tickets/{ticket}/{move}", json={"staff_no": "1101", "note": "已补发"})
        assert answer.status_code == 200, answer.text


async def told_progress(hooks: Hooks) -> None:
    hooks.clock.advance(hours=1)
    await tell_progress(hooks.kit.db, await hooks.kit.directory.known(), hooks.clock())


async def test_a_ticket_goes_from_post_to_closed_and_each_event_is_dealt_with_once_in_order(
    crm: Crm, hooks: Hooks
) -> None:
    number = await crm.run("file", "tableware", "case-1", "C-7", "1101", "盘子收到时已碎")
    async with crm.serving() as stream:
        await moved(hooks, number, "acknowledge")
        await told_progress(hooks)
        await hooks.deliver()
        lines = await told(stream, len(await hooks.feed()))
        [first, *_] = await hooks.deliveries()
        again = await hooks.client.post(f"/v1/webhook-deliveries/{first['id']}/redeliver")  # delivered twice
        assert again.status_code == 202, again.text
        await hooks.deliver()
        await crm.settled(len(lines))
    before = len(lines)
    await moved(hooks, number, "start", "resolve")  # while the receiver is down
    invited = await hooks.client.post("/v1/surveys", json={"ticket_number": number})
    assert invited.status_code == 201, invited.text
    await moved(hooks, number, "close")
    await hooks.deliver()
    assert (await hooks.detail((await hooks.deliveries())[-1]))["state"] != "delivered"
    feed = await hooks.feed()
    async with crm.serving() as stream:
        lines += await told(stream, len(feed) - before)
        hooks.clock.advance(minutes=10)
        await hooks.deliver()  # what failed arrives after all, and is known already
        assert {delivery["state"] for delivery in await hooks.deliveries()} == {"delivered"}
        await crm.settled(len(feed))
    assert await stream.read() == b""
    assert [line["event"] for line in lines] == [event["id"] for event in feed]
    assert lines[-1]["status"] == "closed"
    progress = [line for line in lines if line["type"] == "ticket.progress"]
    assert progress
    assert progress[0]["customer"] == "C-7"
    assert number in progress[0]["say"]["zh"]
    assert progress[0]["say"]["en"]
    [invitation] = [line for line in lines if line["type"] == "survey.invited"]
    assert "/s/" in invitation["say"]


async def test_a_case_whose_answer_was_lost_is_one_ticket_filed_by_the_named_person(
    crm: Crm, hooks: Hooks, asking: Json
) -> None:
    losing = LosesTheFirstAnswer()
    headers = {"Authorization": f"Bearer {crm.env['AFTERSALES_KEY']}"}
    with httpx.Client(base_url=crm.env["AFTERSALES_URL"], headers=headers, transport=losing) as lossy:
        filed = await asyncio.to_thread(
            asking["file_ticket"], lossy, "tableware", "case-1", "C-7", "1101", "盘子收到时已碎"
        )
    assert losing.requests == 2
    assert await crm.run("file", "tableware", "case-1", "C-7", "1101", "盘子收到时已碎") == filed["number"]
    assert len((await hooks.client.get("/v1/tickets")).json()["items"]) == 1
    timeline = (await hooks.client.get(f"/v1/tickets/{filed['id']}/timeline")).json()["items"]
    assert timeline[0]["staff_no"] == "1101"


async def test_a_change_made_in_between_is_read_before_ours_is_made(crm: Crm, hooks: Hooks, asking: Json) -> None:
    number = await crm.run("file", "tableware", "case-1", "C-7", "1101", "盘子收到时已碎")
    headers = {"Authorization": f"Bearer {crm.env['AFTERSALES_KEY']}"}
    statuses = list[int]()

    def others_first(request: httpx.Request) -> None:
        if request.method == "PATCH" and not statuses:
            address, body = f"{crm.env['AFTERSALES_URL']}/v1/tickets/{number}", {"branch": "二分店"}
            httpx.patch(address, json=body, headers={**headers, "If-Match": "*"}).raise_for_status()

    def note(answer: httpx.Response) -> None:
        if answer.request.method == "PATCH":
            statuses.append(answer.status_code)
            if answer.status_code == 412:
                answer.read()
                check_problem(answer, 412, "version_mismatch")

    with httpx.Client(
        base_url=crm.env["AFTERSALES_URL"], headers=headers, event_hooks={"request": [others_first], "response": [note]}
    ) as service:
        changed = await asyncio.to_thread(asking["correct"], service, number, "1101", {"seller": "一分店"})
    assert statuses == [412, 200]
    assert (changed["seller"], changed["branch"]) == ("一分店", "二分店")


async def test_what_is_not_signed_by_the_service_is_neither_taken_nor_kept(crm: Crm) -> None:
    forged = {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    async with crm.serving(), httpx.AsyncClient() as stranger:
        answer = await stranger.post(f"http://127.0.0.1:{crm.port}/hooks", content=b"{}", headers=forged)
    assert answer.status_code == 401
    assert crm.events() == [(0, 0)]


async def test_the_commands_of_the_guide_do_what_it_says(crm: Crm, project: Path) -> None:
    guide = (project / "docs/integration/crm.md").read_text(encoding="utf-8")
    commands = re.findall(r"```sh\n(.*?)```", guide, re.DOTALL)
    assert len(commands) == 2
    env = crm.env | {"PATH": f"{Path(sys.executable).parent}:{crm.env['PATH']}"}
    for command in commands:
        script = command.split("# receive", maxsplit=1)[0]  # what listens for good is the other tests' matter
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-euc", script], cwd=project, env=env, capture_output=True, text=True,
            timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == "Shop 2"
