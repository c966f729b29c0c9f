"""Record the examples of the interface's document: play the story of `tests/story` on a service of its own.

python -m tools.examples
"""

import asyncio
import json
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.main import EXAMPLES
from app.services.policy_book import PolicyBook
from tests import story
from tests.conftest import Databases
from tests.http.service import open_service
from tests.story.parameters import parameters
from tests.story.player import Recorded

Document = dict[str, Any]
Recordings = dict[str, dict[str, Recorded]]


async def record(databases: Databases) -> tuple[Recordings, Document]:
    """Return what each language's story recorded, by language, and the document of the interface it was played on."""
    recordings, document = {}, {}
    for language in story.LANGUAGES:
        async with open_service(await databases.clone(), PolicyBook.load()) as service:
            recordings[language] = await story.play(service, language)
            document = service.app.openapi()
    return recordings, document


def examples(recordings: Recordings, document: Document) -> dict[str, Document]:
    """Return the examples of each subject, by operation, with both languages side by side."""
    subjects, definitions = defaultdict[str, Document](dict), document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            played = {language: recorded[name] for language, recorded in recordings.items() if name in recorded}
            subjects[operation["tags"][0]][name] = _example(operation, definitions, played)
    return subjects


def _example(operation: Document, definitions: Document, played: dict[str, Recorded]) -> Document:
    first = next(iter(played.values()), story.NOTHING)
    return {
        "parameters": parameters(operation, definitions, first["parameters"]),
        "request": None if first["request"] is None else {language: one["request"] for language, one in played.items()},
        "answers": {
            status: {language: one["answers"][status] for language, one in played.items()}
            for status in first["answers"]
        },
    }


def main() -> int:
    with TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url)
        recordings, document = asyncio.run(record(Databases(server, "aftersales")))
    for subject, shown in examples(recordings, document).items():
        text = json.dumps(shown, ensure_ascii=False, indent=1, sort_keys=True)
        (EXAMPLES / f"{subject.replace(' ', '_')}.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
