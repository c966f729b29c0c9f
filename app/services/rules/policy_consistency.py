"""Does an edition hold together: sources given, names known, lists that end in an entry which always holds?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from app.services.rules.clause import SILENT, Basis, Sourced, Wording
from app.services.rules.complaint_reports import ReportFact
from app.services.rules.handling import HandlingPath
from app.services.rules.policy import Edition
from app.services.rules.policy_conditions import Conditional, Entry, Named, covers
from app.services.rules.policy_findings import Finding, error, walk, warning
from app.services.rules.sla import MilestoneTerm

_EARLIEST, _LATEST = date(1990, 1, 1), date(2100, 1, 1)
_DEPARTMENT_FIELDS = ("department", "collaborating", "measures_by", "settled_by", "approved_by", "confirmed_by")


def inconsistencies(edition: Edition) -> Iterator[Finding]:
    yield from _header(edition)
    yield from _sources(edition)
    yield from _names(edition)
    yield from _lists(edition)
    yield from _escalations(edition)
    yield from _surveys(edition)
    yield from _complaints(edition)
    yield from _tools(edition)


def _header(edition: Edition) -> Iterator[Finding]:
    if not _EARLIEST <= edition.edition.effective_from < _LATEST:
        path = "edition.effective_from"
        yield error(path, None, "生效日期应在1990年至2099年之间", "must lie in the years 1990 to 2099")


def _sources(edition: Edition) -> Iterator[Finding]:
    for path, node, clause in walk(edition):
        if isinstance(node, Wording) and not (node.zh.strip() and node.en.strip()):
            yield error(path, clause, "中英文均不得为空", "neither language may be blank")
        if not isinstance(node, Sourced):
            continue
        if not node.clause.strip():
            yield error(path, None, "未注明条款", "cites no clause")
        if node.basis is Basis.ASSUMED and node.note is None:
            yield error(path, clause, "推定的取值须附备注", "an assumed value needs a note")
        if node.basis is not Basis.ASSUMED and node.clause == SILENT:
            yield error(path, clause, "文件未规定的只能是推定", "what the document does not say can only be assumed")


def _names(edition: Edition) -> Iterator[Finding]:
    """Every department, role and material that is referred to is one the edition introduces."""
    departments = ("departments", frozenset(edition.departments))
    known = dict.fromkeys(_DEPARTMENT_FIELDS, departments) | {
        "role": ("roles", frozenset(edition.roles)),
        "required": ("material_titles", frozenset(edition.material_titles)),
    }
    for path, node, clause in walk(edition):
        if isinstance(node, str) and _field(path) in known:
            section, names = known[_field(path)]
            if node not in names:
                yield error(path, clause, f"[{section}] 中没有 {node}", f"{node} is not in [{section}]")


def _field(path: str) -> str:
    """The field at the end of a path, without its place in a list."""
    return path.rpartition(".")[2].partition("[")[0]


def _lists(edition: Edition) -> Iterator[Finding]:
    routing, levels = edition.routing, edition.sla.service_levels
    ending: dict[str, Sequence[Entry]] = {
        "sla.service_levels": levels,
        "routing.routes": routing.routes,
        "routing.handlers": routing.handlers,
    }
    conditional = ending | {"routing.duty_holders": routing.duty_holders, "materials": edition.materials}
    for path, entries in ending.items():
        if entries[-1].when.model_fields_set:
            place = f"{path}[{len(entries) - 1}]"
            yield error(place, entries[-1].clause, "最后一项须无条件适用", "the last entry must hold always")
    for path, entries in conditional.items():
        yield from _unreachable(path, entries)
        yield from _repeated(path, entries)
    yield from _repeated("kpis", edition.kpis)
    yield from _repeated("promises", edition.promises)
    yield from _unreachable("sla.milestones", edition.sla.milestones)
    for place_of_level, level in enumerate(levels):
        yield from _unreachable(f"sla.service_levels[{place_of_level}].milestones", level.milestones)


def _repeated(path: str, entries: Sequence[Named]) -> Iterator[Finding]:
    for name, times in Counter(entry.name for entry in entries).items():
        if times > 1:
            yield error(path, None, f"名称 {name} 重复", f"the name {name} occurs {times} times")


def _unreachable(path: str, entries: Sequence[Conditional]) -> Iterator[Finding]:
    """Entries that never hold, and entries behind one that holds whenever they do."""
    for place, entry in enumerate(entries):
        here = f"{path}[{place}]"
        if any(not getattr(entry.when, field) for field in entry.when.model_fields_set):
            yield error(f"{here}.when", entry.clause, "空列表永不成立", "an empty list never holds")
        elif any(_same_step(earlier, entry) and covers(earlier.when, entry.when) for earlier in entries[:place]):
            yield warning(here, entry.clause, "前面的条目已涵盖，永不适用", "never applies: an earlier entry covers it")


def _same_step(earlier: Conditional, later: Conditional) -> bool:
    """Terms of different milestones do not compete."""
    if isinstance(earlier, MilestoneTerm) and isinstance(later, MilestoneTerm):
        return earlier.milestone is later.milestone
    return True


def _escalations(edition: Edition) -> Iterator[Finding]:
    if [term.level for term in edition.escalations] != [1, 2, 3]:
        yield error("escalations", None, "须依次写明第1、2、3级", "must give levels 1, 2 and 3, in this order")


def _surveys(edition: Edition) -> Iterator[Finding]:
    scale, bad = edition.surveys.scale, edition.surveys.dissatisfied_at_most
    lowest, highest = scale.value
    if lowest >= highest:
        yield error("surveys.scale", scale.clause, "最低分须小于最高分", "the lowest score must be below the highest")
    elif (lowest, highest) != (1, 5):
        yield error("surveys.scale", scale.clause, "评分须为1至5分", "scores run from 1 to 5")
    elif not lowest <= bad.value < highest:
        path = "surveys.dissatisfied_at_most"
        yield error(path, bad.clause, "须在评分范围内且低于最高分", "must lie on the scale, below its highest score")


def _complaints(edition: Edition) -> Iterator[Finding]:
    paths = edition.complaints.paths if edition.complaints else ()
    for severity, times in Counter(path.severity for path in paths).items():
        if times > 1:
            yield error("complaints.paths", None, f"{severity} 重复", f"{severity} occurs {times} times")
    for place, path in enumerate(paths):
        yield from _handling(f"complaints.paths[{place}]", path)
    facts = edition.complaints.facts if edition.complaints else None
    if facts is not None:
        for name in sorted(facts.items.keys() - set(ReportFact)):
            path_of_fact = f"complaints.facts.items.{name}"
            yield warning(path_of_fact, facts.clause, "报告单没有这一栏", "the handling report has no such field")
    yield from _repeated("complaints.determination", edition.complaints.determination if edition.complaints else ())


def _handling(place: str, path: HandlingPath) -> Iterator[Finding]:
    """A report says who settles and who approves; a department is asked once for the same."""
    for field in ("measures_by", "settled_by", "approved_by"):
        names = getattr(path, field)
        if len(set(names)) < len(names):
            yield error(f"{place}.{field}", path.clause, "部门重复", "names a department twice")
        if path.handling_report and not names and field != "measures_by":
            yield warning(
                f"{place}.{field}", path.clause,
                "未写明部门，由责任部门办理", "names no department: the one in charge does it",
            )  # fmt: skip
    if path.approval_order is not None and not path.handling_report:
        yield warning(
            f"{place}.approval_order", path.clause,
            "不需要报告单，审批顺序不起作用", "means nothing on a path without a report",
        )  # fmt: skip


def _tools(edition: Edition) -> Iterator[Finding]:
    total = sum(share.percent for share in edition.tools.mix) if edition.tools else 100
    if total != 100:
        yield warning("tools.mix", None, f"比例合计为{total}%", f"the shares add up to {total} %")
