"""The hash chain over timeline and access log: rows that await their seal, seals, and the erasure of a text."""

import sqlalchemy as sa
from alembic import op

from app.core.row_security import protection

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_AUDITED = ("timeline_entry", "access_log")
_ROLE = "aftersales_app"

# A row and its place in the queue become visible at one moment, however late its transaction commits.
_AWAIT_SEAL = """
CREATE FUNCTION audit_await_seal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit_pending (business_line_id, kind, row_id)
    SELECT business_line_id, TG_TABLE_NAME, id FROM added;
    RETURN NULL;
END $$"""

# With the owner's rights, since the service may not update. The lock keeps the sealer from sealing the text meanwhile.
_ERASE = """
CREATE FUNCTION audit_erase_text(of_kind text, of_row uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ DECLARE line uuid; BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('aftersales.audit.sealer'));
    IF of_kind = 'timeline_entry' THEN
        UPDATE timeline_entry SET text = NULL WHERE id = of_row AND text IS NOT NULL
        RETURNING business_line_id INTO line;
    ELSIF of_kind = 'access_log' THEN
        UPDATE access_log SET purpose = NULL WHERE id = of_row AND purpose IS NOT NULL
        RETURNING business_line_id INTO line;
    END IF;
    IF line IS NOT NULL THEN
        UPDATE audit_seal SET salt = NULL WHERE row_id = of_row AND kind = of_kind;
        INSERT INTO audit_pending (business_line_id, kind, row_id) VALUES (line, 'erasure', of_row);
    END IF;
END $$"""


def upgrade() -> None:
    op.create_table(
        "audit_pending",
        sa.Column("pending_no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("pending_no", name="pk_audit_pending"),
    )
    op.create_table(
        "audit_seal",
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("text_digest", sa.LargeBinary(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("business_line_id", "position", name="pk_audit_seal"),
    )
    op.create_index("uq_audit_seal_row", "audit_seal", ["row_id", "kind"], unique=True)
    op.execute(protection("audit_pending"))
    op.execute(protection("audit_seal"))
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON audit_seal FROM {_ROLE}")
    op.execute(_AWAIT_SEAL)
    op.execute(_ERASE)
    op.execute("REVOKE EXECUTE ON FUNCTION audit_erase_text FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION audit_erase_text TO {_ROLE}")
    for table in _AUDITED:
        op.execute(
            f"CREATE TRIGGER await_seal AFTER INSERT ON {table} REFERENCING NEW TABLE AS added "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_await_seal()"
        )


def downgrade() -> None:
    for table in _AUDITED:
        op.execute(f"DROP TRIGGER await_seal ON {table}")
    op.execute("DROP FUNCTION audit_erase_text")
    op.execute("DROP FUNCTION audit_await_seal")
    op.drop_table("audit_seal")
    op.drop_table("audit_pending")
