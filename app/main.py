"""The application: wiring only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI

from app.core.auth import KeyBook
from app.core.browsers import BrowserAccess
from app.core.clock import Clock, system_clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.docs import install_docs
from app.core.egress import Egress
from app.core.http import install_handlers
from app.core.limits import BrowserLimits, Failures
from app.core.logs import configure_logs
from app.core.middleware import Authentication, BodyGuard, Envelope
from app.core.settings import Settings, load_settings
from app.routers import (
    complaints,
    customers,
    events,
    health,
    notice_channels,
    notices,
    pages,
    policies,
    purchases,
    quality,
    sla,
    staff,
    test_clocks,
    tickets,
    warranty,
    webhooks,
)
from app.services.archive.orders import WRONG_PROOFS_A_DAY
from app.services.context import Kit
from app.services.directory import Directory
from app.services.notices.courier import Courier
from app.services.policy_book import SHIPPED, PolicyBook

# All that a key in a web page reaches, by POST alone.
BROWSER_PATHS = frozenset({"/v1/returns/eligibility"})
_log = structlog.get_logger("aftersales.start")


def create_app(
    settings: Settings | None = None, *, clock: Clock = system_clock, book: PolicyBook | None = None
) -> FastAPI:
    """Build the application from settings, by default those of the environment, and the editions they name.

    Raises: SettingsInvalid, KeyRingInvalid, PolicyFilesInvalid: each says in lines what to mend.
    """
    settings = settings or load_settings()
    configure_logs(settings)
    db = Database(settings)
    keyring = KeyRing.read(settings.secret_keys_file, settings.secret_keys)
    directory = Directory(db, book or PolicyBook.load(settings.policies_folder or SHIPPED))
    kit = Kit(
        db,
        keyring,
        clock,
        directory,
        Courier(settings),
        Egress(settings.webhook_hosts),
        settings.sandbox,
        Failures(WRONG_PROOFS_A_DAY),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await kit.courier.close()
        await db.dispose()

    with_docs = settings.public_docs or settings.environment != "production"
    app = FastAPI(
        title="Aftersales 售后服务",
        version="1.0.0",
        summary="Tickets, complaints and deadlines under each company's own written after-sales policy.",
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url="/openapi.json" if with_docs else None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.kit, app.state.settings = kit, settings
    for module in (
        tickets, sla, complaints, quality, staff, policies, pages, events, webhooks, notice_channels, notices,
        customers, purchases, warranty, health,
    ):  # fmt: skip
        app.include_router(module.router)
    if settings.sandbox:
        _log.warning("sandbox: test clocks are served; real matters belong in a deployment of their own")
        app.include_router(test_clocks.router)
    install_handlers(app)
    if with_docs:
        install_docs(app)
    _surround(app, settings, db, clock)
    return app


def _surround(app: FastAPI, settings: Settings, db: Database, clock: Clock) -> None:
    """Add the middleware; what is added last is outermost."""
    keys = KeyBook(db)
    limits = BrowserLimits(key=settings.browser_key_limit, address=settings.browser_address_limit)
    app.add_middleware(BodyGuard)
    app.add_middleware(BrowserAccess, keys=keys, clock=clock, limits=limits, paths=BROWSER_PATHS)
    app.add_middleware(Authentication, keys=keys, clock=clock, preflights=BROWSER_PATHS)
    app.add_middleware(Envelope)
