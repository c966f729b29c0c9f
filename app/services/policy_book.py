"""The policies in force: every edition shipped in `app/policies` and every one a company has registered itself.

Nothing else reads edition files. A book is immutable and safe to share; a new state of the database makes a new book.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from app.services.classifier.model_file import CLASSIFIER_FOLDER, model_files, read_model
from app.services.rules.calendar import WorkingCalendar
from app.services.rules.classification import Classifier
from app.services.rules.classification_model import Model
from app.services.rules.clause import Terms
from app.services.rules.holidays import HolidayBook, build_calendar
from app.services.rules.lexicon import Lexicon, LexiconPart
from app.services.rules.policy import Edition
from app.services.rules.policy_check import PolicyReport, check_text, parse_edition
from app.services.rules.policy_errors import translated
from app.services.rules.policy_findings import Finding, error
from app.services.rules.returns.company import CompanyTerms, company_terms
from app.services.rules.returns.deadlines import RestDays
from app.services.rules.returns.statutes import StatuteBook, StatutePart
from app.services.rules.sla import Timekeeping

SHIPPED: Final = Path(__file__).resolve().parent.parent / "policies"
HOLIDAYS_FILE: Final = "law/holidays.toml"
STATUTES_FOLDER: Final = "law/returns"
LEXICON_FOLDER: Final = "lexicon"
_SHOWN: Final = 10  # of what is wrong with a model

Section = TypeVar("Section", bound=Terms)


class UnknownPolicy(LookupError):
    """No such policy, no such version of it, or none in force on that day."""


class PolicyFilesInvalid(ValueError):
    """The shipped files cannot be used; `lines` has one line an error: file, place, what is wrong, clause."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Origin(StrEnum):
    SHIPPED = "shipped"
    DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Policy:
    """One edition, ready to decide under. `text` is the document as it stands, `warnings` what is odd in it."""

    edition: Edition
    time: Timekeeping
    returns: CompanyTerms
    text: str
    sha256: str
    origin: Origin
    warnings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        return self.edition.edition.name

    @property
    def version(self) -> str:
        return self.edition.edition.version

    @property
    def ref(self) -> str:
        """What a decision is stored with: `chemicals/edition_1`."""
        return f"{self.name}/edition_{self.version}"

    @property
    def effective_from(self) -> date:
        return self.edition.edition.effective_from


@dataclass(frozen=True, slots=True)
class EditionRow:
    """A company's own edition as the database keeps it; the columns repeat what the document says of itself."""

    name: str
    version: str
    effective_from: date
    text: str


@dataclass(frozen=True, slots=True)
class EditionFault:
    """A registered edition that had to be left out, and why."""

    name: str
    version: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class PolicyBook:
    """Every known edition by name, in the order in which they come into force."""

    holidays: HolidayBook
    statutes: StatuteBook
    rest_days: RestDays
    classifier: Classifier
    policies: Mapping[str, tuple[Policy, ...]]
    faults: tuple[EditionFault, ...] = ()

    @classmethod
    def load(cls, folder: Path = SHIPPED) -> PolicyBook:
        """Read, check and compile every edition of the folder, the holidays, the law of returns, the lexicon and the
        newest model.

        Raises: PolicyFilesInvalid with all that is wrong in any of them.
        """
        lines: list[str] = []
        holidays = _section(folder, HOLIDAYS_FILE, HolidayBook, lines)
        lexicon, model = _lexicon(folder, lines), _model(folder, lines)
        statutes = _statutes(folder, lines)
        if statutes is None:  # the editions cannot be held against the law
            raise PolicyFilesInvalid(tuple(lines))
        checked = [(path, *_checked(path, folder, statutes)) for path in _edition_files(folder)]
        lines += [line for _, _, _, wrong in checked for line in wrong]
        if lines or holidays is None or lexicon is None or model is None:
            raise PolicyFilesInvalid(tuple(lines))
        compiler = _Compiler(holidays, statutes)
        policies = [
            compiler.policy(report.edition, text, Origin.SHIPPED, report.warnings)
            for _, text, report, _ in checked
            if report.edition is not None
        ]
        return cls(holidays, statutes, RestDays(holidays), Classifier(lexicon, model), _by_name(policies))

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.policies))

    def editions(self, name: str) -> tuple[Policy, ...]:
        """Return the editions of a policy, the earliest in force first. Raises: UnknownPolicy."""
        try:
            return self.policies[name]
        except KeyError:
            raise UnknownPolicy(f"no policy {name!r}") from None

    def in_force(self, name: str, on: date) -> Policy:
        """Return the edition in force on a local date: the latest to begin by then, of equals the last registered.

        Raises: UnknownPolicy, also for a day before the first edition begins.
        """
        editions = self.editions(name)
        place = bisect_right(editions, on, key=lambda policy: policy.effective_from)
        if place == 0:
            raise UnknownPolicy(f"policy {name!r} has no edition in force on {on}")
        return editions[place - 1]

    def get(self, name: str, version: str) -> Policy:
        """Return one edition, in force or not. Raises: UnknownPolicy."""
        for policy in self.editions(name):
            if policy.version == version:
                return policy
        raise UnknownPolicy(f"policy {name!r} has no version {version!r}")

    def with_editions(self, rows: Iterable[EditionRow]) -> PolicyBook:
        """Return a book of the shipped editions and exactly these rows, in the order of their registration.

        Editions that this book has already are taken over as they are, so that asking again costs little. A row
        that is broken, or takes the name and version of another edition, is left out and stands in `faults`.
        """
        present = [policy for editions in self.policies.values() for policy in editions]
        shipped = [policy for policy in present if policy.origin is Origin.SHIPPED]
        own = (policy for policy in present if policy.origin is Origin.DATABASE)
        known = {(policy.ref, policy.effective_from, policy.text): policy for policy in own}
        compiler = _Compiler(self.holidays, self.statutes, (policy.time for policy in present))
        taken = {policy.ref for policy in shipped}
        added: list[Policy] = []
        faults: list[EditionFault] = []
        for row in rows:
            ref = f"{row.name}/edition_{row.version}"
            policy, lines = _from_row(row, known.get((ref, row.effective_from, row.text)), compiler)
            if policy is not None and ref in taken:
                lines = (_line(ref, error("edition.version", None, "此版本已存在", "this version exists already")),)
            if policy is None or lines:
                faults.append(EditionFault(row.name, row.version, lines))
                continue
            taken.add(ref)
            added.append(policy)
        return replace(self, policies=_by_name(shipped + added), faults=tuple(faults))


class _Compiler:
    """Makes policies of editions. Those that keep the same hours share one compiled calendar."""

    def __init__(self, holidays: HolidayBook, statutes: StatuteBook, present: Iterable[Timekeeping] = ()) -> None:
        self._holidays = holidays
        self.statutes = statutes
        self._compiled: dict[tuple[WorkingCalendar, bool], Timekeeping] = {
            (time.calendar, time.holidays is not None): time for time in present
        }

    def policy(self, edition: Edition, text: str, origin: Origin, warnings: tuple[Finding, ...]) -> Policy:
        digest = sha256(text.encode()).hexdigest()
        terms = company_terms(edition, self.statutes.rules)
        return Policy(edition, self._timekeeping(edition), terms, text, digest, origin, warnings)

    def _timekeeping(self, edition: Edition) -> Timekeeping:
        terms = edition.calendar
        holidays = self._holidays if terms.chinese_holidays.value else None
        date_hours = {day: hours.value for day, hours in terms.date_hours.items()}
        calendar = build_calendar(terms.timezone, terms.weekly_hours.value, holidays, date_hours)
        fresh = Timekeeping(calendar, terms.timezone, holidays)
        return self._compiled.setdefault((calendar, holidays is not None), fresh)


def _from_row(row: EditionRow, known: Policy | None, compiler: _Compiler) -> tuple[Policy | None, tuple[str, ...]]:
    if known is not None:
        return known, ()
    report = check_text(row.text, compiler.statutes)
    findings = report.errors
    if report.edition is not None:
        head = report.edition.edition
        if (head.name, head.version, head.effective_from) != (row.name, row.version, row.effective_from):
            findings = (error("edition", None, "与登记的名称、版本或日期不一致", "is not what was registered"),)
    if report.edition is None or findings:
        return None, tuple(_line(f"{row.name}/edition_{row.version}", finding) for finding in findings)
    return compiler.policy(report.edition, row.text, Origin.DATABASE, report.warnings), ()


def _edition_files(folder: Path) -> Iterator[Path]:
    """Edition files in a fixed order; edition_10 comes after edition_9."""
    yield from sorted(folder.glob("*/edition_*.toml"), key=lambda path: (path.parent.name, len(path.name), path.name))


def _checked(path: Path, folder: Path, statutes: StatuteBook) -> tuple[str, PolicyReport, tuple[str, ...]]:
    """Return the text of the file, the report on it and the lines of what is wrong with it."""
    file = path.relative_to(folder).as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        report = PolicyReport(None, (error("", None, "不是 UTF-8 文本", "is not UTF-8 text"),))
        return "", report, tuple(_line(file, finding) for finding in report.errors)
    report = check_text(text, statutes)
    findings = report.errors
    if report.edition is not None:
        head = report.edition.edition
        expected = f"{head.name}/edition_{head.version}.toml"
        if file != expected:
            findings = (error("edition", None, f"文件应名为 {expected}", f"the file must be {expected}"),)
    return text, report, tuple(_line(file, finding) for finding in findings)


def shipped_statutes(folder: Path = SHIPPED) -> StatuteBook:
    """Return the law of returns alone. Raises: PolicyFilesInvalid."""
    lines: list[str] = []
    statutes = _statutes(folder, lines)
    if statutes is None:
        raise PolicyFilesInvalid(tuple(lines))
    return statutes


def shipped_lexicon(folder: Path = SHIPPED) -> Lexicon:
    """Return the lexicon alone, to train a model with. Raises: PolicyFilesInvalid."""
    lines: list[str] = []
    lexicon = _lexicon(folder, lines)
    if lexicon is None:
        raise PolicyFilesInvalid(tuple(lines))
    return lexicon


def _section(folder: Path, file: str, shape: type[Section], lines: list[str]) -> Section | None:
    try:
        document, findings = parse_edition((folder / file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as unread:
        lines.append(f"{file}: {type(unread).__name__}")
        return None
    if document is not None:
        try:
            return shape.model_validate(document)
        except ValidationError as invalid:
            findings = translated(invalid, document)
    lines += [_line(file, finding) for finding in findings]
    return None


def _lexicon(folder: Path, lines: list[str]) -> Lexicon | None:
    """Read every file of the lexicon's folder, in the order of their names."""
    parts = _parts(folder, LEXICON_FOLDER, LexiconPart, lines)
    if parts is None:
        return None
    try:
        lexicon = Lexicon.joined(parts)
        lexicon.matcher  # noqa: B018 - compiled here, so that no request waits for it
        return lexicon
    except ValidationError as invalid:
        findings = translated(invalid, {})
    except ValueError as contradiction:
        findings = (error("", None, f"词库有误：{contradiction}", f"is not valid: {contradiction}"),)
    lines += [_line(LEXICON_FOLDER, finding) for finding in findings]
    return None


def _statutes(folder: Path, lines: list[str]) -> StatuteBook | None:
    """Read every file of the law of returns, in the order of their names."""
    parts = _parts(folder, STATUTES_FOLDER, StatutePart, lines)
    if parts is None:
        return None
    try:
        return StatuteBook.joined(parts)
    except ValueError as contradiction:
        found = error("", None, f"法规数据有误：{contradiction}", f"is not valid: {contradiction}")
        lines.append(_line(STATUTES_FOLDER, found))
    return None


def _parts(folder: Path, name: str, shape: type[Section], lines: list[str]) -> list[Section] | None:
    """Read every file of a folder of data; None if one of them cannot be used."""
    files = [path.relative_to(folder).as_posix() for path in sorted((folder / name).glob("*.toml"))]
    parts = [_section(folder, file, shape, lines) for file in files]
    read = [part for part in parts if part is not None]
    return read if len(read) == len(parts) else None


def _model(folder: Path, lines: list[str]) -> Model | None:
    """Read the newest model, ready for the first text."""
    files = model_files(folder)
    if not files:
        lines.append(_line(CLASSIFIER_FOLDER, error("", None, "没有模型文件", "has no model")))
        return None
    file = files[-1].relative_to(folder).as_posix()
    try:
        model = read_model(files[-1])
        model.reader  # noqa: B018 - as with the lexicon
        return model
    except OSError as unread:
        lines.append(f"{file}: {type(unread).__name__}")
    except ValidationError as invalid:
        lines += [_line(file, finding) for finding in translated(invalid, {})[:_SHOWN]]
    return None


def _line(file: str, finding: Finding) -> str:
    parts = [file, finding.path] if finding.path else [file]
    clause = f" ({finding.clause})" if finding.clause else ""
    return f"{': '.join(parts)}: {finding.message.zh} / {finding.message.en}{clause}"


def _by_name(policies: Iterable[Policy]) -> dict[str, tuple[Policy, ...]]:
    """Group by name, each group by the day it comes into force; the order of registration decides between equals."""
    ordered = sorted(policies, key=lambda policy: policy.effective_from)
    names = dict.fromkeys(policy.name for policy in ordered)
    return {name: tuple(policy for policy in ordered if policy.name == name) for name in names}
