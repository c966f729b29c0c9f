"""The customer's page: time to the first byte of `GET` and `POST` of `/s/{token}`, through the application."""

import asyncio
import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import httpx

from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.services.policy_book import PolicyBook
from tests.http.service import open_service, take

SURVEYS, ROUNDS = 50, 400
GOAL_MILLISECONDS = 30


async def invited(client: httpx.AsyncClient) -> list[str]:
    """Return the links of customers who were asked."""
    links = []
    for number in range(SURVEYS):
        ticket = await take(client, customer={"phone": f"1380000{number:04d}"})
        await client.post(f"/v1/tickets/{ticket['id']}/resolve", json={})
        asked = await client.post("/v1/surveys", json={"ticket_number": ticket["number"]})
        links.append(asked.json()["url"])
    return links


async def first_bytes(client: httpx.AsyncClient, method: str, links: list[str], status: int) -> list[float]:
    """Return milliseconds to the headers of each answer, after a few that do not count."""
    taken = []
    for number in range(ROUNDS + 20):
        form = {"overall": str(4 + number // len(links) % 2)} if method == "POST" else None
        began = perf_counter()
        async with client.stream(method, links[number % len(links)], data=form) as answer:
            assert answer.status_code == status
            if number >= 20:
                taken.append((perf_counter() - began) * 1000)
    return taken


async def run(url: str) -> None:
    async with open_service(url, PolicyBook.load(), sandbox=False) as service:
        links = await invited(await service.client())
        customer = service.anonymous()
        print(f"{'milliseconds':<12}{'p50':>8}{'p95':>8}")
        for method, status in (("GET", 200), ("POST", 303)):
            taken = await first_bytes(customer, method, links, status)
            print(f"{method:<12}{median(taken):>8.1f}{quantiles(taken, n=20)[-1]:>8.1f}")
        print(f"goal: p95 of GET under {GOAL_MILLISECONDS} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url)
        asyncio.run(run(server.url))


if __name__ == "__main__":
    main()
