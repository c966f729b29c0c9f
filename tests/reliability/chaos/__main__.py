"""`python -m tests.reliability.chaos --seconds N --seed S`: a verdict on standard output, exit 1 if a promise broke."""

import argparse
import asyncio
import json
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.reliability.chaos.running import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=90.0, help="how long things are broken")
    parser.add_argument("--seed", type=int, default=None, help="which things, in which order; by chance if left out")
    parser.add_argument("--pause", type=float, default=6.0, help="seconds between two faults, on average")
    options = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    print(f"seed {seed}", file=sys.stderr, flush=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"history {folder / 'history.jsonl'}", file=sys.stderr, flush=True)
    result = asyncio.run(run(folder, seconds=options.seconds, seed=seed, pause=options.pause))
    verdict = result.verdict()
    failed = bool(verdict["violations"])
    print(json.dumps(verdict | ({"kept_in": str(folder)} if failed else {}), ensure_ascii=False, indent=1))
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
