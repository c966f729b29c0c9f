"""The service network, and on a ticket who sold and who serves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.row_security import protection

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_WORDS = postgresql.ARRAY(sa.Text())
_INSTANT = sa.DateTime(timezone=True)
_LATEST = [sa.text("created_at DESC"), sa.text("id DESC")]


def upgrade() -> None:
    op.create_table(
        "service_point",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("regions", _WORDS, nullable=False),
        sa.Column("categories", _WORDS, nullable=False),
        sa.Column("ticket_kinds", _WORDS, nullable=False),
        sa.Column("department", sa.String(length=40), nullable=True),
        sa.Column("contact", sa.String(length=100), nullable=True),
        sa.Column("active_from", sa.Date(), nullable=False),
        sa.Column("active_until", sa.Date(), nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.CheckConstraint("active_until >= active_from", name="ck_service_point_active_forward"),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_service_point_business_line_id"),
        sa.PrimaryKeyConstraint("id", name="pk_service_point"),
    )
    op.create_index("uq_service_point_line_number", "service_point", ["business_line_id", "number"], unique=True)
    op.create_index("ix_service_point_line_created", "service_point", ["business_line_id", *_LATEST])
    op.execute(protection("service_point"))
    op.add_column("ticket", sa.Column("sold_by", sa.String(length=32), nullable=True))
    op.add_column("ticket", sa.Column("served_by", sa.String(length=32), nullable=True))
    op.add_column("ticket", sa.Column("served_by_chosen", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("ticket", "served_by_chosen", server_default=None)
    op.create_index(
        "ix_ticket_line_served_by",
        "ticket",
        ["business_line_id", "served_by", sa.text("opened_at DESC")],
        postgresql_where=sa.text("served_by IS NOT NULL"),
    )
    op.add_column("purchase", sa.Column("sold_by", sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.drop_column("purchase", "sold_by")
    op.drop_index("ix_ticket_line_served_by", "ticket")
    for name in ("served_by_chosen", "served_by", "sold_by"):
        op.drop_column("ticket", name)
    op.drop_table("service_point")
