"""Files bound to tickets, and notes of the blobs they are kept in."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "stored_blob",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("noted_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_stored_blob"),
    )
    op.create_index("ix_stored_blob_noted_at", "stored_blob", ["noted_at"])
    op.create_table(
        "attachment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.String(length=40), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("sent_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("blob", sa.String(length=64), nullable=True),
        sa.Column("scan", sa.String(length=16), nullable=False),
        sa.Column("scan_due_at", _INSTANT, nullable=False),
        sa.Column("attached_by", sa.String(length=32), nullable=True),
        sa.Column("attached_at", _INSTANT, nullable=False),
        sa.Column("removed_by", sa.String(length=32), nullable=True),
        sa.Column("removed_at", _INSTANT, nullable=True),
        sa.Column("removal_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(removed_at IS NULL) = (blob IS NOT NULL)", name="ck_attachment_kept_or_removed"),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_attachment_ticket_id"),
        sa.ForeignKeyConstraint(["blob"], ["stored_blob.name"], name="fk_attachment_blob"),
        sa.PrimaryKeyConstraint("id", name="pk_attachment"),
    )
    op.create_index("ix_attachment_ticket", "attachment", ["ticket_id", "attached_at"])
    op.create_index("uq_attachment_blob", "attachment", ["blob"], unique=True)
    op.create_index(
        "ix_attachment_scan_due",
        "attachment",
        ["scan_due_at"],
        postgresql_where=sa.text("scan = 'pending' AND blob IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("attachment")
    op.drop_table("stored_blob")
