"""Which edition is in force on a day, and what becomes of files and rows that cannot be used."""

import shutil
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from app.services.policy_book import SHIPPED, EditionRow, Origin, PolicyBook, PolicyFilesInvalid, UnknownPolicy
from tools import clause_index, lock_editions

SECOND = date(2026, 6, 1)


@pytest.fixture(scope="module")
def book() -> PolicyBook:
    return PolicyBook.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped policies, to be broken."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "policies"))


def a_row(book: PolicyBook, version: str = "2", effective_from: date = SECOND, hours: int = 2) -> EditionRow:
    """An own edition of the tableware company: the shipped one with another first response in emergencies."""
    shipped = book.get("tableware", "1").text
    text = (
        shipped.replace('version = "1"', f'version = "{version}"')
        .replace("effective_from = 2026-01-01", f"effective_from = {effective_from}")
        .replace("value = 2, unit", f"value = {hours}, unit", 1)
    )
    return EditionRow("tableware", version, effective_from, text)


def breaking(folder: Path, file: str, before: str, after: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_a_shipped_policy_is_named_hashed_and_ready(book: PolicyBook) -> None:
    policy = book.in_force("chemicals", date(2026, 11, 22))
    assert (policy.ref, policy.name, policy.version) == ("chemicals/edition_1", "chemicals", "1")
    assert policy.origin is Origin.SHIPPED
    assert policy.sha256 == sha256((SHIPPED / "chemicals/edition_1.toml").read_bytes()).hexdigest()
    assert policy.time.timezone == "Asia/Shanghai"
    assert policy.time.holidays is book.holidays


def test_equal_calendars_are_compiled_once(book: PolicyBook) -> None:
    assert book.get("chemicals", "1").time is book.get("mall", "1").time


def test_an_edition_is_in_force_from_its_date_to_the_next(book: PolicyBook) -> None:
    own = book.with_editions([a_row(book)])
    assert own.in_force("tableware", date(2026, 5, 31)).version == "1"
    assert own.in_force("tableware", SECOND).version == "2"
    assert [policy.version for policy in own.editions("tableware")] == ["1", "2"]
    assert own.in_force("tableware", SECOND).origin is Origin.DATABASE


def test_before_its_first_edition_a_policy_is_unknown(book: PolicyBook) -> None:
    with pytest.raises(UnknownPolicy, match="2025-12-31"):
        book.in_force("tableware", date(2025, 12, 31))


def test_of_equal_dates_the_later_registered_counts(book: PolicyBook) -> None:
    own = book.with_editions([a_row(book, "3"), a_row(book, "2")])
    assert own.in_force("tableware", SECOND).version == "2"
    replacing = book.with_editions([a_row(book, "2", date(2026, 1, 1))])
    assert replacing.in_force("tableware", date(2026, 1, 1)).version == "2"


@pytest.mark.parametrize(("name", "version"), [("nobody", "1"), ("tableware", "9")])
def test_what_is_not_there_is_unknown(book: PolicyBook, name: str, version: str) -> None:
    with pytest.raises(UnknownPolicy):
        book.get(name, version)


def test_a_new_company_may_come_from_the_database_alone(book: PolicyBook) -> None:
    row = a_row(book, "1")
    own = book.with_editions([EditionRow("bowls", "1", SECOND, row.text.replace('"tableware"', '"bowls"', 1))])
    assert "bowls" in own.names()
    assert "bowls" not in book.names()
    with pytest.raises(UnknownPolicy):
        own.in_force("bowls", date(2026, 5, 31))


def test_a_broken_row_is_reported_and_does_not_stop_the_others(book: PolicyBook) -> None:
    broken = EditionRow("tableware", "2", SECOND, a_row(book, "2", hours=0).text)
    own = book.with_editions([broken, EditionRow("tableware", "4", SECOND, "no = toml ="), a_row(book, "3")])
    assert own.in_force("tableware", SECOND).version == "3"
    assert [(fault.name, fault.version) for fault in own.faults] == [("tableware", "2"), ("tableware", "4")]
    (line,) = own.faults[0].lines
    assert line.startswith("tableware/edition_2: sla.service_levels[0].milestones[0].target.value: ")


def test_a_row_may_not_take_the_place_of_another_edition(book: PolicyBook) -> None:
    own = book.with_editions([a_row(book, "1"), a_row(book, "2"), a_row(book, "2", hours=1)])
    assert [policy.version for policy in own.editions("tableware")] == ["1", "2"]
    assert own.get("tableware", "1").origin is Origin.SHIPPED
    assert [fault.version for fault in own.faults] == ["1", "2"]


def test_a_row_that_says_otherwise_than_its_document_is_left_out(book: PolicyBook) -> None:
    row = a_row(book)
    own = book.with_editions([EditionRow("tableware", "2", date(2026, 7, 1), row.text)])
    assert [policy.version for policy in own.editions("tableware")] == ["1"]
    assert own.faults[0].version == "2"


def test_asking_again_takes_over_what_is_known_and_drops_what_is_gone(book: PolicyBook) -> None:
    first = book.with_editions([a_row(book, "2"), a_row(book, "3")])
    second = first.with_editions([a_row(book, "2")])
    assert second.get("tableware", "2") is first.get("tableware", "2")
    assert second.get("tableware", "1") is book.get("tableware", "1")
    with pytest.raises(UnknownPolicy):
        second.get("tableware", "3")


def test_own_hours_get_their_own_calendar(book: PolicyBook) -> None:
    row = a_row(book)
    early = EditionRow("tableware", "2", SECOND, row.text.replace('mon = [["08:30"', 'mon = [["07:30"'))
    open_time = book.with_editions([early]).get("tableware", "2").time
    assert open_time is not book.get("tableware", "1").time


def test_every_error_of_the_files_has_its_line(folder: Path) -> None:
    breaking(folder, "tableware/edition_1.toml", "value = 72", "value = -72")
    breaking(folder, "chemicals/edition_1.toml", "[sla]", "[sla")
    breaking(folder, "mall/edition_1.toml", 'version = "1"', 'version = "7"')
    (folder / "general/edition_1.toml").write_bytes("制度".encode("gbk"))
    with pytest.raises(PolicyFilesInvalid) as refused:
        PolicyBook.load(folder)
    lines = {line.partition(": ")[0]: line for line in refused.value.lines}
    assert sorted(lines) == [f"{name}/edition_1.toml" for name in ("chemicals", "general", "mall", "tableware")]
    assert lines["tableware/edition_1.toml"] == (
        "tableware/edition_1.toml: sla.service_levels[1].milestones[1].target.value: "
        "应大于0 / must be more than 0 (第十八条)"
    )
    assert "TOML" in lines["chemicals/edition_1.toml"]
    assert "mall/edition_7.toml" in lines["mall/edition_1.toml"]
    assert "UTF-8" in lines["general/edition_1.toml"]


def test_holidays_and_lexicon_are_checked_with_the_editions(folder: Path) -> None:
    breaking(folder, "law/holidays.toml", "year = 2020", 'year = "soon"')
    breaking(folder, "lexicon/money.toml", 'role = "refusal"', 'role = "refused"')
    with pytest.raises(PolicyFilesInvalid) as refused:
        PolicyBook.load(folder)
    assert {line.partition(": ")[0] for line in refused.value.lines} == {"law/holidays.toml", "lexicon/money.toml"}


def test_the_files_of_the_lexicon_must_make_one(folder: Path) -> None:
    (folder / "lexicon/characters.toml").unlink()
    with pytest.raises(PolicyFilesInvalid, match=r"^lexicon: characters: "):
        PolicyBook.load(folder)
    shutil.copy(folder / "lexicon/reading.toml", folder / "lexicon/second.toml")
    with pytest.raises(PolicyFilesInvalid, match=r"^lexicon: .*stated in two files"):
        PolicyBook.load(folder)


def test_an_entry_of_the_lexicon_that_cannot_be_read_is_named(folder: Path) -> None:
    breaking(folder, "lexicon/trade.toml", "搅不(开|匀|动|散)", "搅不(开|匀")
    with pytest.raises(PolicyFilesInvalid, match=r"^lexicon: .*搅不.*a bracket is left open"):
        PolicyBook.load(folder)


def test_editions_that_were_in_force_have_not_changed() -> None:
    recorded = lock_editions.LOCK.read_text(encoding="utf-8").splitlines()
    changed = sorted({line.split()[1] for line in {*recorded} ^ {*lock_editions.render().splitlines()}})
    assert not changed, (
        f"{', '.join(changed)}: decisions on record cite these editions, so they do not change. Put a change of policy "
        "into a new file, edition_N.toml with its own effective_from, and run `python -m tools.lock_editions`."
    )


def test_the_clause_index_is_current(book: PolicyBook) -> None:
    written = clause_index.INDEX.read_text(encoding="utf-8")
    assert written == clause_index.render(book), "run `python -m tools.clause_index`"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('id = "7D-13"', 'id = "7D-12"', "is not valid: rule 7D-12 is given twice"),
        ("parameters = { days = 7 }", "", "is not valid: rule 7D-13 needs days"),
        ("parameters = { days = 7 }", "parameters = { days = 0 }", "must be more than 0"),
    ],
)
def test_a_law_that_cannot_be_used_stops_the_start(folder: Path, before: str, after: str, said: str) -> None:
    breaking(folder, "law/returns/seven_days.toml", before, after)
    with pytest.raises(PolicyFilesInvalid) as invalid:
        PolicyBook.load(folder)
    (line,) = invalid.value.lines
    assert line.startswith("law/returns")
    assert said in line
