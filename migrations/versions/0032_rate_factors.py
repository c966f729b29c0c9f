"""How many times the usual limits a key may use."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031_backlog"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_key", sa.Column("rate_factor", sa.Integer(), server_default="1", nullable=False))
    op.alter_column("api_key", "rate_factor", server_default=None)


def downgrade() -> None:
    op.drop_column("api_key", "rate_factor")
