"""Telling staff: a notice for every channel that reaches a role, written in the transaction of what they are told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.capas import Capa
from app.models.return_requests import ReturnRequest
from app.models.tickets import Ticket, TicketCommitment
from app.schemas.fields import instant_text
from app.services.policy_book import Policy
from app.services.rules.notices import Told, told_of_delay


@dataclass(frozen=True, slots=True)
class News:
    """One event that roles are told of. `data` has what the message says beside the number of what it is about.

    Of several news of one `part`, a commitment, a deadline or a task, a channel is told the latest only.
    """

    about: Ticket | ReturnRequest | Capa
    event: str
    told: Sequence[Told]
    data: Mapping[str, Any]
    at: datetime
    part: UUID | None = None


_ABOUT = {"ticket_id": Ticket, "return_request_id": ReturnRequest, "capa_id": Capa}
# One channel is told once of one part, the latest of what came at one time: after downtime nobody is sent the
# warnings of a deadline that is broken by now, and a channel of several roles hears no echo.
_TELL = text("""
    INSERT INTO notice (
        id, business_line_id, ticket_id, return_request_id, capa_id, number, policy_name, policy_version,
        commitment_id, channel_id, kind, role, event, data, occurred_at, state, attempts, next_try_at, created_at)
    SELECT DISTINCT ON (told.number, told.part, channel.id)
        gen_random_uuid(), channel.business_line_id, told.ticket_id, told.return_request_id, told.capa_id,
        told.number, told.policy_name, told.policy_version, CASE WHEN told.ticket_id IS NOT NULL THEN told.part END,
        channel.id,
        channel.kind, told.role, told.event, told.data, told.at, 'waiting', 0, now(), now()
    FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told (
        place int, line uuid, ticket_id uuid, return_request_id uuid, capa_id uuid, number text, policy_name text,
        policy_version text, part uuid, role text, kinds text[], event text, data jsonb,
        at timestamptz)
    JOIN notice_channel AS channel
      ON channel.business_line_id = told.line AND channel.enabled AND channel.kind = ANY (told.kinds)
     AND channel.roles && ARRAY[told.role, '*']
    ORDER BY told.number, told.part, channel.id, told.place DESC
""")


async def tell(session: AsyncSession, news: Sequence[News]) -> None:
    """Write the notices of what happened, in one statement; news come in the order in which it happened."""
    rows = [
        {
            "place": place,
            "line": item.about.business_line_id.hex,
            **{name: item.about.id.hex if isinstance(item.about, kind) else None for name, kind in _ABOUT.items()},
            "number": item.about.number,
            "policy_name": item.about.policy_name,
            "policy_version": item.about.policy_version,
            "part": item.part and item.part.hex,
            "role": told.role,
            "kinds": sorted(told.kinds),
            "event": item.event,
            "data": dict(item.data),
            "at": item.at.isoformat(),
        }
        for place, item in enumerate(news)
        for told in item.told
        if told.kinds
    ]
    if rows:
        await session.execute(_TELL, {"told": json.dumps(rows, ensure_ascii=False)})


async def tell_of_delay(
    session: AsyncSession, ticket: Ticket, late: Sequence[TicketCommitment], policy: Policy, at: datetime
) -> None:
    """Report to the leader's role that a reason for late steps is on record (002 第十五条).

    The reason itself stays in the ticket: it is free text, and a group's robot is another company's server.
    """
    if not late:
        return
    due_at = min(row.due_at for row in late)
    data = {"milestones": [row.milestone for row in late], "due_at": instant_text(due_at)}
    await tell(session, [News(ticket, "ticket.delay_explained", [told_of_delay(policy.edition)], data, at)])
