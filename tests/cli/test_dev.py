"""The script `dev`, with a Python that only notes down what it is asked to do."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDER = """#!/bin/sh
case $* in
"-c "*) exit 0 ;;
"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
*--version) exit 0 ;;
esac
echo "$*" >> calls
echo "${PYTHONDONTWRITEBYTECODE:-kept} ${PYTHONPYCACHEPREFIX:-beside}" > bytecode
case $* in *" install "*) exit "${PIP_STATUS:-0}" ;; esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the script, a lock, and a recording Python on its path."""
    shutil.copy(ROOT / "dev", tmp_path)
    (tmp_path / "requirements.lock").write_text("one==1\n")
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python3"
    python.write_text(RECORDER)
    python.chmod(0o755)
    return tmp_path


def dev(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{checkout / 'bin'}:/usr/bin:/bin"
    return subprocess.run(
        [str(checkout / "dev"), *arguments], env={"PATH": path, **environment}, capture_output=True, text=True
    )


def calls(checkout: Path) -> list[str]:
    """What was asked of Python since the last look."""
    file = checkout / "calls"
    lines = file.read_text().splitlines()
    file.unlink()
    return lines


def test_the_environment_is_made_once_and_again_when_the_lock_changes(checkout: Path) -> None:
    assert dev(checkout, "test", "-k", "x").returncode == 0
    venv, install, test = calls(checkout)
    assert venv == "-m venv --without-pip .venv"
    assert "--require-hashes -r requirements.lock" in install
    assert test == "-m pytest -k x"
    dev(checkout, "serve", "--port", "1")
    assert calls(checkout) == ["-m app.cli serve --port 1"]
    (checkout / "requirements.lock").write_text("one==2\n")
    dev(checkout, "bench", "calendar", "7")
    install, bench = calls(checkout)
    assert "--require-hashes" in install
    assert bench == "-m bench.calendar 7"


def test_an_installation_that_failed_is_tried_again(checkout: Path) -> None:
    assert dev(checkout, "test", PIP_STATUS="1").returncode != 0
    assert "-m pytest" not in calls(checkout)
    assert dev(checkout, "test").returncode == 0
    assert len(calls(checkout)) == 2


def test_a_lock_of_an_installer_that_was_killed_holds_nobody_up(checkout: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (checkout / ".venv").mkdir()
    (checkout / ".venv/installing").symlink_to(str(gone.pid))
    assert dev(checkout, "test").returncode == 0
    assert not (checkout / ".venv/installing").is_symlink()


def test_bytecode_is_kept_in_the_environment_where_it_must_not_lie_beside_the_sources(checkout: Path) -> None:
    dev(checkout, "serve")
    assert (checkout / "bytecode").read_text() == "kept beside\n"
    dev(checkout, "serve", PYTHONDONTWRITEBYTECODE="1")
    assert (checkout / "bytecode").read_text() == f"kept {checkout}/.venv/bytecode\n"


def test_without_a_python_one_line_says_what_is_needed(checkout: Path) -> None:
    result = dev(checkout, "serve", PYTHON="python2")
    assert result.returncode == 2
    assert "PYTHON" in result.stderr.splitlines()[-1]
