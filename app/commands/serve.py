"""`aftersales serve`: the parent of everything.

It loads the program while PostgreSQL starts, and forks the processes that serve: so the program is loaded once, and
its memory is shared. The first of them brings the schema up and prepares a new database; API and worker follow.
"""

import gc
import os
import shlex
import socket
import sys
import tempfile
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.place import KEY_FILE, add_data_dir, given_database, own_database
from app.core.faults import EXPLAINED, Fault
from app.core.language import Text
from app.core.listener import listening, web_address
from app.core.postgres import EmbeddedPostgres
from app.core.supervisor import Child, Supervisor

if TYPE_CHECKING:
    from app.commands.program import Program
    from app.services.policy_book import PolicyBook

_DRAIN_SECONDS, _WORKER_SECONDS = 35.0, 15.0
_WATCH_SECONDS = 1.0
_TICKET = (
    '{"business_line":"tableware","channel":"hotline","kind":"complaint","urgency":"general",'
    '"customer":{"name":"王芳","phone":"13800001234"},"description":"餐盘收到时有两个裂了，请尽快处理。"}'
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (监听地址；默认 127.0.0.1)")
    parser.add_argument("--port", type=_port, default=8000, help="0 takes any free one (端口；默认 8000)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="API processes (接口进程数；默认 1)")
    add_data_dir(parser)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ArgumentTypeError("a port is a number from 0 to 65535 (端口为 0–65535)")
    return int(text)


def run(options: Namespace) -> int:
    """Serve until a signal says stop. Raises: Fault, EmbeddedPostgresUnavailable, with nothing left running."""
    started = time.monotonic()
    key_file: Path = options.data_dir.absolute() / KEY_FILE
    embedded = given_database() is None
    database = own_database(options.data_dir) if embedded else nullcontext((None, dict[str, str]()))
    with (
        listening(options.host, options.port) as listener,
        tempfile.TemporaryDirectory(prefix="aftersales-metrics-") as metrics,
        Supervisor() as supervisor,
        ThreadPoolExecutor(1) as loader,
    ):
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics  # read when the program is imported
        gc.disable()  # what is loaded is there to stay: collecting meanwhile takes a tenth of the time
        loading = loader.submit(_load)
        with database as (postgres, orders):
            os.environ.update(orders)
            kind, book = loading.result()
            loader.shutdown()  # when processes are forked, no other thread is at work
            program = kind.build(book)
            gc.enable()
            service = _Service(supervisor, program, listener)
            with service.ending():
                key = service.bring_up(key_file, options.workers)
                if not supervisor.stopping:
                    print(_welcome(service, key_file, key, time.monotonic() - started), flush=True)
                service.watch(postgres)
                print("正在停止 · stopping", flush=True)
    return 0


def _load() -> "tuple[type[Program], PolicyBook]":
    """Import most of the program: a second that must not keep PostgreSQL from starting."""
    loaded: tuple[type[Program], PolicyBook] = import_module("app.commands.loading").load()
    return loaded


@dataclass(frozen=True)
class _Service:
    """The processes that serve."""

    supervisor: Supervisor
    program: "Program"
    listener: socket.socket
    apis: list[Child] = field(default_factory=list)
    workers: list[Child] = field(default_factory=list)

    def ending(self) -> AbstractContextManager[None]:
        """At the end of the block, let the API finish its requests, then the worker its round."""
        return self.supervisor.ending((self.apis, _DRAIN_SECONDS), (self.workers, _WORKER_SECONDS))

    def bring_up(self, key_file: Path, number: int) -> str | None:
        """Have the database prepared, then so many API processes and a worker begin; return a first key to show.

        Raises: Fault if one of them dies instead; without a line where the process has said why itself.
        """
        preparing = self.supervisor.start("prepare", partial(self.program.prepare, key_file=key_file))
        self._await_ready([preparing])
        key = (preparing.facts or {}).get("key")
        self.supervisor.end([preparing], seconds=_WORKER_SECONDS)
        if not self.supervisor.stopping:
            answer = partial(self.program.answer, listener=self.listener)
            self.apis.extend(self.supervisor.start("api", answer) for _ in range(number))
            self.workers.append(self.supervisor.start("worker", self.program.work))
            self._await_ready([*self.apis, *self.workers])
        return key

    def _await_ready(self, children: list[Child]) -> None:
        if dead := self.supervisor.await_ready(children):
            raise Fault() if dead.process.exitcode == EXPLAINED else Fault(_death(dead))

    def watch(self, postgres: EmbeddedPostgres | None) -> None:
        """Replace what dies, until a signal says stop.

        Raises: Fault if the only API process dies, or the embedded PostgreSQL.
        """
        while not self.supervisor.stopping:
            dead = self.supervisor.next_death(seconds=_WATCH_SECONDS)
            if postgres is not None and not postgres.alive:
                raise Fault(
                    Text(
                        "内置的 PostgreSQL 意外退出，原因见数据目录中的 postgres.log",
                        "the embedded PostgreSQL ended unexpectedly: see postgres.log in the data folder",
                    )
                )
            if dead is None:
                continue
            if dead.name == "api" and len(self.apis) == 1:
                raise Fault(_death(dead))
            print(f"aftersales: {Fault(_death(dead))}", file=sys.stderr, flush=True)
            self.supervisor.replace(dead)


def _death(child: Child) -> Text:
    status = child.process.exitcode
    return Text(f"{child.name} 进程意外退出（{status}）", f"the {child.name} process ended unexpectedly ({status})")


def _welcome(service: _Service, key_file: Path, key: str | None, seconds: float) -> str:
    """What somebody who has just started the service wants to do next."""
    address = web_address(service.listener)
    rows = [("地址 address", address)]
    if service.program.docs:
        rows.append(("文档 docs", f"{address}{service.program.docs}"))
    if key_file.exists():
        rows.append(("密钥 key", str(key_file)))
    if key:
        rows.append(("", f"{key}  （仅显示这一次 · shown only this once）"))
    curl = (
        f"curl -s {address}/v1/tickets -H 'Content-Type: application/json' "
        f'-H "Authorization: Bearer $(cat {shlex.quote(str(key_file))})" -d {shlex.quote(_TICKET)}'
    )
    lines = [f"售后服务已启动 · The after-sales service is running ({seconds:.1f} s)"]
    lines += [f"  {name:<12}{value}" for name, value in rows]
    return "\n".join(["", *lines, "  试一试 · try it:", "", curl, "", "  按 Ctrl-C 停止 · Ctrl-C stops it", ""])
