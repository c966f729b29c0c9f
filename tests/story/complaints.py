"""A serious complaint: what it is, whose fault it is, the handling report, and what all complaints tell together."""

from tests.story.player import Player

_TICKET = "POST /v1/tickets/{ticket}"
_MEASURES = ("research_institute", "production", "technical_application_centre")
_BY_SALES = {"department": "sales_centre", "staff_no": "5501"}


async def play(player: Player) -> None:
    await player.does(
        "POST /v1/complaints/classify",
        {"business_line": "tableware", "text": "用热水冲一下杯子就炸裂了，质量太差，要求退货"},
    )
    await _complain(player, "not_confirmed", severity="minor")
    await _not_ours(player)
    await _complain(player, "confirmed")
    await player.does(
        f"{_TICKET}/responsibility",
        {"ours": True, "department": "production", "cause": "封装温度偏高", "staff_no": "1101"},
    )
    await _report(player)
    await _analysis(player)


async def _complain(player: Player, conclusion: str, severity: str = "serious") -> None:
    await player.does(
        "POST /v1/tickets",
        {
            "business_line": "components", "channel": "email", "kind": "complaint", "severity": severity,
            "customer": {"external_id": "crm-2001", "name": "李强", "phone": "13900002345"},
            "product": {
                "name": "功率MOS管", "model": "NM60-T", "batch": "B2026-1101", "quantity": 20_000,
                "defective_quantity": 37, "delivered_on": "2026-11-01",
            },
            "description": "批次B2026-1101的功率MOS管上板后失效37只，客户停线，要求给失效分析和补货。",
        },
        ticket="number",
    )  # fmt: skip
    await player.does(
        f"{_TICKET}/inspections",
        {
            "sample": "退回的芯片3只", "method": "外观与电参数复测", "finding": "引脚受外力弯折，电参数合格",
            "conclusion": conclusion, "inspected_by": "3001", "department": "quality_department",
            "attachments": ["QC-2026-118"],
        },
    )  # fmt: skip
    await player.does("GET /v1/tickets/{ticket}/inspections")


async def _not_ours(player: Player) -> None:
    await player.does(
        f"{_TICKET}/responsibility",
        {
            "ours": False, "cause": "装配时受外力", "evidence": ["检验报告QC-2026-118", "引脚照片2张"],
            "explanation": "引脚弯折发生在交货之后。", "next_step": "可提供装配指导，或按成本价更换。",
            "staff_no": "1101",
        },
    )  # fmt: skip
    await player.does("GET /v1/tickets/{ticket}/responsibility")
    await player.does("GET /v1/tickets/{ticket}/responsibility/letter")
    await player.does(f"{_TICKET}/responsibility/letter/sent", {"staff_no": "1101", "channel": "email"})
    await player.does(f"{_TICKET}/report", {"staff_no": "5501", "demand": "补货并提供失效分析"})


async def _report(player: Player) -> None:
    report = f"{_TICKET}/report"
    await player.does("PATCH /v1/tickets/{ticket}/report", {"staff_no": "5501", "defective_quantity": 40})
    for department in _MEASURES:
        await player.does(
            f"{report}/measures",
            {
                "department": department, "text": "隔离同批库存并复检", "owner_staff_no": "7101",
                "due_on": "2026-12-31",
            },
        )  # fmt: skip
    await player.does(
        f"{report}/settle", _BY_SALES | {"remedy": "补货20000只", "agreed_with_customer_on": "2026-11-22"}
    )
    for department in ("sales_centre", "quality_department", *_MEASURES):
        await player.does(f"{report}/approvals", {"department": department, "decision": "approve", "staff_no": "7001"})
    await player.does(f"{report}/answer", {"text": "已安排补货，失效分析报告随函附上。", "staff_no": "5501"})
    await player.does(f"{report}/measures/done", {"department": "production", "staff_no": "7101"})
    for kind in ("", ".html", ".pdf"):
        await player.does(f"GET /v1/tickets/{{ticket}}/report{kind}")


async def _analysis(player: Player) -> None:
    line = {"business_line": "components"}
    await player.does("GET /v1/complaints/agreement", query={"business_line": "tableware"})
    for name in ("analysis", "analysis.html", "batches"):
        await player.does(f"GET /v1/complaints/{name}", query=line)
    await player.does("GET /v1/complaints/batches/holders", query=line | {"batch": "B2026-1101"})
