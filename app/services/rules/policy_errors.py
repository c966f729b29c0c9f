"""The validator's complaints about an edition, in words that help whoever wrote it."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.services.rules.clause import Wording
from app.services.rules.policy_findings import Finding, FindingLevel, join

_WORDS = {
    "missing": Wording("缺少此项", "is required"),
    "extra_forbidden": Wording("没有这一项，请检查拼写", "is not a known entry: check the spelling"),
    "bool_type": Wording("应为 true 或 false", "must be true or false"),
    "bool_parsing": Wording("应为 true 或 false", "must be true or false"),
    "int_type": Wording("应为整数", "must be a whole number"),
    "int_parsing": Wording("应为整数", "must be a whole number"),
    "int_from_float": Wording("应为整数", "must be a whole number"),
    "string_type": Wording("应为文字", "must be text"),
    "string_pattern_mismatch": Wording("写法不符，应符合 {pattern}", "must match {pattern}"),
    "string_too_long": Wording("最多{max_length}个字符", "must have at most {max_length} characters"),
    "too_short": Wording("至少需要{min_length}项", "needs at least {min_length}"),
    "too_long": Wording("最多{max_length}项", "takes at most {max_length}"),
    "greater_than": Wording("应大于{gt}", "must be more than {gt}"),
    "greater_than_equal": Wording("不得小于{ge}", "must be at least {ge}"),
    "less_than_equal": Wording("不得大于{le}", "must be at most {le}"),
    "enum": Wording("只能是 {expected}", "must be {expected}"),
    "literal_error": Wording("只能是 {expected}", "must be {expected}"),
    "date_type": Wording("应为日期，如 2026-01-01", "must be a date such as 2026-01-01"),
    "date_parsing": Wording("应为日期，如 2026-01-01", "must be a date such as 2026-01-01"),
    "date_from_datetime_parsing": Wording("应为日期，如 2026-01-01", "must be a date such as 2026-01-01"),
    "date_from_datetime_inexact": Wording("应为日期，不带时刻", "must be a date without a time"),
    "dict_type": Wording("应为一组键值", "must be a table"),
    "model_type": Wording("应为一组键值", "must be a table"),
    "dataclass_type": Wording(
        "应写成 {{ zh = …, en = … }}，备注也可引用 [notes] 中的名称",
        "must be {{ zh = …, en = … }}; a note may also name an entry of [notes]",
    ),
    "tuple_type": Wording("应为列表", "must be a list"),
    "decimal_parsing": Wording("应为数字", "must be a number"),
    "decimal_type": Wording("应为数字", "must be a number"),
    "value_error": Wording("取值无效：{error}", "is not valid: {error}"),
}
_OTHERWISE = Wording("取值无效", "is not valid here")
_MOST = 200  # findings
_LONGEST = 200  # characters of a limit or a reason


def translated(invalid: ValidationError, document: Mapping[str, object]) -> tuple[Finding, ...]:
    """Return one finding an error, with path and clause; what was given is never repeated."""
    found = invalid.errors(include_input=False, include_url=False)
    return tuple(
        Finding(FindingLevel.ERROR, _path(detail["loc"]), _clause(detail["loc"], document), _message(detail))
        for detail in found[:_MOST]
    )


def _message(detail: ErrorDetails) -> Wording:
    words = _WORDS.get(detail["type"], _OTHERWISE)
    facts = {name: str(value)[:_LONGEST] for name, value in detail.get("ctx", {}).items()}
    return Wording(words.zh.format_map(facts), words.en.format_map(facts))


def _path(steps: Sequence[str | int]) -> str:
    path = ""
    for step in steps:
        if step != "[key]":
            path = join(path, step)
    return path


def _clause(steps: Sequence[str | int], document: Mapping[str, object]) -> str | None:
    """The clause cited nearest around the place, as the document has it."""
    node: object = document
    clause = None
    for step in steps:
        if isinstance(node, Mapping):
            clause = node["clause"] if isinstance(node.get("clause"), str) else clause
            node = node.get(step)
        elif isinstance(node, Sequence) and not isinstance(node, str) and isinstance(step, int) and step < len(node):
            node = node[step]
        else:
            break
    if isinstance(node, Mapping) and isinstance(node.get("clause"), str):
        clause = node["clause"]
    return clause[:80] if isinstance(clause, str) else None
