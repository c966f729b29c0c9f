"""The answer to an eligibility check, as bytes.

It is put together here and not by `EligibilityOut`, which documents it: a web shop asks on every product page, and
to validate and write the answer would take longer than to decide. A test holds the two together.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from app.core.answers import JSON, Answer
from app.schemas.fields import instant_text
from app.services.policy_book import Policy
from app.services.rules.returns.decision import ReturnDecision

_HEADERS = {"content-type": JSON}
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def eligibility_answer(
    decision: ReturnDecision, policy: Policy, now: datetime, *, overruled: Sequence[str] = ()
) -> Answer:
    """Render a decision, and which facts of the caller's the file overruled; what does not apply is left out."""
    amount = decision.refund_amount
    shown = {
        "outcome": decision.outcome,
        "remedies": decision.remedies,
        "freight_payer": decision.freight_payer or "none",
        "freight_if_inspection_fails": decision.freight_if_inspection_fails,
        "deadline": decision.deadline and decision.deadline.isoformat(),
        "warranty_end": decision.warranty_end and decision.warranty_end.isoformat(),
        "refund_due_by": decision.refund_due_by and decision.refund_due_by.isoformat(),
        "refund_amount": None if amount is None else f"{amount:.2f}",
        "refund_in_kind": {way: f"{value:.2f}" for way, value in decision.refund_in_kind.items()} or None,
        "depreciation_days": decision.depreciation_days,
        "returnable_quantity": decision.returnable_quantity,
        "missing_facts": decision.missing_facts,
        "bring": decision.bring,
        "flags": decision.flags,
        "overruled_facts": overruled or None,
        "disclose_uncertainty": decision.disclose_uncertainty,
        "calendar_confirmed": decision.calendar_confirmed,
        "policy": {"name": policy.name, "version": policy.version},
        "decided_at": instant_text(now),
    }
    given = _json({name: value for name, value in shown.items() if value is not None})
    basis = ",".join([rule.shown for rule in decision.basis])
    return Answer(200, f'{given[:-1]},"basis":[{basis}]}}'.encode(), _HEADERS)
