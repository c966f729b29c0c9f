"""When a ticket's customer is told next how the matter stands."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ticket", sa.Column("progress_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("ticket", sa.Column("progress_cause", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("ticket", "progress_cause")
    op.drop_column("ticket", "progress_at")
