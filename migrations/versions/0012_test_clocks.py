"""Test clocks: the time that tickets of a sandbox may be bound to."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLE = "ticket_commitment"


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


def downgrade() -> None:
    op.drop_column(_TABLE, "test_clock_id")
    op.drop_constraint("fk_ticket_test_clock_id", "ticket", type_="foreignkey")
    op.drop_column("ticket", "test_clock_id")
    op.drop_table("test_clock")
