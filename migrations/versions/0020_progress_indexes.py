"""The indexes by which a worker finds whom to tell, and a test clock its tickets."""

import sqlalchemy as sa

from app.core.online_schema import create_index, drop_index

revision = "0020_indexes"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create("ix_ticket_progress", "progress_at")
    _create("ix_ticket_test_clock", "test_clock_id")


def downgrade() -> None:
    drop_index("ix_ticket_test_clock", "ticket")
    drop_index("ix_ticket_progress", "ticket")


def _create(name: str, column: str) -> None:
    create_index(name, "ticket", [column], postgresql_where=sa.text(f"{column} IS NOT NULL"))
