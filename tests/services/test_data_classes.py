"""R21: every column and every field of a body is of a class, and the class holds."""

import pkgutil
from importlib import import_module
from typing import Any

import pytest
import sqlalchemy as sa

import app.models
from app.commands.openapi import document
from app.core.db import Base
from app.services.data_classes import CLASSES, MARK, DataClass, class_of_column, class_of_field, fields_of
from app.services.erasures.places import DELETED, KEPT, OTHERWISE, OVERWRITTEN
from app.services.resealing import HASHES, SEALED

for _module in pkgutil.iter_modules(app.models.__path__):
    import_module(f"app.models.{_module.name}")

COLUMNS = [column for table in Base.metadata.sorted_tables for column in table.columns]
DOCUMENT = document()
FIELDS = list(fields_of(DOCUMENT))
WHAT_TO_DO = "class them in app/services/data_classes.py"
# Keyed hashes and checksums that lead to nobody without the key, or were never a person's.
OTHER_HASHES = {
    "api_key.key_hash", "counter.name", "idempotency_record.fingerprint", "ticket.fingerprint",
}  # fmt: skip


def named(column: sa.Column[Any]) -> str:
    return f"{column.table.name}.{column.name}"


def bare(schema: str) -> str:
    return schema.rsplit("__", 1)[-1]


def test_R21_every_column_is_of_a_class() -> None:
    assert [named(column) for column in COLUMNS if class_of_column(column) is None] == [], WHAT_TO_DO


def test_R21_every_field_of_a_body_is_of_a_class_and_says_so() -> None:
    assert [f"{bare(schema)}.{field}" for schema, field, part in FIELDS if MARK not in part] == [], WHAT_TO_DO


def test_a_new_column_of_words_is_of_no_class_until_somebody_says_so() -> None:
    table = sa.Table("new", sa.MetaData(), sa.Column("nickname", sa.String(40)), sa.Column("count", sa.Integer))
    assert [class_of_column(column) for column in table.columns] == [None, DataClass.PUBLIC]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "string"}, None),
        ({"type": "object"}, None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None),
        ({"type": "array", "items": {"type": "string"}}, None),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, DataClass.PUBLIC),
        ({"type": "string", "enum": ["a"]}, DataClass.PUBLIC),
        ({"type": "array", "items": {"$ref": "#/components/schemas/CustomerOut"}}, DataClass.SENSITIVE),
    ],
)
def test_a_field_is_as_what_it_lets_through(part: dict[str, Any], expected: DataClass | None) -> None:
    assert class_of_field("New", "nickname", part, DOCUMENT["components"]["schemas"]) is expected


def test_no_class_is_given_to_what_is_no_longer_there() -> None:
    columns = {name for column in COLUMNS for name in (column.name, named(column))}
    fields = {name for schema, field, _ in FIELDS for name in (field, f"{bare(schema)}.{field}")}
    assert [name for name in CLASSES if name not in columns | fields] == []


def test_R21_sensitive_columns_are_sealed_or_keyed_hashes() -> None:
    sensitive = {named(column) for column in COLUMNS if class_of_column(column) is DataClass.SENSITIVE}
    assert sensitive == {*SEALED, *HASHES, *OTHER_HASHES}
    types = {name: column.type for column in COLUMNS if (name := named(column)) in sensitive}
    binary = [kind.item_type if isinstance(kind, sa.ARRAY) else kind for kind in types.values()]
    assert all(isinstance(kind, sa.LargeBinary) for kind in binary)


def test_R30_no_sensitive_field_is_asked_for_in_an_address() -> None:
    asked = {
        (path, parameter["name"])
        for path, methods in DOCUMENT["paths"].items()
        for operation in methods.values()
        for parameter in operation.get("parameters", [])
        if parameter["in"] in ("query", "path")
    }
    assert len(asked) > 50
    policies = {("/v1/policies/{name}", "name"), ("/policies/{name}", "name")}  # a policy's, not a person's
    assert {one for one in asked if CLASSES.get(one[1]) is DataClass.SENSITIVE or one[1] == "name"} == policies


def test_R26_an_erasure_reaches_every_column_that_may_hold_a_person_or_says_why_not() -> None:
    overwritten = {f"{column.class_.__tablename__}.{column.key}" for place in OVERWRITTEN for column in place.leaves}
    kept = {name for names in KEPT.values() for name in names.split()}
    personal = {
        (column.table.name, column.name)
        for column in COLUMNS
        if column.table.name not in DELETED and class_of_column(column) is not DataClass.PUBLIC
    }
    treated = overwritten | OTHERWISE | kept
    forgotten = [f"{table}.{name}" for table, name in personal if not treated & {f"{table}.{name}", name}]
    assert sorted(forgotten) == [], "see app/services/erasures/places.py"
    there = {part for table, name in personal for part in (name, f"{table}.{name}")}
    assert kept | OTHERWISE <= there  # and no reason is given for what is not there
