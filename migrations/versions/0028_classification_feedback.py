"""Feedback: what the machine had read and what staff said of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.row_security import protection

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "classification_feedback",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("staff_no", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=40), nullable=True),
        sa.Column("proposed", JSONB(), nullable=False),
        sa.Column("confirmed", JSONB(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_classification_feedback_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_classification_feedback"),
    )
    op.create_index("ix_classification_feedback_ticket", "classification_feedback", ["ticket_id", "confirmed_at"])
    op.create_index("ix_classification_feedback_line", "classification_feedback", ["business_line_id", "confirmed_at"])
    op.execute(protection("classification_feedback"))


def downgrade() -> None:
    op.drop_table("classification_feedback")
