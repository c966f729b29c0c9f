"""Moving a ticket to another edition of its policy: everything is decided again, what was used and paused stays."""

from contextlib import suppress
from dataclasses import replace

from app.schemas.tickets import EditionWanted
from app.services.context import Context
from app.services.directory import EditionUnavailable
from app.services.policies import local_today
from app.services.policy_book import Policy
from app.services.rules.clause import Decision, DecisionKind, Wording
from app.services.tickets.clocks import change_edition, decision_documents
from app.services.tickets.loading import Loaded
from app.services.tickets.refusals import EditionNotInForce


async def wanted_edition(ctx: Context, loaded: Loaded, wanted: EditionWanted) -> Policy:
    """Return the edition of the ticket's own policy that was asked for.

    Raises: EditionNotInForce, also for an edition of another policy and for one that begins later.
    """
    name, today = loaded.policy.name, local_today([loaded.policy], ctx.now)
    in_force = [known.version for known in ctx.known.book.policies.get(name, ()) if known.effective_from <= today]
    if wanted.name not in (None, name):
        raise EditionNotInForce("name", name, in_force)
    with suppress(EditionUnavailable):
        policy = await ctx.edition_of(name, wanted.version)
        if policy.effective_from <= today:
            return policy
    raise EditionNotInForce("version", name, in_force)


def move_to(ctx: Context, loaded: Loaded, policy: Policy) -> Loaded:
    """Put a ticket under another edition; its facts are still to be judged by it.

    A department that a person chose stays if the edition has it.
    """
    ticket = loaded.ticket
    ticket.policy_version = policy.version
    ticket.decisions = [*ticket.decisions, *decision_documents([_moved(policy)], ctx.now)]
    change_edition(loaded.commitments, loaded.policy, policy)
    departments = policy.edition.departments
    ticket.transferred = ticket.transferred and ticket.department in departments
    ticket.collaborating_departments = [name for name in ticket.collaborating_departments if name in departments]
    return replace(loaded, policy=policy)


def _moved(policy: Policy) -> Decision:
    head = policy.edition.edition
    reason = Wording(
        f"工作人员改按《{head.title.zh}》第 {head.version} 版（{head.effective_from} 起施行）办理",
        f"Staff put it under “{head.title.en}”, edition {head.version}, in force from {head.effective_from}",
    )
    return Decision(DecisionKind.EDITION, policy.ref, "staff", head.document, reason)
