"""The complaint handling report: facts, measures, approvals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_WORDS = postgresql.ARRAY(sa.Text())
_INSTANT = sa.DateTime(timezone=True)
_NUMBER = sa.String(length=32)
_WORD = sa.String(length=40)


def upgrade() -> None:
    op.create_table(
        "complaint_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("instance", sa.SmallInteger(), nullable=False),
        sa.Column("ticket_round_at", _INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", _WORD, nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("measures_by", _WORDS, nullable=False),
        sa.Column("settled_by", _WORDS, nullable=False),
        sa.Column("approved_by", _WORDS, nullable=False),
        sa.Column("approval_order", _WORD, nullable=False),
        sa.Column("decision", postgresql.JSONB(), nullable=False),
        sa.Column("batch", sa.String(length=100), nullable=True),
        sa.Column("delivered_on", sa.Date(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("defective_quantity", sa.Integer(), nullable=True),
        sa.Column("demand", sa.Text(), nullable=True),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("agreed_with_customer_on", sa.Date(), nullable=True),
        sa.Column("settled_by_department", _WORD, nullable=True),
        sa.Column("settled_by_staff_no", _NUMBER, nullable=True),
        sa.Column("settled_at", _INSTANT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", _NUMBER, nullable=True),
        sa.Column("answered_at", _INSTANT, nullable=True),
        sa.Column("opened_by", _NUMBER, nullable=True),
        sa.Column("opened_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.CheckConstraint("version > 0", name="ck_complaint_report_version_positive"),
        sa.ForeignKeyConstraint(
            ["business_line_id"], ["business_line.id"], name="fk_complaint_report_business_line_id"
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_complaint_report_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_complaint_report"),
    )
    for name, part in (("instance", "instance"), ("round", "ticket_round_at")):
        op.create_index(f"uq_complaint_report_ticket_{name}", "complaint_report", ["ticket_id", part], unique=True)
    op.create_table(
        "complaint_report_measure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("department", _WORD, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("owner_staff_no", _NUMBER, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("proposed_at", _INSTANT, nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("done_by", _NUMBER, nullable=True),
        sa.Column("times_announced", sa.SmallInteger(), nullable=False),
        sa.Column("next_announced_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_complaint_report_measure_ticket_id"),
        sa.ForeignKeyConstraint(["report_id"], ["complaint_report.id"], name="fk_complaint_report_measure_report_id"),
        sa.PrimaryKeyConstraint("id", name="pk_complaint_report_measure"),
    )
    op.create_index(
        "uq_complaint_report_measure_department", "complaint_report_measure", ["report_id", "department"], unique=True
    )
    op.create_index(
        "ix_complaint_report_measure_timer",
        "complaint_report_measure",
        ["next_announced_at"],
        postgresql_where=sa.text("next_announced_at IS NOT NULL"),
    )
    op.create_table(
        "complaint_report_approval",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("department", _WORD, nullable=False),
        sa.Column("decision", _WORD, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("staff_no", _NUMBER, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["complaint_report.id"], name="fk_complaint_report_approval_report_id"),
        sa.PrimaryKeyConstraint("id", name="pk_complaint_report_approval"),
    )
    op.create_index(
        "uq_complaint_report_approval_department",
        "complaint_report_approval",
        ["report_id", "round", "department"],
        unique=True,
    )


def downgrade() -> None:
    op.drop_table("complaint_report_approval")
    op.drop_table("complaint_report_measure")
    op.drop_table("complaint_report")
