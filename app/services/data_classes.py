"""数据分级: which class of personal data each column and each field of a body is (004 5.2).

A class is found by the qualified name (`table.column`, `Schema.field`), then by the bare one. What neither list names
is public if its type holds no words: a number, a time, an id, a word of a fixed list; an object is as its fields are.
Words that nobody classed are of no class, and the tests name them: put a name that means the same wherever it stands
among the bare ones, any other under its qualified name.
"""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from app.core.personal import Tier

DataClass = Tier  # the words are the same: a tier sees what is of its class or below, and more only masked
_RANK: Final = (DataClass.PUBLIC, DataClass.GENERAL, DataClass.SENSITIVE)
MARK: Final = "x-data-class"

# The person themselves, and what opens doors: sealed or hashed at rest, masked below the tier `sensitive`.
_SENSITIVE = """
phone email address secret order_token csv
contact_sealed customer_sealed address_sealed attachment.name_sealed secret_sealed secrets_sealed
idempotency_record.answer
phone_hash email_hash name_hash customer_hash customer_hashes person_hashes address_hash key_hash
ticket.fingerprint idempotency_record.fingerprint counter.name
CustomerIn.name CustomerOut.name SearchIn.name CustomerSearchIn.name RevealOut.values
ArchivedCustomerIn.name ArchivedCustomerOut.name ArchivedCustomerPatch.name SurveyCustomerIn.name AttachmentOut.name
"""
# About one person or one matter: numbers that lead to people, and what people wrote, whose phones, emails and
# card numbers are masked below the tier `sensitive`.
_GENERAL = """
external_id customer_external_id external_ref call_id agent_no recording_ref call phone_last4 address_masked
order_no serial_no attachments
staff_no owner_staff_no assignee_staff_no settled_by_staff_no answered_staff_no opened_by recorded_by done_by
determined_by inspected_by linked_by closed_by letter_sent_by LetterSentOut.by approved_by
complaint_report.answered_by
description text reason note comment problem title criteria analyses whys root_cause cause finding conclusion
defect demand remedy explanation next_step delay_reason dropped_because evidence sample method resolution
complaint_report.answer history reviews rounds data tokens last_text reply problem_description input purpose
product seller service_provider branch business_scope classification decision decisions duty warnings
attached_by removed_by removal_reason submitted_by decided_by message proposed confirmed facts found
return_decision.answer reference tracking_no carrier serial_nos
party promise DecisionOut.reason url audit_seal.text_digest audit_seal.salt
"""
# The service's own words: states, departments, editions, goods by their numbers, addresses of things.
_PUBLIC = """
id ticket ticket_id ticket_number number capa inspection tickets nonconformities recurred_in follow_up_of test_clock
task subject fields key
business_line business_lines business_line_ids department departments collaborating_departments settled_by_department
measures_by settled_by handler_role role roles skills scopes region regions policy policy_name policy_version
edition document version form_version service_level customer_tier tier time_zone
kind type types event visibility author status state step move outcome rule law article clause path code last_code
error theme issue_type group_by item category materials missing_materials menu unit part_months scores pauses
about sent_sha256 media_type blob stored_blob.name relay_position.name lexicon law_version needs seed return_number
campaign refund_limit refunded
product_name gift GiftOnFile.description bundle
model models batch sku spec_model product_category product_photos days touched month consents
categories ticket_kinds contact sold_by served_by
api_version source loc msg ctx timestamp cursor next_cursor next_after column missing_facts overruled_facts
bring sha256 webhook_id request_id origins addresses letter_channel survey.answered_by LetterSentOut.channel
holiday_calendar.fingerprint discount since until as_of at failing_since previous_secret_until alert
period_start period_end dimension ticket_channel erasure.counts
business_line.name api_key.name policy_edition.name test_clock.name catalogue_item.name service_point.name
CatalogueItemIn.name CatalogueItemOut.name CatalogueItemPatch.name EditionRef.name EditionWanted.name GoodsIn.name
GoodsOut.name PolicyDocument.name PolicyOut.name PolicyRef.name ProductIn.name RegisteredOut.name
ServicePointIn.name ServicePointOut.name ServicePointPatch.name
Bilingual.zh Bilingual.en
amount card_fee cash coupon points fee threshold price price_paid invoice_price labelled_price listed_price
unit_price refund_amount refund_in_kind depreciation_daily_rate business_hours_end returning
webhook_endpoint.description EndpointIn.description EndpointOut.description EndpointPatch.description
EndpointSecret.description
audit_seal.digest audit_seal.chain
webhook_endpoint.url EndpointIn.url EndpointOut.url EndpointPatch.url EndpointSecret.url webhook_delivery.attempts
PolicyOut.title SpecialDayOut.title ApprovalOut.title MeasureOut.title Theme.title
"""
CLASSES: Final = {
    name: data_class
    for data_class, names in zip(_RANK, (_PUBLIC, _GENERAL, _SENSITIVE), strict=True)
    for name in names.split()
}
_WORDLESS = (sa.Integer, sa.Boolean, sa.DateTime, sa.Date, sa.Numeric, sa.Float, sa.Uuid, sa.Enum)


def class_of_column(column: sa.Column[Any]) -> DataClass | None:
    """Return the class of a table's column, None for words that nobody classed."""
    named = _named(column.table.name, column.name)
    if named is None and isinstance(column.type, _WORDLESS):
        return DataClass.PUBLIC
    return named


def mark_fields(document: dict[str, Any]) -> None:
    """Write into an OpenAPI document of which class each field of its bodies is."""
    schemas = document["components"]["schemas"]
    for schema, field, part in fields_of(document):
        data_class = class_of_field(schema, field, part, schemas)
        if data_class is not None:
            part[MARK] = data_class.value


def fields_of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield schema, name and definition of each field of an OpenAPI document's bodies."""
    for schema, definition in document["components"]["schemas"].items():
        for field, part in definition.get("properties", {}).items():
            yield schema, field, part


def class_of_field(schema: str, field: str, part: dict[str, Any], schemas: dict[str, Any]) -> DataClass | None:
    """Return the class of a body's field, None for words that nobody classed."""
    named = _named(schema.rsplit("__", 1)[-1], field)  # two schemas of one name stand there with their modules
    if named is None and field.endswith(("_at", "_id")):
        return DataClass.PUBLIC
    return named or _held(part, schemas)


def _named(owner: str, name: str) -> DataClass | None:
    return CLASSES.get(f"{owner}.{name}") or CLASSES.get(name)


def _held(part: dict[str, Any], schemas: dict[str, Any]) -> DataClass | None:
    """Return the class of what a definition lets through."""
    if "$ref" in part:
        schema = part["$ref"].rsplit("/", 1)[1]
        fields = schemas[schema].get("properties")
        if fields is None:
            return _held(schemas[schema], schemas)
        return _highest([class_of_field(schema, name, field, schemas) for name, field in fields.items()])
    if "enum" in part or "const" in part or part.get("format") in ("date", "date-time"):
        return DataClass.PUBLIC
    if part.get("type") in ("integer", "number", "boolean", "null"):
        return DataClass.PUBLIC
    inner = [*part.get("anyOf", []), *part.get("oneOf", []), *part.get("prefixItems", [])]
    inner += [part[name] for name in ("items", "additionalProperties") if isinstance(part.get(name), dict)]
    return _highest([_held(one, schemas) for one in inner]) if inner else None


def _highest(classes: list[DataClass | None]) -> DataClass | None:
    known = [data_class for data_class in classes if data_class is not None]
    return max(known, key=_RANK.index, default=DataClass.PUBLIC) if len(known) == len(classes) else None
