"""What schemathesis is to think of a refusal: valid data may be refused by a rule, but not for its form.

A schema cannot say all that a rule asks: that one of two fields is there, that a day has been, that a word is one of the
line's edition. The check of its own that "valid data is accepted" is therefore told of 400, 415 and 422 that they are
fine, and this one looks at the code of the problem instead.
"""

from typing import Final

import schemathesis
from schemathesis import Case, CheckContext, Response

# Codes of whole answers. A cursor is opaque; what a file is shows in its bytes.
_BY_FORM: Final = {"malformed_json", "unknown_parameter", "unsupported_media_type", "invalid_idempotency_key"}
# Codes of fields that valid data may get, and why a schema cannot tell.
_BY_RULE: Final = {
    "required", "one_of", "contradiction", "contact_required",  # depend on other fields
    "unknown_value", "unresolvable_host", "invalid_phone",  # depend on the line's edition, on DNS, on numbering plans
    "out_of_range", "in_the_future",  # bounds of dates, for which JSON Schema has no word
    "not_an_integer",  # 27.0 is an integer to JSON Schema; the service wants it written as one
    "not_money",  # more than two decimals
}  # fmt: skip


@schemathesis.check
def valid_data_is_refused_by_rules_alone(_context: CheckContext, response: Response, case: Case) -> None:
    """Raises: AssertionError if data of the right form was refused for its form."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 415, 422):
        return
    if "problem+json" not in response.headers.get("content-type", [""])[0]:
        return
    problem = response.json()
    codes = {error["code"] for error in problem.get("errors", ())}
    assert problem["code"] not in _BY_FORM, problem["code"]
    assert problem["code"] != "validation_failed" or not codes - _BY_RULE, codes - _BY_RULE
