"""The application: wiring only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.core.admission import Admission, Door, Room
from app.core.auth import KeyBook
from app.core.blobs import Blobs
from app.core.browsers import BrowserAccess
from app.core.clock import Clock, system_clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.docs import install_docs, say_how_parameters_are_sent
from app.core.egress import Egress
from app.core.examples import add_examples
from app.core.http import DirectRoute, install_handlers, lists_of
from app.core.key_limits import KeyLedger, KeyLimits, KeyPolicy, Limit
from app.core.limits import BrowserLimits, Failures
from app.core.logs import configure_logs, request_line
from app.core.middleware import Authentication, BodyGuard, Envelope
from app.core.pdf import Printer
from app.core.scanner import Scanner
from app.core.serials import Serials
from app.core.settings import Settings, load_settings
from app.core.shortcut import Shortcut
from app.core.single_sign_on import SignOn
from app.models.tickets import TICKET_NUMBER
from app.routers import (
    access_log,
    attachments,
    capas,
    complaint_reports,
    complaints,
    customers,
    erasures,
    events,
    health,
    nonconformities,
    notice_channels,
    notices,
    pages,
    policies,
    purchases,
    quality,
    reports,
    responsibility,
    return_requests,
    returns,
    service_points,
    sla,
    staff,
    survey_pages,
    surveys,
    test_clocks,
    tickets,
    warranty,
    webhooks,
)
from app.services.archive.orders import WRONG_PROOFS_A_DAY
from app.services.context import Kit
from app.services.data_classes import mark_fields
from app.services.directory import Directory
from app.services.notices.courier import Courier
from app.services.policy_book import SHIPPED, PolicyBook
from app.services.single_sign_on import sign_on_of

# Routes are tried in this order: what web shops ask on every product page comes first.
_ASKED_MOST = (returns.router, tickets.direct, complaints.direct)
_SERVED = (
    tickets, sla, complaints, complaint_reports, responsibility, capas, nonconformities, quality,
    staff, service_points, surveys, customers, purchases, warranty, return_requests, policies, pages, survey_pages,
    reports, events, webhooks, notice_channels, notices, attachments, access_log, erasures, health,
)  # fmt: skip
# All that a key in a web page reaches, by POST alone.
BROWSER_PATHS = frozenset({"/v1/returns/eligibility"})
# The hotline must get its calls in: what takes them is refused last.
_INTAKE = ("POST", "/v1/tickets")
_OPERATORS_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
EXAMPLES = Path(__file__).parent / "examples"
_log = structlog.get_logger("aftersales.start")


class _Application(FastAPI):
    """Its document has examples, and tells of which class of personal data each field is."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            mark_fields(document)
            say_how_parameters_are_sent(document)
            add_examples(document, EXAMPLES)
        return super().openapi()


def create_app(
    settings: Settings | None = None, *, clock: Clock = system_clock, book: PolicyBook | None = None
) -> FastAPI:
    """Build the application from settings, by default those of the environment, and the editions they name.

    Raises: SettingsInvalid, KeyRingInvalid, PolicyFilesInvalid: each says in lines what to mend.
    """
    settings = settings or load_settings()
    configure_logs(settings)
    kit = _kit(settings, clock, book)
    keys, sign_on, ledger = KeyBook(kit.db), sign_on_of(settings), KeyLedger(kit.db, kit.keyring)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await kit.courier.close()
        if sign_on is not None:
            await sign_on.close()
        await ledger.close()
        await kit.reports.dispose()
        await kit.db.dispose()

    with_docs = settings.public_docs or settings.environment != "production"
    app = _Application(
        title="Aftersales 售后服务",
        version="1.0.0",
        summary="Tickets, complaints and deadlines under each company's own written after-sales policy.",
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url="/openapi.json" if with_docs else None,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # it would look for providers at every request
    )
    app.state.kit, app.state.settings, app.state.keys = kit, settings, keys
    # Not included, which would build each route and what it depends on a second time: 0.3 s and several MB.
    for router in (*_ASKED_MOST, *(module.router for module in _SERVED), attachments.sending):
        app.router.routes.extend(router.routes)
    if settings.sandbox:
        _log.warning("sandbox: test clocks are served; real matters belong in a deployment of their own")
        app.router.routes.extend(test_clocks.router.routes)
    install_handlers(app)
    if with_docs:
        install_docs(app)
    _surround(app, kit, settings, keys, sign_on, ledger)
    return app


def _kit(settings: Settings, clock: Clock, book: PolicyBook | None) -> Kit:
    db = Database(settings)
    keyring = KeyRing.read(settings.secret_keys_file, settings.secret_keys)
    return Kit(
        db=db,
        reports=db if settings.reports_url is None else Database(settings, url=settings.reports_url),
        keyring=keyring,
        clock=clock,
        directory=Directory(db, book or PolicyBook.load(settings.policies_folder or SHIPPED)),
        courier=Courier(settings),
        egress=Egress(settings.webhook_hosts),
        printer=Printer(settings.fonts_folder),
        blobs=Blobs(settings.attachments),
        scanned=Scanner.at(settings.scanner) is not None,
        sandbox=settings.sandbox,
        public_url=settings.public_url,
        wrong_proofs=Failures(WRONG_PROOFS_A_DAY, keyring),
        serials=Serials(TICKET_NUMBER),
    )


def _surround(
    app: FastAPI, kit: Kit, settings: Settings, keys: KeyBook, sign_on: SignOn | None, ledger: KeyLedger
) -> None:
    """Add the middleware; what is added last is outermost."""
    limits = BrowserLimits(kit.db, kit.keyring, key=settings.browser_key_limit, address=settings.browser_address_limit)
    room = Room(
        settings.requests_at_once, settings.requests_waiting, urgent=frozenset({_INTAKE}), exempt=_takes_no_place
    )
    direct = [route for router in _ASKED_MOST for route in router.routes if isinstance(route, DirectRoute)]
    app.add_middleware(Shortcut, routes=direct)
    app.add_middleware(Admission, room=room)
    app.add_middleware(KeyLimits, ledger=ledger, policy=_key_policy(settings))
    app.add_middleware(BodyGuard, streamed=attachments.UPLOADS)
    app.add_middleware(BrowserAccess, keys=keys, clock=kit.clock, limits=limits, paths=BROWSER_PATHS)
    app.add_middleware(
        Authentication, keys=keys, clock=kit.clock, sign_on=sign_on, wrong_keys=settings.wrong_key_limit,
        preflights=BROWSER_PATHS,
    )  # fmt: skip
    app.add_middleware(Door, room=room)
    app.add_middleware(Envelope, line=request_line(settings))
    if settings.trusted_proxies:
        trusted = [str(network) for network in settings.trusted_proxies]
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=trusted)


def _takes_no_place(scope: Scope) -> bool:
    """An operator's own questions must be answered; a file spends its time in waiting for who sends or reads it."""
    return scope["path"] in _OPERATORS_PATHS or attachments.FILES.fullmatch(scope["path"]) is not None


def _key_policy(settings: Settings) -> KeyPolicy:
    """Calls must get in, so their limit lets them through while it cannot be known; a list can wait."""
    lists = Limit("list", settings.key_list_limit, closed=True)
    routers = (*_ASKED_MOST, *(module.router for module in _SERVED))
    special = {operation: lists for router in routers for operation in lists_of(router)}
    special[_INTAKE] = Limit("ticket", settings.key_ticket_limit)
    return KeyPolicy(settings.key_limit, settings.key_burst, settings.key_concurrency, special)
