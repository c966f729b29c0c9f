"""Assignments that last have their ticket's status."""

from app.core.online_schema import update_in_batches

revision = "0004_backlog"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    update_in_batches("""\
        UPDATE ticket_assignment SET status = ticket.status FROM ticket WHERE ticket.id = ticket_id AND
            ticket_assignment.id IN (
                SELECT spell.id FROM ticket_assignment spell JOIN ticket matter ON matter.id = spell.ticket_id
                WHERE spell.until IS NULL AND spell.status <> matter.status LIMIT 2000)""")


def downgrade() -> None:
    """The status goes with its column."""
