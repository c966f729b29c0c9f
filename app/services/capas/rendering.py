"""A CAPA as a caller sees it, with what people wrote masked by the caller's tier."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.core.ids import id_text
from app.core.personal import Tier
from app.models.capas import Capa, CapaTask
from app.schemas.capas import AnalysisOut, CapaOut, CapaSummary, CauseOut, CheckOut, HistoryOut, TaskOut
from app.schemas.tickets import PolicyRef
from app.services.capas.loading import Loaded, is_action
from app.services.directory import Known
from app.services.tickets.rendering import render_decision, shown_text, shown_texts

_AS_STORED = (
    "number", "status", "round", "source", "opened_by", "opened_at", "updated_at", "closed_at", "version",
)  # fmt: skip
_SUMMED = ("number", "status", "round", "source", "opened_at", "updated_at", "closed_at", "version")


def render_capa(
    known: Known,
    loaded: Loaded,
    *,
    tickets: Sequence[str],
    nonconformities: Sequence[str],
    recurrences: int,
    recurred_in: Sequence[str],
    tier: Tier,
    now: datetime,
) -> CapaOut:
    """Shape a CAPA for one tier; `tickets`, `nonconformities` and `recurred_in` are numbers."""
    capa = loaded.capa
    return CapaOut(
        id=id_text("cap", capa.id),
        business_line=known.by_id[capa.business_line_id].name,
        time_zone=loaded.policy.time.timezone,
        policy=PolicyRef(name=capa.policy_name, version=capa.policy_version),
        title=shown_text(capa.title, tier),
        problem=shown_text(capa.problem, tier),
        criteria=shown_text(capa.criteria, tier),
        tickets=list(tickets),
        nonconformities=list(nonconformities),
        analyses=[_analysis(document, tier) for document in capa.analyses],
        actions=[TaskOut(**_task(task, tier, now)) for task in loaded.tasks if is_action(task)],
        effectiveness_checks=[
            CheckOut(**_task(task, tier, now), result=task.effect) for task in loaded.tasks if not is_action(task)
        ],
        recurrences=recurrences,
        recurred_in=list(recurred_in),
        decisions=[render_decision(document, tier) for document in capa.decisions],
        history=[HistoryOut(**document | {"text": shown_text(document["text"], tier)}) for document in capa.history],
        **{name: getattr(capa, name) for name in _AS_STORED},
    )


def render_summary(known: Known, capa: Capa, tasks: Sequence[CapaTask], tier: Tier, now: datetime) -> CapaSummary:
    """Shape a CAPA for a list; `tasks` are those still to be done."""
    return CapaSummary(
        id=id_text("cap", capa.id),
        business_line=known.by_id[capa.business_line_id].name,
        title=shown_text(capa.title, Tier.GENERAL if tier is Tier.SENSITIVE else tier),
        open_tasks=len(tasks),
        next_due_on=min((task.due_on for task in tasks), default=None),
        overdue=any(task.due_at < now for task in tasks),
        **{name: getattr(capa, name) for name in _SUMMED},
    )


def _analysis(document: dict[str, Any], tier: Tier) -> AnalysisOut:
    causes = [
        CauseOut(category=cause["category"], text=shown_text(cause["text"], tier)) for cause in document["causes"]
    ]
    return AnalysisOut(
        round=document["round"],
        method=document["method"],
        whys=shown_texts(document["whys"], tier),
        causes=causes,
        root_cause=shown_text(document["root_cause"], tier),
        staff_no=document["staff_no"],
        at=document["at"],
    )


_TASK_AS_STORED = (
    "round", "kind", "owner_staff_no", "department", "due_on", "due_at", "done_at", "done_by",
)  # fmt: skip
_TASK_TEXTS = ("text", "finding", "delay_reason", "dropped_because")


def _task(task: CapaTask, tier: Tier, now: datetime) -> dict[str, Any]:
    state = "dropped" if task.dropped_at else "done" if task.done_at else "overdue" if task.due_at < now else "open"
    return {
        "id": id_text("act", task.id),
        "state": state,
        "evidence": shown_texts(task.evidence, tier),
        **{name: getattr(task, name) for name in _TASK_AS_STORED},
        **{name: shown_text(getattr(task, name), tier) for name in _TASK_TEXTS},
    }
