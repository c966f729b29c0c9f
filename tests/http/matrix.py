"""How each operation could reach into another line, and so which test holds it back. A new route needs an entry."""

from app.services.rules.return_requests import ReturnMove

_MOVES = (
    "acknowledge",
    "assign",
    "start",
    "wait",
    "resume",
    "resolve",
    "accept",
    "close",
    "reopen",
    "cancel",
    "transfer",
    "escalate",
)

# Which test of `test_isolation.py` holds an operation back.
# An operation on things that `World` does not hold names the test of its own that does.
_CAPAS = "tests/http/test_capas.py::test_what_is_another_lines_does_not_exist"
_GOODS = "tests/http/test_nonconformities.py::test_what_is_another_lines_does_not_exist"
_CAMPAIGNS = "tests/http/test_survey_campaigns.py::test_what_is_another_lines_does_not_exist"
_SURVEYS = "tests/http/test_surveys.py::test_what_is_another_lines_does_not_exist"
_ARCHIVED = {"customers": "customer", "catalogue-items": "item", "purchases": "purchase", "warranty-cards": "card"}
_ARCHIVE = "tests/http/test_archive.py::test_what_is_another_lines_does_not_exist"
_REVEALING = "tests/http/test_revealing.py::test_what_is_another_lines_does_not_exist"
_STAFF = "tests/http/test_staff.py::test_what_is_another_lines_does_not_exist"
_NETWORK = "tests/http/test_service_points.py::test_what_is_another_lines_does_not_exist"
_QUALITY = "tests/http/test_quality.py::test_what_is_another_lines_does_not_exist"
_FEEDBACK = "tests/http/test_classification_feedback.py::test_what_is_another_lines_does_not_exist"
_FILES = "tests/http/test_attachments.py::test_what_is_another_lines_does_not_exist"
_ERASURES = "tests/http/test_erasures.py::test_what_is_another_lines_does_not_exist"
_REPORTS = "tests/http/test_complaint_reports.py::test_what_is_another_lines_does_not_exist"
_RETURNS = "tests/http/test_return_requests.py::test_what_is_another_lines_does_not_exist"
CLOCK = "a test clock's id"
REFERENCE, LINE, LIST, SHIPPED = "a reference", "a line's name", "a list", "shipped policies only"
LINES, WEBHOOK = "names of lines", "an endpoint or a delivery"
MATRIX: dict[str, str] = {
    "POST /v1/tickets": LINE,
    "GET /v1/tickets": LIST,
    "POST /v1/tickets/search": LIST,
    "POST /v1/tickets/{ticket}/reveal": REFERENCE,
    **dict.fromkeys(("POST /v1/customers/{customer}/reveal", "GET /v1/access-log"), _REVEALING),
    **dict.fromkeys(("POST /v1/erasures", "GET /v1/erasures", "GET /v1/erasures/{erasure}"), _ERASURES),
    "GET /v1/tickets/{ticket}": REFERENCE,
    "PATCH /v1/tickets/{ticket}": REFERENCE,
    "PUT /v1/tickets/{ticket}/classification": REFERENCE,
    "GET /v1/tickets/{ticket}/assignments": REFERENCE,
    "GET /v1/tickets/{ticket}/timeline": REFERENCE,
    "GET /v1/tickets/{ticket}/commitments/{commitment}/explanation": REFERENCE,
    "POST /v1/tickets/{ticket}/comments": REFERENCE,
    "POST /v1/tickets/{ticket}/delay-reasons": REFERENCE,
    "POST /v1/tickets/{ticket}/escalations/acknowledge": REFERENCE,
    **{f"POST /v1/tickets/{{ticket}}/{move}": REFERENCE for move in _MOVES},
    **{f"GET /v1/tickets/{{ticket}}/report{kind}": _REPORTS for kind in ("", ".html", ".pdf")},
    **{f"{method} /v1/tickets/{{ticket}}/report": _REPORTS for method in ("POST", "PATCH")},
    **{
        f"POST /v1/tickets/{{ticket}}/report/{step}": _REPORTS
        for step in ("measures", "measures/done", "settle", "approvals", "answer")
    },
    "POST /v1/test-clocks": LINE,
    "GET /v1/test-clocks": LIST,
    "GET /v1/test-clocks/{test_clock}": CLOCK,
    "POST /v1/test-clocks/{test_clock}/advance": CLOCK,
    "POST /v1/sla/preview": LINE,
    "GET /v1/sla/overdue": LIST,
    "GET /v1/sla/performance": LIST,
    "GET /v1/sla/handling-times": LIST,
    "GET /v1/complaints/batches": _QUALITY,
    "GET /v1/complaints/batches/holders": _QUALITY,
    "GET /v1/complaints/analysis": _QUALITY,
    "GET /v1/complaints/analysis.html": _QUALITY,
    "GET /v1/quality-alerts": _QUALITY,
    "GET /v1/quality-alerts/{alert}": _QUALITY,
    "POST /v1/quality-alerts/{alert}/close": _QUALITY,
    "POST /v1/tickets/{ticket}/inspections": REFERENCE,
    "GET /v1/tickets/{ticket}/inspections": REFERENCE,
    "POST /v1/tickets/{ticket}/responsibility": REFERENCE,
    "GET /v1/tickets/{ticket}/responsibility": REFERENCE,
    "GET /v1/tickets/{ticket}/responsibility/letter": REFERENCE,
    "POST /v1/tickets/{ticket}/responsibility/letter/sent": REFERENCE,
    "POST /v1/tickets/{ticket}/capa": REFERENCE,
    "GET /v1/tickets/{ticket}/capa": REFERENCE,
    "POST /v1/tickets/{ticket}/attachments": _FILES,
    "GET /v1/tickets/{ticket}/attachments": _FILES,
    "GET /v1/tickets/{ticket}/attachments/{attachment}/content": _FILES,
    "POST /v1/tickets/{ticket}/attachments/{attachment}/remove": _FILES,
    "POST /v1/capas": LINE,
    "GET /v1/capas": _CAPAS,
    "GET /v1/capas/{capa}": _CAPAS,
    "PATCH /v1/capas/{capa}": _CAPAS,
    "GET /v1/capas/{capa}/report.html": _CAPAS,
    "PATCH /v1/capas/{capa}/actions/{action}": _CAPAS,
    "POST /v1/capas/{capa}/actions/{action}/complete": _CAPAS,
    "POST /v1/capas/{capa}/actions/{action}/drop": _CAPAS,
    **{
        f"POST /v1/capas/{{capa}}/{move}": _CAPAS for move in ("analyse", "plan", "verify", "close", "reopen", "cancel")
    },
    "POST /v1/nonconformities": LINE,
    "GET /v1/nonconformities": _GOODS,
    "GET /v1/nonconformities/{nonconformity}": _GOODS,
    "PATCH /v1/nonconformities/{nonconformity}": _GOODS,
    **{
        f"POST /v1/nonconformities/{{nonconformity}}/{move}": _GOODS
        for move in ("review", "dispose", "correct", "verify", "close", "cancel", "capa")
    },
    "POST /v1/service-points": LINE,
    "GET /v1/service-points": _NETWORK,
    "GET /v1/service-points/{point}": _NETWORK,
    "PATCH /v1/service-points/{point}": _NETWORK,
    "POST /v1/staff": LINE,
    "GET /v1/staff": _STAFF,
    "GET /v1/staff/{member}": _STAFF,
    "PATCH /v1/staff/{member}": _STAFF,
    "POST /v1/staff/{member}/availability": _STAFF,
    "GET /v1/queues": LIST,
    "POST /v1/surveys": _SURVEYS,
    "GET /v1/surveys": _SURVEYS,
    "POST /v1/surveys/opt-ins": LINE,
    "POST /v1/surveys/opt-outs": LINE,
    "GET /v1/surveys/{survey}": _SURVEYS,
    "POST /v1/surveys/{survey}/answers": _SURVEYS,
    "POST /v1/survey-campaigns": LINE,
    "GET /v1/survey-campaigns": _CAMPAIGNS,
    "GET /v1/survey-campaigns/{campaign}": _CAMPAIGNS,
    "GET /v1/satisfaction": _SURVEYS,
    "POST /v1/complaints/classify": LINE,
    "GET /v1/complaints/agreement": _FEEDBACK,
    "POST /v1/returns/eligibility": LINE,
    "POST /v1/returns": LINE,
    "GET /v1/returns": _RETURNS,
    "GET /v1/returns/{number}": _RETURNS,
    **{f"POST /v1/returns/{{number}}/{move}": _RETURNS for move in ReturnMove},
    "GET /v1/policies": SHIPPED,
    "POST /v1/policies": SHIPPED,
    "GET /v1/policies/{name}": SHIPPED,
    "POST /v1/policies/check": SHIPPED,
    "GET /v1/events": LIST,
    "POST /v1/notice-channels": LINE,
    "GET /v1/notice-channels": LIST,
    "GET /v1/notice-channels/{channel}": REFERENCE,
    "PATCH /v1/notice-channels/{channel}": REFERENCE,
    "DELETE /v1/notice-channels/{channel}": REFERENCE,
    "POST /v1/notice-channels/{channel}/test": REFERENCE,
    "GET /v1/notices": LIST,
    "POST /v1/notices/{notice}/resend": REFERENCE,
    "POST /v1/webhook-endpoints": LINES,
    "GET /v1/webhook-endpoints": LIST,
    "GET /v1/webhook-endpoints/{endpoint}": WEBHOOK,
    "PATCH /v1/webhook-endpoints/{endpoint}": WEBHOOK,
    "DELETE /v1/webhook-endpoints/{endpoint}": WEBHOOK,
    **{
        f"POST /v1/webhook-endpoints/{{endpoint}}/{move}": WEBHOOK
        for move in ("rotate-secret", "enable", "disable", "test", "replay")
    },
    "GET /v1/webhook-deliveries": LIST,
    "GET /v1/webhook-deliveries/{delivery}": WEBHOOK,
    "POST /v1/webhook-deliveries/{delivery}/redeliver": WEBHOOK,
    **{
        f"{method} /v1/{kind}{rest}": _ARCHIVE
        for kind, one in _ARCHIVED.items()
        for method, rest in (("GET", ""), ("GET", f"/{{{one}}}"), ("PATCH", f"/{{{one}}}"))
    },
    **dict.fromkeys(("POST /v1/customers/search", "POST /v1/purchases/search"), _ARCHIVE),
    "GET /v1/customers/{customer}/history": _ARCHIVE,
    "POST /v1/warranty-cards": _ARCHIVE,
    "POST /v1/warranty-cards/{card}/extensions": _ARCHIVE,
    **{
        f"POST /v1/{path}": LINE
        for path in ("customers", "catalogue-items", "purchases", "purchases/import", "order-tokens", "warranty/check")
    },
    "POST /v1/tickets/{ticket}/charges": REFERENCE,
}
