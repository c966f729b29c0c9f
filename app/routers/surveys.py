"""Surveys of satisfaction, their answers, and what they add up to."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    CursorFilterMismatch,
    InvalidCursor,
    NotFound,
    ValidationFailed,
    VersionMismatch,
)
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import PAGES, RETRY, context, writing
from app.schemas.lists import SatisfactionFilter, SurveyCampaignFilter, SurveyFilter
from app.schemas.survey_campaigns import SurveyCampaignIn, SurveyCampaignList, SurveyCampaignOut
from app.schemas.surveys import (
    AnswersIn,
    OptOutIn,
    OptOutOut,
    Satisfaction,
    SurveyIn,
    SurveyInvitation,
    SurveyList,
    SurveyOut,
)
from app.services.context import Context
from app.services.scopes import Scope
from app.services.surveys import answering, asking, campaigns, reading, satisfaction
from app.services.surveys.refusals import CustomerNotAsked, SurveyClosed, SurveyTooEarly

router = APIRouter(prefix="/v1", tags=["surveys"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.SURVEYS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.SURVEYS_WRITE])]


@router.post(
    "/surveys",
    status_code=201,
    response_model=SurveyInvitation,
    responses={
        200: {"model": SurveyInvitation, "description": "The customer was asked already"},
        **problems(NotFound, SurveyTooEarly, CustomerNotAsked, *RETRY),
    },
)
async def ask_customer(body: SurveyIn, ctx: Writer) -> Response:
    """Ask a customer now, by hand; `url` is the customer's page. Workers ask by themselves when a matter is over."""
    return response_of(await asking.ask_customer(ctx, body))


@router.post("/surveys/opt-ins", status_code=201, response_model=OptOutOut, responses=problems(NotFound, *RETRY))
async def opt_in(body: OptOutIn, ctx: Writer) -> Response:
    """Note that a customer who wanted no surveys wants them again, by every contact that is given."""
    return response_of(await asking.opt_in(ctx, body))


@router.post("/surveys/opt-outs", status_code=201, response_model=OptOutOut, responses=problems(NotFound, *RETRY))
async def opt_out(body: OptOutIn, ctx: Writer) -> Response:
    """Note that a customer does not want to be asked; it counts for what waits to be sent, too."""
    return response_of(await asking.opt_out(ctx, body))


@router.get(
    "/surveys",
    response_model=SurveyList,
    responses=problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed),
)
async def list_surveys(wanted: Annotated[SurveyFilter, Query()], ctx: Reader) -> Response:
    """List surveys, the latest first."""
    return response_of(await reading.list_surveys(ctx, wanted))


@router.get("/surveys/{survey}", response_model=SurveyOut, responses=problems(NotFound))
async def get_survey(survey: str, ctx: Reader) -> Response:
    """Read a survey with its answers and the follow-up they led to."""
    return response_of(await reading.get_survey(ctx, survey))


@router.post(
    "/surveys/{survey}/answers",
    response_model=SurveyOut,
    responses=problems(NotFound, SurveyClosed, VersionMismatch, *RETRY),
)
async def post_answers(survey: str, body: AnswersIn, ctx: Writer) -> Response:
    """Enter what a customer said on a return visit (回访), or the key they pressed: one key press is `overall`.

    The same answers again change nothing. A dissatisfied answer opens its follow-up ticket at once.
    """
    return response_of(await answering.post_answers(ctx, survey, body))


@router.post(
    "/survey-campaigns", status_code=201, response_model=SurveyCampaignOut, responses=problems(NotFound, *RETRY)
)
async def open_campaign(body: SurveyCampaignIn, ctx: Writer) -> Response:
    """Ask many customers without a ticket (定期调查, 忠诚度调查): those on a list, or those who had a ticket.

    The edition's share of them is drawn by lot; nobody is asked more often than once in its period.
    """
    return response_of(await campaigns.open_campaign(ctx, body))


@router.get("/survey-campaigns", response_model=SurveyCampaignList, responses=PAGES)
async def list_campaigns(wanted: Annotated[SurveyCampaignFilter, Query()], ctx: Reader) -> Response:
    """List campaigns, the latest first."""
    return response_of(await campaigns.list_campaigns(ctx, wanted))


@router.get("/survey-campaigns/{campaign}", responses=problems(NotFound))
async def get_campaign(campaign: str, ctx: Reader) -> SurveyCampaignOut:
    """Read a campaign: how many were drawn, of how many, and how far it is."""
    return await campaigns.get_campaign(ctx, campaign)


@router.get("/satisfaction", responses=problems(NotFound, ValidationFailed))
async def read_satisfaction(wanted: Annotated[SatisfactionFilter, Query()], ctx: Reader) -> Satisfaction:
    """Count what customers of a period said, with the 95 % intervals of what the figures can mean."""
    return await satisfaction.read_satisfaction(ctx, wanted)
