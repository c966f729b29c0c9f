"""The sections on what a customer is entitled to: returns, promises, guarantee, visits, training."""

from collections.abc import Iterator

from app.services.policy_pages import words
from app.services.policy_pages.shapes import Block, Row, Said, Section, Source
from app.services.policy_pages.wording import Writer
from app.services.rules.clause import Basis
from app.services.rules.policy_customers import PublicPromise, ReturnCase, ReturnTerms, WarrantyTerms
from app.services.rules.policy_service import FieldServiceTerms
from app.services.rules.sla import MILESTONE_TITLES


def returns(writer: Writer) -> Section:
    """退换货与运费. What the law gives stands, so an edition without the chapter says that at least."""
    terms = writer.edition.returns
    law = Said(writer.say(words.LAW_STANDS), Source(Basis.STATUTE, writer.law(words.LAW_STANDS_CLAUSE)))
    rest = [Row(writer.say(words.LAW_RIGHTS), law)]
    blocks: list[Block] = []
    if terms is None:
        rest.insert(0, Row(writer.say(words.RETURN_KINDS), writer.open()))
    else:
        for case in (terms.quality, terms.no_reason, terms.customer_cause):
            if case is not None:
                blocks += writer.table(writer.heading(case.title), _case(writer, case))
        rest = [*_around(writer, terms), *rest]
    blocks += writer.table("" if not blocks else writer.say(words.OTHER_RETURNS), rest)
    blocks += writer.steps(words.RETURN_STEPS, terms.flow if terms else ())
    return Section("returns", writer.say(words.RETURNS), tuple(blocks))


def _case(writer: Writer, case: ReturnCase) -> Iterator[Row]:
    remedies = writer.listed(words.REMEDY_LABELS[remedy] for remedy in case.remedies)
    if case.negotiable:
        remedies = writer.say(words.NEGOTIABLE, remedies=remedies)
    yield Row(writer.say(words.RETURN_KINDS), writer.said(remedies, case))
    yield writer.due(words.RETURN_DAYS, case.within_days, lambda days: writer.say(words.DAYS, days=days))
    yield writer.due(words.FREIGHT, case.freight, lambda payer: writer.heading(words.PAYER_LABELS[payer]))
    yield from writer.items(words.CONDITIONS, case.conditions)
    yield from writer.items(words.EXCLUSIONS, case.exclusions)
    if case.confirmed_by is not None:
        yield Row(writer.say(words.CONFIRMED_BY), writer.said(writer.department(case.confirmed_by), case))


def _around(writer: Writer, terms: ReturnTerms) -> Iterator[Row]:
    yield writer.due(words.REFUND, terms.refund_days, lambda days: writer.say(words.REFUND_DAYS, days=days))
    payer = terms.unconfirmed_freight
    yield from writer.value(words.UNCONFIRMED_FREIGHT, payer, lambda payer: writer.heading(words.PAYER_LABELS[payer]))
    yield from writer.statement(words.OTHER_RETURNS, terms.other)
    yield from writer.items(words.RETURN_FORM, terms.form)
    yield from writer.items(words.RECEIPT_CHECKS, terms.receipt_checks)


def promises(writer: Writer) -> Section:
    """承诺、收费与补偿, and the guarantee."""
    edition = writer.edition
    warranty = edition.warranty or WarrantyTerms()
    rows = [_promise(writer, promise) for promise in edition.promises]
    standards = edition.intake.standards if edition.intake else ()
    rows += [row for standard in standards for row in writer.statement(words.STANDARDS, standard)]
    if not edition.promises:
        rows.append(Row(writer.say(words.PROMISES_OPEN), writer.open()))
    guarantee = [writer.due(words.GUARANTEES, warranty.guarantees, writer.labels(words.REMEDY_LABELS))]
    guarantee += [
        Row(writer.heading(term.title), writer.said(writer.say(words.GUARANTEE_MONTHS, months=term.months), term))
        for term in warranty.goods
    ]
    guarantee += writer.items(words.AFTER_TERM, warranty.after_term)
    guarantee += writer.items(words.CARD, warranty.card)
    blocks = [*writer.table("", rows), *writer.table(writer.say(words.WARRANTY), guarantee)]
    return Section("promises", writer.say(words.PROMISES), tuple(blocks))


def _promise(writer: Writer, promise: PublicPromise) -> Row:
    steps = writer.listed(MILESTONE_TITLES[milestone] for milestone in promise.broken_by)
    limits = [writer.only(promise.when), writer.say(words.IF_BROKEN, steps=steps) if steps else ""]
    said = writer.said(writer.heading(promise.title), promise)
    return Row(writer.say(words.PROMISE), said, writer.clauses(limit for limit in limits if limit))


def materials(writer: Writer) -> Section | None:
    """所需材料, by what the matter is."""
    titles = writer.edition.material_titles
    rows = [
        Row(
            writer.condition(term.when) or writer.say(words.EVERYTHING),
            writer.said(writer.listed(titles[name] for name in term.required), term),
        )
        for term in writer.edition.materials
    ]
    blocks = writer.table("", rows)
    return Section("materials", writer.say(words.MATERIALS), tuple(blocks)) if blocks else None


def visits(writer: Writer) -> Section | None:
    """上门服务, from the appointment to the signature."""
    terms = writer.edition.field_service or FieldServiceTerms()
    rows = [
        *writer.statement(words.APPOINTMENT, terms.appointment),
        *writer.statement(words.LATENESS, terms.lateness),
        *writer.statement(words.MODEL_CHECK, terms.model_check),
        *writer.items(words.COMPLETION, terms.completion),
        *writer.items(words.ACCEPTANCE, terms.acceptance),
        *writer.value(words.SIGNATURE, terms.signature, writer.either(words.SIGNED, words.NO)),
    ]
    blocks = writer.table("", rows)
    return Section("visits", writer.say(words.VISITS), tuple(blocks)) if blocks else None


def training(writer: Writer) -> Section | None:
    """客户培训."""
    terms = writer.edition.training
    if terms is None:
        return None
    rows = [
        *writer.items(words.TRAINING_LEVELS, terms.levels),
        *writer.items(words.TRAINING_FORMS, terms.forms),
        *writer.value(words.CERTIFICATE, terms.certificate, writer.either(words.YES, words.NO)),
    ]
    return Section("training", writer.say(words.TRAINING), tuple(writer.table("", rows)))
