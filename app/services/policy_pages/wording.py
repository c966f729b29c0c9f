"""An edition's values in a customer's words, in one language."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from app.core.language import Bilingual, Language, in_language
from app.services.policy_pages import words
from app.services.policy_pages.shapes import Block, Row, Said, Source, Steps, Table
from app.services.rules.clause import Basis, Cited, Sourced
from app.services.rules.facts import Condition
from app.services.rules.labels import (
    COMPLAINT_CLASS_LABELS,
    ISSUE_TYPE_LABELS,
    KIND_LABELS,
    SEVERITY_LABELS,
    URGENCY_LABELS,
)
from app.services.rules.policy import SILENT, Edition, Weekday
from app.services.rules.policy_shapes import Items, Statement, Step
from app.services.rules.sla import Target
from app.services.rules.surveys import AspectItems

Value = TypeVar("Value")
Word = TypeVar("Word", bound=str)
Windows = Sequence[tuple[str, str]]


def _of(field: str, labels: Mapping[Word, Bilingual]) -> dict[tuple[str, str], Bilingual]:
    return {(field, word): label for word, label in labels.items()}


_LABELS: Final[Mapping[tuple[str, str], Bilingual]] = {
    **_of("channel", words.CHANNEL_LABELS),
    **_of("kind", KIND_LABELS),
    **_of("urgency", URGENCY_LABELS),
    **_of("severity", SEVERITY_LABELS),
    **_of("complaint_class", COMPLAINT_CLASS_LABELS),
    **_of("issue_type", ISSUE_TYPE_LABELS),
}
_ARTICLE: Final = re.compile("第([一二三四五六七八九十百零]+)条")
_DIGITS: Final = "一二三四五六七八九"
_WEEK: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the values of one edition in one language."""

    edition: Edition
    language: Language

    def say(self, text: Bilingual, **values: object) -> str:
        template = in_language(text, self.language)
        return template.format(**values) if values else template

    def heading(self, text: Bilingual) -> str:
        """A text at the head of a row: the English words of editions begin small."""
        said = self.say(text)
        return said[:1].upper() + said[1:]

    def joined(self, texts: Iterable[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(texts)

    def clauses(self, texts: Iterable[str]) -> str:
        """Join texts that hold commas themselves."""
        return ("；" if self.language == "zh" else "; ").join(texts)

    def listed(self, texts: Iterable[Bilingual]) -> str:
        return self.joined(self.say(text) for text in texts)

    def source(self, sourced: Sourced) -> Source:
        """Return where a value comes from. The notes on what is assumed are for the company, not for its customers."""
        clause = sourced.clause
        match sourced.basis:
            case Basis.ASSUMED:
                return self._silent() if clause == SILENT else Source(Basis.ASSUMED, clause)
            case Basis.STATUTE:
                return Source(Basis.STATUTE, self.law(clause))
            case Basis.POLICY:
                return Source(Basis.POLICY, clause, self.say(sourced.note) if sourced.note else "")

    def law(self, clause: str, *, en: str | None = None) -> str:
        """Name the law of a clause such as `消费者权益保护法 第二十四条`, in English as known here or as given."""
        law, _, article = clause.partition(" ")
        if self.language == "zh":
            return f"《{law}》{article}"
        return f"{en or words.LAWS.get(law, law)}, {_ARTICLE.sub(_numbered, article).replace('、', ', ')}"

    def said(self, text: str, sourced: Sourced) -> Said:
        return Said(text, self.source(sourced))

    def open(self) -> Said:
        """What the edition does not say and has no default for."""
        return Said("", self._silent())

    def _silent(self) -> Source:
        return Source(Basis.ASSUMED, self.say(words.OPEN), silent=True)

    def due(self, label: Bilingual, cited: Cited[Value] | None, write: Callable[[Value], str]) -> Row:
        """Return the row of something every customer asks for: open if the edition does not say."""
        return Row(self.heading(label), self.said(write(cited.value), cited) if cited else self.open())

    def value(self, label: Bilingual, cited: Cited[Value] | None, write: Callable[[Value], str]) -> list[Row]:
        """Return the row of a value, or nothing if the edition has none."""
        return [self.due(label, cited, write)] if cited else []

    def labels(self, of: Mapping[Word, Bilingual]) -> Callable[[Iterable[Word]], str]:
        """Return what writes a list of words by their labels."""
        return lambda listed: self.listed(of[word] for word in listed)

    def either(self, yes: Bilingual, no: Bilingual) -> Callable[[bool], str]:
        return lambda holds: self.say(yes if holds else no)

    def statement(self, label: Bilingual, stated: Statement | None) -> list[Row]:
        return [Row(self.say(label), self.said(self.heading(stated.title), stated))] if stated else []

    def items(self, label: Bilingual, items: Items | AspectItems | None) -> list[Row]:
        return [Row(self.say(label), self.said(self.listed(items.items.values()), items))] if items else []

    def table(self, caption: str, rows: Iterable[Row], *, head: Bilingual = words.CONTENT) -> list[Block]:
        """Return a table, or nothing if there is no row."""
        given = tuple(rows)
        return [Table(caption, given, self.say(words.MATTER), self.say(head))] if given else []

    def steps(self, caption: Bilingual, steps: Iterable[Step]) -> list[Block]:
        """Return the steps of a procedure, or nothing if there is none."""
        items = tuple(self.said(self._step(step), step) for step in steps)
        return [Steps(self.say(caption), items)] if items else []

    def _step(self, step: Step) -> str:
        title = self.heading(step.title)
        if step.department is not None:
            return self.say(words.STEP_BY, title=title, who=self.department(step.department))
        if step.role is not None:
            return self.say(words.STEP_BY, title=title, who=self.role(step.role))
        return title

    def department(self, name: str) -> str:
        return self.say(self.edition.departments[name].title)

    def role(self, name: str) -> str:
        return self.say(self.edition.roles[name].title)

    def duration(self, target: Target) -> str:
        text = self.say(words.UNIT_LABELS[target.unit], n=target.value)
        return text[:-1] if self.language == "en" and target.value == 1 else text

    def only(self, when: Condition) -> str:
        """Say `condition` as a remark of its own."""
        limits = self.condition(when)
        return self.say(words.ONLY, what=limits) if limits else ""

    def condition(self, when: Condition, *, without: Collection[str] = ()) -> str:
        """Say to what an entry is limited; nothing if it holds always."""
        fields = [field for field in type(when).model_fields if field in when.model_fields_set and field not in without]
        return " · ".join(self.joined(self.word(field, value) for value in getattr(when, field)) for field in fields)

    def word(self, field: str, value: str) -> str:
        """Write one word of a condition; those that have no label here stand as the edition has them."""
        label = _LABELS.get((field, value)) or words.CONDITION_LABELS.get(value)
        return self.say(label) if label else value

    def day(self, day: date) -> str:
        if self.language == "zh":
            return f"{day.year} 年 {day.month} 月 {day.day} 日"
        return f"{day.day} {day:%B} {day.year}"

    def windows(self, windows: Windows) -> str:
        """Write opening hours; an end at or before its start is on the next day."""
        return self.joined(self._window(*window) for window in windows) or self.say(words.CLOSED)

    def _window(self, opens: str, closes: str) -> str:
        next_day = self.say(words.NEXT_DAY) if closes <= opens else ""
        return f"{opens}\u2060–\u2060{next_day}{closes}"  # joined, so that no line ends inside

    def week(self, hours: Mapping[Weekday, Windows]) -> str:
        """Write the opening hours of a week, days in a row with the same hours together."""
        runs: list[list[Weekday]] = []
        for day in _WEEK:
            if not hours.get(day):
                continue
            follows = runs and _WEEK.index(runs[-1][-1]) + 1 == _WEEK.index(day)
            if follows and hours[runs[-1][0]] == hours[day]:
                runs[-1].append(day)
            else:
                runs.append([day])
        return self.clauses(f"{self._days(run)} {self.windows(hours[run[0]])}" for run in runs)

    def _days(self, run: Sequence[Weekday]) -> str:
        first, last = self.say(words.WEEKDAY_LABELS[run[0]]), self.say(words.WEEKDAY_LABELS[run[-1]])
        return first if len(run) == 1 else self.say(words.FROM_TO, first=first, last=last)


def _numbered(article: re.Match[str]) -> str:
    """第一百二十四条 → article 124."""
    number, digit = 0, 0
    for sign in article[1]:
        if sign in _DIGITS:
            digit = _DIGITS.index(sign) + 1
        elif sign != "零":
            number, digit = number + (digit or 1) * (100 if sign == "百" else 10), 0
    return f"article {number + digit}"
