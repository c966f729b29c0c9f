"""Webhooks: where events are sent, what became of each there, and sending them again."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    IfMatchRequired,
    NotFound,
    VersionMismatch,
)
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import PAGES, RETRY, context, writing
from app.schemas.webhooks import (
    DeliveryDetail,
    DeliveryFilter,
    DeliveryList,
    DeliveryOut,
    EndpointFilter,
    EndpointIn,
    EndpointList,
    EndpointOut,
    EndpointPatch,
    EndpointSecret,
    NothingIn,
    ReplayIn,
    ReplayOut,
)
from app.services.context import Context
from app.services.scopes import Scope
from app.services.webhooks import deliveries, endpoints, replaying
from app.services.webhooks.deliveries import EndpointDeleted, EndpointDisabled

router = APIRouter(prefix="/v1", tags=["webhooks"], route_class=StrictRoute)

Reader = Annotated[Context, Security(context, scopes=[Scope.WEBHOOKS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.WEBHOOKS_WRITE])]


@router.post("/webhook-endpoints", status_code=201, response_model=EndpointSecret, responses=problems(NotFound, *RETRY))
async def create_endpoint(body: EndpointIn, ctx: Writer) -> Response:
    """Register an address that every event from now on is sent to, signed as Standard Webhooks has it.

    The secret is shown this once. `types` filters: `ticket.closed`, `ticket.*`. The address is https on port 443 or
    8443 of a public host, or a host that the operator has named.
    """
    return response_of(await endpoints.create_endpoint(ctx, body))


@router.get("/webhook-endpoints", response_model=EndpointList, responses=PAGES)
async def list_endpoints(wanted: Annotated[EndpointFilter, Query()], ctx: Reader) -> Response:
    """List endpoints, the newest first: those all of whose lines the key sees."""
    return response_of(await endpoints.list_endpoints(ctx, wanted))


@router.get(
    "/webhook-endpoints/{endpoint}",
    response_model=EndpointOut,
    responses={304: {"description": "`If-None-Match` names this version"}, **problems(NotFound)},
)
async def get_endpoint(endpoint: str, ctx: Reader) -> Response:
    """Read an endpoint: is it enabled, and since when has it been failing?"""
    return response_of(await endpoints.get_endpoint(ctx, endpoint))


@router.patch(
    "/webhook-endpoints/{endpoint}",
    response_model=EndpointOut,
    responses=problems(NotFound, IfMatchRequired, VersionMismatch, *RETRY),
)
async def change_endpoint(endpoint: str, body: EndpointPatch, ctx: Writer) -> Response:
    """Change address, lines, filter or description (JSON merge patch, `If-Match` required).

    What waits already goes to the new address; what waits for a line taken away is given up.
    """
    return response_of(await endpoints.change_endpoint(ctx, endpoint, body))


@router.delete(
    "/webhook-endpoints/{endpoint}",
    status_code=204,
    response_class=Response,
    responses=problems(NotFound, IfMatchRequired, VersionMismatch),
)
async def delete_endpoint(endpoint: str, ctx: Writer) -> Response:
    """End an endpoint (`If-Match` required): nothing more is sent. Its deliveries can be read for 30 days."""
    return response_of(await endpoints.delete_endpoint(ctx, endpoint))


@router.post(
    "/webhook-endpoints/{endpoint}/rotate-secret", response_model=EndpointSecret, responses=problems(NotFound, *RETRY)
)
async def rotate_secret(endpoint: str, ctx: Writer, body: NothingIn = NothingIn()) -> Response:
    """Give an endpoint a new secret, shown this once. For 24 hours the one before it signs every request too."""
    return response_of(await endpoints.renew_secret(ctx, endpoint, body))


@router.post(
    "/webhook-endpoints/{endpoint}/enable",
    response_model=EndpointOut,
    responses=problems(NotFound, VersionMismatch, *RETRY),
)
async def enable_endpoint(endpoint: str, ctx: Writer, body: NothingIn = NothingIn()) -> Response:
    """Send again, beginning with what happened while it was disabled: nothing is left out."""
    return response_of(await endpoints.enable_endpoint(ctx, endpoint, body))


@router.post(
    "/webhook-endpoints/{endpoint}/disable",
    response_model=EndpointOut,
    responses=problems(NotFound, VersionMismatch, *RETRY),
)
async def disable_endpoint(endpoint: str, ctx: Writer, body: NothingIn = NothingIn()) -> Response:
    """Send nothing for now."""
    return response_of(await endpoints.disable_endpoint(ctx, endpoint, body))


@router.post(
    "/webhook-endpoints/{endpoint}/test",
    status_code=202,
    response_model=DeliveryOut,
    responses=problems(NotFound, EndpointDisabled, *RETRY),
)
async def try_endpoint(endpoint: str, ctx: Writer, body: NothingIn = NothingIn()) -> Response:
    """Send a signed `webhook.test`, whatever the filter. The answer is its delivery: read it for what came of it."""
    return response_of(await deliveries.send_test(ctx, endpoint, body))


@router.post(
    "/webhook-endpoints/{endpoint}/replay",
    status_code=202,
    response_model=ReplayOut,
    responses=problems(NotFound, *RETRY),
)
async def replay(endpoint: str, ctx: Writer, body: ReplayIn = ReplayIn()) -> Response:
    """Send a range of events again under their own ids: what was given up, or with `which: all` everything.

    `all` reaches back before the endpoint was there. A call takes 10,000 events.
    """
    return response_of(await replaying.replay(ctx, endpoint, body))


@router.get("/webhook-deliveries", response_model=DeliveryList, responses=PAGES)
async def list_deliveries(wanted: Annotated[DeliveryFilter, Query()], ctx: Reader) -> Response:
    """List what was or is to be sent, the newest first; `state=dead` is what was given up."""
    return response_of(await deliveries.list_deliveries(ctx, wanted))


@router.get("/webhook-deliveries/{delivery}", response_model=DeliveryDetail, responses=problems(NotFound))
async def get_delivery(delivery: str, ctx: Reader) -> Response:
    """Read a delivery with every attempt: when, how long, what was answered."""
    return response_of(await deliveries.get_delivery(ctx, delivery))


@router.post(
    "/webhook-deliveries/{delivery}/redeliver",
    status_code=202,
    response_model=DeliveryOut,
    responses=problems(NotFound, EndpointDeleted, *RETRY),
)
async def redeliver(delivery: str, ctx: Writer, body: NothingIn = NothingIn()) -> Response:
    """Send one event again at once, under the same id and whatever became of it before."""
    return response_of(await deliveries.redeliver(ctx, delivery, body))
