"""通知: whom an edition tells of a deadline, by which kinds of channel, and when a message is tried again."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.services.rules.classification import Kind, Urgency
from app.services.rules.facts import Channel, TicketFacts
from app.services.rules.policy import Edition
from app.services.rules.policy_company import NoticeMeans
from app.services.rules.routing import decide_routing
from app.services.rules.thresholds import ThresholdKind

EVERY_ROLE = "*"  # a channel that gets what is meant for any role
# After each failed try, how long until the next; after the last of them the message has failed.
RETRY_AFTER = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)


class ChannelKind(StrEnum):
    """通知渠道: an email address, or a robot in a group of one of three messengers."""

    EMAIL = "email"
    DINGTALK = "dingtalk"  # 钉钉
    WECOM = "wecom"  # 企业微信
    FEISHU = "feishu"  # 飞书 / Lark


class NoticeState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"  # the receiving server took it
    FAILED = "failed"  # refused for good, or tried to the end
    DROPPED = "dropped"  # its channel was deleted first


class Verdict(StrEnum):
    """What the receiving server made of a message."""

    ACCEPTED = "accepted"
    LATER = "later"  # worth another try
    REFUSED = "refused"  # useless until somebody mends the channel


_KINDS = {
    NoticeMeans.CRM: frozenset(ChannelKind),
    NoticeMeans.EMAIL: frozenset({ChannelKind.EMAIL}),
    NoticeMeans.PHONE: frozenset[ChannelKind](),
}
# The least time between two messages to one robot: DingTalk and WeCom take 20 a minute, Feishu 100 a minute and 5 a
# second. DingTalk refuses everything for ten minutes from whoever sends more.
PACE = {
    ChannelKind.EMAIL: timedelta(0),
    ChannelKind.DINGTALK: timedelta(seconds=3.1),
    ChannelKind.WECOM: timedelta(seconds=3.1),
    ChannelKind.FEISHU: timedelta(seconds=0.7),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A role that is told, and by which means."""

    role: str
    channel: NoticeMeans

    @property
    def kinds(self) -> frozenset[ChannelKind]:
        """The kinds of channel a message goes to.

        `crm` leaves it to the line which channels the role has, `email` asks for a letter and not for a word in a
        group, and for `phone` somebody rings: the event says so, and no message is sent.
        """
        return _KINDS[self.channel]


def told_of(edition: Edition, kind: ThresholdKind, level: int | None, handler_role: str) -> tuple[Told, ...]:
    """Return who is told when a threshold is reached; `handler_role` is the role that handles the ticket.

    Whoever was warned of a deadline also learns that it was broken.
    """
    if kind is ThresholdKind.ESCALATION:
        return tuple(Told(term.role, term.channel) for term in edition.escalations if term.level == level)
    warnings = edition.warnings
    return () if warnings is None else (Told(warnings.role or handler_role, warnings.channel),)


def handler_role_of(kind: Kind, edition: Edition) -> str:
    """Return the role that handles tickets of a kind, for what has a deadline and need not have a ticket."""
    facts = TicketFacts(Channel.HOTLINE, kind, Urgency.GENERAL)
    return decide_routing(facts, None, edition.routing, edition.departments, edition.roles).handler_role


def told_of_delay(edition: Edition) -> Told:
    """Return to whom the reason for a late step is reported (002 第十五条)."""
    return Told(edition.delays.role, NoticeMeans.CRM)


def retry_after(attempts: int) -> timedelta | None:
    """Return how long to wait after so many failed tries; None when it was the last."""
    return RETRY_AFTER[attempts - 1] if attempts <= len(RETRY_AFTER) else None
