"""`aftersales classifier`, with a small corpus and a folder of models of its own."""

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from app.cli import main
from app.services.policy_book import LEXICON_FOLDER, SHIPPED
from tests.conftest import SECRET_KEYS

Label = tuple[str, str, str, str]
LABELS: dict[str, Label] = {
    "{}用了两天就坏了": ("quality", "product_quality", "serious", "complaint"),
    "{}漏电把手电麻了": ("quality", "safety", "critical", "complaint"),
    "买的{}一个月还没送到": ("non_quality", "logistics", "serious", "complaint"),
    "问{}的事客服骂人": ("non_quality", "service_attitude", "minor", "complaint"),
    "{}刚买就降价了": ("other", "price_billing", "minor", "complaint"),
    "请问{}几点可以取": ("not_complaint", "none", "none", "consultation"),
}
GOODS = ("水壶", "台灯", "风扇", "电饭煲", "音箱", "手表")
UNSEEN = ("熨斗", "吹风机")
SWAPPED = dict(zip(LABELS, [*list(LABELS.values())[1:], LABELS["{}用了两天就坏了"]], strict=True))


def write(file: Path, labels: dict[str, Label], goods: Iterable[str]) -> None:
    keys = ("complaint_class", "issue_type", "severity", "kind")
    rows = [
        {"text": text.format(name), "product": name} | dict(zip(keys, label, strict=True))
        for name in goods
        for text, label in labels.items()
    ]
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", encoding="utf-8")


def a_corpus(folder: Path, labels: dict[str, Label]) -> Path:
    """Write a corpus with two topics, which hold out texts labelled as they should be."""
    (folder / "held_out").mkdir(parents=True)
    write(folder / "home_1.jsonl", labels, GOODS[:3])
    write(folder / "shop_1.jsonl", labels, GOODS[3:])
    write(folder / "held_out" / "unseen_1.jsonl", LABELS, UNSEEN)
    return folder


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A folder with the shipped lexicon and no model yet."""
    shutil.copytree(SHIPPED / LEXICON_FOLDER, tmp_path / "policies" / LEXICON_FOLDER)
    return tmp_path / "policies"


def train(policies: Path, corpus: Path, *further: str) -> int:
    return main(["classifier", "train", "--policies", str(policies), "--corpus", str(corpus), *further])


def test_the_same_texts_make_the_same_model_byte_for_byte(policies: Path, tmp_path: Path) -> None:
    corpus = a_corpus(tmp_path / "corpus", LABELS)
    models = [tmp_path / "a.json", tmp_path / "b.json"]
    assert [train(policies, corpus, "--out", str(model)) for model in models] == [0, 0]
    assert models[0].read_bytes() == models[1].read_bytes()
    model = json.loads(models[0].read_text(encoding="utf-8"))
    assert (model["version"], model["trained"]["texts"], model["trained"]["feedback"]) == (1, 36, 0)
    assert model["trained"]["cross_validated"]["texts"] == 36


def test_a_better_model_follows_and_a_worse_one_is_refused_with_figures(
    policies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = a_corpus(tmp_path / "good", LABELS), a_corpus(tmp_path / "bad", SWAPPED)
    models = policies / "classifier"
    assert train(policies, bad) == 0
    assert train(policies, good) == 0
    assert train(policies, bad) == 1
    assert sorted(file.name for file in models.iterdir()) == ["model_1.json", "model_2.json"]
    shown = capsys.readouterr().out.splitlines()
    assert "worse" in shown[-1]
    assert [line.split("\t")[0] for line in shown[-3:-1]] == ["held_out old", "held_out new"]
    old, new = str(models / "model_2.json"), str(models / "model_1.json")
    asked = ["--policies", str(policies), "--corpus", str(good)]
    assert main(["classifier", "compare", old, new, *asked]) == 1
    assert main(["classifier", "compare", new, old, *asked]) == 0


def test_without_a_text_to_compare_on_no_model_is_replaced(policies: Path, tmp_path: Path) -> None:
    corpus = a_corpus(tmp_path / "corpus", LABELS)
    shutil.rmtree(corpus / "held_out")
    assert [train(policies, corpus) for _ in range(2)] == [0, 2]


def test_feedback_is_read_from_the_database(
    policies: Path,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", SECRET_KEYS)
    assert main(["classifier", "feedback"]) == 0
    assert capsys.readouterr().out == ""  # staff have said nothing yet
    assert train(policies, a_corpus(tmp_path / "corpus", LABELS), "--with-feedback") == 0


def test_what_cannot_be_used_is_said_in_lines(
    policies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a_1.jsonl").write_text('{"text": "坏了"}\n不是 JSON\n', encoding="utf-8")
    assert train(policies, corpus) == 2
    assert [line.split(": ")[1:3] for line in capsys.readouterr().err.splitlines()] == [
        ["a_1.jsonl", "1"],
        ["a_1.jsonl", "2"],
    ]
    missing = str(tmp_path / "model_9.json")
    asked = ["--policies", str(policies)]
    assert main(["classifier", "compare", missing, missing, *asked]) == 2
    assert "model_9.json" in capsys.readouterr().err


def test_without_the_library_training_says_what_to_install(
    policies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("sklearn", "app.services.classifier.training", "app.services.classifier.fitting"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.isotonic", None)
    assert train(policies, a_corpus(tmp_path / "corpus", LABELS)) == 2
    assert "scikit-learn" in capsys.readouterr().err
