"""部门队列: who of a department takes the next matter. Least loaded first, among those there who have the skill."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.services.rules.clause import Basis, Decision, DecisionKind, Wording


@dataclass(frozen=True, slots=True)
class Member:
    """A staff member who is there. `load` is how many open matters they have, `capacity` how many they may have."""

    staff_no: str
    departments: frozenset[str]
    skills: frozenset[str]
    load: int
    capacity: int
    last_assigned_at: datetime | None

    def may_take(self, department: str, skills: frozenset[str]) -> bool:
        return department in self.departments and skills <= self.skills and self.load < self.capacity


def choose(members: Iterable[Member], department: str, skills: frozenset[str]) -> Member | None:
    """Return who takes a matter of the department that needs these skills; None if it has to wait.

    The share of the capacity in use decides, then who was given nothing for longest, then the number.
    """
    able = [member for member in members if member.may_take(department, skills)]
    return min(able, key=_order, default=None)


def _order(member: Member) -> tuple[float, bool, float, str]:
    last = member.last_assigned_at
    return member.load / member.capacity, last is not None, last.timestamp() if last else 0.0, member.staff_no


def explain_choice(member: Member, skills: frozenset[str]) -> Decision:
    """Say why this staff member got the matter. No document lays this down: it is our default."""
    zh = f"由{member.staff_no}处理：在岗人员中负荷最轻（{member.load}/{member.capacity}）"
    en = f"Given to {member.staff_no}: the least loaded of those there ({member.load} of {member.capacity})"
    if skills:
        zh, en = f"{zh}，具备所需技能", f"{en} with the skills it needs"
    return Decision(
        DecisionKind.ASSIGNMENT, member.staff_no, "queue.least_loaded", "未规定", Wording(zh, en), Basis.ASSUMED
    )
