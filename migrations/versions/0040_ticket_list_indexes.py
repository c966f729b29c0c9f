"""The indexes by which lists find the tickets of a status, an owner or a severity, however few they are."""

from typing import Any

import sqlalchemy as sa

from app.core.online_schema import create_index, drop_index

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


_LATEST: Any = sa.text("opened_at DESC")  # as `op.create_index` takes it beside names
_INDEXES = {
    "ix_ticket_line_status": ("status", None),
    "ix_ticket_line_owner": ("owner_staff_no", sa.text("owner_staff_no IS NOT NULL")),
    "ix_ticket_line_severity": ("severity", sa.text("severity IS NOT NULL")),
}


def upgrade() -> None:
    for name, (column, where) in _INDEXES.items():
        create_index(name, "ticket", ["business_line_id", column, _LATEST], postgresql_where=where)


def downgrade() -> None:
    for name in reversed(_INDEXES):
        drop_index(name, "ticket")
