"""Real Chromium, driven by the DevTools protocol: what a page looks like, what axe says of it, what keys do."""

import asyncio
import json
import re
import shutil
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from axe_core_python.base import AXE_SCRIPT
from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
_KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowRight": 39}


@dataclass
class Browser:
    """One tab. `requests` are the addresses it asked for since the last `open`."""

    socket: ClientConnection
    requests: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    async def loaded(self) -> None:
        """Wait until the next page stands."""
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
            self._note(message)
            if message.get("method") == "Page.loadEventFired":
                return

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            self.requests += [url] if not url.startswith("data:") else []

    async def open(self, url: str, *, width: int, height: int = 800, language: str = "zh-CN") -> None:
        for domain in ("Page", "Network", "Runtime"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        await self.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
        self.requests.clear()
        await self.call("Page.navigate", url=url)
        await self.loaded()

    async def run(self, script: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def comes_to(self, script: str, value: Any) -> None:
        """Wait until a script returns a value: what a browser does once it has drawn the page comes when it comes."""
        for _ in range(100):
            if (found := await self.run(script)) == value:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{script} is {found!r}")

    async def press(self, *keys: str) -> None:
        for key in keys:
            text = {"Enter": "\r", " ": " "}.get(key, "")
            for kind in ("keyDown", "keyUp"):
                typed = {"text": text} if text and kind == "keyDown" else {}
                await self.call(
                    "Input.dispatchKeyEvent", type=kind, key=key, code="Space" if key == " " else key,
                    windowsVirtualKeyCode=_KEYS[key], **typed,
                )  # fmt: skip

    async def violations(self) -> list[str]:
        """Return what axe finds wrong, with the places."""
        await self.run(AXE_SCRIPT)
        found = await self.run("axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))")
        return [f"{name}: {places}" for name, places in found]

    async def picture(self, file: Path) -> None:
        taken = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        await asyncio.to_thread(_keep, file, b64decode(taken["data"]))


def _keep(file: Path, picture: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(picture)


@asynccontextmanager
async def open_browser(profile: Path) -> AsyncIterator[Browser]:
    """Start Chromium with an empty profile; it ends with the block."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0",
        f"--user-data-dir={profile}", *_QUIET, "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        async with asyncio.timeout(30):
            while not (told := re.search(rb"listening on ws://([^/]+)/", await process.stderr.readline())):
                assert process.returncode is None
        async with httpx.AsyncClient(trust_env=False) as client:
            tabs = (await client.get(f"http://{told[1].decode()}/json/list")).json()
        address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        async with connect(address, max_size=None, proxy=None) as socket:
            yield Browser(socket)
    finally:
        process.terminate()
        await process.wait()
