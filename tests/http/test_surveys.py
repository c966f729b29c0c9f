"""Satisfaction, from the end of a matter to the second answer: who is asked, what they see, and what follows."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import text

from app.core.db import Database
from app.services import upkeep
from tests.builders import a_ticket
from tests.conftest import FakeClock, MakeClient
from tests.http.problems import check_problem
from tests.http.service import take

Round = Callable[[], Awaitable[int]]
BAD = {"scores": {"overall": 2, "attitude": 1}, "resolved": False, "comment": "师傅态度很差，电话 13800001234"}


@pytest.fixture
def ask(app: FastAPI, db: Database, clock: FakeClock) -> Round:
    """Do the worker's round on surveys; return how many it looked at."""

    async def round_() -> int:
        return await upkeep.send_surveys(db, await app.state.kit.directory.known(), clock())

    return round_


@pytest.fixture
async def phone(app: FastAPI) -> AsyncClient:
    """A customer's browser."""
    return AsyncClient(transport=ASGITransport(app), base_url="http://test", headers={"Accept-Language": "en"})


async def finish(client: AsyncClient, *moves: str, **changes: Any) -> dict[str, Any]:
    """Take a ticket to its end; return it."""
    ticket = await take(client, **changes)
    for move in moves or ("resolve", "accept", "close"):
        answer = await client.post(f"/v1/tickets/{ticket['id']}/{move}", json={"staff_no": "1101"})
        assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = (await client.get(f"/v1/tickets/{ticket['id']}")).json()
    return shown


async def surveys(client: AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/v1/surveys", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def told(client: AsyncClient, seal: Round, *types: str) -> list[dict[str, Any]]:
    await seal()
    answer = await client.get("/v1/events", params={"types": ",".join(types), "limit": 200})
    return [event["data"] for event in answer.json()["items"]]


async def link_for(client: AsyncClient, ticket: dict[str, Any]) -> str:
    answer = await client.post("/v1/surveys", json={"ticket_number": ticket["number"]})
    assert answer.status_code in (200, 201), answer.text
    url: str = answer.json()["url"]
    return url


async def test_from_the_end_of_a_matter_over_a_bad_answer_to_a_good_one(
    client: AsyncClient, phone: AsyncClient, ask: Round, seal: Round, clock: FakeClock
) -> None:
    ticket = await finish(client)
    assert await ask() == 1
    [invited] = await told(client, seal, "survey.invited")
    assert invited["ticket_id"] == ticket["id"]

    page = await phone.get(invited["url"])
    assert page.status_code == 200
    assert ticket["number"] in page.text
    sent = await phone.post(invited["url"], data={"overall": "2", "resolved": "no", "comment": "The plates are broken"})
    assert (sent.status_code, sent.headers["location"]) == (303, "thanks?lang=en")
    assert "Thank you" in (await phone.get("/s/thanks?lang=en")).text

    [survey] = await surveys(client)
    assert (survey["state"], survey["dissatisfied"], survey["answered_by"]) == ("answered", True, "web")
    follow_up = (await client.get(f"/v1/tickets/{survey['follow_up']['id']}")).json()
    assert (follow_up["kind"], follow_up["follow_up_of"]) == ("complaint", ticket["id"])
    assert follow_up["department"] == ticket["department"]
    assert "The plates are broken" in follow_up["description"]
    assert {row["milestone"] for row in follow_up["commitments"]} >= {"first_response", "resolution"}
    assert [d["rule"] for d in follow_up["decisions"] if d["kind"] == "responsibility"] == [
        "surveys.dissatisfied_at_most"
    ]
    [data] = await told(client, seal, "survey.dissatisfied")
    assert (data["survey_id"], data["follow_up"]) == (survey["id"], follow_up["id"])
    noted = (await client.get(f"/v1/tickets/{ticket['id']}/timeline")).json()["items"]
    assert [entry["data"] for entry in noted if entry["kind"] == "dissatisfied"] == [{"follow_up": follow_up["number"]}]
    assert (await phone.get(invited["url"])).status_code == 404

    clock.advance(hours=1)  # well within the period in which nobody else would be asked again
    for move in ("resolve", "accept", "close"):
        await client.post(f"/v1/tickets/{follow_up['id']}/{move}", json={"staff_no": "1102"})
    await ask()
    again = (await told(client, seal, "survey.invited"))[-1]
    assert again["ticket_id"] == follow_up["id"]
    assert (await phone.post(again["url"], data={"overall": "5", "resolved": "yes"})).status_code == 303
    [last, first] = await surveys(client)
    assert (last["follow_up_of"], last["dissatisfied"], last["follow_up"]) == (first["id"], False, None)
    assert first["follow_up"]["status"] == "closed"
    counted = (await client.get("/v1/satisfaction", params={"business_line": "tableware"})).json()
    assert (counted["total"]["n"], counted["total"]["satisfied_rate"], counted["total"]["mean"]) == (2, 0.5, 3.5)
    assert (counted["follow_ups"], counted["follow_ups_closed"]) == (1, 1)


async def test_an_accepted_matter_is_asked_about_once_although_it_is_closed_later(
    client: AsyncClient, ask: Round, seal: Round
) -> None:
    ticket = await finish(client, "resolve", "accept")
    await ask()
    await client.post(f"/v1/tickets/{ticket['id']}/close", json={})
    await ask()
    assert len(await told(client, seal, "survey.invited")) == 1


async def test_nobody_is_written_to_at_night_nor_reminded_after_an_answer(
    client: AsyncClient, ask: Round, seal: Round, clock: FakeClock, phone: AsyncClient
) -> None:
    clock.advance(hours=9)  # 21:00 in Shanghai
    await finish(client)
    assert await ask() == 0
    clock.advance(hours=11, minutes=59)
    assert await ask() == 0
    clock.advance(minutes=1)
    assert await ask() == 1
    clock.advance(days=3)
    assert await ask() == 1
    [reminded] = await told(client, seal, "survey.reminded")
    assert (await phone.get(reminded["url"])).status_code == 200
    clock.advance(days=12)
    assert await ask() == 0
    [survey] = await surveys(client)
    assert survey["state"] == "expired"
    assert (await phone.get(reminded["url"])).status_code == 404
    check_problem(
        await client.post(f"/v1/surveys/{survey['id']}/answers", json={"scores": {"overall": 5}}), 409, "survey_closed"
    )


async def test_a_customer_is_asked_once_in_the_period_by_whatever_contact(
    client: AsyncClient, ask: Round, clock: FakeClock
) -> None:
    await finish(client, customer={"phone": "13800001234", "email": "wang@example.com"})
    await finish(client, customer={"email": "wang@example.com"})
    await ask()
    later, first = await surveys(client)
    assert (first["state"], later["state"], later["skipped_because"]) == ("invited", "skipped", "asked_recently")
    by_hand = await client.post("/v1/surveys", json={"ticket_number": later["ticket"]["number"]})
    assert check_problem(by_hand, 409, "customer_not_asked")["reason"] == "asked_recently"
    clock.advance(days=30)
    await finish(client, customer={"phone": "13800001234"})
    await ask()
    assert (await surveys(client))[0]["state"] == "invited"


async def test_who_does_not_want_to_be_asked_is_not_even_if_it_is_queued(
    client: AsyncClient, ask: Round, seal: Round
) -> None:
    ticket = await finish(client)
    answer = await client.post("/v1/surveys/opt-outs", json={"business_line": "tableware", "phone": "138 0000 1234"})
    assert answer.status_code == 201
    await ask()
    [survey] = await surveys(client)
    assert (survey["state"], survey["skipped_because"]) == ("skipped", "opted_out")
    assert await told(client, seal, "survey.invited") == []
    by_hand = await client.post("/v1/surveys", json={"ticket_number": ticket["number"]})
    assert check_problem(by_hand, 409, "customer_not_asked")["reason"] == "opted_out"


async def test_a_matter_taken_up_again_is_asked_about_when_it_ends(client: AsyncClient, ask: Round) -> None:
    ticket = await finish(client)
    await client.post(f"/v1/tickets/{ticket['id']}/reopen", json={})
    await ask()
    [survey] = await surveys(client)
    assert survey["skipped_because"] == "taken_up_again"


async def test_a_question_by_hand_waits_for_the_end_of_the_matter(client: AsyncClient) -> None:
    ticket = await take(client)
    too_early = await client.post("/v1/surveys", json={"ticket_number": ticket["number"]})
    check_problem(too_early, 409, "survey_too_early")
    await client.post(f"/v1/tickets/{ticket['id']}/resolve", json={})
    made = await client.post("/v1/surveys", json={"ticket_number": ticket["number"], "channel": "web"})
    again = await client.post("/v1/surveys", json={"ticket_number": ticket["number"], "channel": "web"})
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    nobody = await take(client, channel="internal", customer=None)
    await client.post(f"/v1/tickets/{nobody['id']}/resolve", json={})
    refused = await client.post("/v1/surveys", json={"ticket_number": nobody["number"]})
    assert check_problem(refused, 409, "customer_not_asked")["reason"] == "no_contact"


async def test_a_return_visit_and_a_key_press_count_once_however_often_they_are_sent(
    client: AsyncClient, seal: Round
) -> None:
    await finish(client)
    [survey] = await surveys(client)
    url = f"/v1/surveys/{survey['id']}/answers"
    key = {"scores": {"overall": 4}, "channel": "ivr"}
    pressed = [await client.post(url, json=key, headers={"Idempotency-Key": "call-0001"}) for _ in range(2)]
    assert [answer.status_code for answer in pressed] == [200, 200]
    assert pressed[1].headers["idempotent-replayed"] == "true"
    assert (await client.post(url, json=key)).json()["version"] == pressed[0].json()["version"]
    said = (await client.post(url, json=BAD | {"staff_no": "1101"})).json()
    assert (said["scores"], said["resolved"]) == ({"overall": 2, "attitude": 1}, False)
    assert said["comment"] == "师傅态度很差，电话 138****1234"
    assert (said["theme"], said["answered_by"], said["dissatisfied"]) == ("service_attitude", "hotline", True)
    assert (await client.post(url, json=BAD)).status_code == 200  # the same again is no change
    check_problem(await client.post(url, json={"scores": {"overall": 5}}), 409, "survey_closed")
    assert len(await told(client, seal, "survey.dissatisfied")) == 1
    assert await told(client, seal, "survey.invited") == []  # nobody is to send a link to who was called


async def test_a_survey_for_the_phone_is_not_sent_by_anybody(client: AsyncClient, ask: Round, seal: Round) -> None:
    ticket = await take(client)
    await client.post(f"/v1/tickets/{ticket['id']}/resolve", json={})
    made = await client.post("/v1/surveys", json={"ticket_number": ticket["number"], "channel": "ivr"})
    assert (made.status_code, made.json()["state"]) == (201, "invited")
    await ask()
    assert await told(client, seal, "survey.invited", "survey.reminded") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scores": {"overall": 6}},
        {"scores": {"overall": 0}},
        {"scores": {"speed": 3}},
        {"nps": 11},
        {"scores": {"overall": 3}, "channel": "web"},
    ],
)
async def test_what_is_no_answer_is_refused(client: AsyncClient, body: dict[str, Any]) -> None:
    await finish(client)
    [survey] = await surveys(client)
    check_problem(await client.post(f"/v1/surveys/{survey['id']}/answers", json=body), 422, "validation_failed")


async def test_an_aspect_the_form_does_not_ask_about_is_refused(client: AsyncClient) -> None:
    await finish(client, business_line="chemicals")
    [survey] = await surveys(client)
    answer = await client.post(f"/v1/surveys/{survey['id']}/answers", json={"scores": {"timeliness": 3}})
    assert check_problem(answer, 422, "validation_failed")["errors"][0]["pointer"] == "#/scores/timeliness"


async def test_answers_are_kept_in_parts_and_can_be_changed(client: AsyncClient, phone: AsyncClient) -> None:
    url = await link_for(client, await finish(client))
    await phone.post(url, data={"overall": "4"})
    await phone.post(url, data={"attitude": "5", "comment": " well\r\ndone\x00 "})
    page = (await phone.get(url)).text
    assert re.search(r'name="overall" value="4"[^>]*checked', page)
    assert re.search(r'name="attitude" value="5"[^>]*checked', page)
    assert page.count(" checked") == 2
    assert ">well\ndone</textarea>" in page
    await phone.post(url, data={"overall": "5", "comment": ""})
    [survey] = await surveys(client)
    assert (survey["scores"], survey["comment"]) == ({"overall": 5, "attitude": 5}, None)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "Please answer at least one question"),
        ({"comment": "   "}, "Please answer at least one question"),
        ({"overall": "6"}, "could not be read"),
        ({"overall": "５"}, "could not be read"),
        ({"resolved": "maybe"}, "could not be read"),
        ({"nps": "-1"}, "could not be read"),
        ({"comment": "x" * 2001}, "within 2,000 characters"),
        ({f"field{n}": "x" for n in range(40)}, "could not be read"),
    ],
)
async def test_a_form_that_is_not_right_comes_back_with_what_to_do(
    client: AsyncClient, phone: AsyncClient, form: dict[str, str], words: str
) -> None:
    url = await link_for(client, await finish(client))
    answer = await phone.post(url, data=form)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'role="alert"' in answer.text
    assert (await surveys(client))[0]["state"] == "invited"


async def test_what_is_written_never_becomes_part_of_the_page(client: AsyncClient, phone: AsyncClient) -> None:
    url = await link_for(client, await finish(client, product={"model": "<b>M-1</b>"}))
    await phone.post(url, data={"comment": "</textarea><script>alert(1)</script>"})
    page = (await phone.get(url)).text
    assert "<script" not in page
    assert "<b>M-1" not in page


async def test_the_page_is_one_small_request_that_allows_nothing_else(client: AsyncClient, phone: AsyncClient) -> None:
    url = await link_for(client, await finish(client))
    page = await phone.get(url, headers={"Accept-Language": "zh-CN"})
    assert page.headers["content-language"] == "zh-CN"
    assert "这次服务，您满意吗" in page.text
    assert len(page.content) < 30_000
    assert not re.search(r'(src|href)="(?!\?lang=|data:|#|[\w-]{43}/stop\?lang=)', page.text)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'" in policy
    assert "script" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers


async def test_two_phones_at_once_count_once(client: AsyncClient, phone: AsyncClient, seal: Round) -> None:
    url = await link_for(client, await finish(client))
    form = {"overall": "1", "comment": "还是坏的"}
    answers = await asyncio.gather(*(phone.post(url, data=form) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) in ([303, 303], [303, 404])
    assert len(await told(client, seal, "survey.answered")) == 1
    assert len(await told(client, seal, "survey.dissatisfied")) == 1
    assert len((await client.get("/v1/tickets")).json()["items"]) == 2


async def test_a_thousand_guesses_find_nothing_and_are_slowed_down(client: AsyncClient, app: FastAPI) -> None:
    url = await link_for(client, await finish(client))
    token = url.rpartition("/")[2]
    transport = ASGITransport(app, client=("203.0.113.9", 4711))
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    guesses = [
        token[:n] + signs[(signs.index(token[n]) + step) % 64] + token[n + 1 :] for n in range(43) for step in (1, 7)
    ]
    guesses += [f"{n:043d}" for n in range(1000 - len(guesses) - 4)] + ["x", "%00", "é" * 43, "a" * 5000]
    async with AsyncClient(transport=transport, base_url="http://test") as guesser:
        answers = [await guesser.get(f"/s/{guess}") for guess in guesses]
        assert (await guesser.get(url)).status_code == 200  # who has the link is not kept out by a neighbour's guesses
    assert [answer.status_code for answer in answers[:30]] == [404] * 30
    assert {answer.status_code for answer in answers[30:]} == {429}
    assert len({answer.text for answer in answers}) == 1


async def test_every_link_that_leads_nowhere_leads_to_the_same_page(
    client: AsyncClient, phone: AsyncClient, clock: FakeClock
) -> None:
    url = await link_for(client, await finish(client))
    wrong = await phone.get("/s/" + "A" * 43)
    clock.advance(days=14)
    expired = await phone.get(url)
    sent = await phone.post(url, data={"overall": "5"})
    assert [answer.status_code for answer in (wrong, expired, sent)] == [404] * 3
    assert wrong.text == expired.text == sent.text


async def test_what_is_another_lines_does_not_exist(
    client: AsyncClient, make_client: MakeClient, ask: Round, seal: Round
) -> None:
    theirs = await finish(client, business_line="chemicals")
    await ask()
    [survey] = await surveys(client)
    us = await make_client(lines=("tableware",))
    assert await surveys(us) == []
    assert await surveys(us, ticket=theirs["number"]) == []
    for unknown in (survey["id"], "srv_" + "0" * 32, "x"):
        check_problem(await us.get(f"/v1/surveys/{unknown}"), 404, "not_found")
        check_problem(await us.post(f"/v1/surveys/{unknown}/answers", json=BAD), 404, "not_found")
    check_problem(await us.post("/v1/surveys", json={"ticket_number": theirs["number"]}), 404, "not_found")
    counted = (await us.get("/v1/satisfaction")).json()
    assert (counted["total"]["invited"], counted["rows"], counted["business_lines"]) == (0, [], ["tableware"])
    for line in ("chemicals", "nowhere"):
        check_problem(await us.get("/v1/satisfaction", params={"business_line": line}), 404, "not_found")
        check_problem(await us.get("/v1/surveys", params={"business_line": line}), 404, "not_found")
    assert await told(us, seal, "survey.invited") == []


async def test_a_ticket_may_be_asked_about_by_its_number_in_any_case(client: AsyncClient) -> None:
    ticket = await finish(client, **a_ticket())
    assert len(await surveys(client, ticket=ticket["number"].lower())) == 1
    assert len(await surveys(client, ticket=ticket["id"], state="queued")) == 1


async def test_no_table_holds_a_link(client: AsyncClient, phone: AsyncClient, ask: Round, db: Database) -> None:
    url = await link_for(client, await finish(client))
    await ask()
    await phone.post(url, data={"overall": "1"})
    async with db.begin() as session:
        for table in ("survey", "event", "timeline_entry", "ticket"):
            rows = "\n".join(await session.scalars(text(f"SELECT t::text FROM {table} t")))
            assert rows
            assert url.rpartition("/")[2] not in rows
