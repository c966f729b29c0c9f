"""Check the eligibility decision through HTTP, and time it: `python -m bench.returns FILE`.

FILE is JSON in the shape of worked examples: `fact_dictionary` (for each fact its `default`) and `vectors` with
`facts`, `expect` and perhaps `accept_alternatives`. The service is started for it, on a database of its own, and
beside it a bare FastAPI endpoint that takes and gives the same bodies, so that both bear the same load.
"""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import median
from timeit import repeat
from typing import Any

import httpx

from app.core.clock import system_clock
from app.schemas.return_facts import ReturnFactsIn
from app.services.policy_book import PolicyBook
from app.services.returns.eligibility import LAW_ALONE
from app.services.returns.facts import facts_of
from app.services.rules.returns.decision import decide_return
from bench._load import load, request_bytes
from bench._servers import floor, service

PATH = "/v1/returns/eligibility"
ROUNDS, SECONDS = 5, 2.0
REPEATS = 20
GOAL_MICROSECONDS, GOAL_RATIO = 200, 0.6

Facts = dict[str, Any]


def main(argv: Sequence[str]) -> int:
    if len(argv) != 1:
        print(__doc__)
        return 2
    examples = json.loads(Path(argv[0]).read_text(encoding="utf-8"))
    defaults = {name: entry["default"] for name, entry in examples["fact_dictionary"].items()}
    cases = [(vector, defaults | vector["facts"]) for vector in examples["vectors"]]
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as (address, key):
        client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, trust_env=False)
        with closing(client):
            answers = [ask(client, facts) for _, facts in cases]
        wrong = report(cases, answers)
        print_decision_times([facts for _, facts in cases])
        print_throughput(address, key, cases[0][1], answers[0])
    return 1 if wrong else 0


def ask(client: httpx.Client, facts: Facts) -> Facts:
    response = client.post(PATH, json=body_of(facts))
    answer: Facts = response.json()
    if response.status_code != 200:
        raise SystemExit(f"{response.status_code}: {answer}")
    return answer


def body_of(facts: Facts) -> Facts:
    return {"business_line": line_of(facts), "facts": {name: facts[name] for name in facts if name != "policy"}}


def line_of(facts: Facts) -> str:
    policy = str(facts.get("policy", "none"))
    return LAW_ALONE if policy == "none" else policy


def report(cases: Sequence[tuple[Facts, Facts]], answers: Sequence[Facts]) -> int:
    """Print what went wrong and how many cases passed; return the number that did not."""
    failed = 0
    for (vector, _), answer in zip(cases, answers, strict=True):
        faults = faults_of(vector, answer)
        if faults:
            failed += 1
            print(f"{vector['id']}  {vector['title']}: {'; '.join(faults)}")
    print(f"{len(answers) - failed} of {len(answers)} cases pass")
    return failed


def faults_of(vector: Facts, answer: Facts) -> list[str]:
    """Compare with what is expected, or with any alternative; alternatives go with a disclosure of uncertainty."""
    expected = vector["expect"]
    faults = differences(expected, answer)
    if faults and any(not differences(expected | other, answer) for other in vector.get("accept_alternatives", ())):
        faults = []
    if vector.get("certainty") == "uncertain" and not answer["disclose_uncertainty"]:
        faults.append("does not disclose that the law is open")
    return faults


def differences(expected: Facts, answer: Facts) -> list[str]:
    found = []
    for name, value in expected.items():
        given = answer.get(name)
        if not agrees(name, value, given):
            found.append(f"{name} is {json.dumps(given, ensure_ascii=False)[:200]}, not {json.dumps(value)}")
    return found


def agrees(name: str, expected: Any, given: Any) -> bool:
    if name == "basis":  # by any of the rules
        return bool({rule["rule"] for rule in given} & set(expected))
    if name == "flags":  # an empty list stands for: no delay that the law punishes
        return set(expected) <= set(given) if expected else "statutory_delay_15d" not in given
    if name in ("remedies", "missing_facts"):
        return set(expected) == set(given)
    return bool(_plain(expected) == _plain(given))


def _plain(value: Any) -> Any:
    """Numbers as numbers, whether written as such or as decimal strings."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ArithmeticError):
            return Decimal(str(value))
    return value


def print_decision_times(cases: Sequence[Facts]) -> None:
    """Time the decision alone, without HTTP."""
    book, now = PolicyBook.load(), system_clock()
    times = []
    for given in cases:
        facts = facts_of(ReturnFactsIn.model_validate(given), now=now)
        terms = book.editions(line_of(given))[0].returns
        decision = partial(decide_return, facts, book.statutes, terms, book.rest_days)
        times.append(median(repeat(decision, number=REPEATS, repeat=ROUNDS)) / REPEATS * 1e6)
    print(
        f"decision          median {median(times):.0f} µs, worst {max(times):.0f} µs; goal under {GOAL_MICROSECONDS} µs"
    )


def print_throughput(address: str, key: str, facts: Facts, answer: Facts) -> None:
    """Load both servers in turn, so that what else the machine does falls on both."""
    body = json.dumps(body_of(facts)).encode()
    with floor({PATH: answer}) as other:
        requests = {
            base: request_bytes("POST", base + PATH, body, {"authorization": f"Bearer {key}"})
            for base in (address, other)
        }
        rounds = [[load(base, data, seconds=SECONDS).rate for base, data in requests.items()] for _ in range(ROUNDS)]
    ours, plain = (median(column) for column in zip(*rounds, strict=True))
    ratio = median(mine / its for mine, its in rounds)
    print(f"endpoint          {ours:.0f} requests/s")
    print(f"bare FastAPI      {plain:.0f} requests/s with the same bodies")
    print(f"ratio             {ratio:.2f}; goal {GOAL_RATIO}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
