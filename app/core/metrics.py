"""Prometheus metrics. Labels are route templates and codes, never ids or anything a caller wrote."""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

REQUEST_SECONDS = Histogram(
    "aftersales_http_request_seconds",
    "Time to serve a request, by route template, method and status",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REQUESTS_IN_FLIGHT = Gauge("aftersales_requests_in_flight", "Requests being served", multiprocess_mode="livesum")
REQUESTS_WAITING = Gauge(
    "aftersales_requests_waiting", "Requests in the queue for a place", multiprocess_mode="livesum"
)
REQUESTS_SHED = Counter(
    "aftersales_requests_shed_total",
    "Requests refused for want of room: queue_full, waited (a second), displaced (by a ticket)",
    ["reason"],
)
LIMITS_ON_CREDIT = Counter(
    "aftersales_limits_on_credit_total", "Leases of a rate limit granted without the database", ["policy"]
)
PROBLEMS = Counter("aftersales_problems_total", "Problems answered, by code", ["code"])
TICKETS = Counter("aftersales_tickets_recorded_total", "Tickets taken, by channel and kind", ["channel", "kind"])
EVENTS_SEALED = Counter("aftersales_events_sealed_total", "Events given their place in the feed")
TIMERS_FIRED = Counter("aftersales_timers_fired_total", "Warnings, breaches and escalations fired", ["kind"])
TIMERS_STUCK = Counter("aftersales_timers_stuck_total", "Timers set aside after three failed tries")
NOTICES = Counter("aftersales_notices_total", "Tries to send a notice, by channel and result", ["kind", "result"])
WEBHOOK_SECONDS = Histogram(
    "aftersales_webhook_attempt_seconds",
    "Time a receiver took, by how the attempt ended: delivered, refused (a status that is not 2xx), unanswered",
    ["outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)
WEBHOOKS = Gauge(
    "aftersales_webhook_deliveries",
    "Deliveries that wait (due or for their next try) or are dead",
    ["state"],
    multiprocess_mode="mostrecent",
)
WEBHOOK_LAG = Gauge(
    "aftersales_webhook_oldest_due_seconds",
    "How long the oldest delivery has been due that no worker has sent",
    multiprocess_mode="mostrecent",
)
WEBHOOK_ENDPOINTS = Gauge(
    "aftersales_webhook_endpoints",
    "Endpoints, by state: enabled, failing, disabled",
    ["state"],
    multiprocess_mode="mostrecent",
)
WEBHOOKS_DISABLED = Counter(
    "aftersales_webhook_endpoints_disabled_total", "Endpoints disabled by the service itself", ["reason"]
)
WORKER_ERRORS = Counter("aftersales_worker_errors_total", "Rounds of a worker's task that failed", ["task"])
WORKER_ROUND = Gauge(
    "aftersales_worker_last_round_timestamp_seconds",
    "When a worker's task last completed a round",
    ["task"],
    multiprocess_mode="mostrecent",
)


def exposition() -> bytes:
    """Return the metrics of this process, or of all processes where PROMETHEUS_MULTIPROC_DIR is set."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
