"""Children that obey, that do not, and that die."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from app.core.supervised import Channel
from app.core.supervisor import Child, Supervisor

LOADED = {"loaded": "before"}


def works(channel: Channel) -> None:
    channel.report_ready(pid=str(os.getpid()), **LOADED)
    time.sleep(60)


def deaf(channel: Channel) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    works(channel)


def dies(_channel: Channel) -> None:
    raise SystemExit(7)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    before = signal.getsignal(signal.SIGTERM)
    with Supervisor() as supervisor:
        yield supervisor
    assert signal.getsignal(signal.SIGTERM) is before


def ready(supervisor: Supervisor, work: Callable[[Channel], None] = works) -> Child:
    child = supervisor.start("child", work)
    assert supervisor.await_ready([child]) is None
    return child


def test_a_child_begins_with_what_is_loaded_and_so_does_the_one_that_takes_its_place(supervisor: Supervisor) -> None:
    child = ready(supervisor)
    first = child.process.pid
    child.signal(signal.SIGKILL)
    assert supervisor.next_death(seconds=5) is child
    supervisor.replace(child)
    assert supervisor.await_ready([child]) is None
    assert child.process.pid != first
    assert child.facts == {"pid": str(child.process.pid), "loaded": "before"}


def test_a_child_that_dies_instead_of_beginning_is_returned(supervisor: Supervisor) -> None:
    child = supervisor.start("child", dies)
    assert supervisor.await_ready([child]) is child
    assert child.process.exitcode == 7


def test_one_that_keeps_dying_is_waited_for_longer_each_time(supervisor: Supervisor) -> None:
    child = supervisor.start("child", works)
    assert [child.next_pause() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    child.started_at -= 61
    assert child.next_pause() == 0.5


def test_a_child_that_does_not_stop_is_ended_when_its_time_is_over(supervisor: Supervisor) -> None:
    child = ready(supervisor, deaf)
    supervisor.end([child], seconds=0.2)
    assert child.process.exitcode == -signal.SIGKILL


def test_a_second_signal_hurries(supervisor: Supervisor) -> None:
    child = ready(supervisor, deaf)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
    assert supervisor.stopping
    begun = time.monotonic()
    supervisor.end([child], seconds=30)
    assert time.monotonic() - begun < 5


def test_a_signal_ends_the_wait(supervisor: Supervisor) -> None:
    child = supervisor.start("child", works)
    os.kill(os.getpid(), signal.SIGTERM)
    assert supervisor.await_ready([child]) is None
    assert child.facts is None


def test_a_child_does_not_outlive_its_supervisor(supervisor: Supervisor) -> None:
    first, second = ready(supervisor), ready(supervisor)
    first.channel.shutdown(socket.SHUT_RDWR)
    first.process.join(5)
    assert first.process.exitcode == 1
    assert second.process.is_alive()


def test_a_child_holds_nothing_that_would_keep_its_siblings_from_hearing_of_the_supervisors_end(
    supervisor: Supervisor,
) -> None:
    first, second = ready(supervisor), ready(supervisor)
    first.signal(signal.SIGSTOP)
    second.signal(signal.SIGSTOP)
    for child in (first, second):
        supervisor._selector.unregister(child.channel)
        child.channel.close()
    first.signal(signal.SIGCONT)
    first.process.join(5)
    assert first.process.exitcode == 1
    second.signal(signal.SIGCONT)
    second.process.join(5)
    assert second.process.exitcode == 1


def test_a_child_takes_signals_as_a_program_of_its_own(supervisor: Supervisor) -> None:
    child = ready(supervisor)
    child.signal(signal.SIGTERM)
    assert supervisor.next_death(seconds=5) is child
    assert child.process.exitcode == -signal.SIGTERM
    assert not supervisor.stopping
