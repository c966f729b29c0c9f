"""Settings from the environment: `DATABASE_URL` and `AFTERSALES_*`. A misspelt name is an error, not a default."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, IPvAnyNetwork, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.egress import named_host
from app.core.mail import Mailbox
from app.core.scanner import ADDRESS

PREFIX = "AFTERSALES_"
_SIGN_ON = ("oidc_issuer", "oidc_audience", "oidc_roles_file")


class SettingsInvalid(Exception):
    """The environment does not make sense; `lines` says how, one line a fault."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


class Settings(BaseSettings):
    """What a deployment decides. Every field but the first is the variable `AFTERSALES_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    # Of several hosts, `host:port,host:port`, the one that takes writes is found.
    database_url: Annotated[str, Field(validation_alias="DATABASE_URL", min_length=1)]
    reports_url: str | None = None  # of a replica for reports, which may lag behind; None: they read where all is read
    pgbouncer: bool = False  # the databases are reached through PgBouncer in transaction mode
    secret_keys_file: Path | None = None  # the key ring, one `name:base64 of 32 bytes` a line, the first in use
    secret_keys: str | None = None  # the same, separated by commas
    environment: Literal["development", "production"] = "production"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    pool_size: Annotated[int, Field(ge=1, le=200)] = 16
    pool_timeout_seconds: Annotated[float, Field(gt=0, le=30)] = 1.0
    statement_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 5.0
    lock_timeout_seconds: Annotated[float, Field(gt=0, le=30)] = 2.0
    sandbox: bool = False  # a deployment for integrators' tests: it has test clocks, and no real matters
    public_url: Annotated[str, Field(pattern=r"^(https?://[^\s/?#]+)?$")] = ""  # what links to customers begin with
    public_docs: bool = False  # serve /docs and /openapi.json in production too
    metrics_token: Annotated[str, Field(min_length=32)] | None = None  # in production, what /metrics asks for
    policies_folder: Path | None = None  # None: the editions that ship with the program
    fonts_folder: Path | None = None  # of Chinese fonts for PDF documents; None: those of the system
    smtp_url: str | None = None  # where notices by email are handed in
    smtp_from: Annotated[str, Field(pattern=r"^[!-?A-~]+@[!-?A-~]+$")] | None = None  # None: the user of the SMTP URL
    robot_gateways: str = ""  # what robots' addresses may begin with beside the vendors' own, separated by commas
    attachments: Annotated[str, Field(min_length=1)] = ".data/attachments"  # a folder, or s3://bucket/prefix
    scanner: Annotated[str, Field(pattern=rf"^(none|{ADDRESS.pattern})$")] = "none"  # of attachments: clamd://host:3310
    ticket_url: Annotated[str, Field(pattern=r"^https?://[!-~]*\{ticket\}[!-~]*$")] | None = None  # linked in notices
    # Hosts of the company's own, `host` or `host:port` separated by commas: webhooks may go there in spite of a private
    # address, and by http.
    webhook_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    # Proxies of the company's own, addresses or networks separated by commas: whom they forward for is believed.
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()
    oidc_issuer: Annotated[str, Field(pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])")] | None = None
    oidc_audience: Annotated[str, Field(min_length=1)] | None = None
    oidc_roles_file: Path | None = None  # what people with a role may do
    oidc_roles_claim: str = "roles"
    oidc_staff_claim: str = "staff_no"
    wrong_key_limit: Annotated[int, Field(ge=1, le=1_000_000)] = 10  # a minute by an address, in each process
    # What a secret key may do: requests a minute and a second in all processes, under way at once in each of them.
    key_limit: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    key_burst: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    key_concurrency: Annotated[int, Field(ge=1, le=100_000)] = 20
    key_ticket_limit: Annotated[int, Field(ge=1, le=1_000_000)] = 300  # tickets taken, a minute
    key_list_limit: Annotated[int, Field(ge=1, le=1_000_000)] = 120  # lists and searches, a minute
    requests_at_once: Annotated[int, Field(ge=1, le=10_000)] = 16  # served at a time by each process
    requests_waiting: Annotated[int, Field(ge=0, le=10_000)] = 64  # for their turn, for a second at most
    # Requests a minute by browser keys.
    browser_key_limit: Annotated[int, Field(ge=1, le=100_000)] = 60
    browser_address_limit: Annotated[int, Field(ge=1, le=100_000)] = 10

    @field_validator("database_url")
    @classmethod
    def _with_driver(cls, url: str) -> str:
        return _for_driver(url)

    @field_validator("reports_url")
    @classmethod
    def _of_a_replica(cls, url: str | None) -> str | None:
        return url and _for_driver(url)

    @field_validator("smtp_url")
    @classmethod
    def _of_a_mail_server(cls, url: str | None) -> str | None:
        if url is not None:
            Mailbox.parse(url)
        return url

    @field_validator("robot_gateways")
    @classmethod
    def _of_gateways(cls, prefixes: str) -> str:
        wrong = [prefix for prefix in _separated(prefixes) if not _GATEWAY.fullmatch(prefix)]
        if wrong:
            raise ValueError("each is written https://host/path/ and ends with a slash")
        return prefixes

    @field_validator("webhook_hosts", mode="before")
    @classmethod
    def _named_hosts(cls, hosts: str | tuple[str, ...]) -> tuple[str, ...]:
        listed = hosts.split(",") if isinstance(hosts, str) else hosts
        return tuple(named_host(entry) for entry in listed if entry.strip())

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, networks: str | tuple[str, ...]) -> tuple[str, ...]:
        return _separated(networks) if isinstance(networks, str) else networks

    @model_validator(mode="after")
    def _sign_on_is_whole(self) -> Self:
        given = [name for name in _SIGN_ON if getattr(self, name) is not None]
        if given and len(given) < len(_SIGN_ON):
            missing = ", ".join(f"{PREFIX}{name.upper()}" for name in _SIGN_ON if name not in given)
            raise ValueError(f"single sign-on needs {missing} too")
        return self

    @property
    def gateways(self) -> tuple[str, ...]:
        return _separated(self.robot_gateways)


# The slash ends the host: without it `https://host` would be the beginning of `https://host.elsewhere`.
_GATEWAY = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?/([!-~]*/)?")


def _for_driver(url: str) -> str:
    """Return a database's URL as SQLAlchemy reads it, who wants several hosts behind the question mark."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql", "postgresql+asyncpg") or not rest:
        raise ValueError("it is written postgresql://user:password@host:5432/database")
    place, slash, name = rest.partition("/")
    login, at, hosts = place.rpartition("@")
    if "," in hosts:
        each = "&".join(f"host={host if ':' in host else f'{host}:5432'}" for host in hosts.split(","))
        rest = f"{login}{at}{slash}{name}{'&' if '?' in name else '?'}{each}"
    return f"postgresql+asyncpg://{rest}"


def _separated(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def load_settings(**overrides: object) -> Settings:
    """Read the environment; `overrides` go before it, by field name.

    Raises: SettingsInvalid with one line for each unknown `AFTERSALES_*` name and each wrong value.
    """
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields if name != "database_url"}
    lines = [
        f"{name} is not a setting; known are DATABASE_URL, {', '.join(sorted(known))}"
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX) and name.upper() not in known
    ]
    values = {("DATABASE_URL" if name == "database_url" else name): value for name, value in overrides.items()}
    try:
        settings = Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        lines += [f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_input=False)]
        raise SettingsInvalid(lines) from None
    if lines:
        raise SettingsInvalid(lines)
    return settings


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "?"
    return name if name == "DATABASE_URL" else f"{PREFIX}{name.upper()}"
