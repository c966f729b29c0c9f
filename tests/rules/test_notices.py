"""Whom an edition tells of a deadline, what a notice says, and which levels an acknowledgement silences."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.services.policy_book import PolicyBook
from app.services.rules.capa import TASK_TITLES, TaskKind
from app.services.rules.clause import Wording
from app.services.rules.notice_wording import (
    ABOUT_CAPA,
    ABOUT_RETURN,
    ABOUT_TICKET,
    NoticeFacts,
    word_notice,
    word_test,
)
from app.services.rules.notices import PACE, RETRY_AFTER, ChannelKind, Told, retry_after, told_of, told_of_delay
from app.services.rules.policy_company import NoticeMeans
from app.services.rules.return_requests import DEADLINE_TITLES, DeadlineKind
from app.services.rules.sla import MILESTONE_TITLES, Milestone
from app.services.rules.thresholds import Threshold, ThresholdKind, has_escalated, next_place

W, B, E = ThresholdKind.WARNING, ThresholdKind.BREACH, ThresholdKind.ESCALATION


@pytest.mark.parametrize(
    ("policy", "kind", "level", "told"),
    [
        # no document says whom to warn: whoever handles the ticket, by default
        ("tableware", W, None, [("engineer", "crm")]),
        ("tableware", B, None, [("engineer", "crm")]),
        ("tableware", E, 1, [("intake_agent", "crm")]),
        ("tableware", E, 3, [("company_leader", "email")]),
        # 004 1.4 names three levels of response
        ("home_furnishing", E, 2, [("after_sales_manager", "crm")]),
        ("general", E, 3, [("leader", "email")]),
    ],
)
def test_who_is_told_of_a_threshold(
    book: PolicyBook, policy: str, kind: ThresholdKind, level: int | None, told: list[tuple[str, str]]
) -> None:
    edition = book.editions(policy)[0].edition
    assert [(whom.role, whom.channel) for whom in told_of(edition, kind, level, "engineer")] == told


def test_every_shipped_edition_tells_somebody_of_every_threshold(book: PolicyBook) -> None:
    for name in book.names():
        edition = book.editions(name)[0].edition
        for kind, level in ((W, None), (B, None), (E, 1), (E, 2), (E, 3)):
            for whom in told_of(edition, kind, level, next(iter(edition.roles))):
                assert whom.role in edition.roles, name
                assert whom.kinds, name
        assert told_of_delay(edition).role in edition.roles


def test_an_edition_that_names_nobody_warns_nobody(book: PolicyBook) -> None:
    silent = book.editions("tableware")[0].edition.model_copy(update={"warnings": None})
    assert told_of(silent, W, None, "engineer") == ()
    assert len(told_of(silent, E, 1, "engineer")) == 1


def test_late_steps_are_reported_to_the_leader(book: PolicyBook) -> None:
    # 002 第十五条
    assert told_of_delay(book.editions("general")[0].edition).role == "leader"


@pytest.mark.parametrize(
    ("means", "kinds"),
    [(NoticeMeans.CRM, set(ChannelKind)), (NoticeMeans.EMAIL, {ChannelKind.EMAIL}), (NoticeMeans.PHONE, set())],
)
def test_a_means_of_the_edition_leads_to_kinds_of_channel(means: NoticeMeans, kinds: set[ChannelKind]) -> None:
    assert Told("leader", means).kinds == kinds


def test_a_message_is_tried_again_after_ever_longer_waits_and_then_no_more() -> None:
    waits = [retry_after(attempts) for attempts in range(1, len(RETRY_AFTER) + 2)]
    assert waits[0] == timedelta(seconds=10)
    assert waits[-2:] == [timedelta(hours=6), None]
    assert all(earlier < later for earlier, later in pairwise(RETRY_AFTER))


@pytest.mark.parametrize(
    ("kind", "most"), [(ChannelKind.DINGTALK, 20), (ChannelKind.WECOM, 20), (ChannelKind.FEISHU, 100)]
)
def test_no_robot_is_sent_more_in_a_minute_than_its_vendor_takes(kind: ChannelKind, most: int) -> None:
    assert 60 / PACE[kind].total_seconds() <= most
    assert kind is not ChannelKind.FEISHU or 1 / PACE[kind].total_seconds() <= 5


PLAIN = (
    Threshold(50, W),
    Threshold(80, W),
    Threshold(100, B),
    Threshold(100, E, 1),
    Threshold(150, E, 2),
    Threshold(200, E, 3),
)
EARLY = (
    Threshold(50, W),
    Threshold(60, E, 1),
    Threshold(80, W),
    Threshold(90, E, 2),
    Threshold(100, B),
    Threshold(200, E, 3),
)


@pytest.mark.parametrize(
    ("thresholds", "fired", "acknowledged", "place"),
    [
        (PLAIN, 0, False, 0),
        (PLAIN, 4, False, 4),
        (PLAIN, 6, False, 6),
        (PLAIN, 4, True, 6),  # after the first level no other
        (EARLY, 2, True, 2),  # a warning
        (EARLY, 3, True, 4),  # past the second level to the breach, which is never held back
        (EARLY, 3, False, 3),
        (EARLY, 5, True, 6),
    ],
)
def test_an_acknowledgement_silences_further_levels_and_nothing_else(
    thresholds: tuple[Threshold, ...], fired: int, acknowledged: bool, place: int
) -> None:
    assert next_place(thresholds, fired, acknowledged=acknowledged) == place


@pytest.mark.parametrize(("thresholds", "fired", "escalated"), [(PLAIN, 3, False), (PLAIN, 4, True), (EARLY, 2, True)])
def test_a_commitment_has_escalated_once_a_level_has_fired(
    thresholds: tuple[Threshold, ...], fired: int, escalated: bool
) -> None:
    assert has_escalated(thresholds, fired) is escalated


DUE = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai


def facts(event: str, *, late: timedelta = timedelta(0), **changes: object) -> NoticeFacts:
    given: dict[str, object] = {
        "about": ABOUT_TICKET, "number": "AS-20261122-000123", "business_line": "tableware",
        "role": Wording("公司领导", "company leader"), "event": event,
        "steps": (MILESTONE_TITLES[Milestone.FIRST_RESPONSE],), "percent": 100, "level": None, "due_at": DUE,
        "occurred_at": DUE + late, "timezone": "Asia/Shanghai", "link": None,
    }  # fmt: skip
    return NoticeFacts(**given | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "zh", "en"),
    [
        (
            facts("sla.warning", percent=80, late=timedelta(hours=-4, minutes=-48)),
            ["工单 AS-20261122-000123 首次响应时限已用 80%", "时限：2026-11-23 12:00（Asia/Shanghai）", "还剩 4 小时"],
            ["80 % of the time for first response is used", "At 2026-11-23 07:12: 4 h 48 min left"],
        ),
        (
            facts("sla.breached"),
            ["首次响应已超时", "截至 2026-11-23 12:00 已超时 0 分钟", "通知对象：公司领导"],
            ["first response is overdue", "0 min late", "To: company leader"],
        ),
        (
            facts("sla.escalated", level=2, late=timedelta(days=3, hours=1, seconds=59)),
            ["首次响应超时，升级至第 2 级", "已超时 3 天 1 小时"],
            ["first response escalated to level 2", "3 d 1 h late"],
        ),
        (
            facts("sla.escalated", level=2, steps=(), due_at=None),
            ["由人工升级至第 2 级", "时间：2026-11-23 12:00（Asia/Shanghai）"],
            ["escalated to level 2 by hand", "At: 2026-11-23 12:00 (Asia/Shanghai)"],
        ),
        (
            facts(
                "ticket.delay_explained",
                steps=(MILESTONE_TITLES[Milestone.RESOLUTION], MILESTONE_TITLES[Milestone.CLOSED_LOOP]),
            ),
            ["处理完成、闭环延迟，原因已记录"],
            ["the reason for the delay of resolution, closed loop is on record"],
        ),
        (
            facts(
                "return.deadline_escalated", level=1, about=ABOUT_RETURN, number="RT-20261122-000001",
                steps=(DEADLINE_TITLES[DeadlineKind.REFUND],),
            ),
            ["退换货工单 RT-20261122-000001", "升级至第 1 级"],
            ["Return request RT-20261122-000001", "escalated to level 1"],
        ),
        (
            facts(
                "capa.action_due", percent=50, about=ABOUT_CAPA, number="CAPA-20261122-000001",
                steps=(TASK_TITLES[TaskKind.CORRECTIVE],),
            ),
            ["纠正预防措施工单 CAPA-20261122-000001 纠正措施时限已用 50%"],
            ["CAPA CAPA-20261122-000001: 50 % of the time for the corrective action is used"],
        ),
        (
            facts("sla.breached", due_at=datetime(2026, 11, 23, 16, 0, tzinfo=UTC), link="https://crm.example/t/1"),
            ["时限：2026-11-23 24:00", "https://crm.example/t/1"],
            ["Due: 2026-11-23 24:00", "https://crm.example/t/1"],
        ),
    ],
)  # fmt: skip
def test_a_notice_says_which_ticket_which_step_due_when_and_how_late(
    given: NoticeFacts, zh: list[str], en: list[str]
) -> None:
    message = word_notice(given)
    chinese = f"{message.subject.zh}\n{message.body.zh}"
    english = f"{message.subject.en}\n{message.body.en}"
    assert [part for part in zh if part not in chinese] == []
    assert [part for part in en if part not in english] == []
    assert message.text() == f"{chinese}\n\n{english}"
    assert "\n" not in message.subject.zh + message.subject.en


def test_every_message_has_the_word_that_a_robot_may_be_told_to_ask_for() -> None:
    for message in (word_test("tableware"), *(word_notice(facts(event)) for event in ("sla.warning", "sla.breached"))):
        assert "工单" in message.subject.zh
        assert "售后" in message.subject.zh
