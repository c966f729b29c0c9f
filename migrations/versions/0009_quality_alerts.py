"""Quality alerts, and how far a worker has looked for them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0004_backlog"
branch_labels = None
depends_on = None

_LINE = ["business_line.id"]
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "quality_alert",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=True),
        sa.Column("batch", sa.String(length=100), nullable=True),
        sa.Column("raised_at", _INSTANT, nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("complaints_before", sa.Integer(), nullable=False),
        sa.Column("complaints_after", sa.Integer(), nullable=False),
        sa.Column("rate_before", sa.Float(), nullable=False),
        sa.Column("rate_after", sa.Float(), nullable=False),
        sa.Column("evidence", sa.Float(), nullable=False),
        sa.Column("false_alarm_rate", sa.Float(), nullable=False),
        sa.Column("closed_at", _INSTANT, nullable=True),
        sa.Column("closed_by", sa.String(length=32), nullable=True),
        sa.Column("conclusion", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["business_line_id"], _LINE, name="fk_quality_alert_business_line_id"),
        sa.PrimaryKeyConstraint("id", name="pk_quality_alert"),
    )
    op.create_index(
        "ix_quality_alert_line_raised",
        "quality_alert",
        ["business_line_id", sa.text("raised_at DESC"), sa.text("id DESC")],
    )
    op.create_index(
        "uq_quality_alert_open",
        "quality_alert",
        ["business_line_id", sa.text("coalesce(model, '')"), sa.text("coalesce(batch, '')")],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "quality_watch",
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("seen_until", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["business_line_id"], _LINE, name="fk_quality_watch_business_line_id"),
        sa.PrimaryKeyConstraint("business_line_id", name="pk_quality_watch"),
    )


def downgrade() -> None:
    op.drop_table("quality_watch")
    op.drop_table("quality_alert")
