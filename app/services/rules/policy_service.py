"""Chapters on the service itself: intake, complaints, quality feedback, hotline, field service, incidents."""

from typing import Annotated

from pydantic import Field

from app.services.rules.capa import CapaTerms
from app.services.rules.classification import Kind
from app.services.rules.clause import Cited, Sourced, Terms, Wording
from app.services.rules.facts import Channel, ItemClass
from app.services.rules.handling import HandlingPath
from app.services.rules.policy_shapes import Items, Statement, Step
from app.services.rules.responsibility import DeterminationStep
from app.services.rules.routing import Name
from app.services.rules.sla import Target


class ItemClassTerm(Sourced):
    item_class: ItemClass
    title: Wording


class IntakeTerms(Terms):
    """受理: where a matter may come in, what is written down, which steps follow."""

    channels: Cited[tuple[Channel, ...]] | None = None
    staffed_in_working_hours: Cited[tuple[Channel, ...]] | None = None
    services: Cited[tuple[Kind, ...]] | None = None
    matters: Items | None = None
    counter: Statement | None = None
    flow: tuple[Step, ...] = ()
    record: Items | None = None
    reports: Items | None = None
    service_record: Items | None = None
    repair_record: Items | None = None
    grading: Items | None = None
    item_classes: tuple[ItemClassTerm, ...] = ()
    standards: tuple[Statement, ...] = ()


class ComplaintTerms(Terms):
    """投诉: its classes, the facts taken, the paths by severity, what follows."""

    classes: Items | None = None
    facts: Items | None = None
    paths: tuple[HandlingPath, ...] = ()
    determination: tuple[DeterminationStep, ...] = ()
    follow_up: tuple[Step, ...] = ()


class QualityTerms(Terms):
    """质量反馈: from the first record to corrective and preventive measures."""

    sources: Items | None = None
    flow: tuple[Step, ...] = ()
    nonconforming_goods: tuple[Step, ...] = ()
    capa: CapaTerms | None = None


class HotlineTerms(Terms):
    rings: Cited[Annotated[int, Field(gt=0, le=20)]]
    agent_number_announced: Cited[bool]
    greeting: Statement
    call_kinds: Items


class FieldServiceTerms(Terms):
    """派工与上门: what dispatch weighs, what is prepared, done and accepted."""

    dispatch: Items | None = None
    appointment: Statement | None = None
    preparation: Items | None = None
    kit: Items | None = None
    model_check: Statement | None = None
    lateness: Statement | None = None
    completion: Items | None = None
    acceptance: Items | None = None
    signature: Cited[bool] | None = None


class IncidentTargets(Terms):
    first_response: Cited[Target]
    preliminary_handling: Cited[Target]
    closed_loop: Cited[Target]


class IncidentLevel(Sourced):
    name: Name
    title: Wording
    first_response: Target


class IncidentTerms(Terms):
    """突发事件. A level's own response stands beside the one for every level: the stricter binds.

    `levels` are in order of gravity, the least grave first.
    """

    levels: Annotated[tuple[IncidentLevel, ...], Field(min_length=1)]
    every_level: IncidentTargets
    lead: Step
    joint: tuple[Step, ...] = ()
    record: Statement | None = None
    review: Statement | None = None
    drills_a_year: Cited[Annotated[int, Field(gt=0, le=366)]] | None = None
