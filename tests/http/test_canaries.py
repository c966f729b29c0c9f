"""R22 R23 R30: values planted through every write are found again nowhere they must not be."""

import json
from typing import Any

import httpx
import pytest

from app.core.metrics import exposition
from app.core.outbox import seal_events
from app.core.personal import Tier
from app.services.data_classes import CLASSES, DataClass
from app.services.policy_book import PolicyBook
from app.services.webhooks.fanning import fan_out
from tests.conftest import Databases
from tests.http.operations import BODIES, operations
from tests.http.samples import make_samples
from tests.http.service import Service, hook, open_service, spelled_out

LINE = {"business_line": "tableware"}
WORDS = "甲乙丙丁戊"


def person(number: int) -> dict[str, str]:
    """A person whose every value is told from the others'."""
    return {
        "name": f"慕容{WORDS[number] * 2}",
        "phone": f"+861391234560{number}",
        "email": f"canary.{number}@example.com",
        "address": f"四川省成都市青羊区金丝雀街{number}{number}号",
    }


# Twenty values of people; what is searched for is the part that no mask keeps.
PEOPLE = [person(number) for number in range(5)]
HIDDEN = [
    value.removeprefix("+86").removeprefix("四川省成都市青羊区") for one in PEOPLE for value in one.values()
]  # fmt: skip
IN_TEXT = "13787654321"
# Where what people wrote is stored readable, to be searched and printed: these columns and no others.
READABLE = {
    "ticket.description", "ticket.decisions", "timeline_entry.text", "timeline_entry.data", "survey.comment",
    "ticket_commitment.delay_reason", "complaint_report.demand", "complaint_report.answer", "complaint_report.remedy",
    "complaint_report_approval.reason", "complaint_report_measure.text", "inspection.sample", "inspection.method",
    "inspection.finding", "responsibility.cause", "capa.title", "capa.problem", "capa.criteria", "capa.analyses",
    "capa.history", "capa_task.text", "capa_task.evidence", "capa_task.finding", "capa_task.dropped_because",
    "nonconformity.defect", "nonconformity.history", "nonconformity.reviews", "nonconformity.rounds",
    "quality_alert.conclusion", "warranty_extension.reason", "ticket_search.tokens", "attachment.removal_reason",
    "return_request.history",
}  # fmt: skip


def planted(value: Any, key: str = "") -> Any:
    """Return a body with a phone number behind everything in it that a person writes freely."""
    if isinstance(value, dict):
        return {
            name: part if CLASSES.get(name) is DataClass.PUBLIC else planted(part, name) for name, part in value.items()
        }
    if isinstance(value, list):
        return [planted(part, key) for part in value]
    free = isinstance(value, str) and not value.isascii() and CLASSES.get(key) is DataClass.GENERAL
    return f"{value}，电话{IN_TEXT}" if free else value


async def plant(client: httpx.AsyncClient, samples: dict[str, str]) -> list[httpx.Response]:
    """Send every write there is with the canary in its texts, and people wherever a person is named."""
    made = []
    ticket = {"channel": "hotline", "description": f"碗裂了，电话{IN_TEXT}", **LINE}
    posts: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/tickets", {**ticket, "customer": PEOPLE[0]}),
        ("PATCH", f"/v1/tickets/{samples['ticket']}", {"customer": PEOPLE[1]}),
        ("POST", "/v1/customers", {**LINE, **PEOPLE[2]}),
        ("PATCH", f"/v1/customers/{samples['customer']}", PEOPLE[3]),
        ("POST", "/v1/surveys/opt-outs", {**LINE, "phone": PEOPLE[4]["phone"], "email": PEOPLE[4]["email"]}),
        ("POST", "/v1/tickets/search", {**LINE, "name": PEOPLE[4]["name"], "phone": PEOPLE[4]["phone"]}),
        ("POST", "/v1/tickets", {**ticket, "customer": {**PEOPLE[4], "phone": PEOPLE[4]["phone"] + "x"}}),
        ("POST", f"/v1/surveys/{samples['survey']}/answers", {"scores": {"overall": 1}, "comment": f"打{IN_TEXT}"}),
    ]
    for number, (method, url, body) in enumerate(posts):
        headers = {"If-Match": "*", "Idempotency-Key": f"person-{number}"}
        made.append(await client.request(method, url, json=body, headers=headers))
    for number, name in enumerate(BODIES):
        method, path = name.split(" ")
        body = BODIES[name] if "/webhook" in path else planted(BODIES[name])  # what an endpoint is for is ours to say
        references = {"action": "x", "commitment": "x", **samples}
        headers = {"If-Match": "*", "Idempotency-Key": f"planted-{number}"}
        made.append(await client.request(method, path.format(**references), json=body, headers=headers))
    return made


async def readings(client: httpx.AsyncClient, service: Service, samples: dict[str, str]) -> dict[str, str]:
    """Return what every read answers."""
    found = {}
    for operation in operations(service.app):
        if operation.method == "GET" and not operation.path.endswith(".pdf"):
            references = {"action": "x", "commitment": "x", **samples}
            found[operation.name] = (await client.get(operation.url(**references))).text
    return found


async def columns(service: Service) -> dict[str, str]:
    """Return every column of every table as text, bytes as what they spell."""
    names = [row[0] for row in await service.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    stored: dict[str, str] = {}
    for table in names:
        for row in await service.sql(f"SELECT * FROM {table}"):
            for column, value in row.items():
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                stored[f"{table}.{column}"] = stored.get(f"{table}.{column}", "") + "\n" + text
    return stored


async def test_R30_what_is_planted_through_every_write_leaks_nowhere(
    databases: Databases, book: PolicyBook, capfd: pytest.CaptureFixture[str]
) -> None:
    async with open_service(await databases.clone(), book, log_level="debug") as service:
        writer = await service.client()
        samples = await make_samples(service, writer)
        await hook(writer)
        answers = await plant(writer, samples)
        async with service.db.begin() as session:
            await seal_events(session)
        async with service.db.begin() as session:
            await fan_out(session)
        stored = await columns(service)
        shown = {
            tier: await readings(await service.client(tier=tier), service, samples)
            for tier in (Tier.GENERAL, Tier.PUBLIC, Tier.SENSITIVE)
        }
        feed = shown[Tier.SENSITIVE]["GET /v1/events"]
    log = "".join(capfd.readouterr())
    assert sum(answer.is_success for answer in answers) > 40  # most were really written
    assert not [answer.text for answer in answers if answer.status_code >= 500]

    written = {f"{answer.request.method} {answer.request.url.path}": answer.text for answer in answers}
    masked = {f"{tier} {name}": text for tier in (Tier.GENERAL, Tier.PUBLIC) for name, text in shown[tier].items()}
    elsewhere = {"log": spelled_out(log), "metrics": exposition().decode(), "feed": feed}
    answered = {**written, **masked, **elsewhere}
    revealed = {place for place in answered if place.endswith("/reveal")}
    assert hits({**stored, **without(answered, revealed)}, HIDDEN) == set()
    assert sorted(place for place, _ in hits(answered, [IN_TEXT])) == []
    assert {place for place, _ in hits(stored, [IN_TEXT])} <= READABLE
    assert hits(shown[Tier.SENSITIVE], [IN_TEXT]) != set()  # the search is not blind
    written_down = [json.loads(line)["route"] for line in log.splitlines() if '"route"' in line]
    assert len(written_down) >= len(answers)  # and it had the whole log


def hits(places: dict[str, str], values: list[str]) -> set[tuple[str, str]]:
    return {(place, value) for place, text in places.items() for value in values if value in text}


def without(places: dict[str, str], names: set[str]) -> dict[str, str]:
    return {place: text for place, text in places.items() if place not in names}
