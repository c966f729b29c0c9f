"""The sections on what the company does with a matter: who, in which steps, and with which of the customer's data."""

from collections.abc import Iterator

from app.services.policy_pages import words
from app.services.policy_pages.shapes import Block, Row, Section
from app.services.policy_pages.wording import Writer
from app.services.rules.facts import Channel
from app.services.rules.policy_company import LawTerm
from app.services.rules.policy_customers import ArchiveTerms
from app.services.rules.policy_service import ComplaintTerms, IncidentTerms, IntakeTerms, QualityTerms
from app.services.rules.routing import RouteTerm
from app.services.rules.sla import MILESTONE_TITLES, Milestone


def responsible(writer: Writer) -> Section:
    """由谁负责: the department for each matter, and who answers for it."""
    routing = writer.edition.routing
    routes = [route for route in routing.routes if route.when.channel != (Channel.INTERNAL,)]
    rows = [_route(writer, route, alone=len(routes) == 1) for route in routes]
    first = writer.either(words.FIRST_CONTACT_OWNS, words.FIRST_CONTACT_FREE)
    people = [writer.due(words.FIRST_CONTACT, routing.first_contact_owner, first)]
    if routing.service_network is not None:
        network = writer.said(writer.say(words.NETWORK_SERVES), routing.service_network)
        people.append(Row(writer.heading(words.NETWORK), network))
    people += [
        Row(
            writer.condition(term.when) or writer.say(words.EVERYTHING),
            writer.said(writer.heading(words.DUTY_LABELS[term.duty_holder]), term),
        )
        for term in routing.duty_holders
    ]
    blocks = [*writer.table("", rows, head=words.DEPARTMENT), *writer.table(writer.say(words.DUTY), people)]
    return Section("responsible", writer.say(words.RESPONSIBLE), tuple(blocks))


def _route(writer: Writer, route: RouteTerm, *, alone: bool) -> Row:
    department = writer.department(route.department)
    if route.collaborating:
        helpers = writer.joined(writer.department(name) for name in route.collaborating)
        department = writer.say(words.HELPED_BY, department=department, helpers=helpers)
    label = writer.condition(route.when) or writer.say(words.EVERYTHING if alone else words.OTHERWISE)
    return Row(label, writer.said(department[:1].upper() + department[1:], route))


def complaints(writer: Writer) -> Section:
    """投诉怎样处理: classes, steps, and what a grave one goes through."""
    edition = writer.edition
    intake = edition.intake or IntakeTerms()
    terms, quality = edition.complaints or ComplaintTerms(), edition.quality or QualityTerms()
    blocks: list[Block] = [
        *writer.steps(words.STEPS, intake.flow),
        *writer.table("", writer.items(words.CLASSES, terms.classes)),
        *writer.table(
            writer.say(words.BY_SEVERITY),
            [
                Row(writer.word("severity", path.severity), writer.said(writer.heading(path.title), path))
                for path in terms.paths
            ],
        ),
        *writer.steps(words.DETERMINATION, terms.determination),
        *writer.steps(words.FOLLOW_UP, terms.follow_up),
        *writer.steps(words.QUALITY_STEPS, (*quality.flow, *quality.nonconforming_goods)),
    ]
    open_ = writer.table("", [Row(writer.say(words.STEPS), writer.open())])
    return Section("complaints", writer.say(words.HANDLING), tuple(blocks or open_))


def incidents(writer: Writer) -> Section | None:
    """突发事件: how soon, by level, and for every level."""
    terms = writer.edition.incidents
    if terms is None:
        return None
    levels = [
        Row(writer.heading(level.title), writer.said(writer.duration(level.first_response), level))
        for level in terms.levels
    ]
    blocks = [
        *writer.table(writer.heading(MILESTONE_TITLES[Milestone.FIRST_RESPONSE]), levels, head=words.TIME),
        *writer.table(writer.say(words.EVERY_INCIDENT), _every_level(writer, terms), head=words.TIME),
    ]
    return Section("incidents", writer.say(words.INCIDENTS), tuple(blocks), writer.say(words.INCIDENT_NOTE))


def _every_level(writer: Writer, terms: IncidentTerms) -> Iterator[Row]:
    every = terms.every_level
    yield writer.due(MILESTONE_TITLES[Milestone.FIRST_RESPONSE], every.first_response, writer.duration)
    yield writer.due(MILESTONE_TITLES[Milestone.PRELIMINARY_HANDLING], every.preliminary_handling, writer.duration)
    yield writer.due(MILESTONE_TITLES[Milestone.CLOSED_LOOP], every.closed_loop, writer.duration)


def surveys(writer: Writer) -> Section:
    """回访与满意度: what is asked, and how often at most."""
    terms = writer.edition.surveys
    rows = [
        *writer.items(words.ASPECTS, terms.aspects),
        writer.due(words.SCALE, terms.scale, lambda scale: writer.say(words.SCALE_OF, low=scale[0], high=scale[1])),
        *writer.items(words.METHODS, terms.methods),
        writer.due(words.INVITATIONS, terms.one_invitation_in_days, lambda n: writer.say(words.ONE_IN, days=n)),
        writer.due(words.VALID, terms.valid_days, lambda n: writer.say(words.DAY_COUNT, days=n)),
    ]
    return Section("survey", writer.say(words.SURVEY), tuple(writer.table("", rows)))


def progress(writer: Writer) -> Section | None:
    """进展告知: at which steps a customer is told without asking, and how often in between."""
    terms = writer.edition.progress
    if terms is None:
        return None
    told = [title for move, title in words.STEP_TITLES.items() if move in terms.steps.value]
    rows = [
        writer.due(words.PROGRESS_STEPS, terms.steps, lambda _: writer.listed(told)),
        writer.due(words.PROGRESS_INTERVAL, terms.every_hours, lambda n: writer.say(words.EVERY_HOURS, hours=n)),
    ]
    return Section("progress", writer.say(words.PROGRESS), tuple(writer.table("", rows)))


def privacy(writer: Writer) -> Section:
    """您的信息: what is recorded, how it is protected, how long it is kept."""
    edition = writer.edition
    intake, archive = edition.intake or IntakeTerms(), edition.archive
    rows = [*writer.items(words.RECORDED, intake.record), *writer.items(words.SERVICE_RECORDED, intake.service_record)]
    if archive is not None:
        rows += _filed(writer, archive)
    if edition.privacy is not None:
        rows += writer.items(words.PRINCIPLES, edition.privacy.principles)
        rows += writer.items(words.DATA_CLASSES, edition.privacy.classes)
    years = edition.retention.years_after_closure
    rows.append(writer.due(words.RETENTION, years, lambda count: writer.say(words.RETAINED, years=count)))
    return Section("privacy", writer.say(words.PRIVACY), tuple(writer.table("", rows)))


def _filed(writer: Writer, archive: ArchiveTerms) -> Iterator[Row]:
    for kind in (archive.customer, archive.purchases, archive.services, archive.surveys):
        yield from writer.items(words.FILED, kind)
    yield from writer.items(words.ACCESS, archive.access)


def law(writer: Writer) -> Section | None:
    """相关法律: the statutes the document rests on."""
    rows = [
        Row(writer.law(f"{term.law.zh} {term.article}", en=term.law.en), writer.said(_content(writer, term), term))
        for term in writer.edition.law
    ]
    blocks = writer.table("", rows)
    return Section("law", writer.say(words.LAW), tuple(blocks)) if blocks else None


def _content(writer: Writer, term: LawTerm) -> str:
    cases = writer.clauses(writer.say(case) for case in term.cases.values())
    return ": ".join(part for part in (writer.heading(term.title), cases) if part)
