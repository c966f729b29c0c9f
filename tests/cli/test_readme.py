"""The commands of the README and of the page on test clocks, copied as they are, work and show Chinese text right."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.served import Served, serving

ADDRESS = "http://127.0.0.1:8000"
READMES = ("README.md", "README.zh-CN.md")
TEST_CLOCKS = ("docs/test-clocks.md", "docs/test-clocks.zh-CN.md")
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    data_dir = tmp_path_factory.mktemp("readme") / "data"
    with serving(data_dir, environment={"AFTERSALES_SANDBOX": "true"}) as served:  # it serves what both tell of
        yield served, data_dir


def curls(text: str) -> list[str]:
    return [block for block in BLOCK.findall(text) if "curl" in block]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("readme", READMES)
def test_every_curl_of_the_readme_works_as_it_stands(served: tuple[Served, Path], project: Path, readme: str) -> None:
    running, data_dir = served
    blocks = curls((project / readme).read_text(encoding="utf-8"))
    assert len(blocks) == 6
    key = (data_dir / "admin.key").read_text().strip()
    for block in blocks:
        command = block.replace(ADDRESS, running.address).replace(".data/admin.key", str(data_dir / "admin.key"))
        shell = ["sh", "-euc", command.replace("curl -sS", "curl -sS --fail-with-body")]
        done = subprocess.run(shell, capture_output=True, env={**os.environ, "KEY": key}, timeout=30, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout.decode("utf-8"))
    found = json.loads(_run(running, key, blocks[1]))
    assert found["items"][0]["description"] == "新买的餐盘裂了两个，打客服电话一直没人接，请尽快处理"
    assert found["items"][0]["customer"]["name"] == "王*"


def _run(running: Served, key: str, block: str) -> str:
    command = block.replace(ADDRESS, running.address)
    done = subprocess.run(["sh", "-c", command], capture_output=True, env={**os.environ, "KEY": key}, check=True)
    return done.stdout.decode("utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", TEST_CLOCKS)
def test_the_walk_along_a_test_clock_works_as_it_stands(served: tuple[Served, Path], project: Path, page: str) -> None:
    running, data_dir = served
    make, take, advance, timeline = curls((project / page).read_text(encoding="utf-8"))
    key = (data_dir / "admin.key").read_text().strip()
    begin = (make + take).replace(".data/admin.key", str(data_dir / "admin.key"))
    advanced = json.loads(_run(running, key, begin + advance))
    assert (advanced["fired"], advanced["now"]) == (4, "2026-03-02T03:00:01.000Z")
    shown = json.loads(_run(running, key, begin + advance.replace("curl", "curl -o /dev/null") + timeline))
    assert [(entry["kind"], entry["at"]) for entry in shown["items"][1:]] == [
        ("breached", "2026-03-02T03:00:00.000Z"), ("escalated", "2026-03-02T03:00:00.000Z"),
    ]  # fmt: skip


@pytest.mark.parametrize("pages", [READMES, TEST_CLOCKS])
def test_both_languages_show_the_same_commands(project: Path, pages: tuple[str, str]) -> None:
    english, chinese = (curls((project / page).read_text(encoding="utf-8")) for page in pages)
    assert english == chinese
