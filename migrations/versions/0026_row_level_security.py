"""Row-level security on every table with rows of business lines, and the rights of the application's role."""

from alembic import op

from app.core.row_security import no_protection, protection

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_TABLES = (
    "access_log", "attachment", "capa", "capa_task", "capa_ticket", "catalogue_item", "complaint_report",
    "complaint_report_approval", "complaint_report_measure", "customer", "event", "inspection", "nonconformity",
    "nonconformity_ticket", "notice", "notice_channel", "purchase", "quality_alert", "quality_watch",
    "responsibility", "return_deadline", "return_decision", "return_line", "return_request", "staff_member", "survey",
    "survey_campaign", "survey_letter", "survey_opt_out", "test_clock", "ticket", "ticket_assignment",
    "ticket_charge", "ticket_commitment", "ticket_search", "timeline_entry", "warranty_card", "warranty_extension",
    "webhook_delivery",
)  # fmt: skip
_ROLE = "aftersales_app"


def upgrade() -> None:
    for table in _TABLES:
        op.execute(protection(table))
    op.execute(protection("webhook_endpoint", "business_line_ids"))
    op.execute(f"""\
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{_ROLE}')
        AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)
    THEN
        CREATE ROLE {_ROLE} NOLOGIN;
        EXECUTE format('GRANT {_ROLE} TO %I', current_user);
    END IF;
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        ALTER FUNCTION arraycontains(anyarray, anyarray) LEAKPROOF;
        ALTER FUNCTION jsonb_object_field_text(jsonb, text) LEAKPROOF;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{_ROLE}') THEN
        RAISE 'the role {_ROLE} is missing: see docs/operations.md' USING ERRCODE = 'undefined_object';
    END IF;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {_ROLE};
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {_ROLE};
    REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {_ROLE};
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {_ROLE};
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {_ROLE};
END $$""")  # noqa: S608 — the name is ours


def downgrade() -> None:
    op.execute(f"""\
DO $$ BEGIN
    ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {_ROLE};
    ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {_ROLE};
    REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {_ROLE};
    REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {_ROLE};
END $$""")
    for table in (*_TABLES, "webhook_endpoint"):
        op.execute(no_protection(table))
