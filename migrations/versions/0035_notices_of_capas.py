"""Notices of what is due in a CAPA, beside those of tickets and return requests."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_ONE_THING = "ck_notice_about_one_thing"


def upgrade() -> None:
    op.add_column("notice", sa.Column("capa_id", sa.Uuid(), sa.ForeignKey("capa.id", name="fk_notice_capa_id")))
    op.drop_constraint(op.f(_ONE_THING), "notice")
    op.create_check_constraint(op.f(_ONE_THING), "notice", "num_nonnulls(ticket_id, return_request_id, capa_id) = 1")


def downgrade() -> None:
    op.execute("SET LOCAL app.lines = '*'")
    op.execute("DELETE FROM notice WHERE capa_id IS NOT NULL")
    op.drop_constraint(op.f(_ONE_THING), "notice")
    op.drop_column("notice", "capa_id")
    op.create_check_constraint(op.f(_ONE_THING), "notice", "num_nonnulls(ticket_id, return_request_id) = 1")
