"""The examples of the interface's document: every operation has them, and they are what the service takes and answers.

`tests/story` performs every operation; `python -m tools.examples` records what was sent and answered.
"""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from app.services.policy_book import PolicyBook
from tests import story
from tests.conftest import Databases
from tests.http.service import Service, open_service

JSON = "application/json"
LANGUAGES = set(story.LANGUAGES)
Document = dict[str, Any]


def all_operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def contents(operation: Document) -> Iterator[tuple[str, Document]]:
    """Yield what is sent and what is answered as JSON where all went well."""
    if JSON in operation.get("requestBody", {}).get("content", {}):
        yield "request", operation["requestBody"]["content"][JSON]
    for status, answer in operation["responses"].items():
        if status.startswith("2") and JSON in answer.get("content", {}):
            yield status, answer["content"][JSON]


async def test_every_operation_has_examples_in_both_languages(service: Service) -> None:
    lacking = [
        (name, place)
        for name, operation in all_operations(service.app.openapi())
        for place, content in contents(operation)
        if set(content.get("examples", ())) != LANGUAGES
    ]
    assert lacking == [], "give them a step in tests/story, then run python -m tools.examples"


async def test_every_parameter_has_an_example(service: Service) -> None:
    lacking = [
        (name, parameter["name"])
        for name, operation in all_operations(service.app.openapi())
        for parameter in operation.get("parameters", ())
        if "example" not in parameter
    ]
    assert lacking == [], "run python -m tools.examples"


async def test_examples_are_as_their_schemas_say(service: Service) -> None:
    document = service.app.openapi()
    wrong = []
    for name, operation in all_operations(document):
        shown = [(parameter["schema"], parameter["example"]) for parameter in operation.get("parameters", ())]
        for _, content in contents(operation):
            shown += [(content["schema"], example["value"]) for example in content["examples"].values()]
        for schema, value in shown:
            whole = schema | {"components": document["components"]}
            wrong += [(name, error.message) for error in jsonschema_rs.iter_errors(whole, value, validate_formats=True)]
    assert wrong == []


@pytest.mark.parametrize("language", story.LANGUAGES)
async def test_the_service_takes_and_answers_what_the_examples_show(
    databases: Databases, book: PolicyBook, language: str
) -> None:
    async with open_service(await databases.clone(), book) as service:
        played, document = await story.play(service, language), service.app.openapi()
    different = []
    for name, operation in all_operations(document):
        recorded = played.get(name, story.NOTHING)
        for place, content in contents(operation):
            now = recorded["request"] if place == "request" else recorded["answers"].get(place)
            shown = content.get("examples", {}).get(language, {}).get("value")
            if fields(now) != fields(shown):
                different.append((name, place, fields(now) ^ fields(shown)))
    assert different == [], "run python -m tools.examples"


def fields(value: Any, place: str = "") -> set[str]:
    """Name every field of a document, those of a list's items together."""
    if isinstance(value, dict):
        return {place}.union(*(fields(part, f"{place}/{name}") for name, part in value.items()))
    if isinstance(value, list):
        return {place}.union(*(fields(part, f"{place}[]") for part in value))
    return {place}
