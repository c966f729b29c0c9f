"""Nonconforming goods, and the tickets they belong to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020_indexes"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_DOCUMENT = postgresql.JSONB()
_WORD = sa.String(length=40)
_LABEL = sa.String(length=100)
_STAFF_NO = sa.String(length=32)


def upgrade() -> None:
    op.execute("CREATE SEQUENCE nonconformity_number MINVALUE 1 MAXVALUE 999999 CYCLE")
    op.create_table(
        "nonconformity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("events_emitted", sa.Integer(), nullable=False),
        sa.Column("policy_name", _WORD, nullable=False),
        sa.Column("policy_version", _WORD, nullable=False),
        sa.Column("status", _WORD, nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("source", _WORD, nullable=False),
        sa.Column("product", _LABEL, nullable=True),
        sa.Column("model", _LABEL, nullable=True),
        sa.Column("batch", _LABEL, nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("quantity_open", sa.Integer(), nullable=False),
        sa.Column("unit", _LABEL, nullable=True),
        sa.Column("severity", _WORD, nullable=False),
        sa.Column("defect", sa.Text(), nullable=False),
        sa.Column("inspection_id", sa.Uuid(), nullable=True),
        sa.Column("capa_id", sa.Uuid(), nullable=True),
        sa.Column("reviews", _DOCUMENT, nullable=False),
        sa.Column("rounds", _DOCUMENT, nullable=False),
        sa.Column("decisions", _DOCUMENT, nullable=False),
        sa.Column("history", _DOCUMENT, nullable=False),
        sa.Column("recorded_by", _STAFF_NO, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("closed_at", _INSTANT, nullable=True),
        sa.CheckConstraint("quantity > 0", name="ck_nonconformity_quantity_positive"),
        sa.CheckConstraint("quantity_open BETWEEN 0 AND quantity", name="ck_nonconformity_quantity_open_within"),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_nonconformity_business_line_id"),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspection.id"], name="fk_nonconformity_inspection_id"),
        sa.ForeignKeyConstraint(["capa_id"], ["capa.id"], name="fk_nonconformity_capa_id"),
        sa.PrimaryKeyConstraint("id", name="pk_nonconformity"),
        sa.UniqueConstraint("number", name="uq_nonconformity_number"),
    )
    op.create_index(
        "ix_nonconformity_line_recorded",
        "nonconformity",
        ["business_line_id", sa.text("recorded_at DESC"), sa.text("id DESC")],
    )
    op.create_index(
        "ix_nonconformity_capa", "nonconformity", ["capa_id"], postgresql_where=sa.text("capa_id IS NOT NULL")
    )
    op.create_table(
        "nonconformity_ticket",
        sa.Column("nonconformity_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["nonconformity_id"], ["nonconformity.id"], name="fk_nonconformity_ticket_nonconformity_id"
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_nonconformity_ticket_ticket_id"),
        sa.PrimaryKeyConstraint("nonconformity_id", "ticket_id", name="pk_nonconformity_ticket"),
    )
    op.create_index("ix_nonconformity_ticket_ticket", "nonconformity_ticket", ["ticket_id"])


def downgrade() -> None:
    op.drop_table("nonconformity_ticket")
    op.drop_table("nonconformity")
    op.execute("DROP SEQUENCE nonconformity_number")
