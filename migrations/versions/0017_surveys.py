"""Surveys with their answers, customers who want none, and the ticket a follow-up is about."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_WORD = sa.String(length=40)


def upgrade() -> None:
    op.create_table(
        "survey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("round_started_at", _INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("events_emitted", sa.Integer(), nullable=False),
        sa.Column("policy_name", _WORD, nullable=False),
        sa.Column("policy_version", _WORD, nullable=False),
        sa.Column("form_version", sa.String(length=20), nullable=False),
        sa.Column("with_loyalty", sa.Boolean(), nullable=False),
        sa.Column("channel", _WORD, nullable=False),
        sa.Column("customer_hashes", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("follow_up_of_id", sa.Uuid(), nullable=True),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("skipped_because", _WORD, nullable=True),
        sa.Column("next_at", _INSTANT, nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("invited_at", _INSTANT, nullable=True),
        sa.Column("reminded_at", _INSTANT, nullable=True),
        sa.Column("expires_at", _INSTANT, nullable=True),
        sa.Column("department", _WORD, nullable=False),
        sa.Column("staff_no", sa.String(length=32), nullable=True),
        sa.Column("product", sa.String(length=100), nullable=True),
        sa.Column("ticket_channel", _WORD, nullable=False),
        sa.Column("scores", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("resolved", sa.Boolean(), nullable=True),
        sa.Column("nps", sa.SmallInteger(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("theme", _WORD, nullable=True),
        sa.Column("satisfied", sa.Boolean(), nullable=True),
        sa.Column("dissatisfied", sa.Boolean(), nullable=True),
        sa.Column("answered_at", _INSTANT, nullable=True),
        sa.Column("answered_by", _WORD, nullable=True),
        sa.Column("answered_staff_no", sa.String(length=32), nullable=True),
        sa.Column("follow_up_ticket_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_survey_business_line_id"),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_survey_ticket_id"),
        sa.ForeignKeyConstraint(["follow_up_of_id"], ["survey.id"], name="fk_survey_follow_up_of_id"),
        sa.ForeignKeyConstraint(["follow_up_ticket_id"], ["ticket.id"], name="fk_survey_follow_up_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_survey"),
    )
    op.create_index("uq_survey_ticket_round", "survey", ["ticket_id", "round_started_at"], unique=True)
    op.create_index("uq_survey_follow_up_ticket", "survey", ["follow_up_ticket_id"], unique=True)
    op.create_index("ix_survey_next", "survey", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL"))
    op.create_index(
        "ix_survey_line_created", "survey", ["business_line_id", sa.text("created_at DESC"), sa.text("id DESC")]
    )
    op.create_index(
        "ix_survey_line_invited",
        "survey",
        ["business_line_id", "invited_at"],
        postgresql_where=sa.text("invited_at IS NOT NULL"),
    )
    op.create_index("ix_survey_customer", "survey", ["customer_hashes"], postgresql_using="gin")
    op.create_table(
        "survey_opt_out",
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("customer_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_survey_opt_out_business_line_id"),
        sa.PrimaryKeyConstraint("business_line_id", "customer_hash", name="pk_survey_opt_out"),
    )
    op.add_column("ticket", sa.Column("follow_up_of_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_ticket_follow_up_of_id", "ticket", "ticket", ["follow_up_of_id"], ["id"])


def downgrade() -> None:
    op.drop_constraint("fk_ticket_follow_up_of_id", "ticket")
    op.drop_column("ticket", "follow_up_of_id")
    op.drop_table("survey_opt_out")
    op.drop_table("survey")
