"""Notices to staff: their channels, each message on its way, and acknowledged escalations."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012_indexes"
branch_labels = None
depends_on = None


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.add_column("ticket_commitment", _moment("escalation_acknowledged_at", nullable=True))
    op.create_table(
        "notice_channel",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("address_masked", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        _moment("ready_at"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.ForeignKeyConstraint(
            ["business_line_id"], ["business_line.id"], name="fk_notice_channel_business_line_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notice_channel"),
    )  # fmt: skip
    op.create_index("uq_notice_channel_address", "notice_channel", ["business_line_id", "address_hash"], unique=True)
    op.create_table(
        "notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("commitment_id", sa.Uuid(), nullable=True),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True), nullable=False),
        _moment("occurred_at"),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        _moment("next_try_at", nullable=True),
        sa.Column("last_status", sa.SmallInteger(), nullable=True),
        sa.Column("last_code", sa.String(length=20), nullable=True),
        sa.Column("last_text", sa.Text(), nullable=True),
        _moment("sent_at", nullable=True),
        _moment("created_at"),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_notice_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
    )  # fmt: skip
    op.create_index(
        "ix_notice_due", "notice", ["channel_id", "next_try_at"], postgresql_where=sa.text("next_try_at IS NOT NULL")
    )
    latest: list[str | sa.TextClause] = ["business_line_id", sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index("ix_notice_line", "notice", latest)
    op.create_index("ix_notice_failed", "notice", latest, postgresql_where=sa.text("state = 'failed'"))
    op.create_index("ix_notice_ticket", "notice", ["ticket_id"])


def downgrade() -> None:
    op.drop_table("notice")
    op.drop_table("notice_channel")
    op.drop_column("ticket_commitment", "escalation_acknowledged_at")
