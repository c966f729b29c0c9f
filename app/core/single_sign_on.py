"""单点登录: people who come with a token of the company's own identity provider (OpenID Connect) instead of a key.

A token is a JWT signed by a key the provider publishes. What its holder may do follows from their roles, by a file of
the operator's: the provider says who somebody is, never what they may do here.
"""

import asyncio
import json
import re
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import NAMESPACE_URL, uuid5

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.core.call import STAFF_NO, Caller
from app.core.errors import ExpiredApiKey, IdentityProviderUnavailable, InvalidApiKey
from app.core.late import Late
from app.core.personal import Tier

if TYPE_CHECKING:
    from joserfc import errors, jwk, jwt
else:
    jwt, jwk, errors = Late("joserfc.jwt"), Late("joserfc.jwk"), Late("joserfc.errors")

# Signatures by published keys alone: with a shared secret (HS256), whoever can check a token could make one.
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
_LONGEST_TOKEN: Final = 24 * 3600  # a token cannot be revoked here: it must not live on for weeks
_LEEWAY: Final = 30
_FRESH_SECONDS: Final = 600.0
_RETRY_SECONDS: Final = 10.0  # after a failure, or an unknown key's name: the provider is not asked for each token
_TIMEOUT_SECONDS: Final = 5.0
_MOST_BYTES: Final = 512 * 1024
_CHALLENGE: Final = {"www-authenticate": "Bearer"}
_log = structlog.get_logger("aftersales.sign_on")


class Role(BaseModel):
    """What people with a role may do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scopes: Annotated[tuple[str, ...], Field(min_length=1)]
    business_lines: Annotated[tuple[str, ...], Field(min_length=1)]
    tier: Tier = Tier.GENERAL


class _RolesFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    roles: Annotated[dict[str, Role], Field(min_length=1)]


class RolesInvalid(Exception):
    """The file of roles does not make sense; the text says where."""


def read_roles(path: Path) -> dict[str, Role]:
    """Return what each role may do. Raises: RolesInvalid, also for a file that cannot be read."""
    try:
        return _RolesFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).roles
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RolesInvalid(f"{path.name}: {error}") from None
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        lines = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
        raise RolesInvalid(f"{path.name}: {'; '.join(lines)}") from None


@dataclass(frozen=True, slots=True)
class Provider:
    """Whose tokens are taken, for whom, and which claims say a person's roles and staff number."""

    issuer: str
    audience: str
    roles: Mapping[str, Role]
    roles_claim: str = "roles"
    staff_claim: str = "staff_no"


class SignOn:
    """Reads tokens by the provider's keys, which are asked for anew every ten minutes or when a name is unknown."""

    def __init__(self, provider: Provider, client: httpx.AsyncClient | None = None) -> None:
        self._provider = provider
        # No proxy of the environment: it could put keys of its own in the provider's place.
        self._client = client or httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False)
        self._keys: jwk.KeySet | None = None
        self._asked_at = self._read_at = float("-inf")
        self._asking = asyncio.Lock()

    async def caller(self, token: str, *, now: datetime) -> Caller:
        """Return the person a token names, with what their roles allow together and the widest tier of them.

        Raises: InvalidApiKey, ExpiredApiKey, IdentityProviderUnavailable.
        """
        try:
            claims = await self._claims(token, now)
            return self._person(claims)
        except errors.ExpiredTokenError:
            raise ExpiredApiKey(headers=_CHALLENGE) from None
        # What is within a token is a stranger's: the library refuses most of it by errors of its own, but not all.
        except (errors.JoseError, ValueError, TypeError, KeyError):
            raise InvalidApiKey(headers=_CHALLENGE) from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _claims(self, token: str, now: datetime) -> dict[str, Any]:
        keys = await self._known()
        try:
            read = jwt.decode(token, keys, _ALGORITHMS)
        except errors.InvalidKeyIdError:  # the provider may have a new key
            read = jwt.decode(token, await self._known(at_least=_RETRY_SECONDS), _ALGORITHMS)
        seconds = int(now.timestamp())
        registry = jwt.JWTClaimsRegistry(
            now=seconds,
            leeway=_LEEWAY,
            iss={"essential": True, "value": self._provider.issuer},
            aud={"essential": True, "value": self._provider.audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        registry.validate(read.claims)
        if read.claims["exp"] > seconds + _LONGEST_TOKEN:
            raise ValueError("the token lives too long")
        return read.claims

    def _person(self, claims: Mapping[str, Any]) -> Caller:
        staff_no, held = claims[self._provider.staff_claim], claims[self._provider.roles_claim]
        if not isinstance(staff_no, str) or not STAFF_NO.fullmatch(staff_no) or not isinstance(held, list):
            raise ValueError("the token does not say who it is for")
        roles = [self._provider.roles[name] for name in held if name in self._provider.roles]
        # The same person is the same client with every token, as references and retries need it.
        person = uuid5(NAMESPACE_URL, json.dumps([self._provider.issuer, claims["sub"]]))
        return Caller(
            key_id=person,
            client_id=person,
            name=staff_no,
            scopes=frozenset(scope for role in roles for scope in role.scopes),
            business_lines=frozenset(line for role in roles for line in role.business_lines),
            tier=max((role.tier for role in roles), key=list(Tier).index, default=Tier.PUBLIC),
            staff_no=staff_no,
        )

    async def _known(self, at_least: float = _FRESH_SECONDS) -> "jwk.KeySet":
        """Return the provider's keys, no older than so many seconds where the provider answers.

        Raises: IdentityProviderUnavailable if it never did.
        """
        if time.monotonic() - self._read_at >= at_least:
            async with self._asking:
                now = time.monotonic()
                if now - self._read_at >= at_least and now - self._asked_at >= _RETRY_SECONDS:
                    self._asked_at = now
                    await self._ask()
        if self._keys is None:
            raise IdentityProviderUnavailable
        return self._keys

    async def _ask(self) -> None:
        try:
            about = await self._document(f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration")
            if about["issuer"] != self._provider.issuer:
                raise ValueError("the provider calls itself by another name")
            self._keys = jwk.KeySet.import_key_set(await self._document(about["jwks_uri"]))
            self._read_at = time.monotonic()
        except (httpx.HTTPError, httpx.InvalidURL, errors.JoseError, ValueError, TypeError, KeyError) as error:
            _log.error("the identity provider's keys cannot be read", error=type(error).__name__)

    async def _document(self, url: str) -> Any:
        if not _WEB.match(url):
            raise ValueError("no web address")
        async with self._client.stream("GET", url) as response:
            response.raise_for_status()
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise ValueError("too long")
        return json.loads(body)


# Without TLS the provider on this machine alone, where one is tried out.
_WEB = re.compile(r"https://|http://(localhost|127\.0\.0\.1)[:/]")
