"""Which milestones a ticket has, and with which target: only what the edition says of its facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.services.policy_book import PolicyBook
from app.services.rules.calendar import ROUND_THE_CLOCK, WorkingCalendar
from app.services.rules.classification import ComplaintClass, IssueType, Kind, Severity, Urgency
from app.services.rules.clause import Basis, Wording
from app.services.rules.facts import ALWAYS, Channel, Condition, ItemClass, TicketFacts
from app.services.rules.sla import (
    Milestone,
    MilestoneTerm,
    ServiceLevel,
    SlaDecision,
    SlaTerms,
    Target,
    Timekeeping,
    Unit,
    decide_sla,
)
from app.services.rules.thresholds import Threshold, ThresholdKind, carried_over, thresholds_of

TIME = Timekeeping(WorkingCalendar("Asia/Shanghai", ROUND_THE_CLOCK), "Asia/Shanghai", None)
START = datetime(2026, 11, 23, 1, tzinfo=UTC)
PLAIN = TicketFacts(channel=Channel.HOTLINE, kind=Kind.CONSULTATION, urgency=Urgency.GENERAL)


def term(milestone: Milestone, hours: int, when: Condition = ALWAYS) -> MilestoneTerm:
    target = Target(value=hours, unit=Unit.HOURS)
    return MilestoneTerm(milestone=milestone, target=target, when=when, basis=Basis.POLICY, clause=f"第{hours}条")


def level(name: str, *milestones: MilestoneTerm, when: Condition = ALWAYS) -> ServiceLevel:
    title = Wording(name, name)
    return ServiceLevel(name=name, title=title, when=when, milestones=milestones, basis=Basis.POLICY, clause="第1条")


@pytest.fixture(scope="module")
def base(book: PolicyBook) -> SlaTerms:
    return book.get("tableware", "1").edition.sla


def decided(terms: SlaTerms, facts: TicketFacts = PLAIN, **options: Any) -> SlaDecision:
    return decide_sla(facts, START, terms, TIME, **options)


def targets(decision: SlaDecision) -> dict[str, int]:
    return {commitment.milestone: commitment.target.value for commitment in decision.commitments}


FACTS: list[tuple[str, Any]] = [
    ("channel", Channel.EMAIL),
    ("kind", Kind.INSTALLATION),
    ("urgency", Urgency.EMERGENCY),
    ("severity", Severity.CRITICAL),
    ("complaint_class", ComplaintClass.QUALITY),
    ("issue_type", IssueType.SAFETY),
    ("tier", "vip"),
    ("item_class", ItemClass.CUSTOMISED),
    ("product_category", "appliance"),
    ("region", "CN-ZJ"),
    ("seller", "旗舰店"),
    ("service_provider", "安装队"),
    ("branch", "杭州分公司"),
]


@pytest.mark.parametrize(("name", "value"), FACTS)
def test_every_fact_may_bring_a_milestone_change_its_target_and_choose_the_level(
    base: SlaTerms, name: str, value: Any
) -> None:
    when = Condition.model_validate({name: [value]})
    terms = base.model_copy(
        update={
            "service_levels": (
                level("special", term(Milestone.RESOLUTION, 10), when=when),
                level("general", term(Milestone.RESOLUTION, 20)),
            ),
            "milestones": (
                term(Milestone.ON_SITE_VISIT, 5, when),
                term(Milestone.FIRST_RESPONSE, 1, when),
                term(Milestone.FIRST_RESPONSE, 2),
            ),
        }
    )
    special = decided(terms, replace(PLAIN, **{name: value}))
    assert targets(decided(terms)) == {"first_response": 2, "resolution": 20}
    assert targets(special) == {"first_response": 1, "on_site_visit": 5, "resolution": 10}
    assert special.service_level.name == "special"
    assert {decision.clause for decision in special.decisions} == {"第1条", "第5条", "第10条"}


def test_every_field_of_a_condition_is_tried() -> None:
    assert {name for name, _ in FACTS} == set(Condition.model_fields)


def test_every_milestone_may_be_promised_and_runs_by_its_own_target(base: SlaTerms) -> None:
    each = tuple(term(milestone, hours) for hours, milestone in enumerate(Milestone, 1))
    terms = base.model_copy(update={"service_levels": (level("general", each[0]),), "milestones": each[1:]})
    promised = decided(terms, unanswered_since=START).commitments
    assert [(c.milestone, c.due_at - START) for c in promised] == [
        (milestone, timedelta(hours=hours)) for hours, milestone in enumerate(Milestone, 1)
    ]


def test_the_next_reply_is_promised_from_the_message_that_waits_for_one(base: SlaTerms) -> None:
    terms = base.model_copy(update={"milestones": (term(Milestone.NEXT_REPLY, 4),)})
    assert Milestone.NEXT_REPLY not in targets(decided(terms))
    assert not [d for d in decided(terms).decisions if d.outcome.startswith("next_reply")]
    written = START + timedelta(days=3)
    reply = decided(terms, unanswered_since=written).commitments[-1]
    assert (reply.milestone, reply.started_at, reply.due_at) == ("next_reply", written, written + timedelta(hours=4))


def test_a_message_from_before_the_matter_was_reopened_is_answered_from_then(base: SlaTerms) -> None:
    terms = base.model_copy(update={"milestones": (term(Milestone.NEXT_REPLY, 4),)})
    reply = decided(terms, unanswered_since=START - timedelta(days=3)).commitments[-1]
    assert reply.started_at == START


@pytest.mark.parametrize(
    ("fired", "warnings", "counted"),
    [
        (0, (60,), 0),
        (1, (60,), 0),  # 50 % was told: the 60 % of the other edition is still to come
        (2, (60,), 1),  # 80 % was told, which is later than 60 %
        (2, (90,), 0),
        (3, (), 1),  # the breach
        (4, (60,), 3),  # and the first level: told once, at whatever share the other edition has it
        (6, (10, 20, 30), 7),
    ],
)
def test_what_was_told_under_one_edition_counts_as_told_under_another(
    base: SlaTerms, fired: int, warnings: tuple[int, ...], counted: int
) -> None:
    before = thresholds_of(base)
    assert [threshold.percent for threshold in before] == [50, 80, 100, 100, 150, 200]
    after = [Threshold(percent, ThresholdKind.WARNING) for percent in warnings]
    after += [Threshold(100, ThresholdKind.BREACH)]
    after += [Threshold(percent, ThresholdKind.ESCALATION, at) for at, percent in enumerate((120, 180, 300), 1)]
    assert carried_over(fired, before, tuple(after)) == counted
