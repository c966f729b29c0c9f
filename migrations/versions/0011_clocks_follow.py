"""Clocks follow messages and holidays: since when the customer waits for a reply, and which holidays count."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ticket", sa.Column("unanswered_since", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "holiday_calendar",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("days", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("touched", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("passes", sa.SmallInteger(), nullable=False),
        sa.Column("last_ticket_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_holiday_calendar"),
    )
    op.create_index(
        "ix_ticket_commitment_working",
        "ticket_commitment",
        ["ticket_id"],
        postgresql_where=sa.text("state IN ('running', 'paused') AND target_unit IN ('working_hours', 'working_days')"),
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_commitment_working", "ticket_commitment")
    op.drop_table("holiday_calendar")
    op.drop_column("ticket", "unanswered_since")
