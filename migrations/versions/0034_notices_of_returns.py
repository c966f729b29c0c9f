"""Notices of the deadlines of return requests, beside those of tickets: a notice keeps what it is about."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_ALL_LINES = "SET LOCAL app.lines = '*'"
_OF_TICKETS = """
    UPDATE notice SET number = ticket.number, policy_name = ticket.policy_name, policy_version = ticket.policy_version
    FROM ticket WHERE ticket.id = notice.ticket_id
"""


def upgrade() -> None:
    op.add_column("notice", sa.Column("number", sa.String(24)))
    op.add_column("notice", sa.Column("policy_name", sa.String(40)))
    op.add_column("notice", sa.Column("policy_version", sa.String(40)))
    op.execute(_ALL_LINES)
    op.execute(_OF_TICKETS)
    for name in ("number", "policy_name", "policy_version"):
        op.alter_column("notice", name, nullable=False)
    op.add_column("notice", sa.Column("return_request_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_notice_return_request_id", "notice", "return_request", ["return_request_id"], ["id"])
    op.alter_column("notice", "ticket_id", nullable=True)
    op.create_check_constraint(
        op.f("ck_notice_about_one_thing"), "notice", "num_nonnulls(ticket_id, return_request_id) = 1"
    )


def downgrade() -> None:
    op.execute(_ALL_LINES)
    op.execute("DELETE FROM notice WHERE ticket_id IS NULL")
    op.drop_constraint(op.f("ck_notice_about_one_thing"), "notice")
    for name in ("return_request_id", "policy_version", "policy_name", "number"):
        op.drop_column("notice", name)
    op.alter_column("notice", "ticket_id", nullable=False)
