"""What staff say of the machine's readings: kept with who and when, counted, and given to training."""

import asyncio
from datetime import timedelta
from typing import Any

from httpx import AsyncClient, Response

from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.personal import Tier
from app.services.classifier.corpus import feedback_corpus
from app.services.feedback import training_rows
from app.services.policy_book import PolicyBook
from tests.builders import a_ticket
from tests.conftest import SECRET_KEYS, FakeClock, MakeClient
from tests.http.problems import check_problem

FIELDS = ("complaint_class", "issue_type", "severity")
BROKEN = "用热水冲一下杯子就炸裂了，质量太差，要求退货"


async def complain(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    response = await client.post("/v1/tickets", json=a_ticket(description=BROKEN) | changes)
    assert response.status_code == 201, response.text
    ticket: dict[str, Any] = response.json()
    return ticket


async def confirm(client: AsyncClient, ticket: dict[str, Any], tag: str = "*", **changes: Any) -> Response:
    """Say what the machine said, but for `changes`."""
    body = {name: ticket["classification"][name] for name in FIELDS} | {"staff_no": "1101"} | changes
    path = f"/v1/tickets/{ticket['number']}/classification"
    return await client.put(path, json=body, headers={"If-Match": tag})


async def agreement(client: AsyncClient, **query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await client.get("/v1/complaints/agreement", params=query)).json()["rows"]
    return rows


async def test_a_ticket_and_its_decisions_say_which_model_read_it(client: AsyncClient, book: PolicyBook) -> None:
    ticket = await complain(client)
    model = str(book.classifier.model.version)
    assert ticket["classification"]["model"] == model
    (decision,) = [one for one in ticket["decisions"] if one["kind"] == "classification"]
    assert decision["rule"] == f"classifier {model}, lexicon {book.classifier.lexicon.version}"


async def test_agreement_is_counted_by_field_month_and_model(
    client: AsyncClient, clock: FakeClock, book: PolicyBook
) -> None:
    agreed, corrected = await complain(client), await complain(client)
    assert (await confirm(client, agreed)).status_code == 200
    clock.advance(days=40)
    other = {"complaint_class": "non_quality", "issue_type": "logistics"}
    assert (await confirm(client, corrected, **other)).status_code == 200
    first, second = await agreement(client)
    assert (first["month"], second["month"]) == ("2026-11", "2027-01")
    assert {first["model"], second["model"]} == {str(book.classifier.model.version)}
    assert [first[field]["rate"] for field in FIELDS] == [1, 1, 1]
    assert [second[field]["rate"] for field in FIELDS] == [0, 0, 1]
    assert first["kind"] == {"n": 0, "agreed": 0, "rate": None}  # staff did not give it
    since = (clock() - timedelta(days=1)).isoformat()
    assert await agreement(client, confirmed_at_gte=since) == [second]


async def test_of_a_ticket_the_last_word_counts_against_what_the_machine_had_first_read(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await complain(client)
    assert (await confirm(client, ticket, issue_type="logistics", complaint_class="non_quality")).status_code == 200
    clock.advance(hours=1)
    assert (await confirm(client, ticket)).status_code == 200
    (row,) = await agreement(client)
    assert (row["n"], row["issue_type"]["agreed"]) == (1, 1)


async def test_of_two_who_confirm_at_once_one_is_told_that_the_ticket_has_changed(client: AsyncClient) -> None:
    ticket = await complain(client)
    answers = await asyncio.gather(
        *(confirm(client, ticket, '"1.general"', staff_no=number) for number in ("1101", "1102"))
    )
    (kept,) = [answer.json() for answer in answers if answer.status_code == 200]
    (refused,) = [answer for answer in answers if answer.status_code != 200]
    check_problem(refused, 412, "version_mismatch")
    (row,) = await agreement(client)
    assert row["n"] == 1
    shown = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    assert shown["classification"]["confirmed_by"] == kept["classification"]["confirmed_by"]


async def test_training_is_given_what_staff_said_last_without_personal_data(
    client: AsyncClient, db: Database, clock: FakeClock
) -> None:
    ticket = await complain(client, description=BROKEN + "，请打13800001234")
    harmless = {"complaint_class": "not_complaint", "issue_type": "none", "severity": "none"}
    for changes in (harmless, {"issue_type": "logistics", "complaint_class": "non_quality", "staff_no": "1102"}):
        clock.advance(minutes=1)
        assert (await confirm(client, ticket, **changes)).status_code == 200
    rows = await training_rows(db, KeyRing.read(None, SECRET_KEYS))
    (row,) = rows
    assert (row["issue_type"], row["staff_no"]) == ("logistics", "1102")
    assert row["confirmed_at"] == clock().isoformat()
    assert "13800001234" not in row["text"]
    corpus = feedback_corpus(rows)
    assert len(corpus.training) + len(corpus.held_out) == 1


async def test_what_is_another_lines_does_not_exist(client: AsyncClient, make_client: MakeClient) -> None:
    assert (await confirm(client, await complain(client, business_line="chemicals"))).status_code == 200
    ours = await make_client(lines=("tableware",), tier=Tier.GENERAL)
    assert await agreement(ours) == []
    check_problem(await ours.get("/v1/complaints/agreement", params={"business_line": "chemicals"}), 404, "not_found")
    assert [row["business_line"] for row in await agreement(client)] == ["chemicals"]
