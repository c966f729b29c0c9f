"""The figures of the surveys there are.

One statement sees one moment: it counts every survey as it is then, and drops the changes that this comprises. What
changes a survey meanwhile leaves a change that it does not see.
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_ASPECTS = ("overall", "product_quality", "attitude", "timeliness", "problem_solving")
_FIGURES = {
    "invited": "count(*)",
    "answered": "count(answered_at)",
    "rated": "count(satisfied)",
    "satisfied": "count(*) FILTER (WHERE satisfied)",
    "loyalty_rated": "count(nps)",
    "promoters": "count(*) FILTER (WHERE nps >= 9)",
    "detractors": "count(*) FILTER (WHERE nps <= 6)",
    "follow_ups": "count(follow_up_ticket_id)",
    **{f"{aspect}_rated": f"count(scores -> '{aspect}')" for aspect in _ASPECTS},
    **{f"{aspect}_sum": f"coalesce(sum((scores ->> '{aspect}')::int), 0)" for aspect in _ASPECTS},
}
_COUNT = f"""
WITH comprised AS (DELETE FROM satisfaction_change)
INSERT INTO satisfaction_day (business_line_id, dimension, day, kind, key, {", ".join(_FIGURES)})
SELECT business_line_id, dimension, (invited_at AT TIME ZONE 'Asia/Shanghai')::date, kind, coalesce(key, ''),
    {", ".join(_FIGURES.values())}
FROM survey, LATERAL (VALUES ('total', ''), ('department', department), ('staff', staff_no), ('product', product),
    ('channel', ticket_channel), ('theme', theme)) AS by (dimension, key)
WHERE invited_at IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 — names of our own


def upgrade() -> None:
    op.execute("SET LOCAL app.lines = '*'")
    op.execute(_COUNT)


def downgrade() -> None:
    op.execute("SET LOCAL app.lines = '*'")
    op.execute("DELETE FROM satisfaction_day")
    op.execute("DELETE FROM satisfaction_change")
