"""Tickets from the call to the end of the matter, their files, their deadlines and who read of the customer."""

from tests.story.player import Player

_TICKET = "POST /v1/tickets/{ticket}"
_BY_SERVICE = {"staff_no": "1101"}
_A_TICKET = {
    "business_line": "tableware", "channel": "hotline", "kind": "complaint", "urgency": "general",
    "customer": {
        "external_id": "crm-1001", "name": "王芳", "phone": "13800001234", "address": "浙江省杭州市西湖区文三路1号",
    },
    "product": {"name": "餐盘", "model": "CP-26", "batch": "T1", "order_no": "D-1001", "quantity": 6},
    "description": "餐盘收到时有两个裂了，请尽快处理。", "external_ref": "crm-case-1",
    "call": {"call_id": "call-20261122-0001", "agent_no": "1101"},
}  # fmt: skip


async def play(player: Player) -> None:
    for _ in range(2):  # sent again, it answers 200 with the same ticket
        await player.does("POST /v1/tickets", _A_TICKET, ticket="number", commitment="commitments.0.id")
    await _read(player)
    await player.uploads(f"{_TICKET}/attachments", attachment="id")
    await player.does("GET /v1/tickets/{ticket}/attachments")
    await player.does(f"{_TICKET}/attachments/{{attachment}}/remove", _BY_SERVICE | {"reason": "重复上传"})
    await _handle(player)
    await _end(player)
    for report in ("performance", "handling-times"):
        await player.does(f"GET /v1/sla/{report}", query={"business_line": "tableware"})


async def _read(player: Player) -> None:
    await player.does("GET /v1/tickets", query={"business_line": "tableware", "status": "recorded", "limit": "20"})
    await player.does("GET /v1/tickets/{ticket}")
    await player.does("POST /v1/tickets/search", {"business_line": "tableware", "phone": "13800001234"})
    await player.does("GET /v1/tickets/{ticket}/commitments/{commitment}/explanation")
    await player.does(f"{_TICKET}/reveal", {"purpose": "回电核对地址", "fields": ["phone", "address"]})
    await player.does("GET /v1/access-log", query={"business_line": "tableware"})
    await player.does(
        "POST /v1/sla/preview", {"business_line": "tableware", "kind": "complaint", "urgency": "emergency"}
    )


async def _handle(player: Player) -> None:
    await player.does("PATCH /v1/tickets/{ticket}", _BY_SERVICE | {"urgency": "emergency", "reason": "客户催促"})
    await player.does(
        "PUT /v1/tickets/{ticket}/classification",
        _BY_SERVICE | {
            "complaint_class": "quality", "issue_type": "product_quality", "severity": "minor", "reason": "与客户核实",
        },
    )  # fmt: skip
    await player.does(f"{_TICKET}/acknowledge", _BY_SERVICE | {"note": "已联系客户"})
    await player.does(f"{_TICKET}/assign", _BY_SERVICE | {"assignee_staff_no": "1102"})
    await player.does(f"{_TICKET}/start", {"staff_no": "1102"})
    await player.does(
        f"{_TICKET}/comments",
        {"staff_no": "1102", "text": "已请客户补发开裂处的照片", "visibility": "customer"},
    )
    await player.does(f"{_TICKET}/wait", {"staff_no": "1102", "waiting_for": "customer", "note": "等待客户补发照片"})
    await player.does(f"{_TICKET}/resume", {"staff_no": "1102", "note": "照片已收到"})
    player.service.clock.advance(days=2)
    await player.does("GET /v1/sla/overdue", query={"business_line": "tableware", "within_seconds": "86400"})
    await player.does(f"{_TICKET}/delay-reasons", {"staff_no": "1102", "reason": "等待供应商"})
    await player.does(f"{_TICKET}/escalate", {"staff_no": "1102", "reason": "客户要求负责人回电"})
    await player.does(
        f"{_TICKET}/transfer", {"staff_no": "1101", "department": "after_sales", "reason": "由售后统一处理"}
    )
    await player.does("GET /v1/tickets/{ticket}/assignments")


async def _end(player: Player) -> None:
    for move, note in (
        ("resolve", "已补发两只餐盘"), ("reopen", "客户反映补发的也有裂纹"), ("resolve", "已再次补发并回访"),
        ("accept", "客户满意"), ("close", "资料已归档"),
    ):  # fmt: skip
        named = {"reason": note} if move == "reopen" else {"note": note}
        await player.does(f"{_TICKET}/{move}", _BY_SERVICE | named)
    await player.does("GET /v1/tickets/{ticket}/timeline", query={"visibility": "customer", "limit": "50"})
    done = player.known["ticket"]
    await player.does(
        "POST /v1/tickets",
        {
            "business_line": "tableware",
            "channel": "email",
            "kind": "consultation",
            "customer": {"email": "customer@example.com"},
            "description": "请问餐盘能进微波炉吗？",
        },
        ticket="number",
    )
    await player.does(f"{_TICKET}/cancel", _BY_SERVICE | {"reason": "客户自行找到答案"})
    player.known["ticket"] = done
