"""定期调查与忠诚度调查: many customers of a line asked at one time, without a ticket.

Who is asked is drawn by lot when the campaign is opened; whether they still may be asked is looked up when their turn
comes, as for any survey.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.errors import FieldError, NotFound, ValidationFailed
from app.core.ids import id_from, id_text, new_id
from app.core.language import Text
from app.core.pagination import next_link
from app.models.surveys import Survey, SurveyCampaign
from app.models.tickets import Ticket
from app.schemas.lists import SurveyCampaignFilter
from app.schemas.survey_campaigns import MOST_CUSTOMERS, SurveyCampaignIn, SurveyCampaignList, SurveyCampaignOut
from app.schemas.tickets import PolicyRef
from app.services.context import Context
from app.services.directory import Line
from app.services.listing import latest_first
from app.services.policy_book import Policy
from app.services.rules.surveys import (
    InvitedBy,
    SkipReason,
    SurveyChannel,
    SurveyKind,
    SurveyState,
    contact_time,
    drawn,
    lot_of,
)
from app.services.surveys.customers import contact_hashes, inviter, seal_contact
from app.services.tickets.customers import open_customer

_PREFIX = "cmp"


class SurveyCampaignNotFound(NotFound):
    """No such campaign, or one of a line the caller does not see."""

    title = Text("未找到该调查批次", "No such survey campaign")


@dataclass(frozen=True, slots=True)
class _Customer:
    """Somebody who could be asked."""

    name: str | None
    phone: str | None
    email: str | None
    external_id: str | None


async def open_campaign(ctx: Context, body: SurveyCampaignIn) -> Answer:
    """Draw the customers of a campaign by lot, and note when they are to be asked.

    Raises: NotFound for a line that is not the caller's; ValidationFailed for who cannot be reached, or too many.
    """
    line = ctx.line(body.business_line)
    policy = ctx.known.policy_on(line, ctx.now)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        session = unit.session
        if body.tickets_since is not None:
            everybody = await _customers_since(session, ctx, line, policy, body.tickets_since)
        else:
            everybody = [_Customer(**customer.model_dump()) for customer in body.customers or []]
            _check_reachable(everybody, policy)
        campaign_id = new_id()
        campaign = SurveyCampaign(
            id=campaign_id, business_line_id=line.id, kind=SurveyKind(body.kind), policy_name=policy.name,
            policy_version=policy.version, seed=body.seed or id_text(_PREFIX, campaign_id), customers=0, drawn=0,
            percent=policy.edition.surveys.campaign_percent.value, send_at=max(body.send_at or ctx.now, ctx.now),
            created_at=ctx.now,
        )  # fmt: skip
        surveys = [_survey(ctx, campaign, policy, *found) for found in _different(ctx, everybody)]
        campaign.customers = len(surveys)
        campaign.drawn = sum(survey.state is SurveyState.QUEUED for survey in surveys)
        session.add(campaign)
        await session.flush()
        session.add_all(surveys)
        await session.flush()
        [shown] = await _shown(session, ctx, [campaign])
        return unit.answer(Answer.of(201, shown, location=f"/v1/survey-campaigns/{shown.id}"))


async def get_campaign(ctx: Context, reference: str) -> SurveyCampaignOut:
    """Raises: SurveyCampaignNotFound."""
    wanted = select(SurveyCampaign).where(
        SurveyCampaign.id == id_from(_PREFIX, reference), SurveyCampaign.business_line_id.in_(ctx.line_ids())
    )
    async with ctx.db.read() as session:
        campaign = await session.scalar(wanted)
        if campaign is None:
            raise SurveyCampaignNotFound
        [shown] = await _shown(session, ctx, [campaign])
    return shown


async def list_campaigns(ctx: Context, wanted: SurveyCampaignFilter) -> Answer:
    """Return the campaigns of the caller's lines, the latest first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(SurveyCampaign).where(SurveyCampaign.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    async with ctx.db.read() as session:
        found, following = await latest_first(ctx, session, chosen, SurveyCampaign.created_at, wanted=wanted)
        items = await _shown(session, ctx, found)
    page = SurveyCampaignList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


async def _customers_since(
    session: AsyncSession, ctx: Context, line: Line, policy: Policy, since: date
) -> list[_Customer]:
    """Return those who had a ticket since a day and can be reached, as their latest ticket has them."""
    midnight = datetime.combine(since, time(), ZoneInfo(policy.time.timezone))
    tickets = (
        select(Ticket.id, Ticket.customer_sealed, Ticket.customer_external_id)
        .where(Ticket.business_line_id == line.id, Ticket.opened_at >= midnight, Ticket.test_clock_id.is_(None))
        .order_by(Ticket.opened_at.desc())
        .limit(MOST_CUSTOMERS + 1)
    )
    rows = (await session.execute(tickets)).all()
    if len(rows) > MOST_CUSTOMERS:
        detail = Text(
            f"该日起工单超过{MOST_CUSTOMERS}件：请缩短期间", f"More than {MOST_CUSTOMERS} tickets: take a later day"
        )
        raise ValidationFailed(errors=[FieldError(("pointer", "#/tickets_since"), "too_many", detail)])
    people = ((open_customer(sealed, ticket, ctx.keyring), external_id) for ticket, sealed, external_id in rows)
    found = [_Customer(who["name"], who["phone"], who["email"], external_id) for who, external_id in people]
    return [customer for customer in found if _reachable(customer, policy)]


def _reachable(customer: _Customer, policy: Policy) -> bool:
    """Tell whether the link gets to them: by email, or through the CRM, which knows its customers by their ids."""
    by_email = inviter(policy.edition.surveys, customer.email) is InvitedBy.EMAIL
    return by_email or customer.external_id is not None


def _check_reachable(customers: Sequence[_Customer], policy: Policy) -> None:
    """Raises: ValidationFailed."""
    detail = Text("由 CRM 发送时须有 external_id", "The CRM, which sends the link, needs an external_id")
    errors = [
        FieldError(("pointer", f"#/customers/{place}/external_id"), "required", detail)
        for place, customer in enumerate(customers)
        if not _reachable(customer, policy)
    ]
    if errors:
        raise ValidationFailed(errors=errors)


def _different(ctx: Context, customers: Iterable[_Customer]) -> Iterator[tuple[_Customer, list[bytes]]]:
    """Leave out who shares a contact with somebody before; give the keyed hashes of the others."""
    seen: set[bytes] = set()
    for customer in customers:
        hashes = contact_hashes(
            ctx.keyring, phone=customer.phone, email=customer.email, external_id=customer.external_id
        )  # fmt: skip
        if seen.isdisjoint(hashes):
            yield customer, hashes
        seen.update(hashes)


def _survey(
    ctx: Context, campaign: SurveyCampaign, policy: Policy, customer: _Customer, hashes: list[bytes]
) -> Survey:  # fmt: skip
    """Return a customer's survey: queued if they are drawn, else passed over, without their contact."""
    terms, lot = policy.edition.surveys, lot_of(campaign.seed, hashes[0])
    chosen = lot < campaign.percent
    first_at = contact_time(campaign.send_at, policy.edition.calendar.contact_hours.value, policy.time.timezone)
    survey = Survey(
        id=new_id(), kind=campaign.kind, business_line_id=campaign.business_line_id, campaign_id=campaign.id, lot=lot,
        version=1, events_emitted=0, policy_name=policy.name, policy_version=policy.version,
        form_version=terms.form_version, channel=SurveyChannel.WEB, invited_by=inviter(terms, customer.email),
        customer_hashes=hashes, customer_external_id=customer.external_id,
        state=SurveyState.QUEUED if chosen else SurveyState.SKIPPED,
        skipped_because=None if chosen else SkipReason.NOT_DRAWN, next_at=first_at if chosen else None,
        created_at=ctx.now, updated_at=ctx.now, scores={},
    )  # fmt: skip
    asks_loyalty = campaign.kind is SurveyKind.LOYALTY or drawn(survey.id, terms.loyalty_percent.value, "loyalty")
    survey.with_loyalty = asks_loyalty
    if chosen:
        contact = {"name": customer.name, "phone": customer.phone, "email": customer.email}
        seal_contact(survey, contact, ctx.keyring)
    return survey


async def _shown(
    session: AsyncSession, ctx: Context, campaigns: Sequence[SurveyCampaign]
) -> list[SurveyCampaignOut]:  # fmt: skip
    """Shape campaigns, with how many of their surveys are in which state."""
    counted = select(Survey.campaign_id, Survey.state, func.count()).where(
        Survey.campaign_id.in_(campaign.id for campaign in campaigns)
    )
    states: dict[UUID, dict[SurveyState, int]] = {campaign.id: {} for campaign in campaigns}
    for campaign_id, state, n in await session.execute(counted.group_by(Survey.campaign_id, Survey.state)):
        if campaign_id is not None:
            states[campaign_id][state] = n
    return [
        SurveyCampaignOut(
            id=id_text(_PREFIX, campaign.id),
            business_line=ctx.known.by_id[campaign.business_line_id].name,
            kind=campaign.kind,
            policy=PolicyRef(name=campaign.policy_name, version=campaign.policy_version),
            seed=campaign.seed,
            percent=campaign.percent,
            customers=campaign.customers,
            drawn=campaign.drawn,
            states=states[campaign.id],
            send_at=campaign.send_at,
            created_at=campaign.created_at,
        )
        for campaign in campaigns
    ]
