"""What an erasure looks for in large tables: purposes by what was looked at, and purchases whose time is over."""

import sqlalchemy as sa

from app.core.online_schema import create_index, drop_index

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("ix_access_log_purpose", "access_log", ["subject"], postgresql_where=sa.text("purpose IS NOT NULL"))
    create_index("ix_purchase_erase_on", "purchase", ["erase_on"], postgresql_where=sa.text("erase_on IS NOT NULL"))


def downgrade() -> None:
    drop_index("ix_purchase_erase_on", "purchase")
    drop_index("ix_access_log_purpose", "access_log")
