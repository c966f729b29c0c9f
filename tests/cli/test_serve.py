"""The service as a whole, as somebody starts, uses, kills and stops it."""

import os
import shutil
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services.policy_book import SHIPPED
from tests.cli.served import Served, database_processes, failing, serving, until


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that the tests of this module use one after the other."""
    return tmp_path_factory.mktemp("serve") / "data"


@pytest.fixture(scope="module")
def number(data_dir: Path) -> str:
    """The number of a ticket taken by the very first run, all of whose processes were killed afterwards."""
    with serving(data_dir) as served:
        key = (data_dir / "admin.key").read_text().strip()
        assert served.printed.count(key) == 1
        for secret in ("admin.key", "secret.keys"):
            assert stat.S_IMODE((data_dir / secret).stat().st_mode) == 0o600
        taken = served.paste()
        assert taken.status_code == 201, taken.text
        ticket: str = taken.json()["number"]
        with served.client(key) as client:
            until(lambda: client.get("/readyz").status_code == 200)
            until(lambda: client.get("/v1/events").json()["items"])
            metrics = client.get("/metrics").text
        assert "aftersales_tickets_recorded_total" in metrics
        assert "aftersales_events_sealed_total" in metrics  # counted by another process: the worker
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait()
        until(lambda: not served.left_over() and not database_processes(data_dir))
    return ticket


@pytest.fixture(scope="module")
def second_run(data_dir: Path, number: str) -> Iterator[Served]:
    with serving(data_dir, "--workers", "2") as served:
        yield served


def test_after_everything_was_killed_a_start_finds_the_ticket_and_the_key(
    second_run: Served, data_dir: Path, number: str
) -> None:
    key = (data_dir / "admin.key").read_text().strip()
    assert key not in second_run.printed
    with second_run.client(key) as client:
        assert client.get(f"/v1/tickets/{number}").json()["number"] == number


def test_the_documentation_is_served_from_here_and_allows_nothing_from_elsewhere(second_run: Served) -> None:
    with second_run.client("none") as client:
        assert client.get("/").headers["location"] == "/docs"
        page = client.get("/docs")
        assert page.status_code == 200
        assert "https://" not in page.text
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
        for file in ("swagger-ui-bundle.js", "swagger-ui.css"):
            assert file in page.text
            assert client.get(f"/docs/static/{file}").status_code == 200
        assert client.get("/openapi.json").json()["paths"]["/v1/tickets"]


def test_processes_are_forked_from_one_that_does_nothing_beside(second_run: Served) -> None:
    threads = list(Path(f"/proc/{second_run.process.pid}/task").iterdir())
    assert len(threads) == 2  # the main one, and one that waits for PostgreSQL's end


def test_a_killed_worker_is_replaced(second_run: Served) -> None:
    starts = second_run.printed.count("worker started")
    os.kill(second_run.children("worker")[0], signal.SIGKILL)
    until(lambda: second_run.printed.count("worker started") == starts + 1)


def test_of_several_api_processes_each_is_replaced_and_callers_wait_at_most(second_run: Served) -> None:
    for pid in second_run.children("api"):
        os.kill(pid, signal.SIGKILL)
    with second_run.client("none") as client:
        assert client.get("/healthz").status_code == 200
    assert len(second_run.children("api")) == 2


def test_a_second_service_on_the_same_folder_is_refused(second_run: Served, data_dir: Path) -> None:
    status, lines = failing(data_dir)
    assert status == 2
    assert len(lines) == 1
    assert str(second_run.process.pid) in lines[0]
    assert "DATABASE_URL" in lines[0]


def test_ctrl_c_ends_everything_in_order(second_run: Served, data_dir: Path) -> None:
    assert second_run.end(signal.SIGINT) == 0
    assert not second_run.left_over()
    assert not database_processes(data_dir)
    assert "Traceback" not in second_run.printed


def test_the_only_api_process_takes_the_service_with_it(data_dir: Path, number: str) -> None:
    with serving(data_dir) as served:
        os.kill(served.children("api")[0], signal.SIGKILL)
        assert served.process.wait(20) == 2
        assert "the api process ended unexpectedly (-9)" in served.printed
        assert not served.left_over()
        assert not database_processes(data_dir)


def test_a_port_that_is_taken_is_named(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, lines = failing(data_dir, "--port", port)
    assert (status, len(lines)) == (2, 1)
    assert f"127.0.0.1:{port}" in lines[0]


def test_a_misspelt_setting_is_named(data_dir: Path) -> None:
    status, lines = failing(data_dir, environment={"AFTERSALES_LOG_LEVLE": "info"})
    assert (status, len(lines)) == (2, 1)
    assert lines[0].startswith("aftersales: AFTERSALES_LOG_LEVLE is not a setting")


def test_every_error_in_the_policy_files_is_a_line(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(SHIPPED, folder)
    for name in ("mall", "chemicals"):
        with (folder / name / "edition_1.toml").open("a", encoding="utf-8") as edition:
            edition.write("\n[unheard_of]\n")
    status, lines = failing(data_dir, environment={"AFTERSALES_POLICIES_FOLDER": str(folder)})
    assert status == 2
    assert [line.split(":")[1].strip() for line in lines] == ["chemicals/edition_1.toml", "mall/edition_1.toml"]


def test_a_lost_key_ring_is_not_made_anew(data_dir: Path, number: str) -> None:
    ring, away = data_dir / "secret.keys", data_dir / "away"
    ring.rename(away)
    try:
        status, lines = failing(data_dir)
    finally:
        away.rename(ring)
    assert (status, len(lines)) == (2, 1)
    assert "secret.keys" in lines[0]
