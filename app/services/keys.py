"""密钥: made for a client, rotated, listed, revoked."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network
from uuid import UUID

from sqlalchemy import select

from app.core.auth import MAX_LIFETIME, ApiKey, issue_key
from app.core.call import EVERYTHING
from app.core.db import Database
from app.core.personal import Tier
from app.models.business_lines import BusinessLine
from app.services.scopes import check_scopes

LONGEST_OVERLAP = timedelta(days=7)
GREATEST_FACTOR = 1000
# As browsers send it: without a path, in lower case. Without TLS a page of this machine only, where one is tried out.
_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?|http://(localhost|127\.0\.0\.1)(:\d{1,5})?", re.ASCII)


async def create_key(
    db: Database,
    *,
    name: str,
    scopes: list[str],
    lines: list[str],
    tier: Tier,
    now: datetime,
    lifetime: timedelta = MAX_LIFETIME,
    origins: list[str] | None = None,
    addresses: list[str] | None = None,
    rate_factor: int = 1,
) -> str:
    """Return a new key, which nobody can show again; with `origins` one for web pages, of a single line.

    Raises: ValueError for an unknown scope or business line, a name in use, a lifetime over 365 days, an origin
    or network that is none, or a rate factor that is not 1 to 1000.
    """
    check_scopes(scopes)
    if not 1 <= rate_factor <= GREATEST_FACTOR:
        raise ValueError(f"a rate factor is 1 to {GREATEST_FACTOR}")
    networks = None if addresses is None else [str(ip_network(address)) for address in addresses]
    if origins is not None:
        _check_browser_key(lines, origins)
    async with db.begin() as session:
        known = {EVERYTHING, *await session.scalars(select(BusinessLine.name))}
        for line in lines:
            if line not in known:
                raise ValueError(f"unknown business line {line!r}; known are {', '.join(sorted(known))}")
        in_use = select(ApiKey.id).where(ApiKey.name == name, ApiKey.revoked_at.is_(None), ApiKey.expires_at > now)
        if await session.scalar(in_use.limit(1)) is not None:
            raise ValueError(f"a key named {name!r} is in use: rotate it, and its client keeps its references")
        return issue_key(
            session, name=name, scopes=scopes, business_lines=lines, tier=tier, now=now, lifetime=lifetime,
            origins=origins, addresses=networks, rate_factor=rate_factor,
        )  # fmt: skip


def _check_browser_key(lines: list[str], origins: list[str]) -> None:
    if len(lines) != 1 or EVERYTHING in lines:
        raise ValueError("a browser key is for one business line")
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin: write https://shop.example, with the port where it has one")


async def rotate_key(db: Database, key: UUID, now: datetime, *, overlap: timedelta) -> str | None:
    """Return a successor of a key for the same client; the old one ends after the overlap.

    None if there is no such key.
    Raises: ValueError if the overlap is longer than seven days.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValueError("two keys of a client are good at once for seven days at most")
    async with db.begin() as session:
        old = await session.get(ApiKey, key, with_for_update=True)
        if old is None:
            return None
        old.expires_at = min(old.expires_at, now + overlap)
        return issue_key(
            session, name=old.name, scopes=old.scopes, business_lines=old.business_lines, tier=old.tier, now=now,
            client_id=old.client_id, origins=old.origins, addresses=old.addresses, rate_factor=old.rate_factor,
        )  # fmt: skip


async def list_keys(db: Database) -> Sequence[ApiKey]:
    """Return all keys, the oldest first, also those that are no longer valid."""
    async with db.begin() as session:
        return (await session.scalars(select(ApiKey).order_by(ApiKey.created_at))).all()


async def revoke_key(db: Database, key: UUID, now: datetime) -> bool:
    """End a key for every process within seconds; False if there is no such key."""
    async with db.begin() as session:
        row = await session.get(ApiKey, key, with_for_update=True)
        if row is None:
            return False
        row.revoked_at = row.revoked_at or now
    return True
