"""责任部门: who handles the matter, who helps, in which role, and who owns it from the first contact on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import Field

from app.services.rules.clause import Cited, Decision, DecisionKind, Sourced, Terms, Wording
from app.services.rules.facts import ALWAYS, Condition, TicketFacts

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class DutyHolder(StrEnum):
    """谁销售谁负责、谁服务谁负责 (004 1.3)."""

    SELLER = "seller"
    SERVICE_PROVIDER = "service_provider"
    COMPANY = "company"


class Titled(Sourced):
    """A department or a role of the company, by its own name."""

    title: Wording


class RouteTerm(Sourced):
    """The first route whose condition holds is taken."""

    name: Name
    when: Condition = ALWAYS
    department: Name
    collaborating: tuple[Name, ...] = ()
    skills: tuple[Name, ...] = ()  # that whoever takes it needs


class HandlerTerm(Sourced):
    name: Name
    when: Condition = ALWAYS
    role: Name


class DutyTerm(Sourced):
    name: Name
    when: Condition = ALWAYS
    duty_holder: DutyHolder


Holding = TypeVar("Holding", RouteTerm, HandlerTerm)


class RoutingTerms(Terms):
    """The last route and the last handler hold always, so every ticket has a department and a role."""

    routes: Annotated[tuple[RouteTerm, ...], Field(min_length=1)]
    handlers: Annotated[tuple[HandlerTerm, ...], Field(min_length=1)]
    duty_holders: tuple[DutyTerm, ...] = ()
    first_contact_owner: Cited[bool]  # 首问负责制
    service_network: Sourced | None = None  # 服务网点: where the text says that they serve


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    department: str
    collaborating: tuple[str, ...]
    handler_role: str
    owner_staff_no: str | None
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Duty:
    """Who answers for the matter; `party` is their name or a service point's number, where the ticket has one.

    `ours`: the party is a branch of the company itself.
    """

    holder: DutyHolder
    party: str | None
    decision: Decision
    ours: bool = False


def decide_routing(
    facts: TicketFacts,
    first_contact: str | None,
    terms: RoutingTerms,
    departments: dict[str, Titled],
    roles: dict[str, Titled],
) -> RoutingDecision:
    """Return department, helpers, role and owner; `first_contact` is the number of the staff member who took it.

    Raises: LookupError if no route or handler holds; the policy check refuses an edition that can come to that.
    """
    route = _first(terms.routes, facts, "route")
    handler = _first(terms.handlers, facts, "handler")
    department, role = departments[route.department].title, roles[handler.role].title
    decisions = [
        Decision(
            DecisionKind.ROUTING, route.department, f"routing.routes.{route.name}", route.clause,
            Wording(f"由{department.zh}负责处理", f"Handled by {department.en}"), route.basis,
        ),
        Decision(
            DecisionKind.ROUTING, handler.role, f"routing.handlers.{handler.name}", handler.clause,
            Wording(f"由{role.zh}经办", f"In the hands of the {role.en}"), handler.basis,
        ),
    ]  # fmt: skip
    owner = first_contact if terms.first_contact_owner.value else None
    if owner is not None:
        reason = Wording(
            f"首问负责：最先接待的工作人员{owner}负责到底",
            f"First contact owns it: staff {owner} stays owner to the end",
        )
        rule = "routing.first_contact_owner"
        term = terms.first_contact_owner
        decisions.append(Decision(DecisionKind.OWNERSHIP, owner, rule, term.clause, reason, term.basis))
    duty = duty_of(facts, terms)
    if duty is not None:
        decisions.append(duty.decision)
    return RoutingDecision(route.department, route.collaborating, handler.role, owner, tuple(decisions))


def required_skills(facts: TicketFacts, terms: RoutingTerms) -> frozenset[str]:
    """Return the skills that whoever takes the matter needs.

    Raises: LookupError if no route holds.
    """
    return frozenset(_first(terms.routes, facts, "route").skills)


def _first(terms: tuple[Holding, ...], facts: TicketFacts, what: str) -> Holding:
    for term in terms:
        if term.when.holds(facts):
            return term
    raise LookupError(f"no {what} of the edition holds for these facts")


def duty_of(facts: TicketFacts, terms: RoutingTerms) -> Duty | None:
    """Return who answers for the matter, where the edition says so: who sold, or who served."""
    term = next((term for term in terms.duty_holders if term.when.holds(facts)), None)
    if term is None:
        return None
    party = {
        DutyHolder.SELLER: facts.seller or facts.sold_by,
        DutyHolder.SERVICE_PROVIDER: facts.service_provider or facts.served_by,
        DutyHolder.COMPANY: None,
    }[term.duty_holder]
    reason = {
        DutyHolder.SELLER: Wording("谁销售谁负责", "Who sells is responsible"),
        DutyHolder.SERVICE_PROVIDER: Wording("谁服务谁负责", "Who serves is responsible"),
        DutyHolder.COMPANY: Wording("由公司负责", "The company is responsible"),
    }[term.duty_holder]
    if party is not None:
        reason = Wording(f"{reason.zh}：{party}", f"{reason.en}: {party}")
    rule = f"routing.duty_holders.{term.name}"
    decision = Decision(DecisionKind.RESPONSIBILITY, term.duty_holder, rule, term.clause, reason, term.basis)
    return Duty(term.duty_holder, party, decision)
