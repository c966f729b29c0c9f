"""What a visitor asks for and what is shown: shipped editions, and registered ones that a business line is under."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from app.core.answers import Answer
from app.core.language import Language
from app.services.context import Kit
from app.services.policies import local_today, visible_book
from app.services.policy_book import Policy, PolicyBook, UnknownPolicy
from app.services.policy_pages import handling, rights, times, words
from app.services.policy_pages.rendering import Links, render, render_message
from app.services.policy_pages.shapes import Section
from app.services.policy_pages.wording import Writer


@dataclass(frozen=True, slots=True)
class Asked:
    """`language` is settled; `on` is as it stands in the address, None for today."""

    language: Language
    on: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One edition among the links to all of them."""

    version: str
    since: str
    link: str
    shown: bool
    state: str


async def show_index(kit: Kit, asked: Asked) -> Answer:
    """Return the page that lists all policies. Raises: DatabaseUnavailable."""
    book = await _public_book(kit)
    now = kit.clock()
    items = []
    for name in book.names():
        editions = book.editions(name)
        policy = _in_force(book, name, local_today(editions, now)) or editions[0]
        writer = Writer(policy.edition, asked.language)
        items.append(
            {
                "title": writer.say(policy.edition.edition.title),
                "version": policy.version,
                "since": writer.day(policy.effective_from),
                "link": f"/policies/{name}?{urlencode({'lang': asked.language})}",
            }
        )
    return render("policies.html", asked.language, Links(_address("", _other(asked)), ""), items=items)


async def show_policy(kit: Kit, name: str, asked: Asked) -> Answer:
    """Return the page of the edition in force on a day, or one that says why there is none.

    Raises: DatabaseUnavailable.
    """
    book = await _public_book(kit)
    try:
        editions = book.editions(name)
    except UnknownPolicy:
        return render_message(404, asked.language, words.NO_SUCH_PAGE, words.NO_SUCH_PAGE_HELP)
    today = local_today(editions, kit.clock())
    try:
        on = date.fromisoformat(asked.on) if asked.on is not None else today
    except ValueError:
        return render_message(404, asked.language, words.NOT_A_DATE, words.NOT_A_DATE_HELP)
    policy = _in_force(book, name, on) or (editions[0] if asked.on is None else None)
    if policy is None:
        return render_message(404, asked.language, words.NOT_THEN, words.NOT_THEN_HELP)
    return _page(book, policy, today, asked)


async def _public_book(kit: Kit) -> PolicyBook:
    known = await kit.directory.known()
    return visible_book(known, {line.policy for line in known.by_name.values()})


def _in_force(book: PolicyBook, name: str, on: date) -> Policy | None:
    try:
        return book.in_force(name, on)
    except UnknownPolicy:
        return None


def _page(book: PolicyBook, policy: Policy, today: date, asked: Asked) -> Answer:
    writer = Writer(policy.edition, asked.language)
    current = _in_force(book, policy.name, today)
    state, note = words.CURRENT, ""
    if policy is not current and policy.effective_from > today:
        state = words.FUTURE
        note = writer.say(words.FUTURE_NOTE, date=writer.day(policy.effective_from))
    elif policy is not current:
        state, note = words.PAST, writer.say(words.PAST_NOTE)
    head = policy.edition.edition
    return render(
        "policy.html",
        asked.language,
        Links(_address(policy.name, _other(asked)), f"/policies?{urlencode({'lang': asked.language})}"),
        title=writer.say(head.title),
        document=head.document,
        remark=writer.say(head.note) if head.note else "",
        version=policy.version,
        since=writer.day(policy.effective_from),
        state=writer.say(state),
        current=policy is current,
        note=note,
        current_link=_address(policy.name, Asked(asked.language)),
        sha256=policy.sha256,
        figures=times.figures(writer),
        sections=_sections(writer, max(today, policy.effective_from)),
        editions=_listed(book, policy, writer, today),
    )


def _sections(writer: Writer, on: date) -> list[Section]:
    sections = (
        times.times(writer),
        times.reach(writer),
        times.hours(writer, on),
        rights.materials(writer),
        rights.visits(writer),
        rights.returns(writer),
        rights.promises(writer),
        handling.responsible(writer),
        handling.complaints(writer),
        handling.incidents(writer),
        handling.surveys(writer),
        handling.privacy(writer),
        rights.training(writer),
        handling.law(writer),
    )
    return [section for section in sections if section is not None]


def _listed(book: PolicyBook, shown: Policy, writer: Writer, today: date) -> list[Listed]:
    """List the editions that are, were or will be in force: of several for one day, the last registered."""
    by_day = {policy.effective_from: policy for policy in book.editions(shown.name)}
    current = _in_force(book, shown.name, today)
    return [
        Listed(
            policy.version,
            writer.day(day),
            _address(shown.name, Asked(writer.language, day.isoformat())),
            policy is shown,
            writer.say(words.CURRENT if policy is current else words.FUTURE if day > today else words.PAST),
        )
        for day, policy in by_day.items()
    ]


def _other(asked: Asked) -> Asked:
    return Asked("en" if asked.language == "zh" else "zh", asked.on)


def _address(name: str, asked: Asked) -> str:
    query = {"on": asked.on} if asked.on is not None else {}
    path = f"/policies/{name}" if name else "/policies"
    return f"{path}?{urlencode({'lang': asked.language} | query)}"
