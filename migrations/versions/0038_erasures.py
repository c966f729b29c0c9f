"""The erasure of a person; purchases kept for a time by law; and what a timeline entry says was so before goes too."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.row_security import protection
from app.core.schema import served_from

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_FUNCTION = """
CREATE OR REPLACE FUNCTION audit_erase_text(of_kind text, of_row uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ DECLARE line uuid; BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('aftersales.audit.sealer'));
    IF of_kind = 'timeline_entry' THEN
        {timeline}
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
# What people wrote stands in the text and, where facts were corrected, in these parts of the data.
_WITH_DATA = """UPDATE timeline_entry SET text = NULL, data = data - '{before,call}'::text[]
        WHERE id = of_row AND (text IS NOT NULL OR data ?| '{before,call}'::text[])"""
_TEXT_ALONE = "UPDATE timeline_entry SET text = NULL WHERE id = of_row AND text IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("ground", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("person_hashes", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("purchases_kept", sa.Integer(), nullable=False),
        sa.Column("kept_until", sa.Date(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("staff_no", sa.String(length=32), nullable=True),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("accepted_at", _INSTANT, nullable=False),
        sa.Column("completed_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_erasure_business_line_id"),
        sa.PrimaryKeyConstraint("id", name="pk_erasure"),
    )
    latest = [sa.text("accepted_at DESC"), sa.text("id DESC")]
    op.create_index("ix_erasure_line_accepted", "erasure", ["business_line_id", *latest])
    op.create_index(
        "ix_erasure_unfinished", "erasure", ["accepted_at"], postgresql_where=sa.text("completed_at IS NULL")
    )
    op.execute(protection("erasure"))
    op.add_column("purchase", sa.Column("erase_on", sa.Date(), nullable=True))
    op.execute(_FUNCTION.format(timeline=_WITH_DATA))
    op.execute(served_from(revision))  # programs before seal less of an entry as erasable, and would find it changed


def downgrade() -> None:
    op.execute("COMMENT ON TABLE alembic_version IS NULL")
    op.execute(_FUNCTION.format(timeline=_TEXT_ALONE))
    op.drop_column("purchase", "erase_on")
    op.drop_table("erasure")
