"""What the form says, in one language: the page and the PDF show the same sheet."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from app.core.language import Bilingual, Language, in_language
from app.core.personal import Tier
from app.schemas.complaint_reports import MeasureOut, ReportOut
from app.schemas.tickets import TicketOut
from app.services.complaint_reports import words
from app.services.complaint_reports.rendering import asked_facts
from app.services.policy_book import Policy
from app.services.rules.classification import ComplaintClass, IssueType, Severity
from app.services.rules.clause import SILENT
from app.services.rules.complaint_reports import ApprovalOrder, ReportFact, ReportStatus
from app.services.rules.labels import COMPLAINT_CLASS_LABELS, ISSUE_TYPE_LABELS, SEVERITY_LABELS, URGENCY_LABELS

# Signs that show nothing or turn the order of others round: on a form that is signed, what is read is what is there.
_UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_IN_TEXTS: Final = frozenset({ReportFact.DEMAND})  # the other facts are short


@dataclass(frozen=True, slots=True)
class Cell:
    label: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A department's place to approve: empty until it has."""

    department: str
    verdict: str
    signed: str
    date: str


@dataclass(frozen=True, slots=True)
class Boxes:
    title: str
    signature: str
    date: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`page` holds `{page}` and `{pages}` for whoever counts them."""

    language: str
    title: str
    policy: str
    status: str
    approved: bool
    head: tuple[Cell, ...]
    facts: tuple[Cell, ...]
    texts: tuple[Cell, ...]
    measures: Table
    remedy: Cell
    approvals: Boxes
    earlier: Table
    answer: Cell
    foot: str
    page: str


def build_sheet(
    report: ReportOut, ticket: TicketOut, policy: Policy, *, language: Language, tier: Tier, now: datetime
) -> Sheet:
    """Write a report as its form. `report` and `ticket` are as the caller's tier shows them."""
    return _Writer(report, ticket, policy, language).sheet(tier, now)


class _Writer:
    def __init__(self, report: ReportOut, ticket: TicketOut, policy: Policy, language: Language) -> None:
        self._report, self._ticket, self._policy, self._language = report, ticket, policy, language
        self._zone = ZoneInfo(policy.time.timezone)

    def sheet(self, tier: Tier, now: datetime) -> Sheet:
        report, title = self._report, self._policy.edition.edition.title
        foot = self._say(words.PRINTED, number=report.number, moment=self._moment(now))
        if tier is not Tier.SENSITIVE:
            foot = f"{foot} · {self._say(words.MASKED)}"
        return Sheet(
            language=self._language,
            title=self._say(words.TITLE),
            policy=self._say(title),
            status=self._say(words.STATUS_LABELS[report.status]),
            approved=report.status in (ReportStatus.APPROVED, ReportStatus.ANSWERED),
            head=self._head(),
            facts=self._facts(),
            texts=self._texts(),
            measures=self._measures(),
            remedy=self._remedy(),
            approvals=self._approvals(),
            earlier=self._earlier(),
            answer=self._answer(),
            foot=foot,
            page=self._say(words.PAGE),
        )

    def _say(self, text: Bilingual, **filled: object) -> str:
        said = in_language(text, self._language)
        return said.format(**filled) if filled else said

    def _cell(self, label: Bilingual, text: object, note: str = "") -> Cell:
        return Cell(_capital(self._say(label)), _printable(text), note)

    def _day(self, instant: datetime) -> str:
        return instant.astimezone(self._zone).date().isoformat()

    def _moment(self, instant: datetime) -> str:
        return f"{instant.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def _department(self, name: str) -> str:
        return _capital(self._say(self._policy.edition.departments[name].title))

    def _head(self) -> tuple[Cell, ...]:
        report, decision = self._report, self._report.decision
        basis = self._say(words.SILENT) if decision.clause == SILENT else decision.clause
        return (
            self._cell(words.NUMBER, report.number),
            self._cell(words.OPENED, self._day(report.opened_at)),
            self._cell(words.BASIS, basis),
            self._cell(words.STATUS, self._say(words.STATUS_LABELS[report.status])),
        )

    def _facts(self) -> tuple[Cell, ...]:
        ticket, product = self._ticket, self._ticket.product
        customer = ticket.customer
        who = customer and (customer.name or customer.external_id)
        contact = customer and " ".join(part for part in (customer.phone, customer.email) if part)
        cells = [
            self._cell(words.CUSTOMER, who),
            self._cell(words.CONTACT, contact),
            self._cell(words.PRODUCT, product.get("name")),
            self._cell(words.MODEL, product.get("model")),
        ]
        facts = self._report.facts
        asked = asked_facts(self._policy)
        cells += [self._cell(asked[fact], getattr(facts, fact)) for fact in asked if fact not in _IN_TEXTS]
        cells += [
            self._cell(words.ORDER, product.get("order_no")),
            self._cell(words.SERIAL, product.get("serial_no")),
            self._cell(words.TAKEN, self._moment(ticket.opened_at)),
            self._cell(words.DEPARTMENT, self._department(ticket.department)),
        ]
        return tuple(cells)

    def _texts(self) -> tuple[Cell, ...]:
        asked = asked_facts(self._policy)
        demands = [self._cell(asked[fact], getattr(self._report.facts, fact)) for fact in asked if fact in _IN_TEXTS]
        return (
            self._cell(words.CLASSIFICATION, self._classification()),
            self._cell(words.DESCRIPTION, self._ticket.description),
            *demands,
        )

    def _classification(self) -> str:
        ticket, found = self._ticket, self._ticket.classification
        labels: list[Bilingual] = []
        confirmed = ""
        if found is not None and found["complaint_class"] != ComplaintClass.NOT_COMPLAINT:
            labels += [COMPLAINT_CLASS_LABELS[ComplaintClass(found["complaint_class"])]]
            labels += [ISSUE_TYPE_LABELS[IssueType(found["issue_type"])]]
        if found is not None and found["confirmed_by"]:
            confirmed = self._say(words.CONFIRMED, staff_no=found["confirmed_by"])
        labels.append(SEVERITY_LABELS[ticket.severity or Severity.MINOR])
        labels.append(URGENCY_LABELS[ticket.urgency])
        return " · ".join(self._say(label) for label in labels) + confirmed

    def _measures(self) -> Table:
        proposed = {measure.department: measure for measure in self._report.measures}
        rows = [self._measure(name, proposed.get(name)) for name in self._report.asked.measures_by]
        return Table(self._say(words.MEASURES), self._columns(words.MEASURE_COLUMNS), tuple(rows))

    def _measure(self, department: str, measure: MeasureOut | None) -> tuple[str, ...]:
        if measure is None:
            return self._department(department), "", "", "", ""
        state = self._say(words.STATE_LABELS[measure.state])
        if measure.done_on is not None:
            state = self._say(words.DONE_ON, day=measure.done_on, staff_no=measure.done_by)
        text = _printable(measure.text)
        return self._department(department), text, measure.owner_staff_no, measure.due_on.isoformat(), state

    def _columns(self, titles: Iterable[Bilingual]) -> tuple[str, ...]:
        return tuple(self._say(title) for title in titles)

    def _remedy(self) -> Cell:
        settled = self._report.settlement
        if settled is None:
            return Cell(self._say(words.REMEDY), "")
        note = self._say(
            words.AGREED, day=settled.agreed_with_customer_on, department=self._department(settled.department),
            staff_no=settled.staff_no,
        )  # fmt: skip
        return self._cell(words.REMEDY, settled.remedy, note)

    def _approvals(self) -> Boxes:
        report = self._report
        given = {row.department: row for row in report.approvals if row.round == report.round}
        boxes = []
        for name in report.asked.approved_by:
            row = given.get(name)
            signed = ("", "", "") if row is None else (
                self._say(words.VERDICT_LABELS[row.decision]), row.staff_no, self._day(row.at)
            )  # fmt: skip
            boxes.append(Box(self._department(name), *signed))
        title = f"{self._say(words.APPROVALS)} · {self._say(words.ROUND, round=report.round)}"
        if report.asked.approval_order is ApprovalOrder.IN_ORDER:
            title = f"{title} · {self._say(words.IN_ORDER)}"
        return Boxes(title, self._say(words.SIGNED), self._say(words.DATE), tuple(boxes))

    def _earlier(self) -> Table:
        rows = [
            (
                str(row.round), self._department(row.department), self._say(words.VERDICT_LABELS[row.decision]),
                _printable(row.reason), row.staff_no, self._day(row.at),
            )
            for row in self._report.approvals
            if row.round < self._report.round
        ]  # fmt: skip
        return Table(self._say(words.EARLIER), self._columns(words.EARLIER_COLUMNS), tuple(rows))

    def _answer(self) -> Cell:
        answer = self._report.answer
        if answer is None:
            return Cell(self._say(words.ANSWER), "")
        note = self._say(words.ANSWERED, day=self._day(answer.at), staff_no=answer.staff_no)
        return self._cell(words.ANSWER, answer.text, note)


def _printable(text: object) -> str:
    """Write a value for people, a dash for none."""
    return words.NOTHING if text in (None, "") else _UNSEEN.sub("", str(text))


def _capital(text: str) -> str:
    """The English words of editions begin small."""
    return text[:1].upper() + text[1:]
