"""Children that obey, that do not, and that die."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.supervisor import Child, Supervisor

ROOT = Path(__file__).parents[2]
WORKS = """
import os, time
from app.core.supervised import await_orders, report_ready
await_orders()
report_ready(order=os.environ["ORDER"], given=os.environ["GIVEN"])
time.sleep(60)
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WORKS


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    before = signal.getsignal(signal.SIGTERM)
    with Supervisor() as supervisor:
        yield supervisor
    assert signal.getsignal(signal.SIGTERM) is before


def started(supervisor: Supervisor, program: str = WORKS) -> Child:
    return supervisor.start("child", [sys.executable, "-c", program], {"GIVEN": "1", "PYTHONPATH": str(ROOT)})


def ready(supervisor: Supervisor, program: str = WORKS) -> Child:
    child = started(supervisor, program)
    child.release({"ORDER": "2"})
    assert supervisor.await_ready([child]) is None
    return child


def test_a_child_works_under_its_orders_and_so_does_the_one_that_takes_its_place(supervisor: Supervisor) -> None:
    child = ready(supervisor)
    first = child.process.pid
    child.signal(signal.SIGKILL)
    assert supervisor.next_death(seconds=5) is child
    supervisor.replace(child)
    assert supervisor.await_ready([child]) is None
    assert child.process.pid != first
    assert child.facts == {"order": "2", "given": "1"}


def test_a_child_that_dies_instead_of_beginning_is_returned(supervisor: Supervisor) -> None:
    child = started(supervisor, "raise SystemExit(7)")
    assert supervisor.await_ready([child]) is child
    assert child.process.returncode == 7


def test_one_that_keeps_dying_is_waited_for_longer_each_time(supervisor: Supervisor) -> None:
    child = started(supervisor)
    assert [child.next_pause() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    child.started_at -= 61
    assert child.next_pause() == 0.5


def test_a_child_that_does_not_stop_is_ended_when_its_time_is_over(supervisor: Supervisor) -> None:
    child = ready(supervisor, DEAF)
    supervisor.end([child], seconds=0.2)
    assert child.process.returncode == -signal.SIGKILL


def test_a_second_signal_hurries(supervisor: Supervisor) -> None:
    child = ready(supervisor, DEAF)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
    assert supervisor.stopping
    begun = time.monotonic()
    supervisor.end([child], seconds=30)
    assert time.monotonic() - begun < 5


def test_a_signal_ends_the_wait(supervisor: Supervisor) -> None:
    child = started(supervisor)
    os.kill(os.getpid(), signal.SIGTERM)
    assert supervisor.await_ready([child]) is None
    assert child.facts is None


@pytest.mark.parametrize("released", [False, True])
def test_a_child_does_not_outlive_its_supervisor(supervisor: Supervisor, released: bool) -> None:
    child = ready(supervisor) if released else started(supervisor)
    child.channel.shutdown(2)
    assert child.process.wait(5) == 1
