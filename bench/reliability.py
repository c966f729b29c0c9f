"""The rows of docs/reliability.md against their tests, with what these measure: `./dev bench reliability [R15 …]`."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
_ROW = re.compile(r"^\| (R\d+) \|")
_FILE = re.compile(r"`(tests/[\w/]+\.py)`")
_TALLY = re.compile(r"\d+ (?:passed|failed|skipped|errors?)")
_FIGURE = re.compile(r"^(?P<test>test_\w+\S*): (?P<figure>.*)$", re.MULTILINE)


def rows() -> dict[str, list[str]]:
    """Return the files of tests that each row of the page names."""
    return {
        match[1]: list(dict.fromkeys(_FILE.findall(line)))
        for line in PAGE.read_text("utf-8").splitlines()
        if (match := _ROW.match(line))
    }


def figures(output: str) -> Iterator[str]:
    """Yield what tests printed of themselves: `test_R1_…: what: figure`."""
    for match in _FIGURE.finditer(output):
        yield match["figure"]


def check(row: str, files: Sequence[str]) -> bool:
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", "-k", f"{row}_", *files]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    tally = ", ".join(_TALLY.findall(ran.stdout.rsplit("\n\n", 1)[-1])) or f"exit status {ran.returncode}"
    print(f"{row:4} {'kept' if ran.returncode == 0 else 'BROKEN'}: {tally}", flush=True)
    for figure in figures(ran.stdout):
        print(f"       {figure}", flush=True)
    return ran.returncode == 0


def main(argv: Sequence[str]) -> int:
    known = {row: files for row, files in rows().items() if files}
    wanted = argv or list(known)
    unknown = [row for row in wanted if row not in known]
    if unknown:
        print(f"no tests are named for {', '.join(unknown)}; known are {', '.join(known)}", file=sys.stderr)
        return 2
    kept = [check(row, known[row]) for row in wanted]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
