"""Timers: when the next warning, breach or escalation of a commitment is due; and what an ended one took."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ticket_commitment", sa.Column("next_fire_at", sa.DateTime(timezone=True), nullable=True))
    for name in ("used_seconds", "paused_seconds"):
        op.add_column("ticket_commitment", sa.Column(name, sa.BigInteger(), nullable=True))
    for name in ("thresholds_fired", "firing_failures"):
        op.add_column("ticket_commitment", sa.Column(name, sa.SmallInteger(), nullable=False, server_default="0"))
        op.alter_column("ticket_commitment", name, server_default=None)
    op.create_index(
        "ix_ticket_commitment_timer",
        "ticket_commitment",
        ["next_fire_at"],
        postgresql_where=sa.text("next_fire_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_commitment_timer", table_name="ticket_commitment")
    for name in ("firing_failures", "thresholds_fired", "paused_seconds", "used_seconds", "next_fire_at"):
        op.drop_column("ticket_commitment", name)
