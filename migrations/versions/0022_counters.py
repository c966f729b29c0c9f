"""Counts that all processes share; when a customer accepted a charge."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "counter",
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counter"),
    )
    accepted = sa.Column("accepted_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
    op.add_column("ticket_charge", accepted)
    op.alter_column("ticket_charge", "accepted_at", server_default=None)


def downgrade() -> None:
    op.drop_column("ticket_charge", "accepted_at")
    op.drop_table("counter")
