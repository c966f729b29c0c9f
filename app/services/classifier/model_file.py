"""Models as files: readable, one gram a line, and written only once."""

import json
from pathlib import Path
from typing import Final

from app.services.rules.classification_model import Model

CLASSIFIER_FOLDER: Final = "classifier"


def model_files(folder: Path) -> list[Path]:
    """Return the models of a folder of policies, the newest last."""
    files = (folder / CLASSIFIER_FOLDER).glob("model_*.json")
    return sorted(files, key=lambda file: (len(file.name), file.name))


def model_name(version: int) -> str:
    return f"model_{version}.json"


def model_text(model: Model) -> str:
    """Write a model out, a sign or gram to a line."""
    document = model.model_dump(mode="json")
    head = {name: value for name, value in document.items() if name not in ("signs", "grams")}
    parts = [json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")]
    for name in ("signs", "grams"):
        rows = ",\n".join(
            f"{json.dumps(key, ensure_ascii=False)}:{json.dumps(row, separators=(',', ':'))}"
            for key, row in document[name].items()
        )
        parts.append(f',\n "{name}": {{\n{rows}\n}}')
    return "".join(parts) + "\n}\n"


def read_model(file: Path) -> Model:
    """Raises: OSError, ValueError (a ValidationError too) if the file is not a model."""
    return Model.model_validate_json(file.read_bytes())
