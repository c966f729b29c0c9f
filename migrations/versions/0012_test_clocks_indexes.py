"""Timers are found apart from those of test clocks, and overdue commitments are read in their full order."""

import sqlalchemy as sa

from app.core.online_schema import create_index, drop_index

revision = "0012_indexes"
down_revision = "0012"
branch_labels = None
depends_on = None

_TIMER, _RUNNING, _TEST = (f"ix_ticket_commitment_{name}" for name in ("timer", "running", "test_timer"))


def upgrade() -> None:
    _create(_TIMER, ["next_fire_at"], "next_fire_at IS NOT NULL AND test_clock_id IS NULL")
    _create(_TEST, ["test_clock_id", "next_fire_at"], "next_fire_at IS NOT NULL AND test_clock_id IS NOT NULL")
    _create(_RUNNING, ["business_line_id", "due_at", "id"], "state = 'running'")


def downgrade() -> None:
    _create(_RUNNING, ["business_line_id", "due_at"], "state = 'running'")
    drop_index(_TEST, "ticket_commitment")
    _create(_TIMER, ["next_fire_at"], "next_fire_at IS NOT NULL")


def _create(name: str, columns: list[str], condition: str) -> None:
    create_index(name, "ticket_commitment", columns, postgresql_where=sa.text(condition))
