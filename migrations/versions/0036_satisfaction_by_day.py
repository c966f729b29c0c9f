"""Figures of surveys by day, and the trigger that notes each change of a survey for them."""

import sqlalchemy as sa
from alembic import op

from app.core.row_security import protection

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_ASPECTS = ("overall", "product_quality", "attitude", "timeliness", "problem_solving")
_FIGURES = (
    "invited", "answered", "rated", "satisfied", "loyalty_rated", "promoters", "detractors", "follow_ups",
    *(f"{aspect}_{what}" for aspect in _ASPECTS for what in ("rated", "sum")),
)  # fmt: skip
_KEYS = ("department", "staff_no", "product", "ticket_channel", "theme")
_SCORED = ", ".join(
    f"(s.scores ? '{aspect}')::int * sign, coalesce((s.scores ->> '{aspect}')::int, 0) * sign" for aspect in _ASPECTS
)
_NOTE = f"""
CREATE FUNCTION satisfaction_note(s survey, sign int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO satisfaction_change (business_line_id, day, kind, {", ".join(_KEYS)}, {", ".join(_FIGURES)})
    SELECT s.business_line_id, (s.invited_at AT TIME ZONE 'Asia/Shanghai')::date, s.kind,
        {", ".join(f"coalesce(s.{key}, '')" for key in _KEYS)},
        sign, (s.answered_at IS NOT NULL)::int * sign, (s.satisfied IS NOT NULL)::int * sign,
        (s.satisfied IS TRUE)::int * sign, (s.nps IS NOT NULL)::int * sign,
        (s.nps IS NOT NULL AND s.nps >= 9)::int * sign, (s.nps IS NOT NULL AND s.nps <= 6)::int * sign,
        (s.follow_up_ticket_id IS NOT NULL)::int * sign, {_SCORED}
    WHERE s.invited_at IS NOT NULL
$$
"""
_NOTICE = """
CREATE FUNCTION satisfaction_notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN PERFORM satisfaction_note(OLD, -1); END IF;
    IF TG_OP <> 'DELETE' THEN PERFORM satisfaction_note(NEW, 1); END IF;
    RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE TRIGGER satisfaction_notice
AFTER INSERT OR DELETE OR UPDATE OF kind, invited_at, department, staff_no, product, ticket_channel, theme, scores,
    satisfied, nps, answered_at, follow_up_ticket_id
ON survey FOR EACH ROW EXECUTE FUNCTION satisfaction_notice()
"""


def upgrade() -> None:
    line = sa.ForeignKey("business_line.id")
    op.create_table(
        "satisfaction_day",
        sa.Column("business_line_id", sa.Uuid(), line, primary_key=True),
        sa.Column("dimension", sa.String(20), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("kind", sa.String(40), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _FIGURES),
    )
    op.create_table(
        "satisfaction_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("business_line_id", sa.Uuid(), sa.ForeignKey("business_line.id"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _KEYS),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _FIGURES),
    )
    for table in ("satisfaction_day", "satisfaction_change"):
        op.execute(protection(table))
    for statement in (_NOTE, _NOTICE, _TRIGGER):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER satisfaction_notice ON survey")
    op.execute("DROP FUNCTION satisfaction_notice")
    op.execute("DROP FUNCTION satisfaction_note")
    op.drop_table("satisfaction_change")
    op.drop_table("satisfaction_day")
