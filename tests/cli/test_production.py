"""R47: production starts with safe settings only, and shows strangers nothing of itself."""

import asyncio
import base64
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.cli import main
from app.core.crypto import KeyRing
from app.core.postgres import EmbeddedPostgres
from app.core.row_security import APP_ROLE
from app.core.schema import migrate
from tests.cli.served import aftersales, failing, serving, until

Refusal = Callable[..., str]
LOGIN = "aftersales_service"
RING = KeyRing.new_entry("test")
OFF = ("fsync", "full_page_writes", "synchronous_commit")


def run_statements(url: str, *statements: str) -> None:
    async def run() -> None:
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()

    asyncio.run(run())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server with a database as docs/operations.md tells to make it."""
    folder = tmp_path_factory.mktemp("production")
    with EmbeddedPostgres(folder) as server:
        run_statements(
            server.url_for("postgres", role="postgres"),
            f"CREATE ROLE {LOGIN} LOGIN NOINHERIT",
            f"GRANT {APP_ROLE} TO {LOGIN}",
        )
        migrate(server.url)
    return folder


@contextmanager
def production(cluster: Path, *, role: str = LOGIN, **server_settings: str) -> Iterator[dict[str, str]]:
    """Run the server; give the environment of a service in production on it."""
    with EmbeddedPostgres(cluster, settings=server_settings) as server:
        yield {
            "DATABASE_URL": server.url_for("aftersales", role=role),
            "AFTERSALES_SECRET_KEYS": RING,
            "AFTERSALES_ENVIRONMENT": "production",
        }


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Carry out a command that ends with one line; return it."""

    def refused(environment: dict[str, str], *command: str) -> str:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert main(command) == 2
        [line] = capsys.readouterr().err.splitlines()
        return line

    return refused


def test_R47_production_shows_callers_no_documentation_no_metrics_and_nobody_the_key(
    cluster: Path, tmp_path: Path
) -> None:
    token = "prometheus-is-here-and-asks-nicely"
    with (
        production(cluster) as environment,
        serving(tmp_path / "data", environment=environment | {"AFTERSALES_METRICS_TOKEN": token}) as served,
    ):
        key = (tmp_path / "data/admin.key").read_text().strip()
        assert key not in served.printed
        with served.client(key) as client:
            assert client.get("/v1/tickets").status_code == 200
            for path in ("/docs", "/openapi.json", "/metrics"):
                assert client.get(path).json()["code"] == "not_found"
            assert client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        further = aftersales("worker", environment=environment, output=tmp_path / "worker.out")
        until(lambda: "worker started" in (tmp_path / "worker.out").read_text())
        further.send_signal(signal.SIGTERM)
        assert further.wait(20) == 0
        assert served.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("role", ["aftersales", "postgres"])
def test_R47_production_refuses_an_owner_or_a_superuser(cluster: Path, refusal: Refusal, role: str) -> None:
    with production(cluster, role=role) as environment:
        assert f"the user {role} of DATABASE_URL" in refusal(environment, "worker")


@pytest.mark.parametrize("name", OFF)
def test_R47_production_refuses_a_database_that_may_lose_what_it_confirmed(
    cluster: Path, refusal: Refusal, name: str
) -> None:
    with production(cluster, **{name: "off"}) as environment:
        assert f"must not have {name} off" in refusal(environment, "worker")


def test_R47_production_wants_a_database_of_its_own(refusal: Refusal) -> None:
    for command in ("serve", "worker"):
        assert "set DATABASE_URL" in refusal({"AFTERSALES_ENVIRONMENT": "production", "DATABASE_URL": ""}, command)


@pytest.fixture(scope="module")
def safe(cluster: Path) -> Iterator[dict[str, str]]:
    with production(cluster) as environment:
        yield environment


def example(secret: bytes) -> str:
    return f"first:{base64.b64encode(secret).decode()}"


SETTINGS = {
    "no secret": ({"AFTERSALES_SECRET_KEYS": ""}, "set AFTERSALES_SECRET_KEYS_FILE"),
    "short secret": ({"AFTERSALES_SECRET_KEYS": example(RING.encode()[:31])}, "name:base64 of 32 bytes"),
    "example secret": ({"AFTERSALES_SECRET_KEYS": example(b"changeme" * 4)}, "'first' of the ring is an example"),
    "short token": ({"AFTERSALES_METRICS_TOKEN": "prometheus"}, "AFTERSALES_METRICS_TOKEN: "),
    "debug log": ({"AFTERSALES_LOG_LEVEL": "debug"}, "AFTERSALES_LOG_LEVEL must not be debug"),
    "debug switch": ({"AFTERSALES_DEBUG": "true"}, "AFTERSALES_DEBUG is not a setting"),
    "origins of all": ({"AFTERSALES_CORS_ORIGINS": "*"}, "AFTERSALES_CORS_ORIGINS is not a setting"),
    "proxies of all": ({"AFTERSALES_TRUSTED_PROXIES": "*"}, "AFTERSALES_TRUSTED_PROXIES: "),
}


@pytest.mark.parametrize(("changes", "told"), SETTINGS.values(), ids=SETTINGS.keys())
def test_R47_production_refuses_an_unsafe_setting_in_a_line(
    safe: dict[str, str], refusal: Refusal, changes: dict[str, str], told: str
) -> None:
    line = refusal(safe | changes, "worker")
    assert told in line
    secret = changes.get("AFTERSALES_SECRET_KEYS", "").partition(":")[2]
    assert not secret or secret not in line


def test_R47_every_unsafe_setting_is_told_at_once(postgres: EmbeddedPostgres, template: str, tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": postgres.url_for(template, role="postgres"), "AFTERSALES_SECRET_KEYS": RING,
        "AFTERSALES_LOG_LEVEL": "debug", "AFTERSALES_ENVIRONMENT": "production",
    }  # fmt: skip
    status, lines = failing(tmp_path / "data", environment=environment)
    assert (status, len(lines)) == (2, 2 + len(OFF)), lines


@pytest.mark.parametrize("origin", ["*", "https://*", "https://*.example.com", "null"])
def test_R47_no_browser_key_is_for_pages_of_all_origins(safe: dict[str, str], refusal: Refusal, origin: str) -> None:
    create = ("keys", "create", "--name", "shop", "--line", "tableware", "--browser", "--origin", origin)
    assert "is no origin" in refusal(safe, *create)
