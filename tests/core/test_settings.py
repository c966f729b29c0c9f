"""Settings from the environment."""

import pytest

from app.core.settings import SettingsInvalid, load_settings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://localhost/aftersales")
    return monkeypatch


def test_defaults_are_those_of_production() -> None:
    settings = load_settings()
    assert (settings.environment, settings.log_format, settings.pool_size) == ("production", "json", 16)


def test_the_environment_is_read(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AFTERSALES_POOL_SIZE", "3")
    environment.setenv("aftersales_log_level", "debug")
    settings = load_settings()
    assert (settings.pool_size, settings.log_level) == (3, "debug")


def test_proxies_are_addresses_and_networks(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AFTERSALES_TRUSTED_PROXIES", "10.0.0.5, 10.1.0.0/16,fd00::/8")
    proxies = [str(network) for network in load_settings().trusted_proxies]
    assert proxies == ["10.0.0.5/32", "10.1.0.0/16", "fd00::/8"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgres://u:p@db/a", "postgresql+asyncpg://u:p@db/a"),
        ("postgresql://u:p@db1,db2:6000/a", "postgresql+asyncpg://u:p@/a?host=db1:5432&host=db2:6000"),
        ("postgresql://db1,db2/a?ssl=require", "postgresql+asyncpg:///a?ssl=require&host=db1:5432&host=db2:5432"),
    ],
)
def test_a_database_url_may_name_several_hosts(environment: pytest.MonkeyPatch, given: str, read: str) -> None:
    environment.setenv("DATABASE_URL", given)
    environment.setenv("AFTERSALES_REPORTS_URL", given)
    settings = load_settings()
    assert (settings.database_url, settings.reports_url) == (read, read)


@pytest.mark.parametrize("name", ["AFTERSALES_POOLSIZE", "AFTERSALES_LOGLEVEL", "aftersales_pol_size", "AFTERSALES_"])
def test_a_misspelt_name_is_an_error_not_a_default(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "1")
    with pytest.raises(SettingsInvalid) as refusal:
        load_settings()
    [line] = refusal.value.lines
    assert line.startswith(f"{name} is not a setting")
    assert "AFTERSALES_POOL_SIZE" in line


def test_the_database_url_has_one_name_only(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AFTERSALES_DATABASE_URL", "postgresql+asyncpg://elsewhere/x")
    with pytest.raises(SettingsInvalid, match="AFTERSALES_DATABASE_URL is not a setting"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AFTERSALES_POOL_SIZE", "0"), ("AFTERSALES_POOL_SIZE", "many"), ("AFTERSALES_ENVIRONMENT", "prod"),
        ("AFTERSALES_STATEMENT_TIMEOUT_SECONDS", "0"), ("AFTERSALES_LOCK_TIMEOUT_SECONDS", "nan"), ("DATABASE_URL", ""),
        ("AFTERSALES_TRUSTED_PROXIES", "*"), ("AFTERSALES_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("AFTERSALES_TRUSTED_PROXIES", "proxy.internal"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_with_its_name(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsInvalid) as refusal:
        load_settings()
    [line] = refusal.value.lines
    assert line.startswith(f"{name}: ")


def test_all_faults_are_told_at_once_and_no_value_is_repeated(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AFTERSALES_POOL_SIZE", "hunter2")
    environment.setenv("AFTERSALES_SECRET_KEY", "hunter2")
    with pytest.raises(SettingsInvalid) as refusal:
        load_settings()
    assert len(refusal.value.lines) == 2
    assert "hunter2" not in str(refusal.value)


def test_a_missing_database_is_told(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DATABASE_URL")
    with pytest.raises(SettingsInvalid, match="DATABASE_URL: Field required"):
        load_settings()


WRONG = [
    ("SMTP_URL", "mail.example.com"),
    ("SMTP_URL", "smtp+plain://user:password@localhost"),
    ("SMTP_FROM", "nobody"),
    ("SMTP_FROM", "a@example.com\r\nBcc: b@example.com"),
    ("ROBOT_GATEWAYS", "https://gateway.example.com"),  # also the beginning of https://gateway.example.com.thief.net/
    ("ROBOT_GATEWAYS", "https://user@gateway.example.com/"),
    ("ROBOT_GATEWAYS", "ftp://gateway.example.com/"),
    ("ROBOT_GATEWAYS", "https://one.example.com/,gateway"),
    ("TICKET_URL", "https://crm.example.com/tickets/"),
    ("TICKET_URL", "javascript:{ticket}"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_where_notices_go_by_is_checked_at_the_start_and_no_password_is_repeated(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(f"AFTERSALES_{name}", value)
    with pytest.raises(SettingsInvalid) as refusal:
        load_settings()
    [line] = refusal.value.lines
    assert line.startswith(f"AFTERSALES_{name}: ")
    assert "password@localhost" not in line


def test_several_gateways_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AFTERSALES_ROBOT_GATEWAYS", "http://127.0.0.1:8080/, https://gateway.example.com/robots/,")
    assert load_settings().gateways == ("http://127.0.0.1:8080/", "https://gateway.example.com/robots/")


def test_hosts_for_webhooks_are_listed_with_commas(environment: pytest.MonkeyPatch) -> None:
    assert load_settings().webhook_hosts == ()
    environment.setenv("AFTERSALES_WEBHOOK_HOSTS", "CRM.internal, 10.1.2.3:9000,")
    assert load_settings().webhook_hosts == ("crm.internal", "10.1.2.3:9000")
    environment.setenv("AFTERSALES_WEBHOOK_HOSTS", "https://crm.internal")
    with pytest.raises(SettingsInvalid) as refusal:
        load_settings()
    assert refusal.value.lines[0].startswith("AFTERSALES_WEBHOOK_HOSTS: ")
