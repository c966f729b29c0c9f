"""Tickets under a policy: lines, keys, editions, tickets with their commitments, timeline, events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE ticket_number MINVALUE 1 MAXVALUE 999999 CYCLE")
    op.execute("CREATE SEQUENCE event_position")
    op.create_table(
        "access_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_log"),
    )
    op.create_index("ix_access_log_line_at", "access_log", ["business_line_id", "at"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("business_lines", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("tier", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("key_hash", name="uq_api_key_key_hash"),
    )
    op.create_index("ix_api_key_client_id", "api_key", ["client_id"], unique=False)
    op.create_table(
        "business_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("policy", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_business_line"),
        sa.UniqueConstraint("name", name="uq_business_line_name"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_business_line_position", "event", ["business_line_id", "position"], unique=False)
    op.create_index(
        "ix_event_unsealed", "event", ["event_no"], unique=False, postgresql_where=sa.text("position IS NULL")
    )
    op.create_index("uq_event_position", "event", ["position"], unique=True)
    op.create_index("uq_event_subject_sequence", "event", ["subject", "sequence"], unique=True)
    op.create_table(
        "idempotency_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_idempotency_record"),
    )
    op.create_index("ix_idempotency_record_expires_at", "idempotency_record", ["expires_at"], unique=False)
    op.create_table(
        "policy_edition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("registered_by", sa.Uuid(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy_edition"),
        sa.UniqueConstraint("name", "version", name="uq_policy_edition_name_version"),
    )
    op.create_table(
        "worker_heartbeat",
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("worker_id", name="pk_worker_heartbeat"),
    )
    op.create_table(
        "ticket",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("events_emitted", sa.Integer(), nullable=False),
        sa.Column("policy_name", sa.String(length=40), nullable=False),
        sa.Column("policy_version", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("urgency", sa.String(length=40), nullable=False),
        sa.Column("severity", sa.String(length=40), nullable=True),
        sa.Column("item_class", sa.String(length=40), nullable=True),
        sa.Column("service_level", sa.String(length=40), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("product", postgresql.JSONB(), nullable=False),
        sa.Column("materials", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("missing_materials", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("classification", postgresql.JSONB(), nullable=True),
        sa.Column("decisions", postgresql.JSONB(), nullable=False),
        sa.Column("promise", postgresql.JSONB(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("external_ref", sa.String(length=200), nullable=True),
        sa.Column("call_id", sa.String(length=200), nullable=True),
        sa.Column("call", postgresql.JSONB(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("customer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("customer_external_id", sa.String(length=100), nullable=True),
        sa.Column("customer_tier", sa.String(length=40), nullable=True),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=True),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("name_hash", sa.LargeBinary(), nullable=True),
        sa.Column("owner_staff_no", sa.String(length=32), nullable=True),
        sa.Column("assignee_staff_no", sa.String(length=32), nullable=True),
        sa.Column("department", sa.String(length=40), nullable=False),
        sa.Column("transferred", sa.Boolean(), nullable=False),
        sa.Column("collaborating_departments", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("handler_role", sa.String(length=40), nullable=False),
        sa.Column("escalation_level", sa.SmallInteger(), nullable=False),
        sa.Column("seller", sa.String(length=100), nullable=True),
        sa.Column("service_provider", sa.String(length=100), nullable=True),
        sa.Column("branch", sa.String(length=100), nullable=True),
        sa.Column("region", sa.String(length=20), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("round_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("version > 0", name=("ck_ticket_version_positive")),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_ticket_business_line_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket"),
        sa.UniqueConstraint("number", name="uq_ticket_number"),
    )
    op.create_index("ix_ticket_line_external_ref", "ticket", ["business_line_id", "external_ref"], unique=False)
    op.create_index(
        "ix_ticket_customer",
        "ticket",
        ["customer_external_id"],
        unique=False,
        postgresql_where=sa.text("customer_external_id IS NOT NULL"),
    )
    op.create_index("ix_ticket_batch", "ticket", [sa.literal_column("(product ->> 'batch')")], unique=False)
    op.create_index(
        "ix_ticket_email", "ticket", ["email_hash"], unique=False, postgresql_where=sa.text("email_hash IS NOT NULL")
    )
    op.create_index(
        "ix_ticket_line_assignee",
        "ticket",
        ["business_line_id", "assignee_staff_no", sa.literal_column("opened_at DESC")],
        unique=False,
    )
    op.create_index(
        "ix_ticket_line_department",
        "ticket",
        ["business_line_id", "department", sa.literal_column("opened_at DESC")],
        unique=False,
    )
    op.create_index(
        "ix_ticket_line_opened",
        "ticket",
        ["business_line_id", sa.literal_column("opened_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_ticket_line_updated",
        "ticket",
        ["business_line_id", sa.literal_column("updated_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("ix_ticket_model", "ticket", [sa.literal_column("(product ->> 'model')")], unique=False)
    op.create_index(
        "ix_ticket_name", "ticket", ["name_hash"], unique=False, postgresql_where=sa.text("name_hash IS NOT NULL")
    )
    op.create_index("ix_ticket_order_no", "ticket", [sa.literal_column("(product ->> 'order_no')")], unique=False)
    op.create_index(
        "ix_ticket_phone", "ticket", ["phone_hash"], unique=False, postgresql_where=sa.text("phone_hash IS NOT NULL")
    )
    op.create_index("uq_ticket_client_call_id", "ticket", ["client_id", "call_id"], unique=True)
    op.create_index("uq_ticket_client_external_ref", "ticket", ["client_id", "external_ref"], unique=True)
    op.create_table(
        "ticket_commitment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("milestone", sa.String(length=40), nullable=False),
        sa.Column("instance", sa.SmallInteger(), nullable=False),
        sa.Column("target_value", sa.Integer(), nullable=False),
        sa.Column("target_unit", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("calendar_confirmed", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pauses", postgresql.JSONB(), nullable=False),
        sa.Column("delay_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_commitment_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_commitment"),
    )
    op.create_index(
        "ix_ticket_commitment_running",
        "ticket_commitment",
        ["business_line_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "uq_ticket_commitment_instance", "ticket_commitment", ["ticket_id", "milestone", "instance"], unique=True
    )
    op.create_table(
        "ticket_search",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("tokens", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_search_ticket_id"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ticket_search"),
    )
    op.create_index(
        "ix_ticket_search_pending",
        "ticket_search",
        ["ticket_id"],
        unique=False,
        postgresql_where=sa.text("tokens IS NULL"),
    )
    op.create_index("ix_ticket_search_tokens", "ticket_search", ["tokens"], unique=False, postgresql_using="gin")
    op.create_table(
        "timeline_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("visibility", sa.String(length=20), nullable=False),
        sa.Column("author", sa.String(length=20), nullable=False),
        sa.Column("staff_no", sa.String(length=32), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_timeline_entry_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_timeline_entry"),
    )
    op.create_index("ix_timeline_entry_ticket", "timeline_entry", ["ticket_id", "entry_no"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_timeline_entry_ticket", table_name="timeline_entry")
    op.drop_table("timeline_entry")
    op.drop_index("ix_ticket_search_tokens", table_name="ticket_search", postgresql_using="gin")
    op.drop_index("ix_ticket_search_pending", table_name="ticket_search", postgresql_where=sa.text("tokens IS NULL"))
    op.drop_table("ticket_search")
    op.drop_index("uq_ticket_commitment_instance", table_name="ticket_commitment")
    op.drop_index(
        "ix_ticket_commitment_running", table_name="ticket_commitment", postgresql_where=sa.text("state = 'running'")
    )
    op.drop_table("ticket_commitment")
    op.drop_index("uq_ticket_client_external_ref", table_name="ticket")
    op.drop_index("uq_ticket_client_call_id", table_name="ticket")
    op.drop_index("ix_ticket_phone", table_name="ticket", postgresql_where=sa.text("phone_hash IS NOT NULL"))
    op.drop_index("ix_ticket_order_no", table_name="ticket")
    op.drop_index("ix_ticket_name", table_name="ticket", postgresql_where=sa.text("name_hash IS NOT NULL"))
    op.drop_index("ix_ticket_model", table_name="ticket")
    op.drop_index("ix_ticket_line_updated", table_name="ticket")
    op.drop_index("ix_ticket_line_opened", table_name="ticket")
    op.drop_index("ix_ticket_line_department", table_name="ticket")
    op.drop_index("ix_ticket_line_assignee", table_name="ticket")
    op.drop_index("ix_ticket_email", table_name="ticket", postgresql_where=sa.text("email_hash IS NOT NULL"))
    op.drop_index("ix_ticket_batch", table_name="ticket")
    op.drop_index("ix_ticket_customer", table_name="ticket")
    op.drop_index("ix_ticket_line_external_ref", table_name="ticket")
    op.drop_table("ticket")
    op.drop_table("worker_heartbeat")
    op.drop_table("policy_edition")
    op.drop_index("ix_idempotency_record_expires_at", table_name="idempotency_record")
    op.drop_table("idempotency_record")
    op.drop_index("uq_event_subject_sequence", table_name="event")
    op.drop_index("uq_event_position", table_name="event")
    op.drop_index("ix_event_unsealed", table_name="event", postgresql_where=sa.text("position IS NULL"))
    op.drop_index("ix_event_business_line_position", table_name="event")
    op.drop_table("event")
    op.drop_table("business_line")
    op.drop_index("ix_api_key_client_id", table_name="api_key")
    op.drop_table("api_key")
    op.drop_index("ix_access_log_line_at", table_name="access_log")
    op.drop_table("access_log")
    op.execute("DROP SEQUENCE event_position")
    op.execute("DROP SEQUENCE ticket_number")
