"""制度校验: is this document an edition that can be put in force, and what in it is odd?

The seven reference documents have their oddities: those are kept as written and reported as warnings. An error is
what cannot be decided under, or what the law does not allow.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from app.services.rules.policy import Edition
from app.services.rules.policy_consistency import inconsistencies
from app.services.rules.policy_errors import translated
from app.services.rules.policy_findings import Finding, FindingLevel, error, join
from app.services.rules.policy_floor import below_the_law
from app.services.rules.policy_times import time_findings
from app.services.rules.returns.statutes import StatuteBook

_DEEPEST = 24  # levels of nesting; an edition has 8


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """`edition` is None if there is any error."""

    edition: Edition | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level is FindingLevel.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level is FindingLevel.WARNING)


def check_text(text: str, law: StatuteBook) -> PolicyReport:
    """Check an edition as the text of its TOML file; `law` is what it may not fall below."""
    document, findings = parse_edition(text)
    return PolicyReport(None, findings) if document is None else check_edition(document, law)


def parse_edition(text: str) -> tuple[Mapping[str, object] | None, tuple[Finding, ...]]:
    """Return the document, or None and the syntax error with its line and column."""
    try:
        return tomllib.loads(text), ()
    except tomllib.TOMLDecodeError as invalid:
        reason = str(invalid)[:200]
        return None, (error("", None, f"TOML 语法错误：{reason}", f"TOML syntax: {reason}"),)
    except RecursionError:
        return None, (error("", None, "嵌套层数过多", "nested too deeply"),)
    except ValueError:  # a number of thousands of digits, say
        return None, (error("", None, "数值超出范围", "a value is out of range"),)


def check_edition(document: Mapping[str, object], law: StatuteBook) -> PolicyReport:
    """Check a parsed edition: its shape first, and if that is right its sense."""
    if _depth(document) > _DEEPEST:
        return PolicyReport(None, (error("", None, "嵌套层数过多", "nested too deeply"),))
    resolved, findings = _with_notes(document)
    try:
        edition = Edition.model_validate(resolved)
    except ValidationError as invalid:
        return PolicyReport(None, (*findings, *translated(invalid, document)))
    findings = (*findings, *inconsistencies(edition), *below_the_law(edition, law), *time_findings(edition))
    report = PolicyReport(edition, findings)
    return PolicyReport(None, findings) if report.errors else report


def _depth(document: object) -> int:
    """Levels of nesting, counted without recursion so that a hostile document cannot exhaust the stack."""
    level, deepest = [document], 0
    while level and deepest <= _DEEPEST:
        deepest += 1
        level = [child for node in level for child in _inner(node)]
    return deepest


def _inner(node: object) -> list[object]:
    if isinstance(node, Mapping):
        return list(node.values())
    return list(node) if isinstance(node, list | tuple) else []


def _with_notes(document: Mapping[str, object]) -> tuple[object, tuple[Finding, ...]]:
    """Put the text in for every `note` that names an entry of [notes]."""
    notes = document.get("notes")
    notes = notes if isinstance(notes, Mapping) else {}
    findings: list[Finding] = []

    def resolved(node: object, path: str) -> object:
        if isinstance(node, Mapping):
            return {key: put_in(key, value, join(path, str(key))) for key, value in node.items()}
        if isinstance(node, list | tuple):
            return [resolved(child, join(path, place)) for place, child in enumerate(node)]
        return node

    def put_in(key: object, value: object, path: str) -> object:
        if key != "note" or not isinstance(value, str):
            return resolved(value, path)
        if value not in notes:
            findings.append(error(path, None, "[notes] 中没有这一备注", "there is no such entry in [notes]"))
            return {"zh": "—", "en": "—"}
        return notes[value]

    return resolved(document, ""), tuple(findings)
