"""Where a person's data stand, column by column: what an erasure leaves there, or why it leaves it alone.

A test names every column of a class above `public` that is in none of these lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from typing import cast as cast_type

from sqlalchemy import Text, case, func, null
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.expression import ColumnElement, cast, literal

from app.core.db import Base
from app.core.outbox import Event
from app.models.attachments import Attachment
from app.models.complaint_reports import ComplaintReport, ComplaintReportApproval, ComplaintReportMeasure
from app.models.feedback import ClassificationFeedback
from app.models.responsibility import Inspection, Responsibility
from app.models.return_requests import ReturnLine
from app.models.surveys import Survey
from app.models.tickets import Ticket, TicketCommitment, TicketSearch
from app.models.warranty import WarrantyExtension

ERASED: Final = "［个人信息已删除 · personal data erased］"
Column = InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Columns of a table that are overwritten, in the rows that `of` tells to be a person's."""

    of: Column
    leaves: Mapping[Column, object]

    @property
    def table(self) -> type[Base]:
        return cast_type("type[Base]", self.of.class_)


def _words(*columns: Column) -> dict[Column, object]:
    """Say of texts that they were erased; where there was none, there is none."""
    return {column: case((column.is_not(None), ERASED)) for column in columns}


def _list_of_words(column: Column) -> dict[Column, object]:
    there = func.cardinality(column) > 0
    return {column: case((there, cast(array([ERASED]), ARRAY(Text))), else_=cast(array([]), ARRAY(Text)))}


def _nothing(*columns: Column) -> dict[Column, object]:
    return {column: null() for column in columns}


def _without(column: Column, *keys: str) -> ColumnElement[Any]:
    return column.op("-", return_type=JSONB())(cast(array(keys), ARRAY(Text)))


def _without_quotes(column: Column) -> dict[Column, object]:
    """Take out of a machine's reading what it quotes of the text."""
    there = column.op("?")("evidence")
    return {column: case((there, column.op("||")(literal({"evidence": []}, JSONB()))), else_=column)}


OF_TICKETS: Final = (
    Place(
        Ticket.id,
        {
            **_nothing(
                Ticket.customer_sealed, Ticket.phone_hash, Ticket.email_hash, Ticket.name_hash,
                Ticket.customer_external_id, Ticket.customer_tier, Ticket.call,
            ),
            **_words(Ticket.description),
            **_without_quotes(Ticket.classification),
            Ticket.product: _without(Ticket.product, "order_no", "serial_no"),
            Ticket.fingerprint: b"",  # no repeat agrees with it any more
            Ticket.version: Ticket.version + 1,
        },
    ),
    Place(TicketCommitment.ticket_id, _words(TicketCommitment.delay_reason)),
    Place(TicketSearch.ticket_id, {TicketSearch.tokens: cast(array([]), ARRAY(Text))}),
    Place(ClassificationFeedback.ticket_id, _without_quotes(ClassificationFeedback.proposed)),
    Place(
        ComplaintReport.ticket_id, _words(ComplaintReport.demand, ComplaintReport.remedy, ComplaintReport.answer)
    ),
    Place(ComplaintReportMeasure.ticket_id, _words(ComplaintReportMeasure.text)),
    Place(Inspection.ticket_id, _words(Inspection.sample, Inspection.method, Inspection.finding)),
    Place(
        Responsibility.ticket_id,
        {
            **_words(
                Responsibility.cause, Responsibility.explanation, Responsibility.next_step, Responsibility.reason
            ),
            **_list_of_words(Responsibility.evidence),
        },
    ),
)  # fmt: skip
OF_REPORTS: Final = Place(ComplaintReportApproval.report_id, _words(ComplaintReportApproval.reason))
OF_ATTACHMENTS: Final = Place(
    Attachment.ticket_id, {**_nothing(Attachment.name_sealed, Attachment.blob), Attachment.removal_reason: ERASED}
)
OF_RETURNS: Final = Place(ReturnLine.return_request_id, _words(ReturnLine.problem))
OF_SURVEYS: Final = Place(
    Survey.id,
    {
        **_nothing(Survey.contact_sealed, Survey.customer_external_id, Survey.next_at),
        **_words(Survey.comment),
        Survey.customer_hashes: cast(array([]), Survey.customer_hashes.type),
        Survey.version: Survey.version + 1,
    },
)
OF_SURVEY_EVENTS: Final = Place(Event.subject, {Event.data: _without(Event.data, "customer_external_id")})
OF_CARDS: Final = Place(WarrantyExtension.warranty_card_id, _words(WarrantyExtension.reason))
OVERWRITTEN: Final = (*OF_TICKETS, OF_REPORTS, OF_ATTACHMENTS, OF_RETURNS, OF_SURVEYS, OF_SURVEY_EVENTS, OF_CARDS)

# By code of their own, see `erasing`: rows that go, words in the audit trail, within documents, in stored answers.
DELETED: Final = frozenset({"customer"})
OTHERWISE: Final = frozenset({
    "timeline_entry.text", "timeline_entry.data", "access_log.purpose", "return_request.history",
    "idempotency_record.answer", "purchase.order_no", "purchase.serial_no",
})  # fmt: skip
# What stays, and why. A name without a table means the same wherever it stands.
KEPT: Final = {
    "who at work did it, which the audit needs": (
        "staff_no owner_staff_no assignee_staff_no settled_by_staff_no answered_staff_no opened_by recorded_by done_by "
        "determined_by inspected_by linked_by closed_by letter_sent_by approved_by answered_by submitted_by decided_by "
        "attached_by removed_by"
    ),
    "decisions, codes and figures, made of no free text": (
        "ticket.decisions ticket.promise complaint_report.decision complaint_report_approval.decision "
        "responsibility.decision responsibility.duty responsibility.warnings return_decision.facts "
        "return_decision.answer return_decision.cause return_line.reason return_line.remedy return_request.message "
        "inspection.conclusion inspection.attachments classification_feedback.confirmed survey_letter.purpose "
        "notice.data"
    ),
    "the caller's own number of the matter: it leads to nobody but in the caller's system, and keeps repeats apart": (
        "ticket.external_ref ticket.call_id erasure.reference"
    ),
    "businesses, goods and posts": (
        "ticket.seller ticket.service_provider ticket.branch survey.product satisfaction_change.product "
        "nonconformity.product "
        "notice_channel.address_sealed notice_channel.address_hash notice_channel.address_masked "
        "notice_channel.secret_sealed webhook_endpoint.secrets_sealed notice.last_text"
    ),
    "about goods and processes of many matters, not about one person": (
        "capa.title capa.problem capa.criteria capa.analyses capa.decisions capa.history capa_task.text "
        "capa_task.evidence capa_task.finding capa_task.delay_reason capa_task.dropped_because nonconformity.defect "
        "nonconformity.reviews nonconformity.rounds nonconformity.decisions nonconformity.history "
        "quality_alert.evidence quality_alert.conclusion"
    ),
    "keyed hashes that a wish not to be asked, and this erasure after a restore, are recognised by": (
        "survey_opt_out.customer_hash erasure.person_hashes"
    ),
    "nothing of a person": "audit_seal.text_digest audit_seal.salt api_key.key_hash",
    "of a request, gone with its record after 72 hours": "idempotency_record.fingerprint",
    "a count of some minutes under a keyed name": "counter.name",
}
