"""The law is the floor: what an edition may not write into its return rules and guarantees."""

from collections.abc import Iterator

from app.services.rules.clause import Cited
from app.services.rules.policy import Edition
from app.services.rules.policy_customers import GuaranteeTerm, ReturnCase, ReturnTerms, WarrantyTerms
from app.services.rules.policy_findings import Finding, error, warning
from app.services.rules.returns.statutes import GoodsTerm, StatuteBook
from app.services.rules.returns.words import Certainty, Payer, Remedy


def below_the_law(edition: Edition, law: StatuteBook) -> Iterator[Finding]:
    """Yield one error for each entry less favourable to consumers than the article it names.

    Where we know the law from hearsay only, it is a warning: the company may know better.
    """
    returns = edition.returns or ReturnTerms()
    if returns.quality is not None:
        yield from _quality(returns.quality, law)
    if returns.no_reason is not None:
        yield from _no_reason(returns.no_reason, law)
    most = law.figures.refund_days
    if returns.refund_days and returns.refund_days.value > most:
        yield _broken(
            law, "7D-13", "returns.refund_days", returns.refund_days.clause,
            f"收到退回商品之日起{most}天内须退款",
            f"the price is repaid within {most} days of receiving the goods",
        )  # fmt: skip
    for place, term in enumerate((edition.warranty or WarrantyTerms()).goods):
        yield from _guarantee(f"warranty.goods[{place}]", term, law)


def _quality(case: ReturnCase, law: StatuteBook) -> Iterator[Finding]:
    least = law.figures.defect_days
    if case.freight and case.freight.value is Payer.CUSTOMER:
        yield _broken(
            law, "CPL-24-2", "returns.quality.freight", case.freight.clause,
            "质量问题的运输费用由经营者承担", "for a confirmed defect the merchant bears the freight",
        )  # fmt: skip
    if _shorter(case.within_days, least):
        yield _broken(
            law, "CPL-24-1", "returns.quality.within_days", case.clause,
            f"质量问题的退货期限不得少于{least}天", f"a defect may be returned for at least {least} days",
        )  # fmt: skip
    if case.negotiable:
        yield _broken(
            law, "CPL-24-1", "returns.quality.negotiable", case.clause,
            "质量问题的退换修不以公司同意为条件", "a claim for a defect does not wait for the company's consent",
        )  # fmt: skip
    if case.exclusions:
        yield _broken(
            law, "CPL-24-1", "returns.quality.exclusions", case.exclusions.clause,
            "质量问题的退换修不得排除任何商品", "no goods are excepted from claims for a defect",
        )  # fmt: skip


def _no_reason(case: ReturnCase, law: StatuteBook) -> Iterator[Finding]:
    least = law.figures.no_reason_days
    if _shorter(case.within_days, least):
        yield _broken(
            law, "CPL-25-1", "returns.no_reason.within_days", case.clause,
            f"无理由退货期限不得少于{least}天", f"a return without reason is open for at least {least} days",
        )  # fmt: skip
    if case.negotiable:
        yield _broken(
            law, "CPL-25-1", "returns.no_reason.negotiable", case.clause,
            "无理由退货不以公司同意为条件", "a return without reason does not wait for the company's consent",
        )  # fmt: skip
    if Remedy.RETURN not in case.remedies:
        yield _broken(
            law, "CPL-25-1", "returns.no_reason.remedies", case.clause,
            "无理由退货须可以退货，不得仅限换货", "the goods may be returned, not only exchanged",
        )  # fmt: skip
    if case.exclusions is None:
        return
    for name in case.exclusions.items:
        if name not in law.figures.exclusions:
            yield _broken(
                law, "REG-19-1", f"returns.no_reason.exclusions.items.{name}", case.exclusions.clause,
                "不得自行扩大不适用无理由退货的商品范围", "the law does not except these goods, and a company may not",
            )  # fmt: skip


def _guarantee(path: str, term: GuaranteeTerm, law: StatuteBook) -> Iterator[Finding]:
    for category in term.categories:
        legal = law.goods.get(category)
        if legal is None:
            continue
        yield from _term(f"{path}.months", term, legal, (term.months, legal.months), law)
        for part, months in term.parts.items():
            if part in legal.parts:
                yield from _term(f"{path}.parts.{part}", term, legal, (months, legal.parts[part]), law)


def _term(
    path: str, term: GuaranteeTerm, legal: GoodsTerm, months: tuple[int, int], law: StatuteBook
) -> Iterator[Finding]:
    given, least = months
    if given >= least:
        return
    zh, en = f"三包期限不得短于{least}个月", f"the guarantee lasts at least {least} months"
    if legal.certainty is Certainty.KNOWLEDGE:
        cited = law.citation(legal.rule)
        yield warning(path, term.clause, f"{zh}（{cited.zh}，待核对）", f"{en} ({cited.en}, to be checked)")
    else:
        yield _broken(law, legal.rule, path, term.clause, zh, en)


def _broken(law: StatuteBook, rule: str, path: str, clause: str, zh: str, en: str) -> Finding:
    cited = law.citation(rule)
    return error(path, clause, f"{zh}（{cited.zh}）", f"{en} ({cited.en})")


def _shorter(days: Cited[int] | None, least: int) -> bool:
    return days is not None and days.value < least
