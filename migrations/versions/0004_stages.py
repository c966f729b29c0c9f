"""Stages: assignments are kept per status of the ticket."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Spells that ended before stages were told apart count as work in progress.
    status = sa.Column("status", sa.String(length=40), nullable=False, server_default="in_progress")
    op.add_column("ticket_assignment", status)
    op.alter_column("ticket_assignment", "status", server_default=None)
    op.create_index("ix_ticket_assignment_line", "ticket_assignment", ["business_line_id", "since"])


def downgrade() -> None:
    op.drop_index("ix_ticket_assignment_line", "ticket_assignment")
    op.drop_column("ticket_assignment", "status")
