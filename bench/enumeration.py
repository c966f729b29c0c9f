"""What a stranger learns of orders by asking: `python -m bench.enumeration`.

First the time that answers take, unknown orders beside wrong proofs, with limits so high that they do not show. Then
5,000 guesses at the digits of one order under 50 forged addresses, with the limits as they are and without them.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench._servers import service
from bench.returns import PATH

LINE, ORIGIN = "tableware", "https://shop.example"
SAMPLES, TRIES, GUESSES, FORGED, AT_ONCE = 2000, 10, 5000, 50, 16
GOAL_MILLISECONDS = 2.0
OPEN = {"AFTERSALES_BROWSER_KEY_LIMIT": "100000", "AFTERSALES_BROWSER_ADDRESS_LIMIT": "100000"}


def main(argv: Sequence[str]) -> int:
    if argv:
        print(__doc__)
        return 2
    apart = measured(OPEN, compare)
    found = measured({}, attack) + measured(OPEN, attack)
    return 1 if apart > GOAL_MILLISECONDS or found else 0


def measured(variables: Mapping[str, str], work: Any) -> Any:
    """Start a service of its own with orders on file, and do some work against it as a page does."""
    with tempfile.TemporaryDirectory() as folder, service(Path(folder), **variables) as (address, key):
        with closing(client_of(address, key)) as shop:
            fill(shop)
        command = ["keys", "create", "--name", "page", "--browser", "--line", LINE, "--origin", ORIGIN]
        made = subprocess.run(
            [sys.executable, "-m", "app.cli", *command, "--data-dir", f"{folder}/data"], check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        return work(address, made.stdout.strip())


def client_of(address: str, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}", "Origin": ORIGIN}
    return httpx.Client(base_url=address, headers=headers, trust_env=False, timeout=20)


def fill(shop: httpx.Client) -> None:
    rows = [f"D-{number},餐盘,13800001234,王芳" for number in range(SAMPLES // TRIES + 2)]
    body = {"business_line": LINE, "csv": "\n".join(["order_no,product_name,phone,name", *rows])}
    shop.post("/v1/purchases/import", json=body).raise_for_status()


def compare(address: str, key: str) -> float:
    """Print the median of each kind of answer; return by how much the furthest two lie apart, in milliseconds."""
    taken: defaultdict[str, list[float]] = defaultdict(list)
    with closing(client_of(address, key)) as page:
        ask(page, "D-0", {"phone_last4": "1234"})
        for number in range(SAMPLES):
            order = number // TRIES + 1
            for kind, order_no, proof in (
                ("wrong digits", f"D-{order}", {"phone_last4": "9999"}),
                ("unknown order, digits", f"X-{order}", {"phone_last4": "9999"}),
                ("wrong token", f"D-{order}", {"order_token": "AAAA"}),
                ("unknown order, token", f"X-{order}", {"order_token": "AAAA"}),
                ("digits no longer taken", "D-0", {"phone_last4": "9999"}),
            ):
                started = time.perf_counter()
                response = ask(page, order_no, proof)
                taken[kind].append(time.perf_counter() - started)
                if response.status_code != 404:
                    raise SystemExit(f"{kind}: {response.status_code} {response.text}")
    medians = {kind: median(times) * 1000 for kind, times in taken.items()}
    for kind, milliseconds in medians.items():
        print(f"{kind:24} median {milliseconds:.2f} ms of {SAMPLES}")
    apart = max(medians.values()) - min(medians.values())
    print(f"furthest apart           {apart:.2f} ms; goal {GOAL_MILLISECONDS:.0f}")
    return apart


def ask(page: httpx.Client, order_no: str, proof: Mapping[str, str]) -> httpx.Response:
    return page.post(PATH, json={"order_no": order_no, "proof": proof})


def attack(address: str, key: str) -> int:
    """Guess at one order from many forged addresses at once; print what came of it, return how often it succeeded."""
    return asyncio.run(_attack(address, key))


async def _attack(address: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}", "Origin": ORIGIN}
    started = time.perf_counter()
    answers: Counter[int] = Counter()
    waiting = iter(range(GUESSES))
    async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=20) as page:

        async def guesser() -> None:
            for guess in waiting:
                body = {"order_no": "D-1", "proof": {"phone_last4": f"{guess:04}"}}
                forged = {"X-Forwarded-For": f"203.0.113.{guess % FORGED}"}
                answers[(await page.post(PATH, json=body, headers=forged)).status_code] += 1

        await asyncio.gather(*(guesser() for _ in range(AT_ONCE)))
    seconds = time.perf_counter() - started
    told = ", ".join(f"{count} × {status}" for status, count in sorted(answers.items()))
    print(f"attack                   {GUESSES} guesses in {seconds:.0f} s: {told}")
    return answers[200]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
