"""The bounds and the directions that the project keeps, beside those that import-linter checks."""

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("app", "bench", "migrations", "tests", "tools")
SOURCES = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
WRITTEN = [file for file in SOURCES if "versions" not in file.parts]
RULES = [file for file in SOURCES if file.is_relative_to(ROOT / "app/services/rules")]
TEXTS = [
    file
    for file in chain(
        *((ROOT / folder).rglob("*") for folder in (*FOLDERS, "docs", ".ci")),
        (file for file in ROOT.iterdir() if file.is_file()),
    )
    if file.is_file() and file.suffix != ".pyc"
]

IMPURE_MODULES = {
    "asyncio", "io", "logging", "os", "pathlib", "random", "secrets", "socket", "sqlalchemy", "structlog", "subprocess",
    "sys", "tempfile", "threading", "time",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "now", "today", "utcnow", "read_text", "read_bytes"}
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|NotImplemented" r"Error)\b")
# Put together here, so that this file may be read as well.
ELSEWHERE = re.compile(
    "|".join(("/wo" + "rk/", "/opt/py" + "pi", "py" + r"pi\.org", "python" + "hosted", "deb" + r"ian\.org"))
)


def shown(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(node: ast.AST) -> Iterator[str]:
    """The modules that a statement imports."""
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_no_file_is_longer_than_400_lines_and_no_function_than_50() -> None:
    files = [shown(file) for file in WRITTEN if len(file.read_text(encoding="utf-8").splitlines()) > 400]
    long = [
        f"{shown(file)}: {function.name}"
        for file in WRITTEN
        for function in functions(file)
        if (function.end_lineno or 0) - function.lineno >= 50
    ]
    assert files + long == []


def test_nothing_is_left_unfinished() -> None:
    assert [shown(file) for file in SOURCES if UNFINISHED.search(file.read_text(encoding="utf-8"))] == []


def test_rules_look_at_nothing_but_what_they_are_given() -> None:
    found = []
    for file in RULES:
        for node in ast.walk(tree(file)):
            found += [f"{shown(file)}: {name}" for name in imported(node) if name.split(".")[0] in IMPURE_MODULES]
            if isinstance(node, ast.Call) and called(node) in IMPURE_CALLS:
                found.append(f"{shown(file)}: {called(node)}()")
    assert found == []


def test_modules_of_ours_are_imported_at_the_top_of_a_file_only() -> None:
    found = [
        f"{shown(file)}: {function.name} imports {name}"
        for file in WRITTEN
        for function in functions(file)
        for node in ast.walk(function)
        for name in imported(node)
        if name.split(".")[0] in FOLDERS
    ]
    assert found == []


def test_no_file_names_this_machine_or_a_package_registry() -> None:
    assert [shown(file) for file in TEXTS if ELSEWHERE.search(file.read_text(encoding="utf-8", errors="replace"))] == []


LOCKS = {"requirements.lock": ("dev",), "requirements-runtime.lock": ()}


def locked(lock: str) -> dict[str, str]:
    """The pinned packages of a lock, each with the text of its entry."""
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8"))
    return {re.split("[=<> ;@]", entry, maxsplit=1)[0]: entry for entry in entries}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_everything_that_is_asked_for_by_version_and_hash(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [project["optional-dependencies"][extra] for extra in LOCKS[lock]]
    asked = {re.split(r"[\[<>=; ]", line)[0].lower() for line in chain(project["dependencies"], *extras)}
    entries = locked(lock)
    assert asked - set(entries) == set()
    assert [name for name, entry in entries.items() if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert "pytest" not in locked("requirements-runtime.lock")


def test_the_image_runs_what_was_tested() -> None:
    tested = locked("requirements.lock")
    assert {
        name: entry
        for name, entry in locked("requirements-runtime.lock").items()
        if entry.rstrip() != tested[name].rstrip()
    } == {}
