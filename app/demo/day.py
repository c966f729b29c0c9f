"""A day of calls over all lines, made by chance from a seed: the same seed and start give the same day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import count, cycle, islice
from random import Random
from zoneinfo import ZoneInfo

from app.demo.bodies import Draft, Writer
from app.demo.material import Line, Material, Matter
from app.demo.troubles import Body, Trouble, Waves, broken, gbk, nervous, post_of
from app.services.rules.classification import Severity
from app.services.rules.facts import Channel

WHOLE_DAY = 240  # calls
ZONE = ZoneInfo("Asia/Shanghai")

# Calls an hour from midnight on: quiet nights, a peak in the morning and a lower one in the afternoon.
_HOURS = (1, 1, 1, 0, 1, 1, 2, 5, 14, 22, 24, 18, 10, 12, 19, 20, 17, 13, 9, 9, 8, 6, 3, 2)
_REPEATED, _IN_GBK, _WITHOUT_KIND, _WRONG = 0.08, 0.03, 0.15, 0.03
_PREFIXES = {Channel.HOTLINE: "ivr", Channel.EMAIL: "mail", Channel.INTERNAL: "qc"}


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it is going to be posted; `reference` is what its ticket can be found by."""

    line: str
    reference: str
    matter: Matter
    kindless: bool
    first_contact: str | None  # the staff member who took it
    trouble: Trouble
    waves: Waves

    @property
    def to_be_taken(self) -> bool:
        return self.trouble is not Trouble.BROKEN


def plan_day(material: Material, *, seed: int, now: datetime, calls: int = WHOLE_DAY) -> list[Call]:
    """Return that many calls of the day before `now` in Shanghai, the earliest first."""
    rng = Random(seed)  # noqa: S311 — chance for a demonstration, not a secret
    matters = list(islice(_matters(material, rng), calls))
    rng.shuffle(matters)
    times = sorted(_instant(now, rng) for _ in matters)
    writer = Writer(material.wording, rng)
    kindless = set(rng.sample(range(len(matters)), round(_WITHOUT_KIND * len(matters))))
    drafts = [
        writer.write(name, material.lines[name], matter, times[at], kindless=at in kindless)
        for at, (name, matter) in enumerate(matters)
    ]
    troubles, wrong = _troubles(drafts, rng), count()
    return [
        _call(draft, _reference(draft, now, seed, at), troubles.get(at, Trouble.NONE), rng, wrong)
        for at, draft in enumerate(drafts)
    ]


def _reference(draft: Draft, now: datetime, seed: int, at: int) -> str:
    return f"{_PREFIXES.get(draft.channel, draft.channel.value)}-{now:%y%m%d%H%M%S}-{seed}-{at:04d}"


def _matters(material: Material, rng: Random) -> Iterator[tuple[str, Matter]]:
    """Give what is fixed to one use first, then one text of each line in turn, without end."""
    for name, line in material.lines.items():
        yield from ((name, matter) for matter in line.calls if matter.channel is not None)
    for round_of_calls in zip(*(_endless(line, rng) for line in material.lines.values()), strict=True):
        yield from zip(material.lines, round_of_calls, strict=True)


def _endless(line: Line, rng: Random) -> Iterator[Matter]:
    """Go through a line's texts again and again; of the critical ones, rare in life, one is used, and once."""
    usual = [matter for matter in line.calls if matter.channel is None]
    critical = [matter for matter in usual if matter.severity is Severity.CRITICAL]
    others = [matter for matter in usual if matter not in critical]
    first = [*others, *rng.sample(critical, min(1, len(critical)))]
    rng.shuffle(first)
    rng.shuffle(others)
    yield from first
    yield from cycle(others)


def _instant(now: datetime, rng: Random) -> datetime:
    yesterday = now.astimezone(ZONE).date() - timedelta(days=1)
    hour = rng.choices(range(24), _HOURS)[0]
    return datetime.combine(yesterday, time(hour, rng.randrange(60), rng.randrange(60)), ZONE)


def _troubles(drafts: list[Draft], rng: Random) -> dict[int, Trouble]:
    """Choose which calls go wrong: each kind of trouble at least once, and repeats beside the hotline too."""
    able = [at for at, draft in enumerate(drafts) if draft.matter.channel is None]
    rng.shuffle(able)
    beside = next((at for at in able if drafts[at].channel is not Channel.HOTLINE), None)
    if beside is not None:
        able.append(able.pop(able.index(beside)))  # the last is chosen first
    troubles: dict[int, Trouble] = {}
    for trouble, share in ((Trouble.NERVOUS, _REPEATED), (Trouble.GBK, _IN_GBK), (Trouble.BROKEN, _WRONG)):
        for _ in range(min(len(able), max(1, round(share * len(drafts))))):
            troubles[able.pop()] = trouble
    return troubles


def _call(draft: Draft, reference: str, trouble: Trouble, rng: Random, wrong: Iterator[int]) -> Call:
    body = dict(draft.body)
    in_call = draft.channel is Channel.HOTLINE
    if in_call:
        body["call"] = {"call_id": reference} | draft.body["call"]
    if not in_call or rng.random() < 0.5:
        body["external_ref"] = reference
    return Call(
        line=draft.line,
        reference=reference,
        matter=draft.matter,
        kindless=draft.kindless,
        first_contact=body.get("staff_no") or body.get("call", {}).get("agent_no"),
        trouble=trouble,
        waves=_waves(body, reference, trouble, rng, wrong),
    )


def _waves(body: Body, reference: str, trouble: Trouble, rng: Random, wrong: Iterator[int]) -> Waves:
    if trouble is Trouble.NERVOUS:
        return nervous(body, reference, rng)
    if trouble is Trouble.GBK:
        return gbk(body, reference, rng)
    if trouble is Trouble.BROKEN:
        return broken(body, next(wrong))
    return ((post_of(body, f"{reference}-key" if rng.random() < 0.5 else None),),)
