"""A service under load keeps its promises while its processes are killed and frozen, and answers are lost (R1, R43).

`CHAOS_SECONDS` and `CHAOS_SEED` make another run of it; `python -m tests.reliability.chaos` is the same by hand.
"""

import json
import os
from pathlib import Path

import pytest

from tests.reliability.chaos.history import Kind, Outcome
from tests.reliability.chaos.running import run
from tests.reliability.harness import Measured

SECONDS = float(os.environ.get("CHAOS_SECONDS", "90"))
PAUSE = 0.75  # a fault every two seconds: as many as there are kinds of them, in a short time
SEED = int(os.environ.get("CHAOS_SEED", "43"))


@pytest.mark.timeout(SECONDS + 600)
async def test_R1_R4_R5_R7_R8_R11_R43_promises_are_kept_whatever_is_killed_frozen_or_lost(
    tmp_path: Path, measured: Measured
) -> None:
    result = await run(tmp_path, seconds=SECONDS, seed=SEED, pause=PAUSE)
    verdict = result.verdict()
    measured("verdict", json.dumps(verdict, ensure_ascii=False))
    assert verdict["violations"] == {}, f"seed {SEED}, history in {tmp_path}"
    # A run in which nothing went wrong, or nothing was done, shows nothing.
    outcomes = {kind: {o.outcome for o in result.history.operations if o.kind is kind} for kind in Kind}
    assert all(Outcome.ACKNOWLEDGED in found for found in outcomes.values())
    assert {"kill_an_api", "kill_a_worker", "kill_postgresql"} & set(result.faults)
    assert any(len(operation.attempts) > 1 for operation in result.history.operations)
    assert any(event.commitment for event in result.stored.events)
