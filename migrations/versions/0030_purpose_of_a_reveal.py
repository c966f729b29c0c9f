"""What personal data was revealed for."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_log", sa.Column("purpose", sa.String(200), nullable=True))


def downgrade() -> None:
    op.drop_column("access_log", "purpose")
