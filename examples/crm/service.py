"""What a CRM asks of the service: file a ticket, correct it, read what happened.

CRM 调用服务：登记工单、更正工单、读取事件。
"""

import time
from collections.abc import Iterator
from typing import Any

import httpx

ATTEMPTS = 5
Json = dict[str, Any]


def send(service: httpx.Client, method: str, path: str, body: Json | None = None, **headers: str) -> httpx.Response:
    """Ask until an answer comes. For a write that is safe by its Idempotency-Key or its If-Match.

    没有应答就重发；写操作靠 Idempotency-Key 或 If-Match 保证不会做两次。
    """
    for attempt in range(ATTEMPTS):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            answer = service.request(method, path, json=body, headers=named)
        except httpx.TransportError:
            wait = 0.2 * 2**attempt
        else:
            if answer.status_code not in (429, 502, 503, 504):
                return answer
            wait = float(answer.headers.get("Retry-After", 1))
        time.sleep(wait)
    raise SystemExit(f"no answer from {path}: keep the request and send it again later")


def file_ticket(service: httpx.Client, line: str, case: str, customer: str, staff_no: str, description: str) -> Json:
    """Return the ticket of a case of the CRM; a case filed before gives its ticket again.

    同一案件重复登记，得到同一张工单。
    """
    body: Json = {
        "business_line": line,
        "channel": "hotline",
        "customer": {"external_id": customer},
        "external_ref": case,
        "description": description,
    }
    answer = send(service, "POST", "/v1/tickets", body, Idempotency_Key=f"case-{case}", X_Staff_No=staff_no)
    answer.raise_for_status()
    ticket: Json = answer.json()
    return ticket


def correct(service: httpx.Client, ticket: str, staff_no: str, change: Json) -> Json:
    """Change a ticket as it is now: who changed it in between makes us read it again.

    先读后改；其间有人改过则重新读取再改。
    """
    path = f"/v1/tickets/{ticket}"
    for _ in range(ATTEMPTS):
        read = send(service, "GET", path)
        read.raise_for_status()
        answer = send(service, "PATCH", path, change, If_Match=read.headers["ETag"], X_Staff_No=staff_no)
        if answer.status_code == 412:
            continue
        answer.raise_for_status()
        changed: Json = answer.json()
        return changed
    raise SystemExit(f"{ticket} is changed by others all the time: try again later")


def events_after(service: httpx.Client, position: int) -> Iterator[tuple[list[Json], int]]:
    """Yield the feed page by page, each with the position to keep once the page is stored.

    逐页读取事件流；每页存好之后再记下位置。
    """
    more = True
    while more:
        answer = send(service, "GET", f"/v1/events?after={position}")
        answer.raise_for_status()
        feed = answer.json()
        position, more = feed["next_after"], feed["has_more"]
        yield feed["items"], position
