"""Receivers that hang, workers that die, events that cannot be sent: each harms nobody else, and nothing is lost."""

import asyncio
import json
from collections import Counter, defaultdict
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core import breaker as breakers
from app.core.breaker import FEWEST_SEEN
from app.core.metrics import exposition
from app.services.upkeep import tidy_webhooks
from app.services.webhooks import replaying
from app.services.webhooks.dispatching import LEASE_SECONDS, Result, claim, record
from app.workers.webhooks import LANES
from tests.conftest import FakeClock
from tests.receiver import Receiver, Seen, always, hang, receiving, reply
from tests.webhooks import Hooks, drain


async def take_many(hooks: Hooks, number: int) -> None:
    for _ in range(number):
        await hooks.take()


async def poison(hooks: Hooks, ticket: dict[str, object]) -> None:
    """Make a ticket's event one that cannot be sent."""
    fat = json.dumps({"ticket_id": ticket["id"], "changed": ["x" * 21_000]})
    async with hooks.kit.db.begin() as session:
        statement = text("UPDATE event SET data = CAST(:data AS jsonb) WHERE subject = :subject")
        await session.execute(statement, {"data": fat, "subject": f"tickets/{ticket['id']}"})


async def test_R14_a_receiver_that_hangs_and_an_event_that_cannot_be_sent_delay_no_other(
    hooks: Hooks, receiver: Receiver
) -> None:
    async with receiving(hang) as tarpit:
        hooks.trust(receiver, tarpit)
        for place in [tarpit, *[receiver] * 19]:
            await hooks.register(place)
        await poison(hooks, await hooks.take())
        await take_many(hooks, 20)
        await hooks.spread()
        async with hooks.worker() as worker, asyncio.timeout(30):
            while len(receiver.seen) < 19 * 20:
                await worker.round(worker.tools)
            assert 0 < tarpit.at_once <= tarpit.most_at_once <= LANES
    assert set(Counter(receiver.ids()).values()) == {19}


async def test_R14_never_more_than_four_requests_are_at_one_receiver_at_a_time(
    hooks: Hooks, receiver: Receiver
) -> None:
    async def slow(_seen: Seen) -> bytes:
        await asyncio.sleep(0.01)
        return reply(204)

    receiver.answer = slow
    await hooks.register(receiver)
    await take_many(hooks, 40)
    await hooks.deliver()
    assert (len(receiver.seen), receiver.most_at_once, receiver.connections) == (40, LANES, LANES)


async def test_R14_a_receiver_that_keeps_failing_is_let_alone_but_for_a_probe(hooks: Hooks, receiver: Receiver) -> None:
    receiver.answer = always(500)
    await hooks.register(receiver)
    await take_many(hooks, FEWEST_SEEN + 15)
    await hooks.spread()
    async with hooks.worker() as worker:
        await drain(worker)
        before = len(receiver.seen)
        assert FEWEST_SEEN <= before < FEWEST_SEEN + LANES
        await drain(worker)
        assert len(receiver.seen) == before
    states = Counter(delivery["state"] for delivery in await hooks.deliveries())
    assert states == {"retrying": before, "pending": FEWEST_SEEN + 15 - before}  # what waits has lost no try


async def test_R14_probes_come_one_by_one_and_the_first_success_lets_all_through(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakers, "PROBE_SECONDS", 0.0)
    opened = FEWEST_SEEN + LANES
    probed_at_once = set()

    async def recovers(_seen: Seen) -> bytes:
        number = len(receiver.seen)
        if opened < number <= opened + 5:
            probed_at_once.add(receiver.at_once)
        return reply(500 if number < opened + 5 else 204)

    receiver.answer = recovers
    await hooks.register(receiver)
    await take_many(hooks, opened + 30)
    await hooks.deliver()
    assert probed_at_once == {1}
    assert Counter(delivery["state"] for delivery in await hooks.deliveries())["delivered"] == 26


async def test_R14_an_event_that_cannot_be_sent_is_given_up_after_three_tries_and_the_next_one_leaves(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    await hooks.register(receiver, types=["ticket.recorded"])
    await poison(hooks, await hooks.take())
    await hooks.take()
    for _ in range(3):
        await hooks.deliver()
        clock.advance(hours=1)
    poisoned, sound = await hooks.deliveries()
    assert (poisoned["state"], poisoned["tries"], poisoned["last_attempt"]["error"]) == ("dead", 3, "internal_error")
    assert (sound["state"], sound["tries"]) == ("delivered", 1)
    assert len(receiver.seen) == 1


async def test_R11_what_a_worker_that_died_had_in_hand_is_sent_by_another_when_its_lease_ends(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    await hooks.register(receiver)
    await take_many(hooks, 3)
    await hooks.spread()
    async with hooks.kit.db.begin() as session:
        assert len(await claim(session, {}, room=10, most=10, now=clock())) == 3
    await hooks.deliver()
    assert receiver.seen == []
    clock.advance(seconds=LEASE_SECONDS)
    await hooks.deliver()
    assert Counter(receiver.ids()) == Counter(event["id"] for event in await hooks.feed())


async def test_a_result_that_comes_after_the_lease_went_to_another_worker_is_not_taken(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    await hooks.register(receiver)
    await hooks.take()
    await hooks.spread()
    async with hooks.kit.db.begin() as session:
        [late] = await claim(session, {}, room=10, most=10, now=clock())
    clock.advance(seconds=LEASE_SECONDS)
    await hooks.deliver()
    async with hooks.kit.db.begin() as session:
        await record(session, [Result(late)], now=clock())
    [delivery] = await hooks.deliveries()
    assert (delivery["state"], delivery["next_attempt_at"], delivery["tries"]) == ("delivered", None, 1)


async def test_a_worker_that_stops_gives_back_what_it_has_not_sent(hooks: Hooks, receiver: Receiver) -> None:
    begun = asyncio.Event()

    async def slow(_seen: Seen) -> bytes:
        begun.set()
        await asyncio.sleep(0.2)
        return reply(204)

    receiver.answer = slow
    await hooks.register(receiver)
    ticket = await hooks.take()
    for move in ("acknowledge", "start", "wait", "resume"):  # one ticket, one lane
        await hooks.client.post(f"/v1/tickets/{ticket['id']}/{move}", json={"staff_no": "1101"})
    await hooks.spread()
    async with hooks.worker() as worker:
        await worker.round(worker.tools)
        await begun.wait()
    states = Counter(delivery["state"] for delivery in await hooks.deliveries())
    assert (states["delivered"], states["pending"] > 1) == (1, True)
    await hooks.deliver()
    assert Counter(receiver.ids()) == Counter(event["id"] for event in await hooks.feed())


async def test_several_workers_share_the_deliveries_out(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.register(receiver)
    await take_many(hooks, 60)
    await hooks.spread()
    async with hooks.worker() as one, hooks.worker() as other, hooks.worker() as third:
        await asyncio.gather(drain(one), drain(other), drain(third))
    assert Counter(receiver.ids()) == Counter(event["id"] for event in await hooks.feed())


async def test_fanning_out_at_the_same_time_makes_each_delivery_once(hooks: Hooks, receiver: Receiver) -> None:
    for _ in range(4):
        await hooks.register(receiver)
    await take_many(hooks, 10)
    await asyncio.gather(*(hooks.spread() for _ in range(4)))
    await hooks.spread()
    made = await hooks.deliveries()
    assert set(Counter(delivery["webhook_id"] for delivery in made).values()) == {4}
    assert {UUID(delivery["id"].removeprefix("whd_")).version for delivery in made} == {7}


async def order_kept(receiver: Receiver) -> bool:
    """Tell whether every ticket's events came in the order of their sequence."""
    sequences = defaultdict(list)
    for request in receiver.seen:
        body = json.loads(request.body)
        sequences[body["subject"]].append(body["sequence"])
    return all(found == sorted(found) for found in sequences.values())


async def fill_with_dead(hooks: Hooks, receiver: Receiver, clock: FakeClock) -> int:
    """Leave an endpoint with the events of twelve tickets that were all given up."""
    await hooks.register(receiver)
    for _ in range(12):
        ticket = await hooks.take()
        for move in ("acknowledge", "start", "resolve"):
            await hooks.client.post(f"/v1/tickets/{ticket['id']}/{move}", json={"staff_no": "1101"})
        clock.advance(minutes=1)
    await hooks.spread()
    async with hooks.kit.db.begin() as session:
        await session.execute(text("UPDATE webhook_delivery SET state = 'dead', next_attempt_at = NULL, tries = 10"))
    return len(await hooks.deliveries())


async def replayed(hooks: Hooks, receiver: Receiver, **wanted: object) -> int:
    [endpoint] = (await hooks.client.get("/v1/webhook-endpoints")).json()["items"]
    answer = await hooks.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/replay", json=wanted)
    assert answer.status_code == 202, answer.text
    receiver.seen.clear()
    await hooks.deliver()
    assert await order_kept(receiver)
    assert len(receiver.seen) == answer.json()["queued"]
    return len(receiver.seen)


async def test_R13_all_that_was_given_up_is_sent_again_in_order_and_under_its_own_ids(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    dead = await fill_with_dead(hooks, receiver, clock)
    assert await replayed(hooks, receiver) == dead
    assert set(receiver.ids()) == {event["id"] for event in await hooks.feed()}
    assert await hooks.deliveries(state="dead") == []
    assert await replayed(hooks, receiver) == 0


async def test_R13_a_range_of_time_or_some_types_are_sent_again(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    dead = await fill_with_dead(hooks, receiver, clock)
    middle = (clock.now - timedelta(minutes=6)).isoformat()
    late = await replayed(hooks, receiver, after=middle)
    assert late == dead / 2
    assert await replayed(hooks, receiver, until=middle, types=["ticket.acknowledged"]) == 6
    assert await replayed(hooks, receiver, until=middle) == dead / 2 - 6
    assert await replayed(hooks, receiver, which="all", types=["ticket.*"], after=middle) == late


async def test_a_range_that_is_too_long_for_one_call_is_gone_on_with(
    hooks: Hooks, receiver: Receiver, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "MOST", 5)
    for _ in range(12):
        await hooks.take()
        clock.advance(seconds=1)
    await hooks.spread()
    address = f"/v1/webhook-endpoints/{(await hooks.register(receiver))['id']}/replay"
    calls, answer = 0, {"has_more": True, "next_after": None}
    while answer["has_more"]:
        wanted = {"which": "all", "after": answer["next_after"]}
        answer = (await hooks.client.post(address, json=wanted)).json()
        calls += 1
    await hooks.deliver()
    assert calls == 3
    assert Counter(receiver.ids()) == Counter(event["id"] for event in await hooks.feed())


async def test_everything_reaches_back_before_the_endpoint_was_there(hooks: Hooks, receiver: Receiver) -> None:
    await take_many(hooks, 3)
    await hooks.take(business_line="chemicals")
    await hooks.spread()
    await hooks.register(receiver, business_lines=["tableware"])
    assert await replayed(hooks, receiver) == 0
    assert await replayed(hooks, receiver, which="all") == 3


async def test_a_deleted_endpoint_gets_nothing_and_is_forgotten_with_its_deliveries(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    endpoint = await hooks.register(receiver)
    await hooks.take()
    await hooks.deliver()
    await hooks.take()
    await hooks.spread()
    address = f"/v1/webhook-endpoints/{endpoint['id']}"
    assert (await hooks.client.delete(address, headers={"If-Match": '"1.general"'})).status_code == 204
    await hooks.deliver()
    assert len(receiver.seen) == 1
    assert await tidy_webhooks(hooks.kit.db, clock()) == 1
    kept = await hooks.deliveries()
    assert [delivery["state"] for delivery in kept] == ["delivered", "dead"]
    again = await hooks.client.post(f"/v1/webhook-deliveries/{kept[1]['id']}/redeliver")
    assert (again.status_code, again.json()["code"]) == (409, "webhook_endpoint_deleted")
    clock.advance(days=31)
    assert await tidy_webhooks(hooks.kit.db, clock()) == 2
    async with hooks.kit.db.begin() as session:
        assert await session.scalar(text("SELECT count(*) FROM webhook_endpoint")) == 0


async def test_what_is_not_done_with_is_kept_however_old(hooks: Hooks, receiver: Receiver, clock: FakeClock) -> None:
    endpoint = await hooks.register(receiver)
    await hooks.take()
    await hooks.spread()
    await hooks.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/disable")
    clock.advance(days=60)
    assert await tidy_webhooks(hooks.kit.db, clock()) == 0
    assert len(await hooks.deliveries()) == 1


async def test_the_gauges_tell_what_waits_and_what_was_given_up(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = always(410)
    await hooks.register(receiver, business_lines=["tableware"])
    await hooks.take()
    await hooks.deliver()
    await hooks.register(receiver)
    await hooks.take()
    await hooks.spread()
    await tidy_webhooks(hooks.kit.db, clock())
    shown = exposition().decode()
    for line in (
        'aftersales_webhook_deliveries{state="waiting"} 2.0',
        'aftersales_webhook_deliveries{state="dead"} 1.0',
        'aftersales_webhook_endpoints{state="enabled"} 1.0',
        'aftersales_webhook_endpoints{state="disabled"} 1.0',
    ):
        assert line in shown
