"""`aftersales`: every command of the service (售后服务). `python -m app.cli COMMAND --help` explains one."""

import gc
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast, runtime_checkable

from app.core.faults import EXPLAINED, Fault
from app.core.postgres_programs import EmbeddedPostgresUnavailable

# Each command is a module of its own, loaded when it is asked for: `serve` must not wait for what others import.
COMMANDS = {
    "serve": "start the whole service: database, migrations, API, worker (启动服务)",
    "worker": "run one more worker (后台任务)",
    "backup": "copy database, log and attachments, sealed; verify the copy (备份)",
    "restore": "make a data folder of a backup, as of any moment (恢复)",
    "migrate": "bring the database to this program's schema (升级数据库结构)",
    "keys": "create, rotate, list and revoke API keys (密钥)",
    "lines": "list and add business lines (经营线)",
    "policy": "check an edition, list the shipped ones (制度)",
    "import": "take purchases from a CSV file (导入购买记录)",
    "order-token": "sign a token that proves an order to the web shop's check (订单凭证)",
    "classifier": "train and compare the models that read complaints, print feedback (投诉分类模型)",
    "relay": "pass events on to NATS JetStream (转发事件)",
    "audit": "verify the audit trail, print the heads of its chains (审计记录校验)",
    "timers": "list and retry timers that were set aside (计时)",
    "notices": "list and resend notices to staff that failed (通知)",
    "secret": "print a new key for the key ring that seals personal data (加密密钥)",
    "reseal": "seal personal data anew under the first key of the ring (更换加密密钥)",
    "reapply-erasures": "erase persons again after a restore (恢复后重新删除个人信息)",
    "openapi": "print the OpenAPI document (接口文档)",
    "revision": "draft a migration from a change of the models (起草数据库迁移)",
    "demo": "play a hotline's day against the running service (演示)",
}


class Command(Protocol):
    """What a module of `app.commands` offers."""

    def configure(self, parser: ArgumentParser) -> None: ...

    def run(self, options: Namespace) -> int: ...


@runtime_checkable
class SelfParsing(Protocol):
    """A command that reads its arguments itself."""

    def main(self, arguments: Sequence[str]) -> int: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line; return the exit status: 0, 1 for a finding, 2 where it could not be done."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = ArgumentParser(prog="aftersales", description="After-sales service 售后服务")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        subparsers.add_parser(name, help=purpose)
    chosen = arguments[0] if arguments else ""
    if chosen not in COMMANDS:
        parser.parse_args(arguments)  # says what is wrong, or helps, and exits
    try:
        status = _run(chosen, arguments[1:])
        sys.stdout.flush()
        return status
    except Fault as fault:
        fault.say()
    except EmbeddedPostgresUnavailable as unavailable:
        Fault(str(unavailable)).say()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads the output has enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return EXPLAINED


def _module(name: str) -> str:
    """Return the module of a command: `import` is a word of the language."""
    return {"import": "imports"}.get(name, name.replace("-", "_"))


def _run(name: str, arguments: Sequence[str]) -> int:
    gc.disable()  # modules are there to stay: collecting while they load takes a tenth of the time
    command = cast("Command", import_module(f"app.commands.{_module(name)}"))
    gc.enable()
    gc.freeze()
    if isinstance(command, SelfParsing):
        return command.main(arguments)
    parser = ArgumentParser(prog=f"aftersales {name}", description=COMMANDS.get(name))
    command.configure(parser)
    return command.run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
