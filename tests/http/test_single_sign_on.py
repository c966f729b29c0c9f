"""People come with a token of the company's identity provider; their roles say what they may do."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from app.core import single_sign_on
from app.core.settings import SettingsInvalid
from app.services.policy_book import PolicyBook
from app.services.single_sign_on import sign_on_of
from tests.builders import a_ticket
from tests.http.problems import check_problem
from tests.http.service import Service, open_service, settings_for, take

ROLES = """
[roles.after_sales_manager]
scopes = ["tickets:read", "tickets:write"]
business_lines = ["tableware"]
tier = "sensitive"

[roles.quality]
scopes = ["complaints:read"]
business_lines = ["chemicals"]
"""
AUDIENCE = "aftersales"


class Provider:
    """An identity provider on this machine: its keys, and how often it was asked for them."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "first"})
        self.published: list[Any] = [self.key]
        self.asked = 0
        self.away = False
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(provider.answer(self.path)).encode()
                self.send_response(503 if provider.away else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *_args: Any) -> None:  # noqa: A002 — the base class names it so
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/staff"

    def answer(self, path: str) -> Any:
        if path == "/staff/.well-known/openid-configuration":
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        self.asked += 1
        return KeySet(self.published).as_dict()

    def token(self, at: float, key: Any = None, alg: str = "RS256", drop: str = "", **changes: Any) -> str:
        key = key or self.key
        claims = {
            "iss": self.issuer, "aud": AUDIENCE, "sub": "u-17", "exp": int(at) + 3600, "staff_no": "1107",
            "roles": ["after_sales_manager", "of_another_program"],
        }  # fmt: skip
        claims |= changes
        claims.pop(drop, None)
        return jwt.encode({"alg": alg, "kid": key.kid}, claims, key, algorithms=[alg])


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider()
    Thread(target=provider.server.serve_forever, daemon=True).start()
    yield provider
    provider.server.shutdown()
    provider.server.server_close()


@pytest.fixture(scope="module")
def roles_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("roles") / "roles.toml"
    file.write_text(ROLES, encoding="utf-8")
    return file


@pytest.fixture
async def joined(provider: Provider, roles_file: Path, service: Service, book: PolicyBook) -> AsyncIterator[Service]:
    options = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE, "oidc_roles_file": roles_file}
    async with open_service(service.url, book, **options) as joined:
        yield joined


async def person(joined: Service, token: str) -> httpx.AsyncClient:
    return await joined.client(token)


async def test_a_person_may_do_what_their_roles_allow_and_is_named(joined: Service, provider: Provider) -> None:
    manager = await person(joined, provider.token(joined.clock().timestamp()))
    ticket = await take(manager)
    assert ticket["customer"]["name"] == "王芳"  # the tier of the role
    assert (await manager.post(f"/v1/tickets/{ticket['number']}/acknowledge", json={})).status_code == 200
    timeline = (await manager.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    assert {entry["kind"]: entry["staff_no"] for entry in timeline}["acknowledge"] == "1107"
    check_problem(await manager.get("/v1/capas"), 403, "insufficient_scope")
    other = await joined.client()
    foreign = await take(other, business_line="chemicals")
    check_problem(await manager.get(f"/v1/tickets/{foreign['number']}"), 404, "not_found")


async def test_a_person_cannot_name_another(joined: Service, provider: Provider) -> None:
    manager = await person(joined, provider.token(joined.clock().timestamp()))
    response = await manager.get("/v1/tickets", headers={"X-Staff-No": "9999"})
    check_problem(response, 403, "insufficient_scope")


async def test_two_tokens_of_a_person_are_one_client(joined: Service, provider: Provider) -> None:
    at = joined.clock().timestamp()
    first = await person(joined, provider.token(at))
    second = await person(joined, provider.token(at, exp=int(at) + 7200))
    ticket = await take(first, external_ref="sso-17")
    repeated = await second.post("/v1/tickets", json=a_ticket(external_ref="sso-17"))
    assert (repeated.status_code, repeated.json()["number"]) == (200, ticket["number"])


def _symmetric(provider: Provider, at: float) -> str:
    """Signed by the public key as if it were a shared secret."""
    signed = f"{_part({'alg': 'HS256', 'kid': 'first'})}.{provider.token(at).split('.')[1]}"
    signature = hmac.digest(provider.key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def _part(document: dict[str, str]) -> str:
    return urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def _unsigned(provider: Provider, at: float) -> str:
    return f"{_part({'alg': 'none'})}.{provider.token(at).split('.')[1]}."


WRONG = {
    "another issuer": lambda p, at: p.token(at, iss="https://elsewhere.example"),
    "another audience": lambda p, at: p.token(at, aud="crm"),
    "no audience": lambda p, at: p.token(at, drop="aud"),
    "no end": lambda p, at: p.token(at, drop="exp"),
    "an end that is no time": lambda p, at: p.token(at, exp="tomorrow"),
    "an end that is a truth": lambda p, at: p.token(at, exp=True),
    "an end years away": lambda p, at: p.token(at, exp=int(at) + 10**8),
    "not yet": lambda p, at: p.token(at, nbf=int(at) + 3600),
    "no subject": lambda p, at: p.token(at, drop="sub"),
    "no staff number": lambda p, at: p.token(at, drop="staff_no"),
    "a staff number that is none": lambda p, at: p.token(at, staff_no="李工 1107"),
    "no roles": lambda p, at: p.token(at, drop="roles"),
    "roles that are no list": lambda p, at: p.token(at, roles="after_sales_manager"),
    "another's key": lambda p, at: p.token(at, key=RSAKey.generate_key(2048, parameters={"kid": "first"})),
    "an unknown key": lambda p, at: p.token(at, key=ECKey.generate_key("P-256", {"kid": "x"}), alg="ES256"),
    "the public key as a secret": _symmetric,
    "no signature": _unsigned,
    "nothing in it": lambda _p, _at: "a.b.c",
    "empty parts": lambda _p, _at: "..",
    "no ASCII": lambda _p, _at: "é.é.é",
    "an altered body": lambda p, at: ".".join(
        part + ("AAAA" if place == 1 else "") for place, part in enumerate(p.token(at).split("."))
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_a_token_that_is_not_right_is_as_an_unknown_key(joined: Service, provider: Provider, wrong: Any) -> None:
    token = wrong(provider, joined.clock().timestamp())
    client = joined.anonymous()
    response = await client.get("/v1/tickets", headers=[(b"Authorization", f"Bearer {token}".encode())])
    check_problem(response, 401, "invalid_api_key")


async def test_a_token_ends_with_its_time(joined: Service, provider: Provider) -> None:
    client = await person(joined, provider.token(joined.clock().timestamp()))
    assert (await client.get("/v1/tickets")).status_code == 200
    joined.clock.advance(seconds=3600 + 31)
    check_problem(await client.get("/v1/tickets"), 401, "expired_api_key")


async def test_somebody_without_a_role_of_ours_may_nothing(joined: Service, provider: Provider) -> None:
    stranger = await person(joined, provider.token(joined.clock().timestamp(), roles=["of_another_program"]))
    check_problem(await stranger.get("/v1/tickets"), 403, "insufficient_scope")


async def test_a_new_key_of_the_provider_is_found_and_it_is_not_asked_for_each_unknown_one(
    joined: Service, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = joined.clock().timestamp()
    assert (await (await person(joined, provider.token(at))).get("/v1/tickets")).status_code == 200
    fresh = RSAKey.generate_key(2048, parameters={"kid": "second"})
    provider.published = [fresh, provider.key]
    client = await person(joined, provider.token(at, key=fresh))
    asked = provider.asked
    for _ in range(5):
        check_problem(await client.get("/v1/tickets"), 401, "invalid_api_key")
    assert provider.asked == asked
    monkeypatch.setattr(single_sign_on, "_RETRY_SECONDS", 0.0)
    assert (await client.get("/v1/tickets")).status_code == 200
    provider.published = [provider.key]


async def test_while_the_provider_is_away_keys_serve_and_known_signatures_too(
    joined: Service, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await person(joined, provider.token(joined.clock().timestamp()))
    by_key = await joined.client()
    provider.away = True
    try:
        response = await client.get("/v1/tickets")
        check_problem(response, 503, "identity_provider_unavailable")
        assert (await by_key.get("/v1/tickets")).status_code == 200
        provider.away = False
        monkeypatch.setattr(single_sign_on, "_RETRY_SECONDS", 0.0)
        assert (await client.get("/v1/tickets")).status_code == 200
        provider.away = True
        monkeypatch.setattr(single_sign_on, "_FRESH_SECONDS", 0.0)
        assert (await client.get("/v1/tickets")).status_code == 200
    finally:
        provider.away = False


FILES = {
    "no table": "",
    "no scopes": '[roles.a]\nbusiness_lines = ["*"]\nscopes = []',
    "an unknown scope": '[roles.a]\nbusiness_lines = ["*"]\nscopes = ["tickets:red"]',
    "a misspelt word": '[roles.a]\nbusiness_line = ["*"]\nscopes = ["*"]',
    "no TOML": "roles =",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES.keys())
def test_a_file_of_roles_that_makes_no_sense_stops_the_start(tmp_path: Path, text: str) -> None:
    file = tmp_path / "roles.toml"
    file.write_text(text, encoding="utf-8")
    options = {"oidc_issuer": "https://id.example", "oidc_audience": AUDIENCE, "oidc_roles_file": file}
    with pytest.raises(SettingsInvalid) as refused:
        sign_on_of(settings_for("postgresql://x@h/d", **options))
    assert refused.value.lines[0].startswith("AFTERSALES_OIDC_ROLES_FILE: ")


def test_half_of_the_settings_is_not_enough() -> None:
    with pytest.raises(ValueError, match="AFTERSALES_OIDC_ROLES_FILE"):
        settings_for("postgresql://x@h/d", oidc_issuer="https://id.example", oidc_audience=AUDIENCE)
