"""Assignments: which department and person had a ticket from when to when."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ticket_assignment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("department", sa.String(length=40), nullable=False),
        sa.Column("staff_no", sa.String(length=32), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_assignment_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_assignment"),
    )
    op.create_index("ix_ticket_assignment_ticket", "ticket_assignment", ["ticket_id", "since"])
    op.create_index(
        "uq_ticket_assignment_current",
        "ticket_assignment",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("until IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("ticket_assignment")
