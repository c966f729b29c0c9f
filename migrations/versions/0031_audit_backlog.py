"""What was in timeline and access log before there were seals awaits one too."""

from app.core.online_schema import update_in_batches

revision = "0031_backlog"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # By now every new row enters the queue by itself, in its own transaction.
    for table in ("timeline_entry", "access_log"):
        update_in_batches(f"""\
        INSERT INTO audit_pending (business_line_id, kind, row_id)
        SELECT business_line_id, '{table}', id FROM {table} AS unsealed
        WHERE NOT EXISTS (SELECT FROM audit_pending WHERE row_id = unsealed.id AND kind = '{table}')
            AND NOT EXISTS (SELECT FROM audit_seal WHERE row_id = unsealed.id AND kind = '{table}')
        ORDER BY id LIMIT 50000""")  # noqa: S608 — the names are ours


def downgrade() -> None:
    """The queue goes with its table."""
