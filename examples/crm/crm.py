"""A CRM files tickets, corrects them, hears what becomes of them, and tells its customers.

CRM 登记和更正工单，接收事件，并转告顾客。
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from inbox import Inbox
from service import correct, events_after, file_ticket, send
from standardwebhooks import Webhook, WebhookVerificationError

LONGEST = 1_000_000
arrived = threading.Event()


class Receiver(BaseHTTPRequestHandler):
    """Verifies the bytes as they came, keeps the event, answers at once; the work is done elsewhere.

    对原始字节验签，存下事件，立即应答；处理另行进行。
    """

    protocol_version = "HTTP/1.1"
    timeout = 15

    def do_POST(self) -> None:
        self._answer(self._take())
        arrived.set()

    def _take(self) -> int:
        """Return the status to answer with, the event being kept."""
        length = int(self.headers.get("Content-Length", 0))
        if length > LONGEST:
            self.close_connection = True
            return 413
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = Webhook(os.environ["WEBHOOK_SECRET"]).verify(body, headers)
        except WebhookVerificationError:
            return 401
        if event["type"] != "webhook.test":  # it stands in no feed and belongs to no order
            Inbox(os.environ["CRM_FILE"]).keep([event])
        return 204

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: standard output is for the customers' messages."""


def catch_up(service: httpx.Client, inbox: Inbox) -> None:
    """Store what the feed has and we may have missed. 补上可能漏收的事件。"""
    for events, position in events_after(service, inbox.position()):
        inbox.keep(events, position)


def work_off(service: httpx.Client, inbox: Inbox) -> None:
    """Deal with what has its turn, each once. 按顺序处理，每个一次。"""
    while event := inbox.next():
        handle(service, event)
        inbox.done(event)


def handle(service: httpx.Client, event: dict[str, Any]) -> None:
    """Read the ticket, as the event is thin, and tell the customer what is theirs to know.

    事件正文很薄，须读取工单；该告诉顾客的，转告顾客。
    """
    data = event["data"]
    told: dict[str, Any] = {"event": event["id"], "type": event["type"], "sequence": event["sequence"]}
    if ticket_id := data.get("ticket_id"):
        answer = send(service, "GET", f"/v1/tickets/{ticket_id}")
        answer.raise_for_status()
        ticket = answer.json()
        told |= {"ticket": ticket["number"], "status": ticket["status"]}
        told["customer"] = (ticket["customer"] or {}).get("external_id")
    if event["type"] == "ticket.progress":
        told["say"] = data["text"]
    if event["type"] in ("survey.invited", "survey.reminded") and data["invited_by"] == "crm":
        told["say"] = data["url"]
    # Here a CRM sends a text message, under the event's id, so that a repeat after a crash is known as one.
    # 真正的 CRM 在此发短信，以事件 id 去重。
    print(json.dumps(told, ensure_ascii=False), flush=True)


def serve(service: httpx.Client, port: int) -> None:
    """Listen, catch up first with what happened while we were away, then work whenever something arrives."""
    inbox = Inbox(os.environ["CRM_FILE"])
    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    catch_up(service, inbox)
    while True:
        work_off(service, inbox)
        if inbox.waits():  # an earlier event is missing: the feed has it
            catch_up(service, inbox)
            work_off(service, inbox)
        arrived.wait()
        arrived.clear()


def main() -> None:
    headers = {"Authorization": f"Bearer {os.environ['AFTERSALES_KEY']}"}
    with httpx.Client(base_url=os.environ["AFTERSALES_URL"], headers=headers, timeout=10) as service:
        match sys.argv[1:]:
            case ["file", line, case, customer, staff_no, description]:
                print(file_ticket(service, line, case, customer, staff_no, description)["number"])
            case ["correct", ticket, staff_no, field, value]:
                print(correct(service, ticket, staff_no, {field: value})[field])
            case ["catch-up"]:
                inbox = Inbox(os.environ["CRM_FILE"])
                catch_up(service, inbox)
                work_off(service, inbox)
            case ["serve", port]:
                serve(service, int(port))
            case _:
                raise SystemExit(
                    "crm.py file LINE CASE CUSTOMER STAFF_NO WORDS | correct TICKET STAFF_NO FIELD VALUE"
                    " | catch-up | serve PORT"
                )


if __name__ == "__main__":
    main()
