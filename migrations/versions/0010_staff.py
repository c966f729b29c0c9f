"""Staff who can be given matters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_WORDS = postgresql.ARRAY(sa.Text())
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "staff_member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("staff_no", sa.String(length=32), nullable=False),
        sa.Column("departments", _WORDS, nullable=False),
        sa.Column("skills", _WORDS, nullable=False),
        sa.Column("capacity", sa.SmallInteger(), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("last_assigned_at", _INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.CheckConstraint("capacity > 0", name="ck_staff_member_capacity_positive"),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_staff_member_business_line_id"),
        sa.PrimaryKeyConstraint("id", name="pk_staff_member"),
    )
    op.create_index("uq_staff_member_line_staff_no", "staff_member", ["business_line_id", "staff_no"], unique=True)


def downgrade() -> None:
    op.drop_table("staff_member")
