"""Inspections, whose fault a matter is, and corrective and preventive action."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_LINE, _TICKET, _CAPA = ["business_line.id"], ["ticket.id"], ["capa.id"]
_INSTANT = sa.DateTime(timezone=True)
_TEXTS = postgresql.ARRAY(sa.Text())
_DOCUMENT = postgresql.JSONB()
_WORD = sa.String(length=40)
_STAFF_NO = sa.String(length=32)


def upgrade() -> None:
    _responsibility()
    _capas()


def _responsibility() -> None:
    op.create_table(
        "inspection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("conclusion", _WORD, nullable=False),
        sa.Column("inspected_by", _STAFF_NO, nullable=False),
        sa.Column("department", _WORD, nullable=False),
        sa.Column("inspected_at", _INSTANT, nullable=False),
        sa.Column("attachments", _TEXTS, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], _TICKET, name="fk_inspection_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_inspection"),
    )
    op.create_index("ix_inspection_ticket", "inspection", ["ticket_id", "inspected_at"])
    op.create_table(
        "responsibility",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("share", _WORD, nullable=False),
        sa.Column("our_percent", sa.SmallInteger(), nullable=True),
        sa.Column("department", _WORD, nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("evidence", _TEXTS, nullable=False),
        sa.Column("explanation", sa.Text(), nullable=True),
        sa.Column("next_step", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decision", _DOCUMENT, nullable=False),
        sa.Column("duty", _DOCUMENT, nullable=True),
        sa.Column("warnings", _DOCUMENT, nullable=False),
        sa.Column("determined_by", _STAFF_NO, nullable=True),
        sa.Column("determined_at", _INSTANT, nullable=False),
        sa.Column("letter_sent_at", _INSTANT, nullable=True),
        sa.Column("letter_sent_by", _STAFF_NO, nullable=True),
        sa.Column("letter_channel", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], _TICKET, name="fk_responsibility_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_responsibility"),
    )
    op.create_index("uq_responsibility_ticket_revision", "responsibility", ["ticket_id", "revision"], unique=True)


def _capas() -> None:
    op.execute("CREATE SEQUENCE capa_number MINVALUE 1 MAXVALUE 999999 CYCLE")
    op.create_table(
        "capa",
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
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("criteria", sa.Text(), nullable=True),
        sa.Column("analyses", _DOCUMENT, nullable=False),
        sa.Column("decisions", _DOCUMENT, nullable=False),
        sa.Column("history", _DOCUMENT, nullable=False),
        sa.Column("opened_by", _STAFF_NO, nullable=False),
        sa.Column("opened_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("closed_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["business_line_id"], _LINE, name="fk_capa_business_line_id"),
        sa.PrimaryKeyConstraint("id", name="pk_capa"),
        sa.UniqueConstraint("number", name="uq_capa_number"),
    )
    op.create_index("ix_capa_line_opened", "capa", ["business_line_id", sa.text("opened_at DESC"), sa.text("id DESC")])
    op.create_table(
        "capa_ticket",
        sa.Column("capa_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("linked_by", _STAFF_NO, nullable=True),
        sa.Column("linked_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["capa_id"], _CAPA, name="fk_capa_ticket_capa_id"),
        sa.ForeignKeyConstraint(["ticket_id"], _TICKET, name="fk_capa_ticket_ticket_id"),
        sa.PrimaryKeyConstraint("capa_id", "ticket_id", name="pk_capa_ticket"),
    )
    op.create_index("ix_capa_ticket_ticket", "capa_ticket", ["ticket_id"])
    _tasks()


def _tasks() -> None:
    op.create_table(
        "capa_task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("capa_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("owner_staff_no", _STAFF_NO, nullable=True),
        sa.Column("department", _WORD, nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("planned_at", _INSTANT, nullable=False),
        sa.Column("done_at", _INSTANT, nullable=True),
        sa.Column("done_by", _STAFF_NO, nullable=True),
        sa.Column("evidence", _TEXTS, nullable=False),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("effect", _WORD, nullable=True),
        sa.Column("delay_reason", sa.Text(), nullable=True),
        sa.Column("dropped_at", _INSTANT, nullable=True),
        sa.Column("dropped_because", sa.Text(), nullable=True),
        sa.Column("next_fire_at", _INSTANT, nullable=True),
        sa.Column("thresholds_fired", sa.SmallInteger(), nullable=False),
        sa.Column("firing_failures", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["capa_id"], _CAPA, name="fk_capa_task_capa_id"),
        sa.PrimaryKeyConstraint("id", name="pk_capa_task"),
    )
    op.create_index("uq_capa_task_place", "capa_task", ["capa_id", "place"], unique=True)
    op.create_index(
        "ix_capa_task_timer",
        "capa_task",
        ["next_fire_at"],
        postgresql_where=sa.text("next_fire_at IS NOT NULL"),
    )


def downgrade() -> None:
    for table in ("capa_task", "capa_ticket", "capa", "responsibility", "inspection"):
        op.drop_table(table)
    op.execute("DROP SEQUENCE capa_number")
