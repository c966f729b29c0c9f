"""`aftersales serve`: the parent of everything. It loads little itself, so that the rest starts at once.

The processes load their modules while PostgreSQL starts, and wait for its address. The first API process then brings
the schema up and prepares a new database; the others, and the worker, follow when it answers.
"""

import shlex
import socket
import sys
import tempfile
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from app.commands.place import KEY_FILE, add_data_dir, given_database, own_database
from app.core.faults import Fault
from app.core.language import Text
from app.core.listener import listening, web_address
from app.core.postgres import EmbeddedPostgres
from app.core.supervisor import Child, Supervisor

_DRAIN_SECONDS, _WORKER_SECONDS = 35.0, 15.0
_WATCH_SECONDS = 1.0
_EXPLAINED = 2  # exit status of a process that has said itself what is wrong
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
    ):
        service = _Service.started(supervisor, listener, options.workers, key_file, metrics)
        with database as (postgres, orders), service.ending():
            service.bring_up(orders)
            if not supervisor.stopping:
                print(_welcome(service, key_file, time.monotonic() - started), flush=True)
            service.watch(postgres)
            print("正在停止 · stopping", flush=True)
    return 0


@dataclass(frozen=True)
class _Service:
    """The processes that serve."""

    supervisor: Supervisor
    apis: list[Child]
    worker: Child
    address: str

    @classmethod
    def started(
        cls, supervisor: Supervisor, listener: socket.socket, number: int, key_file: Path, metrics: str
    ) -> "_Service":
        environment = {"PROMETHEUS_MULTIPROC_DIR": metrics}
        fd = listener.fileno()

        def start(name: str, *arguments: str) -> Child:
            command = [sys.executable, "-m", "app.cli", name, *arguments]
            return supervisor.start(name, command, environment, pass_fds=[fd] if name == "api" else [])

        first = start("api", "--socket", str(fd), "--prepare", str(key_file))
        others = [start("api", "--socket", str(fd)) for _ in range(number - 1)]
        return cls(supervisor, [first, *others], start("worker", "--supervised"), web_address(listener))

    def ending(self) -> AbstractContextManager[None]:
        """At the end of the block, let the API finish its requests, then the worker its round."""
        return self.supervisor.ending((self.apis, _DRAIN_SECONDS), ([self.worker], _WORKER_SECONDS))

    def bring_up(self, orders: Mapping[str, str]) -> None:
        """Let the first API process prepare the database, then the rest begin.

        Raises: Fault if one of them dies instead; without a line where the process has said why itself.
        """
        first, *others = self.apis
        first.release(orders)
        dead = self.supervisor.await_ready([first])
        if dead is None and not self.supervisor.stopping:
            for child in (*others, self.worker):
                child.release(orders)
            dead = self.supervisor.await_ready([*others, self.worker])
        if dead is not None:
            raise Fault() if dead.process.returncode == _EXPLAINED else Fault(_death(dead))

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
    status = child.process.returncode
    return Text(f"{child.name} 进程意外退出（{status}）", f"the {child.name} process ended unexpectedly ({status})")


def _welcome(service: _Service, key_file: Path, seconds: float) -> str:
    """What somebody who has just started the service wants to do next."""
    facts = service.apis[0].facts or {}
    rows = [("地址 address", service.address)]
    if facts.get("docs"):
        rows.append(("文档 docs", f"{service.address}{facts['docs']}"))
    if key_file.exists():
        rows.append(("密钥 key", str(key_file)))
    if facts.get("key"):
        rows.append(("", f"{facts['key']}  （仅显示这一次 · shown only this once）"))
    curl = (
        f"curl -s {service.address}/v1/tickets -H 'Content-Type: application/json' "
        f'-H "Authorization: Bearer $(cat {shlex.quote(str(key_file))})" -d {shlex.quote(_TICKET)}'
    )
    lines = [f"售后服务已启动 · The after-sales service is running ({seconds:.1f} s)"]
    lines += [f"  {name:<12}{value}" for name, value in rows]
    return "\n".join(["", *lines, "  试一试 · try it:", "", curl, "", "  按 Ctrl-C 停止 · Ctrl-C stops it", ""])
