"""API keys: made once, stored as a hash, known to every process within seconds of a change."""

import secrets
import time
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import LargeBinary, String, Text, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.call import Caller
from app.core.db import Base, Database, worded
from app.core.errors import AddressNotAllowed, ExpiredApiKey, InvalidApiKey
from app.core.ids import new_id
from app.core.personal import Tier

SECRET_PREFIX = "as_sk_"  # noqa: S105 — public: it says what kind of key follows
BROWSER_PREFIX = "as_pk_"  # what follows stands in a web page for everybody to read
MAX_LIFETIME = timedelta(days=365)
CHALLENGE = {"WWW-Authenticate": "Bearer"}
_FRESH_SECONDS = 2.0  # revocation must be felt in every process within 5 s
_MOST_CACHED = 10_000


class ApiKey(Base):
    """密钥. Only its hash is kept; the key itself is shown once, when it is made.

    A browser key has `origins`, the pages it may be used from, exactly as browsers name them. `addresses` are the
    networks a key may be used from, in CIDR notation; None: from anywhere. `rate_factor` multiplies the rate limits.
    """

    __tablename__ = "api_key"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(80))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    business_lines: Mapped[list[str]] = mapped_column(ARRAY(Text))
    tier: Mapped[Tier] = mapped_column(worded(Tier))
    origins: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    addresses: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    rate_factor: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


def issue_key(
    session: AsyncSession,
    *,
    name: str,
    scopes: list[str],
    business_lines: list[str],
    tier: Tier,
    now: datetime,
    lifetime: timedelta = MAX_LIFETIME,
    client_id: UUID | None = None,
    origins: list[str] | None = None,
    addresses: list[str] | None = None,
    rate_factor: int = 1,
) -> str:
    """Add a key and return it: 256 random bits behind `as_sk_`, never to be seen again; with `origins` a browser key.

    A client keeps its references (`external_ref`) from key to key; without `client_id` the key is a new client's.

    Raises: ValueError if `lifetime` is not between a minute and 365 days.
    """
    if not timedelta(minutes=1) <= lifetime <= MAX_LIFETIME:
        raise ValueError("a key lives between a minute and 365 days")
    secret = (SECRET_PREFIX if origins is None else BROWSER_PREFIX) + secrets.token_urlsafe(32)
    session.add(
        ApiKey(
            id=new_id(), client_id=client_id or new_id(), name=name, key_hash=_hash(secret), scopes=scopes,
            business_lines=business_lines, tier=tier, origins=origins, addresses=addresses, rate_factor=rate_factor,
            created_at=now, expires_at=now + lifetime,
        )
    )  # fmt: skip
    return secret


class KeyBook:
    """The keys this process has seen, each read again when older than two seconds."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[bytes, tuple[float, _Known]] = {}
        self._origins: frozenset[str] = frozenset()
        self._origins_read_at = float("-inf")

    async def caller(self, secret: str, *, now: datetime, address: str) -> Caller:
        """Return whose key this is, sent from an address.

        Raises: InvalidApiKey, ExpiredApiKey, AddressNotAllowed, DatabaseUnavailable.
        """
        if not secret.startswith((SECRET_PREFIX, BROWSER_PREFIX)) or len(secret) > 200:
            raise InvalidApiKey(headers=CHALLENGE)
        return _valid(await self._key(_hash(secret)), now, address)

    async def knows_origin(self, origin: str, *, now: datetime) -> bool:
        """Tell whether some browser key that is good now may be used from an origin. Read anew every two seconds.

        Raises: DatabaseUnavailable.
        """
        if time.monotonic() - self._origins_read_at >= _FRESH_SECONDS:
            listed = select(func.unnest(ApiKey.origins)).where(
                ApiKey.origins.is_not(None), ApiKey.revoked_at.is_(None), ApiKey.expires_at > now
            )
            async with self._db.begin() as session:
                self._origins = frozenset(await session.scalars(listed))
            self._origins_read_at = time.monotonic()
        return origin in self._origins

    async def caller_of(self, key_id: UUID, *, now: datetime, address: str) -> Caller:
        """Return whom a signed-in browser acts for.

        Raises: InvalidApiKey, ExpiredApiKey, AddressNotAllowed, DatabaseUnavailable.
        """
        async with self._db.begin() as session:
            key = await session.get(ApiKey, key_id)
        return _valid(None if key is None else _Known.of(key), now, address)

    async def _key(self, key_hash: bytes) -> "_Known | None":
        read_at, known = self._known.get(key_hash, (0.0, None))
        if known is not None and time.monotonic() - read_at < _FRESH_SECONDS:
            return known
        async with self._db.begin() as session:
            key = await session.scalar(select(ApiKey).where(ApiKey.key_hash == key_hash))
        if key is None:
            self._known.pop(key_hash, None)
            return None
        if len(self._known) >= _MOST_CACHED:
            self._known.clear()
        known = _Known.of(key)
        self._known[key_hash] = (time.monotonic(), known)
        return known


class _Known(NamedTuple):
    """A key as it was read: whose it is, when it ends, by its date or by revocation, and whence it may come."""

    caller: Caller
    ends_at: datetime
    networks: tuple[IPv4Network | IPv6Network, ...] | None

    @classmethod
    def of(cls, key: ApiKey) -> "_Known":
        scopes, lines = frozenset(key.scopes), frozenset(key.business_lines)
        origins = None if key.origins is None else frozenset(key.origins)
        caller = Caller(key.id, key.client_id, key.name, scopes, lines, key.tier, origins, rate_factor=key.rate_factor)
        networks = None if key.addresses is None else tuple(map(ip_network, key.addresses))
        return cls(caller, min(key.expires_at, key.revoked_at or key.expires_at), networks)


def _valid(known: _Known | None, now: datetime, address: str) -> Caller:
    if known is None:
        raise InvalidApiKey(headers=CHALLENGE)
    if known.ends_at <= now:
        raise ExpiredApiKey(headers=CHALLENGE)
    if known.networks is not None and not _within(address, known.networks):
        raise AddressNotAllowed
    return known.caller


def _within(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:  # no address at all: a socket of this machine
        return False
    plain = found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
    return any(plain in network for network in networks)


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
