"""What a visitor asks for and what is shown: shipped editions, and registered ones that a business line is under."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
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

_MOST_KEPT: Final = 200
_kept: dict[tuple[str, ...], Answer] = {}


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
                "link": _address(name, asked.language),
            }
        )
    return render("policies.html", asked.language, Links(_address("", _other(asked.language)), ""), items=items)


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
    first = editions[0].effective_from
    policy = _in_force(book, name, max(on, first) if asked.on is None else on)
    if policy is None:
        return render_message(404, asked.language, words.NOT_THEN, words.NOT_THEN_HELP)
    return _page(editions, policy, today, asked.language)


async def _public_book(kit: Kit) -> PolicyBook:
    known = await kit.directory.known()
    return visible_book(known, {line.policy for line in known.by_name.values()})


def _in_force(book: PolicyBook, name: str, on: date) -> Policy | None:
    try:
        return book.in_force(name, on)
    except UnknownPolicy:
        return None


def _page(editions: Sequence[Policy], policy: Policy, today: date, language: Language) -> Answer:
    """Return the page of an edition, kept from the last time: anybody may ask, and writing one takes milliseconds."""
    key = (policy.sha256, language, today.isoformat(), *(edition.sha256 for edition in editions))
    page = _kept.get(key)
    if page is None:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        page = _kept[key] = _written(editions, policy, today, Writer(policy.edition, language))
    return page


def _written(editions: Sequence[Policy], policy: Policy, today: date, writer: Writer) -> Answer:
    language, since = writer.language, policy.effective_from
    by_day = {edition.effective_from: edition for edition in editions}  # of several for one day, the last registered
    current = next((by_day[day] for day in reversed(by_day) if day <= today), None)
    on = None if policy is current else since.isoformat()
    state, note = words.CURRENT, ""
    if policy is not current and since > today:
        state, note = words.FUTURE, writer.say(words.FUTURE_NOTE, date=writer.day(since))
    elif policy is not current:
        state, note = words.PAST, writer.say(words.PAST_NOTE)
    head = policy.edition.edition
    return render(
        "policy.html",
        language,
        Links(_address(policy.name, _other(language), on), _address("", language)),
        title=writer.say(head.title),
        document=head.document,
        remark=writer.say(head.note) if head.note else "",
        version=policy.version,
        since=writer.day(since),
        state=writer.say(state),
        current=policy is current,
        note=note,
        current_link=_address(policy.name, language) if current else "",
        sha256=policy.sha256,
        figures=times.figures(writer),
        sections=_sections(writer, max(today, since)),
        editions=[
            Listed(
                edition.version,
                writer.day(day),
                _address(policy.name, language, day.isoformat()),
                edition is policy,
                writer.say(words.CURRENT if edition is current else words.FUTURE if day > today else words.PAST),
            )
            for day, edition in by_day.items()
        ],
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
        handling.progress(writer),
        handling.surveys(writer),
        handling.privacy(writer),
        rights.training(writer),
        handling.law(writer),
    )
    return [section for section in sections if section is not None]


def _other(language: Language) -> Language:
    return "en" if language == "zh" else "zh"


def _address(name: str, language: Language, on: str | None = None) -> str:
    """Return the address of a policy's page, or without a name that of the list."""
    query = {"lang": language} | ({"on": on} if on is not None else {})
    return f"/policies{'/' if name else ''}{name}?{urlencode(query)}"
