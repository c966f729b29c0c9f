"""What schemathesis is to think of a refusal: valid data may be refused by a rule, but not for its form.

A schema cannot say all that a rule asks: that one of two fields is there, that a day has been, that a word is one of
the line's edition. So its check `positive_data_acceptance` is told that 400, 415 and 422 are fine, and the one here
looks at the code of the problem instead.
"""

from itertools import count
from typing import Any, Final

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

from tests.story.parameters import EXAMPLE_KEY

# What is wrong with a form, as whole answers and as fields say it. `not_an_integer` is not among them: to JSON Schema
# 27.0 is an integer, and the service wants it written as one.
_ANSWERS: Final = {"malformed_json", "unknown_parameter", "unsupported_media_type", "invalid_idempotency_key"}
_FIELDS: Final = {
    "unknown_field", "not_text", "too_short", "too_long", "wrong_format", "not_a_boolean", "not_a_list", "too_few",
    "too_many", "too_small", "too_large", "not_an_object", "not_a_date", "not_a_time", "timezone_required", "invalid",
    "invalid_staff_no",
}  # fmt: skip
# Not more defects than goods, no charge of nothing, no step down.
_BY_RULE: Final = {("defective_quantity", "too_large"), ("amount", "too_small"), ("level", "too_small")}
_NUMBERS: Final = count(1)


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _options: dict[str, Any]) -> None:
    """Give a request that bears the document's retry key one of its own: else it would get the first one's answer."""
    if case.headers.get("Idempotency-Key") == EXAMPLE_KEY:
        case.headers["Idempotency-Key"] = f"fuzz-{next(_NUMBERS):08}"


@schemathesis.check
def valid_data_is_refused_by_rules_alone(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """Raises: AssertionError if data of the right form was refused for its form."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 415, 422):
        return
    if "problem+json" not in response.headers.get("content-type", [""])[0]:
        return
    problem = response.json()
    assert problem["code"] not in _ANSWERS, problem["code"]
    if problem["code"] == "validation_failed":
        wrong = {(error.get("pointer", "").rpartition("/")[2], error["code"]) for error in problem["errors"]}
        assert not {code for _, code in wrong - _BY_RULE} & _FIELDS, wrong
