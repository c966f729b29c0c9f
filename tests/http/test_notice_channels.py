"""Notice channels over HTTP: put in, shown masked, changed against a version, tried out, and hostile addresses."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.services.policy_book import PolicyBook
from tests.conftest import Databases
from tests.http.problems import MARK, check_problem
from tests.http.service import Service, notices_of, open_service, put_in_channel, take
from tests.notices.servers import Robots, answers, hangs, robots_at_work

TOKEN, SECRET = "0123456789abcdef0123456789abcdef", "SEC0000111122223333"
DINGTALK = f"https://oapi.dingtalk.com/robot/send?access_token={TOKEN}"
WECOM = f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={TOKEN}"
FEISHU = f"https://open.feishu.cn/open-apis/bot/v2/hook/{TOKEN}"


async def test_what_was_put_in_is_never_shown_again(service: Service, caller: httpx.AsyncClient) -> None:
    created = await put_in_channel(caller, DINGTALK, kind="dingtalk", secret=SECRET, roles=["company_leader", "*", "*"])
    assert created | {"id": "", "created_at": "", "updated_at": ""} == {
        "id": "", "business_line": "tableware", "roles": ["*", "company_leader"], "kind": "dingtalk",
        "address": "https://oapi.dingtalk.com/…cdef", "signed": True, "enabled": True, "version": 1,
        "created_at": "", "updated_at": "",
    }  # fmt: skip
    url = f"/v1/notice-channels/{created['id']}"
    read = await caller.get(url)
    assert (read.json(), read.headers["etag"]) == (created, '"1.general"')
    listing = await caller.get("/v1/notice-channels", params={"kind": "dingtalk"})
    assert created in listing.json()["items"]
    for text in (read.text, listing.text, str(created)):
        assert TOKEN[:-4] not in text
        assert SECRET not in text
    rows = str(await service.sql("SELECT c::text FROM notice_channel c")) + str(
        await service.sql("SELECT i::text FROM idempotency_record i")
    )
    assert TOKEN not in rows
    assert SECRET not in rows
    assert (await caller.get(url, headers={"If-None-Match": '"1.general"'})).status_code == 304


async def test_a_repeat_under_one_key_puts_in_one_channel(service: Service, caller: httpx.AsyncClient) -> None:
    body = {"business_line": "mall", "roles": ["*"], "kind": "email", "address": "once@example.com"}
    sent = [
        await caller.post("/v1/notice-channels", json=body, headers={"Idempotency-Key": "channel-0001"}) for _ in "12"
    ]
    assert [response.status_code for response in sent] == [201, 201]
    assert sent[0].content == sent[1].content
    assert sent[0].headers["location"] == f"/v1/notice-channels/{sent[0].json()['id']}"
    other = await caller.post(
        "/v1/notice-channels", json=body | {"address": "b@x.cn"}, headers={"Idempotency-Key": "channel-0001"}
    )
    check_problem(other, 422, "idempotency_key_reused")
    check_problem(await caller.post("/v1/notice-channels", json=body), 409, "notice_channel_exists")
    elsewhere = await caller.post("/v1/notice-channels", json=body | {"business_line": "general"})
    assert elsewhere.status_code == 201


async def test_a_change_needs_the_version_it_was_made_for(caller: httpx.AsyncClient) -> None:
    channel = await put_in_channel(caller, FEISHU, kind="feishu")
    taken = await put_in_channel(caller, f"{FEISHU}0", kind="feishu")
    url = f"/v1/notice-channels/{channel['id']}"
    check_problem(await caller.patch(url, json={"enabled": False}), 428, "if_match_required")
    changed = await caller.patch(
        url, json={"enabled": False, "secret": SECRET, "roles": ["company_leader"]}, headers={"If-Match": '"1.general"'}
    )
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2.general"')
    shown = changed.json()
    assert (shown["enabled"], shown["signed"], shown["roles"]) == (False, True, ["company_leader"])
    stale = await caller.patch(url, json={"enabled": True}, headers={"If-Match": '"1.general"'})
    assert check_problem(stale, 412, "version_mismatch")["current_etag"] == '"2.general"'
    unsigned = await caller.patch(url, json={"secret": None}, headers={"If-Match": '"2.general"'})
    assert unsigned.json()["signed"] is False
    clash = await caller.patch(url, json={"address": f"{FEISHU}0"}, headers={"If-Match": "*"})
    check_problem(clash, 409, "notice_channel_exists")
    check_problem(await caller.delete(url), 428, "if_match_required")
    check_problem(await caller.delete(url, headers={"If-Match": '"1.general"'}), 412, "version_mismatch")
    gone = await caller.delete(url, headers={"If-Match": '"3.general"'})
    assert (gone.status_code, gone.content) == (204, b"")
    check_problem(await caller.get(url), 404, "not_found")
    check_problem(await caller.delete(url, headers={"If-Match": "*"}), 404, "not_found")
    assert (await caller.get(f"/v1/notice-channels/{taken['id']}")).status_code == 200


@pytest.mark.parametrize("name", ["roles", "address", "enabled"])
async def test_what_a_channel_must_have_cannot_be_cleared(caller: httpx.AsyncClient, name: str) -> None:
    answer = await caller.patch("/v1/notice-channels/x", json={name: None})
    problem = check_problem(answer, 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [f"#/{name}"]


HOSTILE: list[tuple[str, str]] = [
    ("dingtalk", address)
    for address in (
        "http://oapi.dingtalk.com/robot/send?access_token=x",  # not encrypted
        "https://oapi.dingtalk.com/robot/send",
        "https://oapi.dingtalk.com/robot/send?",
        "https://oapi.dingtalk.com/other?access_token=x",
        "https://oapi.dingtalk.com.thief.net/robot/send?access_token=x",
        "https://oapi.dingtalk.com@thief.net/robot/send?access_token=x",
        "https://oapi.dingtalk.com:443/robot/send?access_token=x",
        "https://OAPI.dingtalk.com/robot/send?access_token=x",
        "https://thief.net/https://oapi.dingtalk.com/robot/send?access_token=x",
        "https://127.0.0.1/robot/send?access_token=x",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "https://oapi.dingtalk.com/robot/send?access_token=x\r\nX-Injected: 1",
        "https://oapi.dingtalk.com/robot/send?access_token=x y",
        "https://oapi.dingtalk.com/robot/send?access_token=键",
        f"https://oapi.dingtalk.com/robot/send?access_token={'x' * 960}",
        WECOM,
        "duty@example.com",
    )
] + [
    ("wecom", DINGTALK),
    ("feishu", f"https://open.feishu.cn/open-apis/bot/v2/../../{TOKEN}"),
    ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/"),
    ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/../../im/v1/messages"),
    ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/%2E%2e/%2e%2e/im/v1/messages"),
    ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/..\\x"),
    ("dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=x#"),  # what is signed would not be sent
    ("email", "https://oapi.dingtalk.com/robot/send?access_token=x"),
    ("email", "a@example.com,b@example.com"),
    ("email", "a@example.com\r\nBcc: b@example.com"),
]


@pytest.mark.parametrize(("kind", "address"), HOSTILE)
async def test_an_address_that_leads_elsewhere_is_refused(caller: httpx.AsyncClient, kind: str, address: str) -> None:
    body = {"business_line": "tableware", "roles": ["*"], "kind": kind, "address": address}
    problem = check_problem(await caller.post("/v1/notice-channels", json=body), 422, "validation_failed")
    assert {error["pointer"] for error in problem["errors"]} == {"#/address"}
    assert not [word for word in ("thief", "meta-data", "Injected", "Bcc", TOKEN) if word in str(problem)]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"roles": []}, "#/roles"),
        ({"roles": ["nobody"]}, "#/roles"),
        ({"roles": ["Company Leader"]}, "#/roles/0"),
        ({"roles": ["a"] * 51}, "#/roles"),
        ({"kind": "pigeon"}, "#/kind"),
        ({"kind": "wecom", "address": WECOM, "secret": SECRET}, "#/secret"),
        ({"secret": SECRET}, "#/secret"),
        ({"enabled": "yes"}, "#/enabled"),
        ({"url": MARK}, "#/url"),
    ],
)
async def test_what_makes_no_channel_is_refused_by_name(
    caller: httpx.AsyncClient, changes: dict[str, Any], pointer: str
) -> None:
    body = {"business_line": "tableware", "roles": ["*"], "kind": "email", "address": "a@example.com"} | changes
    problem = check_problem(await caller.post("/v1/notice-channels", json=body), 422, "validation_failed")
    assert pointer in {error["pointer"] for error in problem["errors"]}


@pytest.fixture
async def robots() -> AsyncIterator[Robots]:
    async with robots_at_work() as robots:
        yield robots


@pytest.fixture
async def trying(databases: Databases, book: PolicyBook, robots: Robots) -> AsyncIterator[httpx.AsyncClient]:
    async with open_service(await databases.clone(), book, robot_gateways=robots.url) as service:
        yield await service.client()


async def test_a_test_notice_says_what_the_robot_really_answered(trying: httpx.AsyncClient, robots: Robots) -> None:
    channel = await put_in_channel(trying, robots.address("mine"), kind="dingtalk", secret=SECRET, enabled=False)
    url = f"/v1/notice-channels/{channel['id']}/test"
    robots.behave("mine", answers({"errcode": 310000, "errmsg": "sign not match"}), answers(b"<html>", 502))
    refused = await trying.post(url, json={})
    assert refused.json() == {
        "verdict": "refused", "status": 200, "code": "310000", "text": "sign not match",
        "advice": {
            "zh": "签名不符：请核对加签密钥，并确认服务器时间准确",
            "en": "The signature is wrong: check the signing secret, and that the server's clock is right",
        },
    }  # fmt: skip
    away = (await trying.post(url)).json()
    assert (away["verdict"], away["status"], away["code"]) == ("later", 502, None)
    taken = (await trying.post(url, json={})).json()
    assert (taken["verdict"], taken["advice"]) == ("accepted", None)
    assert "工单通知测试" in robots.said[0].text
    assert "sign=" in robots.said[0].path


async def test_a_test_of_a_robot_that_hangs_ends_and_holds_no_connection(
    trying: httpx.AsyncClient, robots: Robots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.notices.courier.SEND_SECONDS", 0.5)
    channel = await put_in_channel(trying, robots.address("mine"), kind="wecom")
    robots.behave("mine", hangs)
    hung = await trying.post(f"/v1/notice-channels/{channel['id']}/test", json={})
    assert (hung.status_code, hung.json()["verdict"]) == (200, "later")


async def test_notices_are_found_by_ticket_state_and_kind(service: Service) -> None:
    client = await service.client(lines=("components",))
    ticket, other = await take(client, business_line="components"), await take(client, business_line="components")
    notices = await notices_of(client, ticket, channels=2)
    told = await client.post(f"/v1/tickets/{other['id']}/delay-reasons", json={"reason": "等待供应商"})
    assert told.status_code == 200
    assert {notice["number"] for notice in notices} == {ticket["number"]}
    assert {notice["state"] for notice in notices} == {"waiting"}
    for query, number in (({}, 4), ({"state": "waiting"}, 4), ({"state": "failed,sent"}, 0), ({"kind": "wecom"}, 0)):
        assert len((await client.get("/v1/notices", params=query)).json()["items"]) == number, query
    check_problem(await client.get("/v1/notices", params={"ticket": "AS-20261122-999999"}), 404, "not_found")


async def test_a_notice_is_sent_again_once_however_often_it_is_asked_under_one_key(service: Service) -> None:
    client = await service.client(lines=("bath_appliances",))
    [notice] = await notices_of(client, await take(client, business_line="bath_appliances"), channels=1)
    await service.sql("UPDATE notice SET state = 'failed', next_try_at = NULL, attempts = 7, last_code = '310000'")
    url, headers = f"/v1/notices/{notice['id']}/resend", {"Idempotency-Key": "resend-0001"}
    first = await client.post(url, headers=headers)
    assert (first.status_code, first.json()["state"], first.json()["attempts"]) == (200, "waiting", 0)
    await service.sql("UPDATE notice SET state = 'sent', next_try_at = NULL, attempts = 1")
    again = await client.post(url, headers=headers)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert (await client.get("/v1/notices")).json()["items"][0]["state"] == "sent"
