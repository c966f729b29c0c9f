"""Validation errors in the project's own words: where, which code, what to send; never what was sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.errors import FieldError, TimezoneRequired, ValidationFailed
from app.core.language import Text
from app.core.personal import mask_text

MAX_ERRORS = 50

# pydantic's error type → our code and words. `{…}` are filled from the error's context, which holds limits only.
_WORDS: dict[str, tuple[str, Text]] = {
    "missing": ("required", Text("必填", "This field is required")),
    "extra_forbidden": ("unknown_field", Text("未知字段，请检查拼写", "Unknown field: check its spelling")),
    "string_type": ("not_text", Text("须为文本", "Text is expected")),
    "string_too_short": ("too_short", Text("至少 {min_length} 个字符", "At least {min_length} characters")),
    "string_too_long": ("too_long", Text("至多 {max_length} 个字符", "At most {max_length} characters")),
    "string_pattern_mismatch": ("wrong_format", Text("格式不符", "Not in the expected form")),
    "int_type": ("not_an_integer", Text("须为整数", "A whole number is expected")),
    "int_parsing": ("not_an_integer", Text("须为整数", "A whole number is expected")),
    "bool_type": ("not_a_boolean", Text("须为 true 或 false", "true or false is expected")),
    "bool_parsing": ("not_a_boolean", Text("须为 true 或 false", "true or false is expected")),
    "greater_than_equal": ("too_small", Text("不得小于 {ge}", "Not less than {ge}")),
    "greater_than": ("too_small", Text("须大于 {gt}", "More than {gt}")),
    "less_than_equal": ("too_large", Text("不得大于 {le}", "Not more than {le}")),
    "enum": ("unknown_value", Text("可选：{expected}", "One of: {expected}")),
    "literal_error": ("unknown_value", Text("可选：{expected}", "One of: {expected}")),
    "list_type": ("not_a_list", Text("须为列表", "A list is expected")),
    "tuple_type": ("not_a_list", Text("须为列表", "A list is expected")),
    "too_short": ("too_few", Text("至少 {min_length} 项", "At least {min_length} items")),
    "too_long": ("too_many", Text("至多 {max_length} 项", "At most {max_length} items")),
    "model_type": ("not_an_object", Text("须为 JSON 对象", "A JSON object is expected")),
    "model_attributes_type": ("not_an_object", Text("须为 JSON 对象", "A JSON object is expected")),
    "dict_type": ("not_an_object", Text("须为 JSON 对象", "A JSON object is expected")),
    "date_from_datetime_parsing": ("not_a_date", Text("日期格式为 YYYY-MM-DD", "A date is written YYYY-MM-DD")),
    "json_invalid": ("malformed_json", Text("不是合法的 JSON", "Not valid JSON")),
}
_OTHER = ("invalid", Text("取值不正确", "Not an acceptable value"))


class Refusal(ValueError):
    """Raised by a validator of ours: a code and words of ours instead of pydantic's.

    `field` is the field meant, where the validator looks at a whole object.
    """

    def __init__(self, code: str, detail: Text, *, field: str | None = None) -> None:
        self.code, self.detail, self.field = code, detail, field
        super().__init__(code)


def validation_problem(errors: Sequence[Mapping[str, Any]]) -> ValidationFailed:
    """Translate pydantic's errors; a time without an offset gives the whole problem its own code."""
    fields = [_field_error(error) for error in errors[:MAX_ERRORS]]
    kind = TimezoneRequired if any(field.code == "timezone_required" for field in fields) else ValidationFailed
    return kind(errors=fields)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    location = tuple(error["loc"])
    context = error.get("ctx") or {}
    refusal = context.get("error")
    if isinstance(refusal, Refusal):
        named = location if refusal.field is None else (*location, refusal.field)
        return FieldError(_where(named), refusal.code, refusal.detail)
    code, words = _WORDS.get(error["type"], _OTHER)
    return FieldError(_where(location), code, words.format(**context) if context else words)


def _where(location: tuple[str | int, ...]) -> tuple[str, str]:
    """`("body", "customer", "phone")` → `("pointer", "#/customer/phone")` (RFC 6901), or the parameter's name."""
    place, rest = location[0] if location else "body", location[1:]
    if place == "query" or place == "path":
        return "parameter", str(rest[0]) if rest else ""
    if place == "header":
        return "header", str(rest[0]) if rest else ""
    parts = (mask_text(str(part)[:60]).replace("~", "~0").replace("/", "~1") for part in rest)
    return "pointer", "#/" + "/".join(parts) if rest else "#"
