"""责任判定: whose fault a matter is, by which step of the edition, and what about the finding does not fit.

What people found decides; the rule names the step of the edition it falls under, and warns where it goes against the
inspection on record or against whose duty the matter is (谁销售谁负责、谁服务谁负责).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.services.rules.classification import ComplaintClass
from app.services.rules.clause import SILENT, Basis, Decision, DecisionKind, Wording
from app.services.rules.facts import ALWAYS, Condition, TicketFacts
from app.services.rules.policy_shapes import Step
from app.services.rules.routing import Duty, DutyHolder


class Share(StrEnum):
    """责任归属."""

    OURS = "ours"
    NOT_OURS = "not_ours"
    SHARED = "shared"


class Conclusion(StrEnum):
    """检验结论: whether the inspection found what the customer reported."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"
    INCONCLUSIVE = "inconclusive"


class Doubt(StrEnum):
    """Why somebody should look at a determination again."""

    DUTY_HOLDER_DIFFERS = "duty_holder_differs"
    NOT_INSPECTED = "not_inspected"
    INSPECTION_DIFFERS = "inspection_differs"


class DeterminationStep(Step):
    """A determination falls under the first step that is for its share of responsibility and whose condition holds."""

    shares: tuple[Share, ...] = tuple(Share)
    when: Condition = ALWAYS


SHARE_LABELS: Final = {
    Share.OURS: Wording("我方责任", "Ours"),
    Share.NOT_OURS: Wording("非我方责任", "Not ours"),
    Share.SHARED: Wording("双方均有责任", "Shared"),
}
CONCLUSION_LABELS: Final = {
    Conclusion.CONFIRMED: Wording("属实", "Confirmed"),
    Conclusion.NOT_CONFIRMED: Wording("未发现所反映的问题", "Not confirmed"),
    Conclusion.INCONCLUSIVE: Wording("尚不能确定", "Inconclusive"),
}


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that does not fit. It keeps nobody from determining as they do."""

    doubt: Doubt
    reason: Wording


@dataclass(frozen=True, slots=True)
class Determination:
    decision: Decision
    warnings: tuple[Warned, ...]


def determine(
    share: Share,
    facts: TicketFacts,
    latest: Conclusion | None,
    duty: Duty | None,
    steps: tuple[DeterminationStep, ...],
) -> Determination:
    """Say under which step a determination falls, and what speaks against it.

    `latest` is the conclusion of the latest inspection, None if there was none.
    """
    warnings = (_of_duty(share, duty), _of_inspection(share, facts, latest))
    return Determination(_decided(share, facts, steps), tuple(warned for warned in warnings if warned is not None))


def _decided(share: Share, facts: TicketFacts, steps: tuple[DeterminationStep, ...]) -> Decision:
    label = SHARE_LABELS[share]
    step = next((step for step in steps if share in step.shares and step.when.holds(facts)), None)
    if step is None:
        reason = Wording(f"责任判定：{label.zh}", f"Responsibility determined: {label.en}")
        return Decision(
            DecisionKind.RESPONSIBILITY, share, "complaints.determination", SILENT, reason, Basis.ASSUMED
        )  # fmt: skip
    reason = Wording(
        f"责任判定：{label.zh}（{step.title.zh}）", f"Responsibility determined: {label.en} ({step.title.en})"
    )
    rule = f"complaints.determination.{step.name}"
    return Decision(DecisionKind.RESPONSIBILITY, share, rule, step.clause, reason, step.basis)


def _of_duty(share: Share, duty: Duty | None) -> Warned | None:
    """A seller or provider whom the ticket names should answer for it, or the company should; the finding differs.

    What a branch answers for is the company's.
    """
    if duty is None:
        return None
    ours_instead = share is Share.OURS and duty.party is not None and not duty.ours
    not_ours_after_all = share is Share.NOT_OURS and (duty.holder is DutyHolder.COMPANY or duty.ours)
    if not (ours_instead or not_ours_after_all):
        return None
    said = duty.decision.reason
    return Warned(
        Doubt.DUTY_HOLDER_DIFFERS,
        Wording(f"与职责归属不一致——{said.zh}", f"Differs from whose duty the matter is: {said.en}"),
    )


def _of_inspection(share: Share, facts: TicketFacts, latest: Conclusion | None) -> Warned | None:
    if latest is None and facts.complaint_class is ComplaintClass.QUALITY:
        return Warned(
            Doubt.NOT_INSPECTED, Wording("质量问题尚无检验记录", "A quality problem, and no inspection is on record")
        )
    if latest is Conclusion.NOT_CONFIRMED and share is not Share.NOT_OURS:
        return Warned(
            Doubt.INSPECTION_DIFFERS,
            Wording("最近一次检验未发现所反映的问题", "The latest inspection did not confirm what was reported"),
        )
    return None
