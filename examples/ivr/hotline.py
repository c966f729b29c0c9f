"""A hotline files a call as a ticket, survives an answer that never came, and files the key press after the call.

热线系统：把来电登记为工单；未收到应答时安全重试；通话后登记按键评价。
"""

import os
import sys
import time

import httpx

ATTEMPTS = 5


def post(service: httpx.Client, path: str, body: dict[str, object], key: str) -> httpx.Response:
    """Post until an answer comes. The same key and body never make a second ticket, however often they arrive."""
    for attempt in range(ATTEMPTS):
        try:
            answer = service.post(path, json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            wait = 0.2 * 2**attempt
        else:
            if answer.status_code not in (429, 502, 503, 504):
                answer.raise_for_status()
                return answer
            wait = float(answer.headers.get("Retry-After", 1))
        time.sleep(wait)
    raise SystemExit(f"no answer from {path}: keep the call and send it again later with the same key")


def file_call(service: httpx.Client, line: str, call_id: str, phone: str, description: str) -> dict[str, object]:
    """Return the ticket of a call; a call filed before gives its ticket again."""
    body: dict[str, object] = {
        "business_line": line,
        "channel": "hotline",
        "customer": {"phone": phone},
        "description": description,
        "call": {"call_id": call_id},
    }
    ticket: dict[str, object] = post(service, "/v1/tickets", body, key=f"call-{call_id}").json()
    return ticket


def file_key_press(service: httpx.Client, ticket_number: str, call_id: str, pressed: int) -> None:
    """File the satisfaction, 1 to 5, that the caller pressed about a ticket that is resolved."""
    survey = post(
        service, "/v1/surveys", {"ticket_number": ticket_number, "channel": "ivr"}, key=f"survey-{call_id}"
    ).json()
    answers: dict[str, object] = {"scores": {"overall": pressed}, "channel": "ivr"}
    post(service, f"/v1/surveys/{survey['id']}/answers", answers, key=f"pressed-{call_id}")


def main() -> None:
    headers = {"Authorization": f"Bearer {os.environ['AFTERSALES_KEY']}"}
    with httpx.Client(base_url=os.environ["AFTERSALES_URL"], headers=headers, timeout=10) as service:
        match sys.argv[1:]:
            case ["call", line, call_id, phone, description]:
                print(file_call(service, line, call_id, phone, description)["number"])
            case ["pressed", ticket_number, call_id, key]:
                file_key_press(service, ticket_number, call_id, int(key))
            case _:
                raise SystemExit("hotline.py call LINE CALL_ID PHONE WORDS | pressed TICKET_NUMBER CALL_ID 1..5")


if __name__ == "__main__":
    main()
