"""What a receiver gets, and when: signed, thin, at least once, with patience, and never another line's."""

import asyncio
import base64
import hmac
import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.core.clock import system_clock
from app.services.rules.webhooks import SCHEDULE
from tests.conftest import FakeClock
from tests.receiver import Receiver, Seen, always, reply
from tests.webhooks import Hooks, wait_of


def signatures(request: Seen) -> list[str]:
    return request.headers["webhook-signature"].split(" ")


def expected(secret: str, request: Seen) -> str:
    """The signature as the specification words it, without any code of ours or the library's."""
    signed = b".".join((request.id.encode(), request.headers["webhook-timestamp"].encode(), request.body))
    key = base64.b64decode(secret.split("_", 1)[1])
    return "v1," + base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()


async def test_R12_every_event_arrives_once_thin_and_as_the_feed_shows_it(hooks: Hooks, receiver: Receiver) -> None:
    endpoint = await hooks.register(receiver)
    ticket = await hooks.take()
    for move in ("acknowledge", "start", "resolve"):
        await hooks.client.post(f"/v1/tickets/{ticket['id']}/{move}", json={"staff_no": "1101"})
    await hooks.deliver()
    feed = await hooks.feed()
    assert [json.loads(request.body) for request in receiver.seen] == [
        {name: value for name, value in event.items() if name != "position"} for event in feed
    ]
    assert len(feed) >= 4
    assert [event["sequence"] for event in feed] == list(range(1, len(feed) + 1))
    assert {"ticket_id", "status", "changed"} <= json.loads(receiver.seen[0].body)["data"].keys()
    for request, event in zip(receiver.seen, feed, strict=True):
        assert (request.id, request.headers["webhook-attempt"]) == (event["id"], "1")
        assert request.headers["user-agent"] == "aftersales-webhooks/1"
        assert request.headers["content-type"] == "application/json"
        assert request.target == "/hooks?from=aftersales"
        assert len(request.body) < 20_000
        assert signatures(request) == [expected(endpoint["secret"], request)]
        Webhook(endpoint["secret"]).verify(request.body, request.headers)
        assert not [word for word in ("王芳", "13800001234", "餐盘") if word in request.body.decode()]
    done = await hooks.deliveries()
    assert {delivery["state"] for delivery in done} == {"delivered"}
    assert {delivery["last_attempt"]["status"] for delivery in done} == {204}
    assert len({delivery["request_id"] for delivery in done}) == 4  # one for each request that caused an event


async def test_R12_one_changed_byte_or_another_secret_does_not_verify(hooks: Hooks, receiver: Receiver) -> None:
    endpoint = await hooks.register(receiver)
    await hooks.take()
    await hooks.deliver()
    request, verifier = receiver.seen[0], Webhook(endpoint["secret"])
    stamp = int(request.headers["webhook-timestamp"])
    forged: list[tuple[bytes, dict[str, str]]] = [
        (request.body.replace(b"recorded", b"resolved", 1), request.headers),
        (request.body, request.headers | {"webhook-id": request.id[:-1] + "x"}),
        (request.body, request.headers | {"webhook-timestamp": str(stamp + 1)}),
    ]
    for body, headers in forged:
        with pytest.raises(WebhookVerificationError):
            verifier.verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + base64.b64encode(b"x" * 32).decode()).verify(request.body, request.headers)


async def test_R12_for_a_day_after_a_rotation_both_secrets_verify(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    before = await hooks.register(receiver)
    rotated = await hooks.client.post(f"/v1/webhook-endpoints/{before['id']}/rotate-secret")
    assert rotated.status_code == 200
    secret = rotated.json()["secret"]
    assert secret != before["secret"]
    await hooks.take()
    await hooks.deliver(clock)
    for known in (secret, before["secret"]):
        Webhook(known).verify(receiver.seen[0].body, receiver.seen[0].headers)
    clock.advance(hours=24, seconds=-1)
    await hooks.take()
    await hooks.deliver(clock)
    request = receiver.seen[-1]
    assert signatures(request) == [expected(secret, request), expected(before["secret"], request)]
    clock.advance(seconds=1)
    await hooks.take()
    await hooks.deliver(clock)
    assert signatures(receiver.seen[-1]) == [expected(secret, receiver.seen[-1])]


async def test_R13_a_receiver_that_is_down_is_tried_ten_times_then_the_event_is_dead_and_may_be_sent_again(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = always(503, body="暂停，联系13912345678".encode())
    await hooks.register(receiver)
    await hooks.take()
    for number, standard in enumerate(SCHEDULE, start=1):
        await hooks.deliver()
        assert len(receiver.seen) == number
        [delivery] = await hooks.deliveries()
        if number < len(SCHEDULE):
            assert delivery["state"] == "retrying"
            wait = wait_of(delivery, clock)
            assert SCHEDULE[number] * 0.8 <= wait <= SCHEDULE[number] * 1.2 + timedelta(milliseconds=1)
            clock.now += wait - timedelta(milliseconds=2)  # what is shown is cut to the millisecond
            await hooks.deliver()
            assert len(receiver.seen) == number, f"too early after {standard}"
            clock.advance(milliseconds=4)
    assert (delivery["state"], delivery["tries"], delivery["next_attempt_at"]) == ("dead", 10, None)
    assert await hooks.deliveries(state="dead") == [delivery]
    assert [request.headers["webhook-attempt"] for request in receiver.seen] == [str(n) for n in range(1, 11)]
    assert len(set(receiver.ids())) == 1
    attempts = (await hooks.detail(delivery))["attempts"]
    assert [(attempt["status"], attempt["error"]) for attempt in attempts] == [(503, None)] * 10
    assert attempts[0]["reply"] == "暂停，联系139****5678"
    receiver.answer = always(200)
    again = await hooks.client.post(f"/v1/webhook-deliveries/{delivery['id']}/redeliver")
    assert (again.status_code, again.json()["state"], again.json()["tries"]) == (202, "pending", 0)
    await hooks.deliver()
    detail = await hooks.detail(delivery)
    assert (detail["state"], detail["tries"], len(detail["attempts"])) == ("delivered", 1, 11)
    assert receiver.seen[-1].id == receiver.seen[0].id


async def test_R12_each_attempt_is_signed_for_its_own_time(hooks: Hooks, receiver: Receiver, clock: FakeClock) -> None:
    receiver.answer = always(500)
    endpoint = await hooks.register(receiver)
    await hooks.take()
    await hooks.deliver(clock)
    clock.advance(seconds=6)
    await hooks.deliver(clock)
    first, second = (int(request.headers["webhook-timestamp"]) for request in receiver.seen)
    assert second - first == 6
    assert all(signatures(request) == [expected(endpoint["secret"], request)] for request in receiver.seen)


@pytest.mark.parametrize(("asked", "waited"), [("3600", 3600), ("1", 5), ("999999", 86_400)])
async def test_R13_a_wait_the_receiver_asks_for_is_kept_up_to_a_day(
    hooks: Hooks, receiver: Receiver, clock: FakeClock, asked: str, waited: int
) -> None:
    receiver.answer = always(429, f"Retry-After: {asked}")
    await hooks.register(receiver)
    await hooks.take()
    await hooks.deliver()
    [delivery] = await hooks.deliveries()
    assert 0.8 * waited <= wait_of(delivery, clock).total_seconds() <= 1.2 * waited


async def test_R13_a_redirect_is_a_failure(hooks: Hooks, receiver: Receiver) -> None:
    receiver.answer = always(308, f"Location: {receiver.url}")
    await hooks.register(receiver)
    await hooks.take()
    await hooks.deliver()
    [delivery] = await hooks.deliveries()
    assert (delivery["state"], delivery["last_attempt"]["status"]) == ("retrying", 308)
    assert len(receiver.seen) == 1


async def disabled_events(hooks: Hooks) -> list[dict[str, Any]]:
    await hooks.spread()
    return [event for event in await hooks.feed() if event["type"] == "webhook.disabled"]


async def test_R13_a_receiver_that_is_gone_gets_nothing_more_until_somebody_enables_it_again(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = always(410)
    endpoint = await hooks.register(receiver, business_lines=["tableware"], types=["ticket.*"])
    await hooks.take()
    await hooks.deliver()
    shown = (await hooks.client.get(f"/v1/webhook-endpoints/{endpoint['id']}")).json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "gone")
    [event] = await disabled_events(hooks)
    assert event["data"] == {"endpoint_id": endpoint["id"], "reason": "gone"}
    assert event["subject"] == f"webhook-endpoints/{endpoint['id']}"
    await hooks.take()
    await hooks.deliver()
    assert len(receiver.seen) == 1
    receiver.answer = always(200)
    enabled = await hooks.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/enable")
    assert (enabled.json()["enabled"], enabled.json()["version"]) == (True, shown["version"] + 1)
    await hooks.deliver()
    assert len(receiver.seen) == 2  # what happened meanwhile; what was refused is dead
    assert [delivery["state"] for delivery in await hooks.deliveries()] == ["dead", "delivered"]


async def test_R13_five_days_of_nothing_but_failures_disable_an_endpoint(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    endpoint = await hooks.register(receiver, business_lines=["tableware", "chemicals"])
    address = f"/v1/webhook-endpoints/{endpoint['id']}"
    receiver.answer = always(500)
    began = clock.now
    await hooks.take()
    await hooks.deliver()
    failing = (await hooks.client.get(address)).json()
    assert failing["failing_since"] is not None
    clock.now = began + timedelta(hours=119, minutes=59)
    await hooks.deliver()
    assert (await hooks.client.get(address)).json()["enabled"]
    clock.now = began + timedelta(hours=120)
    await hooks.take()
    await hooks.deliver()
    shown = (await hooks.client.get(address)).json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "failing")
    events = await disabled_events(hooks)
    assert [event["sequence"] for event in events] == [1, 2]
    assert {event["source"] for event in events} == {"/business-lines/tableware", "/business-lines/chemicals"}


async def test_one_success_in_five_days_keeps_an_endpoint(hooks: Hooks, receiver: Receiver, clock: FakeClock) -> None:
    endpoint = await hooks.register(receiver)
    address = f"/v1/webhook-endpoints/{endpoint['id']}"
    for status in (500, 500, 200, 500, 500):
        receiver.answer = always(status)
        await hooks.take()
        await hooks.deliver()
        assert ((await hooks.client.get(address)).json()["failing_since"] is None) is (status == 200)
        clock.advance(days=3)
    assert (await hooks.client.get(address)).json()["enabled"]


async def test_R13_a_success_that_was_under_way_while_another_failed_counts(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    endpoint = await hooks.register(receiver)

    async def first_no_then_yes(_seen: Seen) -> bytes:
        if len(receiver.seen) == 1:
            return reply(500)
        await asyncio.sleep(0.1)  # the failure is recorded before
        return reply(204)

    receiver.answer = first_no_then_yes
    for _ in range(3):
        await hooks.take()
    await hooks.deliver()
    assert [delivery["state"] for delivery in await hooks.deliveries()].count("delivered") == 2
    assert (await hooks.client.get(f"/v1/webhook-endpoints/{endpoint['id']}")).json()["failing_since"] is None


async def test_only_the_lines_and_the_types_of_an_endpoint_are_sent_to_it(hooks: Hooks, receiver: Receiver) -> None:
    endpoint = await hooks.register(receiver, business_lines=["tableware"], types=["ticket.recorded", "sla.*"])
    ours = await hooks.take()
    await hooks.take(business_line="chemicals")
    await hooks.client.post(f"/v1/tickets/{ours['id']}/acknowledge", json={})
    await hooks.deliver()
    bodies = [json.loads(request.body) for request in receiver.seen]
    assert [(body["type"], body["subject"], body["source"]) for body in bodies] == [
        ("ticket.recorded", f"tickets/{ours['id']}", "/business-lines/tableware")
    ]
    changed = await hooks.client.patch(
        f"/v1/webhook-endpoints/{endpoint['id']}", json={"types": ["ticket.*"]}, headers={"If-Match": "*"}
    )
    assert changed.json()["types"] == ["ticket.*"]
    await hooks.client.post(f"/v1/tickets/{ours['id']}/start", json={"staff_no": "1101"})
    await hooks.deliver()
    assert {json.loads(request.body)["type"].split(".")[0] for request in receiver.seen} == {"ticket"}
    assert len(receiver.seen) > 1


async def test_what_waits_for_a_line_that_was_taken_away_is_not_sent(hooks: Hooks, receiver: Receiver) -> None:
    endpoint = await hooks.register(receiver, business_lines=["tableware", "chemicals"])
    await hooks.take()
    await hooks.take(business_line="chemicals")
    await hooks.spread()
    address = f"/v1/webhook-endpoints/{endpoint['id']}"
    narrowed = await hooks.client.patch(address, json={"business_lines": ["tableware"]}, headers={"If-Match": "*"})
    assert narrowed.json()["business_lines"] == ["tableware"]
    await hooks.deliver()
    assert {json.loads(request.body)["source"] for request in receiver.seen} == {"/business-lines/tableware"}


async def test_a_test_is_sent_whatever_the_filter_and_stands_in_no_feed(hooks: Hooks, receiver: Receiver) -> None:
    endpoint = await hooks.register(receiver, types=["survey.answered"])
    queued = await hooks.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
    assert (queued.status_code, queued.json()["type"], queued.json()["state"]) == (202, "webhook.test", "pending")
    await hooks.deliver()
    [request] = receiver.seen
    body = Webhook(endpoint["secret"]).verify(request.body, request.headers)
    assert (body["type"], body["subject"]) == ("webhook.test", f"webhook-endpoints/{endpoint['id']}")
    assert body["id"] == request.id == queued.json()["webhook_id"]
    done = (await hooks.client.get(queued.headers["location"])).json()
    assert (done["state"], done["attempts"][0]["status"]) == ("delivered", 204)
    assert await hooks.feed() == []


async def test_while_disabled_nothing_is_sent_and_afterwards_nothing_is_missing(
    hooks: Hooks, receiver: Receiver
) -> None:
    endpoint = await hooks.register(receiver)
    await hooks.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/disable")
    for _ in range(3):
        await hooks.take()
    await hooks.deliver()
    assert receiver.seen == []
    await hooks.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/enable")
    await hooks.deliver()
    assert sorted(receiver.ids()) == [event["id"] for event in await hooks.feed()]
    assert len(receiver.seen) == 3


async def test_an_endpoint_gets_nothing_that_happened_before_it_was_there(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.take()
    await hooks.spread()
    await hooks.register(receiver)
    later = await hooks.take()
    await hooks.deliver()
    assert [json.loads(request.body)["data"]["ticket_id"] for request in receiver.seen] == [later["id"]]


async def test_an_address_that_is_refused_now_is_not_called_though_it_was_allowed_once(
    hooks: Hooks, receiver: Receiver
) -> None:
    await hooks.register(receiver)
    await hooks.take()
    hooks.trust()
    await hooks.deliver()
    [delivery] = await hooks.deliveries()
    assert (delivery["state"], delivery["last_attempt"]["error"]) == ("retrying", "invalid_url")
    assert receiver.connections == 0


async def test_what_the_receiver_says_to_a_success_is_not_kept(hooks: Hooks, receiver: Receiver) -> None:
    receiver.answer = always(200, body=b"secret words")
    await hooks.register(receiver)
    await hooks.take()
    await hooks.deliver()
    [delivery] = await hooks.deliveries()
    assert delivery["last_attempt"]["reply"] is None


async def test_R11_half_the_answers_failing_no_event_is_lost(
    hooks: Hooks, receiver: Receiver, clock: FakeClock
) -> None:
    async def every_other(_seen: Seen) -> bytes | None:
        return (reply(200), reply(500), reply(200), None)[len(receiver.seen) % 4]

    receiver.answer = every_other
    await hooks.register(receiver)
    for _ in range(15):
        await hooks.take()
    for _ in range(9):
        await hooks.deliver()
        clock.advance(hours=30)
    assert {delivery["state"] for delivery in await hooks.deliveries()} == {"delivered"}
    assert set(receiver.ids()) == {event["id"] for event in await hooks.feed()}
    assert system_clock() < clock.now
