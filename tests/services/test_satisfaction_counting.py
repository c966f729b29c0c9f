"""Figures by day and the changes since are what counting the surveys gives, whatever happened to these."""

import random
import runpy
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.models.satisfaction import DIMENSIONS, FIGURES, SATISFACTION_CHANGE
from app.models.surveys import Survey
from app.services.rules.classification import IssueType
from app.services.rules.facts import Channel
from app.services.rules.surveys import SurveyAspect, SurveyKind
from app.services.surveys.counting import Counted, fold_changes
from app.services.upkeep import add_up_satisfaction
from tests.http.test_satisfaction import answer

ROOT = Path(__file__).parents[2]
SINCE, UNTIL = date(2026, 10, 1), date(2026, 12, 31)
FIRST = datetime(2026, 10, 20, 15, 30, tzinfo=UTC)  # half an hour before the next Shanghai day


def figures_of(survey: Survey) -> Counter[str]:
    """One survey's part, in Python."""
    nps = survey.nps
    own = {
        "invited": 1,
        "answered": survey.answered_at is not None,
        "rated": survey.satisfied is not None,
        "satisfied": survey.satisfied is True,
        "loyalty_rated": nps is not None,
        "promoters": nps is not None and nps >= 9,
        "detractors": nps is not None and nps <= 6,
        "follow_ups": survey.follow_up_ticket_id is not None,
    }
    for aspect in SurveyAspect:
        own |= {f"{aspect}_rated": aspect in survey.scores, f"{aspect}_sum": survey.scores.get(aspect, 0)}
    assert set(own) == set(FIGURES)
    return Counter({name: int(value) for name, value in own.items()})


async def recounted(session: AsyncSession, dimension: str, kind: str | None) -> dict[str, Counter[str]]:
    groups: dict[str, Counter[str]] = {}
    for survey in await session.scalars(select(Survey).where(Survey.invited_at.is_not(None))):
        assert survey.invited_at is not None
        day = (survey.invited_at + timedelta(hours=8)).date()  # Shanghai has no other time
        if SINCE <= day <= UNTIL and kind in (None, survey.kind):
            column = DIMENSIONS[dimension]
            key = (getattr(survey, column) or "") if column else ""
            groups.setdefault(key, Counter()).update(figures_of(survey))
    return groups


async def counted(
    session: AsyncSession, lines: list[UUID], dimension: str, kind: str | None
) -> dict[str, Counter[str]]:
    rows = await session.execute(Counted(lines, SINCE, UNTIL, kind).by(dimension))
    return {key: Counter(dict(zip(FIGURES, figures, strict=True))) for key, *figures in rows}


def a_change(draw: random.Random) -> dict[str, Any]:
    return draw.choice([
        {"invited_at": FIRST + timedelta(hours=draw.randrange(2000))},
        {"invited_at": None},
        {"department": draw.choice(["after_sales", "quality", None])},
        {"staff_no": draw.choice(["1101", "1102", None])},
        {"product": draw.choice(["P-1", "P-2", None])},
        {"ticket_channel": draw.choice([*Channel, None])},
        {"theme": draw.choice([*IssueType, None])},
        {"kind": draw.choice([*SurveyKind])},
        {"scores": {aspect: draw.randrange(1, 6) for aspect in SurveyAspect if draw.random() < 0.6}},
        {"nps": draw.choice([None, 0, 6, 7, 8, 9, 10])},
        {"satisfied": draw.choice([True, False, None])},
        {"answered_at": draw.choice([FIRST, None])},
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_figures_are_what_counting_the_surveys_gives(client: AsyncClient, db: Database, seed: int) -> None:
    draw = random.Random(seed)
    for number in range(6):
        await answer(client, number, draw.randrange(1, 6))
    async with db.begin() as session:
        surveys = list(await session.scalars(select(Survey.id)))
        lines = list(set(await session.scalars(select(Survey.business_line_id))))
    for step in range(40):
        async with db.begin() as session:
            chosen = draw.choice(surveys)
            if step == 30:
                await session.execute(delete(Survey).where(Survey.id == chosen))
            await session.execute(update(Survey).where(Survey.id == chosen).values(**a_change(draw)))
            if draw.random() < 0.3:
                await fold_changes(session, limit=draw.randrange(1, 12))
        async with db.read() as session:
            kind = draw.choice([None, *SurveyKind])
            for dimension in DIMENSIONS:
                expected = await recounted(session, dimension, kind)
                assert await counted(session, lines, dimension, kind) == expected, (step, dimension, kind)


async def test_what_was_folded_is_counted_once(client: AsyncClient, db: Database) -> None:
    for number in range(3):
        await answer(client, number, 5)
    before = (await client.get("/v1/satisfaction")).json()
    assert await add_up_satisfaction(db) > 0
    assert await add_up_satisfaction(db) == 0
    async with db.begin() as session:
        assert (await session.execute(select(SATISFACTION_CHANGE.c.id))).all() == []
    assert (await client.get("/v1/satisfaction")).json() == before


async def test_the_migration_counts_the_surveys_there_are(client: AsyncClient, db: Database) -> None:
    for number in range(3):
        await answer(client, number, number + 1)
    before = (await client.get("/v1/satisfaction")).json()
    [revision] = ROOT.glob("migrations/versions/*_satisfaction_of_surveys_on_file.py")
    from_scratch = runpy.run_path(str(revision))["_COUNT"]
    async with db.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("DELETE FROM satisfaction_day")
        await connection.exec_driver_sql(from_scratch)
    assert (await client.get("/v1/satisfaction")).json() == before
