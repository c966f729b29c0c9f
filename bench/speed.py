"""The speed of the main requests beside the floor's: `python -m bench.speed [NAME …]`.

Service and floor (`bench/floor/`) run side by side on one PostgreSQL, each in one process, and bear the same load in
turn, so that what else the machine does falls on both. Everything is on: authentication, row security, retry key,
classification, deadlines, routing, encryption, event, timeline, log; the service's worker runs beside it.
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from app.core.crypto import KeyRing
from app.core.postgres import EmbeddedPostgres
from bench._load import UNIQUE, Load, load, request_bytes
from bench._servers import floor, service

ROUNDS, SECONDS = 5, 3.0
_TEXT = (  # 100 characters
    "餐盘收到时有两个裂了，包装箱外面看不出问题，里面的缓冲材料很少。昨天打过一次热线，说会回电，到现在没"
    "有人联系我。希望尽快补发两个新的，并请说明以后怎样避免这样的破损，谢谢，请在工作时间来电联系我本人。"
)
_FACTS = {
    "buyer_type": "consumer", "purchase_channel": "online", "product_category": "stationery", "reason": "no_reason",
    "condition": "unused", "delivered_at": "2026-11-18T10:15:00+08:00", "requested_at": "2026-11-20T09:00:00+08:00",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One request under load; `goal` is the part of the floor's rate that it should reach."""

    name: str
    method: str
    path: str
    goal: float
    body: dict[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Round:
    ours: Load
    floor: Load
    busy: float  # the load average after it


def requests(ticket: str) -> list[Asked]:
    return [
        Asked("create", "POST", "/v1/tickets", 0.4, _ticket(), (("idempotency-key", f"bench-{UNIQUE}"),)),
        Asked("eligibility", "POST", "/v1/returns/eligibility", 0.6, {"business_line": "tableware", "facts": _FACTS}),
        Asked("classify", "POST", "/v1/complaints/classify", 0.35, {"business_line": "tableware", "text": _TEXT}),
        Asked("get", "GET", f"/v1/tickets/{ticket}", 0.5),
        Asked("list", "GET", "/v1/tickets?limit=50", 0.5),
    ]


def _ticket() -> dict[str, Any]:
    return {
        "business_line": "tableware",
        "channel": "hotline",
        "external_ref": f"bench-{UNIQUE}",
        "customer": {"name": "王芳", "phone": "13800001234", "address": "浙江省杭州市西湖区文三路 1 号"},
        "product": {"name": "餐盘", "model": "CP-8", "batch": "B2026-11", "quantity": 12, "defective_quantity": 2},
        "description": _TEXT,
    }


def main(names: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as postgres:
        url = postgres.url.replace("postgresql+asyncpg", "postgresql")
        variables = {
            "DATABASE_URL": url, "AFTERSALES_SECRET_KEYS": KeyRing.new_entry("bench"),
            "AFTERSALES_ENVIRONMENT": "development", "AFTERSALES_LOG_FORMAT": "json",
        }  # fmt: skip
        with service(Path(folder), **variables) as (address, admin):
            return compare(address, admin, url, names)


def compare(address: str, admin: str, url: str, names: Sequence[str]) -> int:
    """Print a line for each request; return how many miss their goal."""
    # The administrator's key, which sees all lines.
    headers = {"authorization": f"Bearer {admin}"}
    with httpx.Client(base_url=address, headers=headers, trust_env=False) as client:
        ticket = ask(client, requests("")[0])["number"]
        wanted = [asked for asked in requests(ticket) if not names or asked.name in names]
        answers = {asked.path: ask(client, asked) for asked in wanted if asked.name in ("eligibility", "classify")}
    print(f"{'':<12}{'rate':>8}{'p50':>7}{'p99':>7}  {'floor':>8}{'p50':>7}{'p99':>7}  ratio   goal   load")
    missed = 0
    with floor(answers, DATABASE_URL=url) as other:
        for asked in wanted:
            rounds = [measure(asked, address, other, headers) for _ in range(ROUNDS)]
            missed += not report(asked, rounds)
    return missed


def ask(client: httpx.Client, asked: Asked) -> dict[str, Any]:
    response = client.request(asked.method, asked.path, json=asked.body, headers=dict(asked.headers))
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


def measure(asked: Asked, address: str, other: str, headers: dict[str, str]) -> Round:
    ours, bare = (send(asked, base, headers) for base in (address, other))
    return Round(ours, bare, os.getloadavg()[0])


def send(asked: Asked, base: str, headers: dict[str, str]) -> Load:
    body = b"" if asked.body is None else json.dumps(asked.body, ensure_ascii=False).encode()
    request = request_bytes(asked.method, base + asked.path, body, headers | dict(asked.headers))
    return load(base, request, seconds=SECONDS)


def report(asked: Asked, rounds: Sequence[Round]) -> bool:
    """Print the medians; tell whether the ratio reaches its goal."""
    ratio = median(round_.ours.rate / round_.floor.rate for round_ in rounds)
    shown = "  ".join(
        f"{median(load.rate for load in loads):>8.0f}{median(load.p50 for load in loads):>7.2f}"
        f"{median(load.p99 for load in loads):>7.2f}"
        for loads in ([round_.ours for round_ in rounds], [round_.floor for round_ in rounds])
    )
    busy = median(round_.busy for round_ in rounds)
    print(f"{asked.name:<12}{shown}  {ratio:>5.2f}  {asked.goal:>5.2f}  {busy:>5.1f}", flush=True)
    return ratio >= asked.goal


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
