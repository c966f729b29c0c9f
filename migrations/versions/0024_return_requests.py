"""Return requests: their lines, decisions and deadlines."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_DOCUMENT = postgresql.JSONB()
_WORD = sa.String(length=40)
_NAME = sa.String(length=100)
_STAFF_NO = sa.String(length=32)


def upgrade() -> None:
    op.execute("CREATE SEQUENCE return_number MINVALUE 1 MAXVALUE 999999 CYCLE")
    op.create_table(
        "return_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("events_emitted", sa.Integer(), nullable=False),
        sa.Column("policy_name", _WORD, nullable=False),
        sa.Column("policy_version", _WORD, nullable=False),
        sa.Column("status", _WORD, nullable=False),
        sa.Column("goodwill", sa.Boolean(), nullable=False),
        sa.Column("history", _DOCUMENT, nullable=False),
        sa.Column("message", _DOCUMENT, nullable=False),
        sa.Column("submitted_by", _STAFF_NO, nullable=True),
        sa.Column("noticed_on", sa.Date(), nullable=False),
        sa.Column("submitted_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("closed_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_return_request_business_line_id"),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_return_request_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_return_request"),
        sa.UniqueConstraint("number", name="uq_return_request_number"),
    )
    op.create_index(
        "ix_return_request_line_submitted",
        "return_request",
        ["business_line_id", sa.text("submitted_at DESC"), sa.text("id DESC")],
    )
    op.create_index(
        "ix_return_request_ticket", "return_request", ["ticket_id"], postgresql_where=sa.text("ticket_id IS NOT NULL")
    )
    _lines()
    _decisions()
    _deadlines()


def _lines() -> None:
    counts = ("quantity", "held", "approved", "received", "restocked", "scrapped", "sent_again")
    op.create_table(
        "return_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("return_request_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=True),
        sa.Column("product_name", _NAME, nullable=False),
        sa.Column("spec_model", _NAME, nullable=True),
        sa.Column("purchased_on", sa.Date(), nullable=True),
        sa.Column("reason", _WORD, nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        sa.Column("remedy", _WORD, nullable=True),
        sa.Column("refunded", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("replaced_on", sa.Date(), nullable=True),
        sa.CheckConstraint("quantity > 0", name="ck_return_line_quantity_positive"),
        sa.CheckConstraint("held >= 0 AND held <= quantity", name="ck_return_line_held_in_bounds"),
        sa.CheckConstraint(
            "restocked + scrapped + sent_again <= received", name="ck_return_line_disposed_in_bounds"
        ),
        sa.CheckConstraint("refunded >= 0", name="ck_return_line_refunded_not_negative"),
        sa.ForeignKeyConstraint(["return_request_id"], ["return_request.id"], name="fk_return_line_return_request_id"),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchase.id"], name="fk_return_line_purchase_id"),
        sa.PrimaryKeyConstraint("id", name="pk_return_line"),
    )  # fmt: skip
    op.create_index("uq_return_line_place", "return_line", ["return_request_id", "place"], unique=True)
    op.create_index(
        "ix_return_line_purchase", "return_line", ["purchase_id"], postgresql_where=sa.text("purchase_id IS NOT NULL")
    )


def _decisions() -> None:
    op.create_table(
        "return_decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("return_line_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("cause", _WORD, nullable=False),
        sa.Column("facts", _DOCUMENT, nullable=False),
        sa.Column("answer", _DOCUMENT, nullable=False),
        sa.Column("policy_name", _WORD, nullable=False),
        sa.Column("policy_version", _WORD, nullable=False),
        sa.Column("law_version", sa.String(length=64), nullable=False),
        sa.Column("decided_by", _STAFF_NO, nullable=True),
        sa.Column("decided_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["return_line_id"], ["return_line.id"], name="fk_return_decision_return_line_id"),
        sa.PrimaryKeyConstraint("id", name="pk_return_decision"),
    )
    op.create_index("uq_return_decision_revision", "return_decision", ["return_line_id", "revision"], unique=True)


def _deadlines() -> None:
    op.create_table(
        "return_deadline",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("return_request_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("rule", _WORD, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("met_at", _INSTANT, nullable=True),
        sa.Column("dropped_at", _INSTANT, nullable=True),
        sa.Column("next_fire_at", _INSTANT, nullable=True),
        sa.Column("thresholds_fired", sa.SmallInteger(), nullable=False),
        sa.Column("firing_failures", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["return_request_id"], ["return_request.id"], name="fk_return_deadline_return_request_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_return_deadline"),
    )
    op.create_index("uq_return_deadline_kind", "return_deadline", ["return_request_id", "kind"], unique=True)
    op.create_index(
        "ix_return_deadline_timer",
        "return_deadline",
        ["next_fire_at"],
        postgresql_where=sa.text("next_fire_at IS NOT NULL"),
    )


def downgrade() -> None:
    for table in ("return_deadline", "return_decision", "return_line", "return_request"):
        op.drop_table(table)
    op.execute("DROP SEQUENCE return_number")
