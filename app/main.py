"""The application: wiring only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI

from app.core.auth import KeyBook
from app.core.blobs import Blobs
from app.core.clock import Clock, system_clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.docs import install_docs
from app.core.egress import Egress
from app.core.http import install_handlers
from app.core.logs import configure_logs
from app.core.middleware import Authentication, BodyGuard, Envelope
from app.core.pdf import Printer
from app.core.scanner import Scanner
from app.core.settings import Settings, load_settings
from app.routers import (
    attachments,
    capas,
    complaint_reports,
    complaints,
    events,
    health,
    notice_channels,
    notices,
    pages,
    policies,
    quality,
    reports,
    responsibility,
    returns,
    sla,
    staff,
    survey_pages,
    surveys,
    test_clocks,
    tickets,
    webhooks,
)
from app.services.context import Kit
from app.services.directory import Directory
from app.services.notices.courier import Courier
from app.services.policy_book import SHIPPED, PolicyBook

# Routes are tried in this order: what web shops ask on every product page comes first.
_SERVED = (
    returns, tickets, sla, complaints, complaint_reports, responsibility, capas, quality, staff, surveys, policies,
    pages, survey_pages, reports, events, webhooks, notice_channels, notices, attachments, health,
)  # fmt: skip
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
    printer, egress = Printer(settings.fonts_folder), Egress(settings.webhook_hosts)
    kit = Kit(
        db, keyring, clock, directory, Courier(settings), egress, printer, Blobs(settings.attachments),
        Scanner.at(settings.scanner) is not None, settings.sandbox, settings.public_url,
    )  # fmt: skip

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
    keys = KeyBook(db)
    app.state.kit, app.state.settings, app.state.keys = kit, settings, keys
    for module in _SERVED:
        app.include_router(module.router)
    app.include_router(attachments.sending)
    if settings.sandbox:
        _log.warning("sandbox: test clocks are served; real matters belong in a deployment of their own")
        app.include_router(test_clocks.router)
    install_handlers(app)
    if with_docs:
        install_docs(app)
    app.add_middleware(BodyGuard, streamed=attachments.UPLOADS)
    app.add_middleware(Authentication, keys=keys, clock=clock)
    app.add_middleware(Envelope)
    return app
