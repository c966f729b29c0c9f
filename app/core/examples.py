"""Examples in the interface's document: what was recorded of each operation, in Chinese and English.

`folder` holds a JSON file for each subject. It maps operations, `METHOD /path`, to what was sent and answered:
`{"parameters": {…}, "request": {"zh": …, "en": …}, "answers": {"200": {"zh": …, "en": …}}}`.
"""

import json
from pathlib import Path
from typing import Any

Document = dict[str, Any]
_JSON = "application/json"


def add_examples(document: Document, folder: Path) -> None:
    """Put the examples of a folder into an OpenAPI document. Operations without any stay as they are."""
    for file in sorted(folder.glob("*.json")):
        for name, example in json.loads(file.read_bytes()).items():
            method, path = name.split(" ", 1)
            operation = document["paths"].get(path, {}).get(method.lower())
            if operation is not None:
                _add(operation, example)


def _add(operation: Document, example: Document) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in example["parameters"]:
            parameter["example"] = example["parameters"][parameter["name"]]
    if example["request"] is not None:
        operation["requestBody"]["content"][_JSON]["examples"] = _named(example["request"])
    for status, answer in example["answers"].items():
        operation["responses"][status]["content"][_JSON]["examples"] = _named(answer)


def _named(values: Document) -> Document:
    return {language: {"value": value} for language, value in values.items()}
