import pytest
from pydantic import ValidationError

from app.services.rules.lexicon import Lexicon, LexiconPart
from app.services.rules.lexicon_matcher import Matcher
from app.services.rules.lexicon_text import clauses, folding


def found(text: str, *entries: str, gap: int = 3) -> list[str]:
    matcher = Matcher([(entry, entry) for entry in entries], gap=gap)
    return [text[match.start : match.end] for match in matcher.find(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "entries", "matches"),
    [
        ("还没收到货", ["没(有|)收到"], ["没收到"]),
        ("还没有收到货", ["没(有|)收到"], ["没有收到"]),
        ("很慢很慢", ["(很|太(过|))慢"], ["很慢", "很慢"]),
        ("坏了还没人管", ["坏了~没人管"], ["坏了还没人管"]),
        ("坏了两个月还没人管", ["坏了~没人管"], []),  # the gap is too wide
        ("没催没人来", ["没~催~来"], ["没催没人来"]),
        ("漏电保护开关", ["漏电", "漏电保护"], ["漏电保护"]),  # the longest protects what it holds
        ("trash, a rash", ["rash"], ["rash"]),  # Latin words stand alone
        ("it is not working", ["not_working"], ["not working"]),
    ],
)
def test_entries_are_found(text: str, entries: list[str], matches: list[str]) -> None:
    assert found(text, *entries) == matches


@pytest.mark.parametrize("entry", ["", "~坏", "坏~", "(坏", "坏)", "坏|烂", "(坏|)"])
def test_an_entry_that_could_not_be_meant_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="entry"):
        Matcher([(entry, entry)], gap=3)


def test_folding_keeps_every_character_in_its_place() -> None:
    text = "熱水器ＡＢＣ漏電！İ"
    folded = text.translate(folding(["熱热", "電电"]))
    assert folded == "热水器abc漏电!İ"
    assert len(folded) == len(text)


def test_clauses_end_at_stops_and_at_spaces_between_chinese_words_only() -> None:
    text = "质量不错,物流 太慢。not working at all 3.5v"
    assert [text[span.start : span.end] for span in clauses(text)] == [
        "质量不错",
        "物流",
        "太慢",
        "not working at all 3.5v",
    ]
    assert [span.sentence for span in clauses(text)] == [0, 0, 0, 1]
    assert max(span.end - span.start for span in clauses("长" * 500)) == 80


SIGN = {"name": "defect", "role": "fault", "issue": "product_quality", "cause": "quality", "words": "坏了 <very>差"}
LEXICON = {
    "version": "1",
    "gap": 6,
    "macros": {"very": "(很|太)"},
    "signs": [SIGN],
    "characters": {"pairs": "壞坏"},
}


def test_a_lexicon_is_read_with_its_macros_and_characters() -> None:
    lexicon = Lexicon.model_validate(LEXICON)
    text = "壞了，太差".translate(lexicon.folding)
    assert [text[match.start : match.end] for match in lexicon.matcher.find(text, 0, len(text))] == ["坏了", "太差"]


@pytest.mark.parametrize(
    "change",
    [
        {"signs": [{**SIGN, "issue": None}]},
        {"signs": [{**SIGN, "colour": "red"}]},
        {"macros": {}},
        {"characters": {"pairs": "壞坏 電"}},
    ],
)
def test_a_lexicon_with_a_mistake_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Lexicon.model_validate(LEXICON | change)


def test_the_files_of_a_lexicon_make_one_in_their_order() -> None:
    signs = [SIGN, {**SIGN, "name": "other", "words": "漏水"}]
    parts = [LexiconPart.model_validate({"signs": [sign]}) for sign in signs]
    terms = LexiconPart.model_validate({name: value for name, value in LEXICON.items() if name != "signs"})
    assert [sign.name for sign in Lexicon.joined([parts[1], terms, parts[0]]).signs] == ["other", "defect"]
    with pytest.raises(ValueError, match="stated in two files"):
        Lexicon.joined([terms, terms])
    with pytest.raises(ValidationError, match="named twice"):
        Lexicon.joined([terms, parts[0], parts[0]])
    with pytest.raises(ValidationError, match="version"):
        Lexicon.joined(parts)
