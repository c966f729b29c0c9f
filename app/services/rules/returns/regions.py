"""地方性法规: what the rule of a region adds to a claim for a defect."""

from datetime import date
from typing import NamedTuple

from app.services.rules.returns.case import NOTHING, Case
from app.services.rules.returns.deadlines import Deadline, months_after
from app.services.rules.returns.facts import known
from app.services.rules.returns.words import Remedy, RepairDelayCause

ZHEJIANG, SHANDONG, BEIJING = "LOC-ZJ-26", "LOC-SD-27", "LOC-BJ-6"
_CHOICE = frozenset({Remedy.RETURN, Remedy.EXCHANGE})


class Addition(NamedTuple):
    remedies: frozenset[Remedy] = NOTHING
    basis: tuple[str, ...] = ()
    uncertain: bool = False


def local_rule(case: Case) -> str | None:
    return case.law.local_rule(known(case.facts.region, "region"))


def repairs_in_term(case: Case) -> Addition:
    """Goods under guarantee that were repaired too often or too long."""
    rule, facts, figures = local_rule(case), case.facts, case.figures
    if rule == ZHEJIANG:
        often = known(facts.repair_count, "repair_count") >= figures.local.zhejiang_repairs
        long = known(facts.repair_days_total, "repair_days_total") > figures.local.zhejiang_repair_days
        # The national rule takes depreciation from who refuses an exchange, this one does not.
        contested = often and known(facts.customer_declines_exchange, "customer_declines_exchange")
        return Addition(_CHOICE if often or long else NOTHING, (ZHEJIANG,), contested)
    if rule == SHANDONG:
        late = known(facts.current_repair_days, "current_repair_days") >= figures.local.shandong_days
        without_cause = known(facts.repair_delay_cause, "repair_delay_cause") is not RepairDelayCause.PARTS
        return Addition(_CHOICE if late and without_cause else NOTHING, (SHANDONG,))
    return Addition()


def without_period(case: Case, start: date) -> Addition:
    """Goods for which neither law nor contract gives a period (北京)."""
    if local_rule(case) != BEIJING:
        return Addition()
    end = case.rest.deadline(months_after(start, case.figures.local.beijing_months))
    # The Act of 2013 narrows the return to seven days; whether the older local rule still holds is open.
    return Addition(frozenset({Remedy.RETURN}) if end.met(case.day) else NOTHING, (BEIJING,), end.met(case.day))


def least_term(case: Case, start: date) -> Deadline | None:
    """The shortest guarantee that standard terms may give (北京)."""
    if local_rule(case) != BEIJING:
        return None
    return case.rest.deadline(months_after(start, case.figures.local.beijing_least_months))
