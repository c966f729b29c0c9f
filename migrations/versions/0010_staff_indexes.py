"""The queue of matters nobody has."""

import sqlalchemy as sa

from app.core.online_schema import create_index, drop_index

revision = "0010_indexes"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    nobodys = sa.text("assignee_staff_no IS NULL AND closed_at IS NULL")
    create_index("ix_ticket_unassigned", "ticket", ["business_line_id", "opened_at"], postgresql_where=nobodys)


def downgrade() -> None:
    drop_index("ix_ticket_unassigned", "ticket")
