"""The processes of one service: forked together, replaced when they die, ended in order; none outlives this one.

A fork begins with what this process has loaded, in milliseconds, and shares its memory until one of them writes there.
Each has a session of its own, so that Ctrl-C reaches the supervisor alone, and a socket to it (see `supervised`): a
word on it means ready, its end means dead, and in the other direction the supervisor's death.
"""

import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Self

from app.core.supervised import Channel

_POLL_SECONDS = 0.01
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STEADY_SECONDS = 60.0  # a process that lived this long starts its pauses anew
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(eq=False)
class Child:
    """One process of the service, or the one that took its place; it does `work` and ends."""

    name: str
    work: Callable[[Channel], None]
    facts: dict[str, str | None] | None = None  # what it said when it was ready
    pause: float = _SHORTEST_PAUSE
    started_at: float = 0.0
    process: ForkProcess = field(init=False)
    channel: socket.socket = field(init=False)
    _heard: bytes = b""

    def start(self, prepare: Callable[[], None]) -> None:
        """Fork the process, which lets go of what is the supervisor's by `prepare` before it works."""
        self.channel, theirs = socket.socketpair()

        def begin() -> None:
            self.channel.close()
            prepare()
            self.work(Channel(theirs, self.name))

        with theirs, _signals_held():
            self.process = get_context("fork").Process(target=begin, name=self.name)
            self.process.start()
        self.started_at, self._heard = time.monotonic(), b""

    def hear(self) -> bool:
        """Read what the process says; False when it has ended."""
        try:
            received = self.channel.recv(65536)
        except OSError:
            received = b""
        self._heard += received
        if self._heard.endswith(b"\n"):
            self.facts, self._heard = json.loads(self._heard), b""
        return bool(received)

    def signal(self, number: int) -> None:
        if self.process.is_alive() and self.process.pid is not None:
            os.kill(self.process.pid, number)

    def next_pause(self) -> float:
        """Return the seconds to wait before this dead process is replaced: longer each time it dies young."""
        steady = time.monotonic() - self.started_at > _STEADY_SECONDS
        pause = _SHORTEST_PAUSE if steady else self.pause
        self.pause = min(pause * 2, _LONGEST_PAUSE)
        return pause


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let no stop signal come before a new process has its own way to take it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Supervisor:
    """Starts children, hears from them and from the signals that stop a service, and ends them.

    Used as a context, in the main thread: a first SIGINT, SIGTERM or SIGHUP asks to stop, a second one to hurry.
    """

    def __init__(self) -> None:
        self.stop_signals = 0
        self._children: list[Child] = []
        self._replaced_at: dict[int, tuple[float, Child]] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()

    def __enter__(self) -> Self:
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._handlers = {
            number: signal.signal(number, self._count)
            for number in _STOP_SIGNALS
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN  # as nohup wants it
        }
        return self

    def __exit__(self, *_: object) -> None:
        self.end(self._children, seconds=5)
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._selector.close()
        self._woken.close()
        self._waker.close()

    @property
    def stopping(self) -> bool:
        return self.stop_signals > 0

    def start(self, name: str, work: Callable[[Channel], None]) -> Child:
        """Fork a process that does the work."""
        child = Child(name, work)
        self._begin(child)
        self._children.append(child)
        return child

    def await_ready(self, children: Collection[Child]) -> Child | None:
        """Wait until all of them are ready, or a stop is asked for; return the one that died instead, if any."""
        while not self.stopping and any(child.facts is None for child in children):
            if dead := self.next_death(seconds=None):
                return dead
        return None

    def next_death(self, *, seconds: float | None) -> Child | None:
        """Wait for at most so long; return a child that died, as far as one did."""
        self._replace_the_due()
        if self._replaced_at:
            due = max(0.0, min(at for at, _ in self._replaced_at.values()) - time.monotonic())
            seconds = due if seconds is None else min(seconds, due)
        for key, _ in self._selector.select(seconds):
            child: Child | None = key.data
            if child is None:
                with suppress(BlockingIOError):
                    self._woken.recv(4096)
            elif not child.hear():
                self._forget(child)
                return child
        return None

    def replace(self, dead: Child) -> None:
        """Start a dead child anew, after a pause that grows while it keeps dying."""
        self._replaced_at[id(dead)] = (time.monotonic() + dead.next_pause(), dead)

    def end(self, children: Collection[Child], *, seconds: float) -> None:
        """Ask children to stop (SIGTERM), and end them (SIGKILL) when the time is over or a signal says to hurry."""
        for child in children:
            self._replaced_at.pop(id(child), None)
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while any(child.process.is_alive() for child in children):
            if time.monotonic() > deadline or self.stop_signals > 1:
                for child in children:
                    child.signal(signal.SIGKILL)
            time.sleep(_POLL_SECONDS)
        for child in children:
            self._forget(child)

    @contextmanager
    def ending(self, *stages: tuple[Collection[Child], float]) -> Iterator[None]:
        """At the end of the block, however it ends, end each stage's children within its seconds, stage by stage."""
        try:
            yield
        finally:
            for children, seconds in stages:
                self.end(children, seconds=seconds)

    def _replace_the_due(self) -> None:
        now = time.monotonic()
        for at, child in list(self._replaced_at.values()):
            if at <= now:
                del self._replaced_at[id(child)]
                self._begin(child)

    def _begin(self, child: Child) -> None:
        child.start(self._let_go)
        self._selector.register(child.channel, selectors.EVENT_READ, child)

    def _let_go(self) -> None:
        """In a new process: leave signals and channels to the supervisor, and take stop signals as a program does."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
        self._selector.close()
        for end in (self._woken, self._waker, *(child.channel for child in self._children)):
            end.close()

    def _forget(self, child: Child) -> None:
        """Stop listening to a child that has ended, and reap it; one that only stopped talking is ended."""
        if child.channel.fileno() != -1:
            self._selector.unregister(child.channel)
            child.channel.close()
        child.signal(signal.SIGKILL)
        child.process.join()
        child.facts = None

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_signals += 1
