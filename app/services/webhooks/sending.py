"""One attempt: an event made into a signed request, sent, and judged by what came back."""

import random
import time
from datetime import datetime, timedelta

import structlog

from app.core.crypto import KeyRing
from app.core.metrics import WEBHOOK_SECONDS
from app.core.personal import mask_text
from app.core.wire import NoReply, Reply, Wire
from app.services.directory import Known
from app.services.rules.webhooks import OWN_FAULT, SPREAD, Outcome, judge_try
from app.services.webhooks.dispatching import Claimed, Result
from app.services.webhooks.messages import body_of, headers_of
from app.services.webhooks.signing import signing_secrets

_log = structlog.get_logger("aftersales.webhooks")


async def send(
    wire: Wire, claimed: Claimed, *, known: Known, keyring: KeyRing, public_url: str, now: datetime
) -> Result:
    """Offer an event to its receiver once. Whatever goes wrong is in the result, never raised."""
    started, reply = time.perf_counter(), None
    try:
        reply = await _post(wire, claimed, known, keyring, public_url, now)
        wait = None if reply.retry_after is None else timedelta(seconds=reply.retry_after)
        outcome = Outcome(status=reply.status, retry_after=wait)
    except NoReply as silence:
        outcome = Outcome(error=silence.code)
    except Exception as error:  # an event that cannot be sent stops no other
        _log.error("webhook not sendable", delivery=claimed.id.hex, exc_info=error)
        outcome = Outcome(error=OWN_FAULT)
    seconds = time.perf_counter() - started
    WEBHOOK_SECONDS.labels(_word(outcome)).observe(seconds)
    verdict = judge_try(outcome, claimed.tries + 1, spread=random.uniform(*SPREAD))  # noqa: S311 - no secret
    said = None if reply is None or outcome.delivered else mask_text(reply.text)
    return Result(claimed, outcome, verdict, round(seconds * 1000), said)


async def _post(wire: Wire, claimed: Claimed, known: Known, keyring: KeyRing, public_url: str, now: datetime) -> Reply:
    event = claimed.event
    body = body_of(event, known.by_id[event.business_line_id].name, keyring=keyring, public_url=public_url)
    secrets = signing_secrets(keyring, claimed.endpoint_id, claimed.secrets_sealed, claimed.previous_until, now)
    headers = headers_of(event, body, secrets, timestamp=int(now.timestamp()), attempt=claimed.tries + 1)
    return await wire.post(body, headers)


def _word(outcome: Outcome) -> str:
    if outcome.delivered:
        return "delivered"
    return "unanswered" if outcome.status is None else "refused"
