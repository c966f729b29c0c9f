"""The commands beside `serve`, on a database of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from app.cli import COMMANDS, main
from app.core.crypto import KeyRing
from app.core.postgres import EmbeddedPostgres
from app.core.schema import MIGRATIONS, expected_revision, known_revisions
from app.services.policy_book import SHIPPED


@pytest.fixture
def on_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *arguments: str, status: int = 0) -> list[str]:
    """Run a command and return the lines it printed: on standard error if it could not be carried out."""
    capsys.readouterr()
    assert main(arguments) == status
    out, err = capsys.readouterr()
    return (err if status == 2 else out).splitlines()


@pytest.mark.usefixtures("on_database")
def test_keys_are_made_listed_and_revoked(capsys: Capture) -> None:
    said(capsys, "lines", "add", "outlet", "--policy", "mall")
    (key,) = said(
        capsys, "keys", "create", "--name", "crm", "--scope", "tickets:read", "sla:read", "--line", "outlet",
        "--tier", "sensitive", "--days", "30", "--address", "10.1.0.0/16",
    )  # fmt: skip
    assert key.startswith("as_sk_")
    (row,) = said(capsys, "keys", "list")
    assert key not in row
    identifier, name, state, *rest = row.split("\t")
    assert (name, rest) == ("crm", ["outlet", "tickets:read,sla:read", "sensitive", "10.1.0.0/16"])
    assert state.startswith("until ")
    said(capsys, "keys", "revoke", identifier)
    assert "\trevoked " in said(capsys, "keys", "list")[0]


@pytest.mark.usefixtures("on_database")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--scope", "tickets:eat", "--line", "*"), "unknown scope 'tickets:eat'"),
        (("--scope", "*", "--line", "atlantis"), "unknown business line 'atlantis'"),
        (("--scope", "*", "--line", "*", "--days", "366"), "365 days"),
        (("--scope", "*", "--line", "*", "--address", "10.1.0.0/99"), "10.1.0.0/99"),
    ],
)
def test_a_key_that_cannot_be_is_refused_in_a_line(arguments: tuple[str, ...], complaint: str, capsys: Capture) -> None:
    (line,) = said(capsys, "keys", "create", "--name", "x", *arguments, status=2)
    assert complaint in line
    assert said(capsys, "keys", "list") == []


@pytest.mark.usefixtures("on_database")
@pytest.mark.parametrize("identifier", ["key_0", "key_" + "0" * 32])
def test_a_key_that_is_not_there_cannot_be_revoked(identifier: str, capsys: Capture) -> None:
    (line,) = said(capsys, "keys", "revoke", identifier, status=2)
    assert "keys list" in line


@pytest.mark.usefixtures("on_database")
def test_lines_are_added_under_policies_that_exist(capsys: Capture) -> None:
    assert said(capsys, "lines", "list") == []
    said(capsys, "lines", "add", "outlet", "--policy", "mall")
    assert said(capsys, "lines", "list") == ["outlet\tmall"]
    for name, policy in (("outlet", "mall"), ("Outlet", "mall"), ("other", "atlantis")):
        assert len(said(capsys, "lines", "add", name, "--policy", policy, status=2)) == 1


@pytest.mark.usefixtures("on_database")
def test_the_schema_goes_down_and_up_again(capsys: Capture) -> None:
    said(capsys, "migrate", "--revision", "0030")
    assert "0030" in said(capsys, "lines", "list", status=2)[0]
    assert said(capsys, "migrate", "--revision", "base")[0].endswith("base")
    assert said(capsys, "migrate")[0].endswith(expected_revision())
    assert said(capsys, "lines", "list") == []
    assert expected_revision() in said(capsys, "migrate", "--revision", "9999", status=2)[0]


def test_the_revisions_are_read_as_alembic_reads_them() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert known_revisions() == {script.revision for script in scripts.walk_revisions()}
    assert expected_revision() == scripts.get_current_head()


def test_a_command_without_a_server_starts_the_folder_s_own_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert said(capsys, "lines", "list", "--data-dir", str(tmp_path)) == []
    assert (tmp_path / "secret.keys").stat().st_mode & 0o777 == 0o600
    with EmbeddedPostgres(tmp_path):
        said(capsys, "lines", "add", "outlet", "--policy", "mall", "--data-dir", str(tmp_path))
        assert said(capsys, "lines", "list", "--data-dir", str(tmp_path)) == ["outlet\tmall"]


def test_a_database_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    (line,) = said(capsys, "keys", "list", status=2)
    assert "DATABASE_URL" in line


def test_a_database_of_another_make_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://nobody@127.0.0.1/nowhere")
    (line,) = said(capsys, "keys", "list", status=2)
    assert line.startswith("aftersales: DATABASE_URL: ")


def test_the_shipped_policies_pass_their_own_check(capsys: Capture) -> None:
    names = {line.split("\t")[0] for line in said(capsys, "policy", "list")}
    assert names == {folder.parent.name for folder in SHIPPED.glob("*/edition_*.toml")}
    for file in SHIPPED.glob("*/edition_*.toml"):
        *warnings, verdict = said(capsys, "policy", "check", str(file))
        assert all(line.startswith("warning\t") for line in warnings)
        assert verdict.startswith(f"ok\t{file.parent.name}\t1\t")


def test_an_edition_with_errors_is_reported_line_by_line(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "edition_1.toml"
    file.write_text((SHIPPED / "mall/edition_1.toml").read_text("utf-8") + "\n[unheard_of]\n", encoding="utf-8")
    level, path, _, message = said(capsys, "policy", "check", str(file), status=1)[0].split("\t")
    assert (level, path) == ("error", "unheard_of")
    assert " / " in message
    assert len(said(capsys, "policy", "check", str(tmp_path / "absent.toml"), status=2)) == 1


def test_a_new_secret_is_a_ring_by_itself(capsys: Capture) -> None:
    (entry,) = said(capsys, "secret", "--name", "k1")
    assert KeyRing.read(None, entry).lookup("phone", "1")


def test_the_document_of_the_interface_is_printed(capsys: Capture) -> None:
    document = json.loads("\n".join(said(capsys, "openapi")))
    assert "/v1/tickets" in document["paths"]


@pytest.mark.parametrize("command", [*COMMANDS])
def test_every_command_explains_itself(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sing"])
    assert ended.value.code == 2
    assert "sing" in capsys.readouterr().err


@pytest.mark.usefixtures("on_database")
def test_timers_that_are_stuck_are_asked_for_and_tried_again(capsys: Capture) -> None:
    assert said(capsys, "timers", "stuck") == []
    assert said(capsys, "timers", "retry") == ["0"]


@pytest.mark.usefixtures("on_database")
def test_notices_that_failed_are_asked_for_and_sent_again(capsys: Capture) -> None:
    assert said(capsys, "notices", "failed") == []
    assert said(capsys, "notices", "resend") == ["0"]


def test_output_that_nobody_reads_to_its_end_is_no_fault(project: Path) -> None:
    command = f"{sys.executable} -m app.cli openapi | head -c 1"
    cut = subprocess.run(["sh", "-c", command], cwd=project, capture_output=True, text=True, check=True)
    assert (cut.stdout, cut.stderr) == ("{", "")
