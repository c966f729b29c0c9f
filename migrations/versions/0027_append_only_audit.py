"""What happened to tickets, and who saw personal data, can be added to by the service, never changed or deleted."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON timeline_entry, access_log FROM aftersales_app")


def downgrade() -> None:
    op.execute("GRANT UPDATE, DELETE ON timeline_entry, access_log TO aftersales_app")
