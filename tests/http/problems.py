"""What every problem has to look like."""

import json
from typing import Any

import httpx

MARK = "hostile_mark"  # stands in bodies; no problem may repeat it
MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors", "retryable"}


def check_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """See that a response is this problem, complete, and repeats nothing of the request."""
    assert (response.status_code, response.headers["content-type"]) == (
        status,
        "application/problem+json; charset=utf-8",
    )
    problem: dict[str, Any] = response.json()
    assert problem.keys() >= MEMBERS
    assert (problem["code"], problem["status"], problem["type"]) == (code, status, f"/problems/{code}")
    assert problem["request_id"] == response.headers["x-request-id"]
    assert all({"code", "detail"} < error.keys() for error in problem["errors"])
    shown = json.dumps([problem["title"], problem["detail"], [error["detail"] for error in problem["errors"]]])
    assert MARK not in shown
    assert "Traceback" not in shown
    return problem


class Findings(list[str]):
    """What a sweep found wrong, gathered so that one fault does not hide the next."""

    def __call__(self, what: str, response: httpx.Response, *expected: tuple[int, str]) -> None:
        status = response.status_code
        code = response.json()["code"] if "problem" in response.headers.get("content-type", "") else ""
        if (status, code) not in expected:
            self.append(f"{what}: {status} {code}, not {expected}: {response.text[:200]}")
        elif code:
            check_problem(response, status, code)
