"""What the company sets up and looks after: editions, staff, notices, webhooks, surveys, test clocks."""

from datetime import timedelta
from uuid import uuid4

from app.core.db import database_now
from app.core.heartbeat import beat
from app.core.outbox import seal_events
from app.services.policy_book import SHIPPED
from tests.http.policies import an_edition
from tests.story.player import Player

_LINE = {"business_line": "tableware"}
_PRICES = """
[[warranty.price_list]]
name = "visit"
title = { zh = "上门费", en = "visit" }
price = "50.00"
basis = "policy"
clause = "附件三"
"""


async def play(player: Player) -> None:
    await _policies(player)
    await _charge(player)
    await _service_points(player)
    await _staff(player)
    await _notices(player)
    await _webhooks(player)
    await _surveys(player)
    await _pages(player)
    await player.does(
        "POST /v1/test-clocks", _LINE | {"name": "时限测试", "now": "2026-11-22T12:00:00+08:00"}, test_clock="id"
    )
    await player.does(
        "POST /v1/tickets",
        _LINE | {
            "channel": "hotline", "kind": "complaint", "urgency": "emergency", "description": "餐盘划伤了手",
            "customer": {"external_id": "crm-1003"}, "test_clock": "{test_clock}",
        },
        ticket="number",
    )  # fmt: skip
    await player.does("POST /v1/test-clocks/{test_clock}/advance", {"by_seconds": 432_000})
    await player.does("POST /v1/tickets/{ticket}/escalations/acknowledge", {"staff_no": "1101", "note": "今天内回电"})
    await player.does("GET /v1/test-clocks")
    await player.does("GET /v1/test-clocks/{test_clock}")


async def _policies(player: Player) -> None:
    player.known["name"] = "tableware"
    await player.does("GET /v1/policies")
    await player.does("GET /v1/policies/{name}", query={"on": "2026-11-22"})
    text, today = (SHIPPED / "tableware/edition_1.toml").read_text(encoding="utf-8"), player.service.clock().date()
    player.known["edition"] = an_edition(text, effective_from=today)["document"] + _PRICES
    await player.does("POST /v1/policies/check", {"document": '[edition]\nname = "tableware"\nversion = "2"\n'})
    for _ in range(2):  # the second time it is registered already
        await player.does("POST /v1/policies", {"document": "{edition}"})


async def _charge(player: Player) -> None:
    """What the new edition's price list allows."""
    await player.does(
        "POST /v1/tickets",
        _LINE | {
            "channel": "hotline", "kind": "repair", "description": "餐盘套装的保温盖坏了",
            "customer": {"external_id": "crm-3001"},
        },
        ticket="number",
    )  # fmt: skip
    accepted_at = (player.service.clock() - timedelta(hours=1)).isoformat()
    await player.does(
        "POST /v1/tickets/{ticket}/charges",
        {"item": "visit", "amount": "50.00", "accepted_at": accepted_at, "staff_no": "1101"},
    )


async def _service_points(player: Player) -> None:
    await player.does(
        "POST /v1/service-points",
        _LINE | {
            "number": "HZ-01", "name": "杭州服务站", "kind": "service_provider", "regions": ["CN-3301"],
            "contact": "0571-0000-0000",
        },
        point="id",
    )  # fmt: skip
    await player.does("PATCH /v1/service-points/{point}", {"regions": ["CN-3301", "CN-3306"]})
    await player.does("GET /v1/service-points/{point}")
    await player.does("GET /v1/service-points", query=_LINE | {"number": "HZ-01"})


async def _staff(player: Player) -> None:
    await player.does(
        "POST /v1/staff",
        _LINE | {"staff_no": "1101", "departments": ["after_sales"], "skills": ["tableware"], "capacity": 10},
        member="id",
    )
    await player.does("PATCH /v1/staff/{member}", {"capacity": 5})
    await player.does("POST /v1/staff/{member}/availability", {"available": True})
    await player.does("GET /v1/staff/{member}")
    await player.does("GET /v1/staff", query=_LINE | {"department": "after_sales"})
    await player.does("GET /v1/queues", query=_LINE)


async def _notices(player: Player) -> None:
    await player.does(
        "POST /v1/notice-channels",
        _LINE | {"roles": ["*"], "kind": "email", "address": "duty@example.com"},
        channel="id",
    )
    await player.does("GET /v1/notice-channels/{channel}")
    await player.does("GET /v1/notice-channels", query=_LINE)
    await player.does(
        "POST /v1/tickets",
        _LINE
        | {
            "channel": "hotline",
            "kind": "complaint",
            "urgency": "emergency",
            "customer": {"external_id": "crm-1002"},
            "description": "餐盘划伤了手",
        },
        ticket="number",
    )
    await player.does("POST /v1/tickets/{ticket}/delay-reasons", {"reason": "等待供应商"})
    await player.does("GET /v1/notices", query=_LINE | {"state": "waiting"}, notice="items.0.id")
    await player.service.sql("UPDATE notice SET state = 'failed', next_try_at = NULL, attempts = 7")
    await player.does("POST /v1/notices/{notice}/resend", {})
    await player.does("PATCH /v1/notice-channels/{channel}", {"enabled": True, "roles": ["service_technician"]})
    await player.does("POST /v1/notice-channels/{channel}/test", {})
    await player.does("DELETE /v1/notice-channels/{channel}")


async def _webhooks(player: Player) -> None:
    endpoint = "/v1/webhook-endpoints/{endpoint}"
    await player.does(
        "POST /v1/webhook-endpoints",
        {"url": "https://crm.test/hooks", "business_lines": ["tableware"], "types": ["ticket.opened"]},
        endpoint="id",
    )
    await player.does(f"PATCH {endpoint}", {"description": "工单系统"})
    await player.does(f"GET {endpoint}")
    await player.does("GET /v1/webhook-endpoints", query={"limit": "20"})
    await player.does(f"POST {endpoint}/test", {}, delivery="id")
    await player.does("GET /v1/webhook-deliveries/{delivery}")
    await player.does("GET /v1/webhook-deliveries", query={"endpoint": "{endpoint}", "limit": "20"})
    await player.does("POST /v1/webhook-deliveries/{delivery}/redeliver", {})
    await player.does(f"POST {endpoint}/rotate-secret", {})
    await player.does(f"POST {endpoint}/disable", {})
    await player.does(f"POST {endpoint}/enable", {})
    async with player.service.db.begin() as session:
        await seal_events(session)
    await player.does("GET /v1/events", query={"types": "ticket.opened,ticket.resolved", "limit": "3"})
    await player.does(f"POST {endpoint}/replay", {"which": "all"})
    await player.does(f"DELETE {endpoint}")


async def _surveys(player: Player) -> None:
    await player.does(
        "POST /v1/tickets",
        _LINE | {
            "channel": "hotline", "kind": "complaint", "description": "餐盘收到时有两个裂了，请尽快处理。",
            "customer": {"name": "张敏", "phone": "13700003456"},
        },
        ticket="number",
    )  # fmt: skip
    await player.does("POST /v1/tickets/{ticket}/resolve", {"staff_no": "1101", "note": "已补发两只餐盘"})
    for _ in range(2):  # asked for again, it is the same survey
        await player.does("POST /v1/surveys", {"ticket_number": "{ticket}"}, survey="id")
    await player.does("GET /v1/surveys/{survey}")
    await player.does(
        "POST /v1/surveys/{survey}/answers",
        {"scores": {"overall": 4}, "nps": 9, "resolved": True, "comment": "换得很快", "staff_no": "1101"},
    )
    await player.does("GET /v1/surveys", query=_LINE | {"state": "answered"})
    await player.does("GET /v1/satisfaction", query=_LINE | {"from": "2026-11-01", "to": "2027-03-31"})
    await player.does(
        "POST /v1/survey-campaigns",
        _LINE | {"kind": "periodic", "customers": [{"external_id": "crm-1001"}]},
        campaign="id",
    )
    await player.does("GET /v1/survey-campaigns/{campaign}")
    await player.does("GET /v1/survey-campaigns", query=_LINE)
    await player.does("POST /v1/surveys/opt-outs", _LINE | {"phone": "13800009999"})
    await player.does("POST /v1/surveys/opt-ins", _LINE | {"phone": "13800009999"})


async def _pages(player: Player) -> None:
    async with player.service.db.begin() as session:
        await beat(session, uuid4(), await database_now(session))  # what a worker at work leaves
    for path in ("/healthz", "/readyz", "/policies", "/policies/{name}"):
        await player.does(f"GET {path}")
