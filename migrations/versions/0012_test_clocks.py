"""Test clocks: the time that tickets of a sandbox may be bound to. Overdue commitments are read in their full order."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLE = "ticket_commitment"
_TIMER, _RUNNING = "ix_ticket_commitment_timer", "ix_ticket_commitment_running"


def upgrade() -> None:
    op.create_table(
        "test_clock",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("now", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_test_clock"),
    )
    op.create_index("ix_test_clock_line", "test_clock", ["business_line_id", "id"])
    op.add_column("ticket", sa.Column("test_clock_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_ticket_test_clock_id", "ticket", "test_clock", ["test_clock_id"], ["id"])
    op.add_column(_TABLE, sa.Column("test_clock_id", sa.Uuid(), nullable=True))
    op.drop_index(_TIMER, table_name=_TABLE)
    _create_index(_TIMER, ["next_fire_at"], "next_fire_at IS NOT NULL AND test_clock_id IS NULL")
    _create_index(
        "ix_ticket_commitment_test_timer",
        ["test_clock_id", "next_fire_at"],
        "next_fire_at IS NOT NULL AND test_clock_id IS NOT NULL",
    )
    op.drop_index(_RUNNING, table_name=_TABLE)
    _create_index(_RUNNING, ["business_line_id", "due_at", "id"], "state = 'running'")


def downgrade() -> None:
    op.drop_index(_RUNNING, table_name=_TABLE)
    _create_index(_RUNNING, ["business_line_id", "due_at"], "state = 'running'")
    op.drop_index("ix_ticket_commitment_test_timer", table_name=_TABLE)
    op.drop_index(_TIMER, table_name=_TABLE)
    _create_index(_TIMER, ["next_fire_at"], "next_fire_at IS NOT NULL")
    op.drop_column(_TABLE, "test_clock_id")
    op.drop_constraint("fk_ticket_test_clock_id", "ticket", type_="foreignkey")
    op.drop_column("ticket", "test_clock_id")
    op.drop_table("test_clock")


def _create_index(name: str, columns: list[str], condition: str) -> None:
    op.create_index(name, _TABLE, columns, postgresql_where=sa.text(condition))
