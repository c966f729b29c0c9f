"""What a use case is given: the caller and the call, the time, the database, the editions."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from app.core.answers import PROBLEM_JSON, Answer
from app.core.blobs import Blobs
from app.core.call import EVERYTHING, Call, Caller
from app.core.clock import Clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.egress import Egress
from app.core.errors import FieldError, NotFound, ServiceError, ValidationFailed
from app.core.idempotency import Claim
from app.core.language import Text
from app.core.limits import Failures
from app.core.pdf import Printer
from app.core.serials import Serials
from app.core.unit import Unit, unit_of_work
from app.services.directory import Directory, EditionUnavailable, Known, Line
from app.services.notices.courier import Courier
from app.services.policy_book import Policy


@dataclass(frozen=True, slots=True)
class Kit:
    """What a process holds for all requests."""

    db: Database
    reports: Database  # perhaps a replica, which lags behind
    keyring: KeyRing
    clock: Clock
    directory: Directory
    courier: Courier
    egress: Egress
    printer: Printer
    blobs: Blobs
    scanned: bool  # attachments wait for a scanner
    sandbox: bool  # there may be test clocks
    public_url: str  # what links to customers begin with; empty: the path alone
    wrong_proofs: Failures  # by business line and order number
    serials: Serials  # of tickets


@dataclass(frozen=True, slots=True)
class Context:
    """One request's view. `now` is when it came, or got its turn on a ticket, or the time of a ticket's test clock."""

    kit: Kit
    caller: Caller
    call: Call
    known: Known
    now: datetime = field(compare=False)

    @property
    def db(self) -> Database:
        """The database, which shows and takes rows of the caller's lines only."""
        return self.kit.db.limited_to(self.line_ids())

    @property
    def reports(self) -> Database:
        """The database that reports are read from: the same, or a replica of it."""
        return self.kit.reports.limited_to(self.line_ids())

    @property
    def keyring(self) -> KeyRing:
        return self.kit.keyring

    async def edition_of(self, name: str, version: str) -> Policy:
        """Return an edition a ticket keeps, looking again if another process registered it a moment ago.

        Raises: EditionUnavailable.
        """
        try:
            return self.known.edition(name, version)
        except EditionUnavailable:
            await self.kit.directory.refresh()
            return (await self.kit.directory.known()).edition(name, version)

    def write(self, body: BaseModel | None, *, line: str = "") -> AbstractAsyncContextManager[Unit]:
        """Open the transaction of a write, under the request's idempotency key if it carries one."""
        return unit_of_work(self.db, self.claim(body, line=line), self._render)

    def claim(self, body: BaseModel | None, *, line: str = "") -> Claim | None:
        """Return the claim to the request's idempotency key; None if it carries none."""
        return Claim.of(self.call, self.caller, body, line=line, now=self.now, keyring=self.keyring)

    def _render(self, refusal: ServiceError) -> Answer:
        language = self.call.language
        body = refusal.rendered(language, instance=self.call.path, request_id=self.call.request_id)
        headers = {"content-type": PROBLEM_JSON, "content-language": language, **refusal.headers}
        return Answer(refusal.status, body, headers)

    def line(self, name: str | None) -> Line:
        """Return the line a request is about: the one it names, or the only one its key is bound to.

        Raises: NotFound for a line that does not exist or is not the caller's; ValidationFailed if it must be named.
        """
        if name is None:
            name = self._only_line()
        line = self.known.by_name.get(name)
        if line is None or not self.caller.sees(line.name):
            raise NotFound(Text("未找到该经营线", "No such business line"))
        return line

    def _only_line(self) -> str:
        lines = self.caller.business_lines
        if len(lines) == 1 and EVERYTHING not in lines:
            return next(iter(lines))
        raise ValidationFailed(
            errors=[
                FieldError(
                    ("pointer", "#/business_line"),
                    "required",
                    Text(
                        "该密钥可用于多个经营线，请注明 business_line",
                        "The key serves several lines: name the business_line",
                    ),
                )
            ]
        )

    def line_ids(self, names: str | None = None) -> list[UUID]:
        """Return the ids of the caller's lines, or of those named (separated by commas) among them.

        Raises: NotFound if a named line does not exist or is not the caller's.
        """
        if names is not None:
            return [self.line(name.strip()).id for name in dict.fromkeys(names.split(","))]
        return [line.id for line in self.known.by_name.values() if self.caller.sees(line.name)]
