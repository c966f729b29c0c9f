"""Who is at work behind a key, and the networks a key may be used from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_key", sa.Column("addresses", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("access_log", sa.Column("staff_no", sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.drop_column("access_log", "staff_no")
    op.drop_column("api_key", "addresses")
