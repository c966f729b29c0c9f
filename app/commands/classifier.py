"""`aftersales classifier`: train the model that reads complaints, compare two, and print what staff said of them."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

from app.commands.database import command_settings, work_with
from app.commands.faults import explained
from app.commands.place import add_data_dir
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.faults import Fault
from app.core.language import Text
from app.services.classifier.corpus import CORPUS, Corpus, CorpusInvalid, Entry, feedback_corpus, load_corpus
from app.services.classifier.measuring import FIELDS, Comparison, compare
from app.services.classifier.model_file import CLASSIFIER_FOLDER, model_files, model_name, model_text, read_model
from app.services.feedback import TrainingRow, training_rows
from app.services.policy_book import SHIPPED, shipped_lexicon
from app.services.rules.classification_model import Figures, Model
from app.services.rules.lexicon import Lexicon

_NO_LIBRARY = Text(
    "训练需要 scikit-learn：pip install 'aftersales[train]'",
    "training needs scikit-learn: pip install 'aftersales[train]'",
)
_NOTHING_TO_COMPARE = Text(
    "没有留作检验的文本，无法与现有模型比较，新模型不予采用",
    "no text is held out, so the new model cannot be compared with the old one and may not replace it",
)
_REFUSED = Text("新模型不如现有模型，未写入", "the new model is worse than the old one and was not written")
_WORSE = Text("新模型不如旧模型", "the new model is worse than the old one")


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    train = actions.add_parser("train", help="train a model; status 1 where it is worse than the old one (训练)")
    train.add_argument("--out", type=Path, metavar="FILE", help="where to write it; else it becomes the one in use")
    compared = actions.add_parser("compare", help="compare two models; status 1 where the new one is worse (比较)")
    compared.add_argument("old", type=Path)
    compared.add_argument("new", type=Path)
    for action in (train, compared):
        action.add_argument(
            "--with-feedback", action="store_true", help="use what staff confirmed (采用工作人员的确认)"
        )
        action.add_argument("--corpus", type=Path, default=CORPUS, metavar="FOLDER", help="labelled texts (语料目录)")
        action.add_argument(
            "--policies", type=Path, default=SHIPPED, metavar="FOLDER", help="lexicon and models (制度目录)"
        )
    said = actions.add_parser("feedback", help="print what staff confirmed, personal data masked, as JSON lines (反馈)")
    for action in (train, compared, said):
        add_data_dir(action)


def run(options: Namespace) -> int:
    """Raises: Fault if a model, the corpus, the lexicon or the database cannot be used, or a library is missing."""
    if options.action == "feedback":
        for row in _feedback_rows(options):
            print(json.dumps(row, ensure_ascii=False))
        return 0
    with explained():
        lexicon = shipped_lexicon(options.policies)
    corpus = _corpus(lambda: load_corpus(options.corpus))
    feedback = _corpus(lambda: feedback_corpus(_feedback_rows(options))) if options.with_feedback else Corpus((), ())
    held_out = {"held_out": corpus.held_out, "feedback": feedback.held_out}
    if options.action == "compare":
        worse = _is_worse(_compared(held_out, lexicon, _model(options.old), _model(options.new)))
        if worse:
            print(f"{_WORSE.zh} / {_WORSE.en}")
        return 1 if worse else 0
    return _train(options, lexicon, (*corpus.training, *feedback.training), len(feedback.training), held_out)


def _train(
    options: Namespace, lexicon: Lexicon, texts: Sequence[Entry], feedback: int, held_out: Mapping[str, Sequence[Entry]]
) -> int:
    """Train, and write the model unless it is worse than the newest there is."""
    known = model_files(options.policies)
    old = _model(known[-1]) if known else None
    model = _trainer()(texts, lexicon, version=old.version + 1 if old else 1, feedback=feedback)
    _show("cross-validated", model.trained.cross_validated)
    if old is not None and _is_worse(_compared(held_out, lexicon, old, model)):
        print(f"{_REFUSED.zh} / {_REFUSED.en}")
        return 1
    file = options.out or options.policies / CLASSIFIER_FOLDER / model_name(model.version)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(model_text(model), encoding="utf-8")
    except OSError as error:
        raise Fault(Text(f"无法写入 {file}：{error.strerror}", f"{file} cannot be written: {error.strerror}")) from None
    print(file)
    return 0


def _trainer() -> Callable[..., Model]:
    """Training alone needs scikit-learn, which a service does not install."""
    try:
        return cast("Callable[..., Model]", import_module("app.services.classifier.training").train)
    except ModuleNotFoundError:
        raise Fault(_NO_LIBRARY) from None


def _compared(held_out: Mapping[str, Sequence[Entry]], lexicon: Lexicon, old: Model, new: Model) -> list[Comparison]:
    compared = [compare(name, texts, lexicon, old, new) for name, texts in held_out.items() if texts]
    if not compared:
        raise Fault(_NOTHING_TO_COMPARE)
    return compared


def _is_worse(compared: Iterable[Comparison]) -> bool:
    """Show the figures, and say whether the new model is worse on any of the texts."""
    worse = False
    for comparison in compared:
        _show(f"{comparison.name} old", comparison.old)
        _show(f"{comparison.name} new", comparison.new)
        worse = worse or comparison.worse
    return worse


def _show(name: str, figures: Figures) -> None:
    fields = [f"{field}={figures.fields[field].accuracy:.3f}/{figures.fields[field].macro_f1:.3f}" for field in FIELDS]
    critical = f"critical={figures.critical_recall:.3f}@{figures.critical_precision:.3f}"
    print("\t".join((name, f"texts={figures.texts}", f"right={figures.right}", *fields, critical)))


def _model(file: Path) -> Model:
    try:
        return read_model(file)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise Fault(Text(f"无法使用模型 {file}：{reason}", f"the model {file} cannot be used: {reason}")) from None


def _corpus(load: Callable[[], Corpus]) -> Corpus:
    try:
        return load()
    except CorpusInvalid as invalid:
        raise Fault(*invalid.lines) from None


def _feedback_rows(options: Namespace) -> list[TrainingRow]:
    with command_settings(options) as settings, explained():
        keyring = KeyRing.read(settings.secret_keys_file, settings.secret_keys)

        async def rows(db: Database) -> list[TrainingRow]:
            return await training_rows(db, keyring)

        return work_with(settings, rows)
