"""制度: which editions there are, what is wrong with a draft, and putting a company's own edition in force.

Shipped editions are public texts and everybody with the scope reads them. An edition that a company registered is
shown to keys that see a business line under its policy, and to keys for all lines.
"""

import asyncio
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.call import EVERYTHING
from app.core.conditional import unchanged
from app.core.errors import FieldError, NotFound, ServiceError
from app.core.ids import new_id
from app.core.language import Text
from app.core.outbox import Event
from app.models.business_lines import BusinessLine
from app.models.policies import PolicyEdition
from app.schemas.fields import Bilingual
from app.schemas.policies import (
    CheckOut,
    DraftIn,
    EditionOut,
    EditionRef,
    FindingOut,
    PolicyDocument,
    PolicyList,
    PolicyOut,
    PolicyWanted,
    RegisteredOut,
)
from app.services.context import Context
from app.services.directory import Known
from app.services.policy_book import EditionRow, Origin, Policy, PolicyBook, UnknownPolicy
from app.services.policy_documents import Draft, read_draft
from app.services.rules.policy_findings import Finding

_MOST_ERRORS = 50
_MOST_FINDINGS = 200
_STEP = re.compile(r"[^.\[\]]+")


class PolicyNotFound(NotFound):
    title = Text("未找到该制度或该版本", "No such policy, or no such edition of it")


class PolicyInvalid(ServiceError):
    """The document cannot be put in force; `errors` says where and why. Not kept under an idempotency key."""

    status, code = 422, "policy_invalid"
    title = Text("制度文件未通过校验，请见 errors", "The document did not pass the check: see errors")


class PolicyShared(ServiceError):
    """A policy is changed only by a key that sees every business line it applies to."""

    status, code = 403, "policy_shared"
    title = Text(
        "该制度还适用于该密钥不可见的经营线，请使用可见全部相关经营线的密钥",
        "The policy applies to business lines this key does not see: use a key that sees all of them",
    )


class EditionExists(ServiceError):
    status, code, by_rule = 409, "edition_exists", True
    title = Text(
        "该制度的这一版本已存在且内容不同，请使用新的版本号",
        "This version of the policy exists with another text: take a new version",
    )


def visible_book(known: Known, names: Collection[str]) -> PolicyBook:
    """Return a book of all shipped editions and of those that were registered under one of the names."""
    shown = {
        name: tuple(policy for policy in editions if name in names or policy.origin is Origin.SHIPPED)
        for name, editions in known.book.policies.items()
    }
    return replace(known.book, policies={name: editions for name, editions in shown.items() if editions})


def local_today(editions: Sequence[Policy], now: datetime) -> date:
    """Return the date on which it is decided what is in force: local to the first edition, as for tickets."""
    return now.astimezone(ZoneInfo(editions[0].time.timezone)).date()


def _book_of(ctx: Context) -> PolicyBook:
    if EVERYTHING in ctx.caller.business_lines:
        return ctx.known.book
    return visible_book(ctx.known, {line.policy for line in ctx.known.by_name.values() if ctx.caller.sees(line.name)})


async def list_policies(ctx: Context) -> PolicyList:
    """Return every policy the caller may see, by name, with its editions in the order they come into force."""
    book = _book_of(ctx)
    return PolicyList(items=[_listed(ctx, book, name) for name in book.names()])


def _listed(ctx: Context, book: PolicyBook, name: str) -> PolicyOut:
    editions = book.editions(name)
    today = local_today(editions, ctx.now)
    begun = editions[0].effective_from <= today
    current = book.in_force(name, today) if begun else None
    lines = ctx.known.by_name.values()
    return PolicyOut(
        name=name,
        title=Bilingual.model_validate(asdict((current or editions[0]).edition.edition.title)),
        editions=[
            EditionOut(
                version=policy.version, effective_from=policy.effective_from, origin=policy.origin.value,
                in_force=policy is current, sha256=policy.sha256,
            )
            for policy in editions
        ],
        business_lines=sorted(line.name for line in lines if line.policy == name and ctx.caller.sees(line.name)),
    )  # fmt: skip


async def get_policy(ctx: Context, name: str, wanted: PolicyWanted) -> Answer:
    """Return one edition as a document, or 304 if the caller holds it already.

    Raises: PolicyNotFound, also for a day before the first edition.
    """
    book = _book_of(ctx)
    try:
        if wanted.version is not None:
            policy = book.get(name, wanted.version)
        else:
            policy = book.in_force(name, wanted.on or local_today(book.editions(name), ctx.now))
    except UnknownPolicy:
        raise PolicyNotFound from None
    tag = f'"{policy.sha256}"'
    if unchanged(ctx.call, tag):
        return Answer(304, b"", {"etag": tag, "vary": "Authorization"})
    shown = PolicyDocument(
        **dict(_registered(policy)), edition=policy.edition.model_dump(mode="json", exclude_unset=True)
    )
    return Answer.of(200, shown, etag=tag, vary="Authorization")


def _registered(policy: Policy) -> RegisteredOut:
    return RegisteredOut(
        name=policy.name,
        version=policy.version,
        effective_from=policy.effective_from,
        origin=policy.origin.value,
        sha256=policy.sha256,
        warnings=[_finding(finding) for finding in policy.warnings],
    )


def _finding(finding: Finding) -> FindingOut:
    return FindingOut.model_validate(asdict(finding))


async def check_draft(ctx: Context, body: DraftIn) -> CheckOut:
    """Check a draft as registration would, but for what depends on the day and on other editions."""
    report = (await asyncio.to_thread(read_draft, body, ctx.known.book.statutes)).report
    head = report.edition.edition if report.edition else None
    return CheckOut(
        valid=head is not None,
        findings=[_finding(finding) for finding in report.findings[:_MOST_FINDINGS]],
        edition=EditionRef(name=head.name, version=head.version, effective_from=head.effective_from) if head else None,
    )


async def register_edition(ctx: Context, body: DraftIn) -> Answer:
    """Keep a company's own edition, in force from the date it names; the same document again gets the first answer.

    Edition and event are stored together or not at all. In force here at once, in every process within 5 s.
    Raises: PolicyInvalid, PolicyNotFound, PolicyShared, EditionExists.
    """
    draft = await asyncio.to_thread(read_draft, body, ctx.known.book.statutes)
    policy = await asyncio.to_thread(_compiled, ctx.known.book, draft, body)
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return unit.replayed
        session = unit.session
        # One registration a policy at a time: order, event numbers and the look for the same version depend on it.
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"policy/{policy.name}", 0))))
        lines = await _lines_under(session, ctx, policy.name)
        rows = (await session.scalars(select(PolicyEdition).where(PolicyEdition.name == policy.name))).all()
        answer = Answer.of(201, _registered(policy), etag=f'"{policy.sha256}"', location=_location(policy))
        if _present(ctx.known.book, rows, policy):
            return unit.answer(replace(answer, status=200))
        _not_in_the_past(ctx, policy, body)
        session.add(_row(ctx, policy, rows))
        await _announce(session, ctx, policy, lines)
        await session.flush()
        unit.answer(answer)
    with suppress(ServiceError):  # it is kept: a database that goes away now must not turn the answer into a 503
        await ctx.kit.directory.refresh()
    return answer


def _compiled(book: PolicyBook, draft: Draft, body: DraftIn) -> Policy:
    """Build the edition as every process will, so that nothing is kept that a process could not put in force."""
    if draft.report.edition is None:
        raise _invalid(body, draft.report.errors)
    head = draft.report.edition.edition
    alone = replace(book, policies={}, faults=())
    row = EditionRow(head.name, head.version, head.effective_from, draft.text)
    built = alone.with_editions([row])
    if built.faults:
        details = [Text(line, line) for line in built.faults[0].lines]
        raise PolicyInvalid(errors=[FieldError(("pointer", _root(body)), "invalid", detail) for detail in details])
    return built.get(head.name, head.version)


def _invalid(body: DraftIn, findings: Sequence[Finding]) -> PolicyInvalid:
    """A JSON pointer ends where TOML text begins, so the detail repeats the path."""
    errors = []
    for finding in findings[:_MOST_ERRORS]:
        inner = "".join(f"/{step.replace('~', '~0')}" for step in _STEP.findall(finding.path))
        pointer = _root(body) + (inner if body.edition is not None else "")
        where, clause = finding.path and f"{finding.path}: ", f" ({finding.clause})" if finding.clause else ""
        words = finding.message
        detail = Text(f"{where}{words.zh}{clause}", f"{where}{words.en}{clause}")
        errors.append(FieldError(("pointer", pointer), "invalid", detail))
    return PolicyInvalid(errors=errors)


def _root(body: DraftIn) -> str:
    return "#/document" if body.edition is None else "#/edition"


async def _lines_under(session: AsyncSession, ctx: Context, name: str) -> Sequence[BusinessLine]:
    """Return the lines under a policy, all of which the caller sees.

    Raises: PolicyNotFound if the caller sees none of them, or there is none and the key is not for all lines;
    PolicyShared if some are not the caller's.
    """
    wanted = select(BusinessLine).where(BusinessLine.policy == name).order_by(BusinessLine.name)
    lines = (await session.scalars(wanted)).all()
    if EVERYTHING in ctx.caller.business_lines:
        return lines
    seen = [ctx.caller.sees(line.name) for line in lines]
    if not any(seen):
        raise PolicyNotFound
    if not all(seen):
        raise PolicyShared
    return lines


def _present(book: PolicyBook, rows: Sequence[PolicyEdition], policy: Policy) -> bool:
    """Tell whether this very edition is there already.

    Raises: EditionExists if its name and version stand for another text.
    """
    texts = [row.document for row in rows if row.version == policy.version]
    texts += [
        shipped.text
        for shipped in book.policies.get(policy.name, ())
        if shipped.origin is Origin.SHIPPED and shipped.version == policy.version
    ]
    if texts and texts[0] != policy.text:
        raise EditionExists
    return bool(texts)


def _not_in_the_past(ctx: Context, policy: Policy, body: DraftIn) -> None:
    """Refuse an edition that would change what is decided already; from today on is allowed.

    Raises: PolicyInvalid.
    """
    present = ctx.known.book.policies.get(policy.name, ())
    today = max(local_today(editions, ctx.now) for editions in (present, [policy]) if editions)
    if policy.effective_from < today:
        detail = Text(
            f"edition.effective_from: 生效日期不得早于今天（{today}）",
            f"edition.effective_from: must not be before today ({today})",
        )
        pointer = _root(body) + ("/edition/effective_from" if body.edition is not None else "")
        raise PolicyInvalid(errors=[FieldError(("pointer", pointer), "in_the_past", detail)])


def _row(ctx: Context, policy: Policy, rows: Sequence[PolicyEdition]) -> PolicyEdition:
    """Of editions with one date the last registered counts, so two clocks must not decide which that was."""
    after = [row.registered_at + timedelta(milliseconds=1) for row in rows]
    return PolicyEdition(
        id=new_id(),
        name=policy.name,
        version=policy.version,
        effective_from=policy.effective_from,
        document=policy.text,
        registered_by=ctx.caller.key_id,
        registered_at=max(ctx.now, *after) if after else ctx.now,
    )


async def _announce(session: AsyncSession, ctx: Context, policy: Policy, lines: Sequence[BusinessLine]) -> None:
    """Write one event for each line under the policy; `sequence` counts over all of them."""
    subject = f"policies/{policy.name}"
    last = await session.scalar(select(func.max(Event.sequence)).where(Event.subject == subject)) or 0
    data = {"policy": policy.name, "version": policy.version, "effective_from": policy.effective_from.isoformat()}
    session.add_all(
        Event(
            id=new_id(), position=None, business_line_id=line.id, type="policy.activated", subject=subject,
            sequence=sequence, data=data, request_id=ctx.call.request_id, occurred_at=ctx.now,
        )
        for sequence, line in enumerate(lines, last + 1)
    )  # fmt: skip


def _location(policy: Policy) -> str:
    return f"/v1/policies/{policy.name}?version={policy.version}"
