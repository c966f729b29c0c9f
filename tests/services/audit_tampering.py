"""What a superuser may do to the audit records, and what the verification must say of it."""

from dataclasses import dataclass

from app.core.language import Text
from app.services.audit import verifying as found

ENTRY, LOOK = "timeline_entry", "access_log"


@dataclass(frozen=True)
class Tampering:
    """Statements of a superuser; `:row`, `:other` stand at `:position` and `:other_position` of one line's chain."""

    name: str
    of: str  # the table of both rows
    statements: tuple[str, ...]
    expected: Text
    with_text: bool | None = None  # None: either
    place: str | None = "position"  # where it must be found; None: a row without a place in the chain


_COPY = (
    "INSERT INTO {0} OVERRIDING SYSTEM VALUE "
    "SELECT (jsonb_populate_record(t, jsonb_build_object('id', CAST(:fresh AS uuid)))).* FROM {0} t WHERE id = :row"
)
_QUIETLY = "SET LOCAL session_replication_role = replica"  # no trigger sees what follows
_CUT = "DELETE FROM audit_seal WHERE business_line_id = :line AND position >= :position"
_ROWS_CUT = [
    f"DELETE FROM {table} USING audit_seal AS seal "
    "WHERE id = row_id AND position >= :position AND seal.business_line_id = :line"
    for table in (ENTRY, LOOK)
]
_RESEALED = (  # as the sealer would, of what is there now
    "INSERT INTO audit_pending (business_line_id, kind, row_id) SELECT business_line_id, kind, row_id FROM audit_seal "
    "WHERE business_line_id = :line AND position >= :position ORDER BY position"
)
_SWAPPED = (
    "UPDATE audit_seal SET position = -1 WHERE row_id = :row AND kind = '{0}'",
    "UPDATE audit_seal SET position = :position WHERE row_id = :other AND kind = '{0}'",
    "UPDATE audit_seal SET position = :other_position WHERE business_line_id = :line AND position = -1",
)

_OUT_OF_THE_WAY = "UPDATE audit_seal SET position = -position WHERE business_line_id = :line AND position > :position"


def _edit(table: str, change: str) -> tuple[str, ...]:
    return (f"UPDATE {table} SET {change} WHERE id = :row",)


def _edit_seal(change: str) -> str:
    return f"UPDATE audit_seal SET {change} WHERE row_id = :row"


TAMPERINGS = (
    Tampering("time", ENTRY, _edit(ENTRY, "at = at + interval '1 us'"), found.ROW_CHANGED),
    Tampering("author", ENTRY, _edit(ENTRY, "staff_no = '9'"), found.ROW_CHANGED),
    Tampering("data", ENTRY, _edit(ENTRY, "data = data || jsonb '{\"x\": null}'"), found.ROW_CHANGED),
    Tampering("line", ENTRY, _edit(ENTRY, "business_line_id = :other_line"), found.ROW_CHANGED),
    Tampering("text", ENTRY, _edit(ENTRY, "text = text || ' '"), found.TEXT_CHANGED, True),
    Tampering("text out", ENTRY, _edit(ENTRY, "text = NULL"), found.TEXT_CHANGED, True),
    Tampering("text in", ENTRY, _edit(ENTRY, "text = ''"), found.TEXT_CHANGED, False),
    Tampering("salt", ENTRY, (_edit_seal("salt = NULL"),), found.TEXT_CHANGED, True),
    Tampering(
        "text with its seal", ENTRY,
        ("UPDATE timeline_entry SET text = 'x' WHERE id = :row",
         _edit_seal("text_digest = sha256(salt || 'x'::bytea)")),
        found.SEAL_CHANGED, True,
    ),
    Tampering("who looked", LOOK, _edit(LOOK, "key_id = gen_random_uuid()"), found.ROW_CHANGED),
    Tampering("what was seen", LOOK, _edit(LOOK, "fields = '{}'"), found.ROW_CHANGED),
    Tampering("purpose", LOOK, _edit(LOOK, "purpose = 'x'"), found.TEXT_CHANGED, True),
    Tampering("time of seal", LOOK, (_edit_seal("sealed_at = sealed_at - interval '1 s'"),), found.SEAL_CHANGED),
    Tampering("entry gone", ENTRY, ("DELETE FROM timeline_entry WHERE id = :row",), found.ROW_MISSING),
    Tampering("look gone", LOOK, ("DELETE FROM access_log WHERE id = :row",), found.ROW_MISSING),
    Tampering("seal gone", LOOK, ("DELETE FROM audit_seal WHERE row_id = :row",), found.ROW_UNSEALED, place=None),
    Tampering(
        "row and seal gone", LOOK,
        ("DELETE FROM access_log WHERE id = :row", "DELETE FROM audit_seal WHERE row_id = :row"),
        found.SEAL_MISSING, place="following",
    ),
    Tampering(
        "row and seal gone, the others moved up", LOOK,
        ("DELETE FROM access_log WHERE id = :row", "DELETE FROM audit_seal WHERE row_id = :row",
         _OUT_OF_THE_WAY,
         "UPDATE audit_seal SET position = -position - 1 WHERE business_line_id = :line AND position < 0"),
        found.SEAL_CHANGED,
    ),
    Tampering("seals swapped", ENTRY, tuple(part.format(ENTRY) for part in _SWAPPED), found.SEAL_CHANGED),
    Tampering(
        "rows swapped", LOOK,
        ("UPDATE access_log SET id = :fresh WHERE id = :row", "UPDATE access_log SET id = :row WHERE id = :other",
         "UPDATE access_log SET id = :other WHERE id = :fresh"),
        found.ROW_CHANGED,
    ),
    Tampering(
        "texts swapped", ENTRY,
        _edit(ENTRY, "text = (SELECT text || '' FROM timeline_entry WHERE id = :other)"),
        found.TEXT_CHANGED, True,
    ),
    Tampering("entry put in", ENTRY, (_QUIETLY, _COPY.format(ENTRY)), found.ROW_UNSEALED, place=None),
    Tampering("look put in", LOOK, (_COPY.format(LOOK), "DELETE FROM audit_pending"), found.ROW_UNSEALED, place=None),
    Tampering(
        "seal put in", LOOK,
        (_OUT_OF_THE_WAY,
         "UPDATE audit_seal SET position = 1 - position WHERE business_line_id = :line AND position < 0",
         "INSERT INTO audit_seal SELECT business_line_id, position + 1, kind, CAST(:fresh AS uuid), digest, "
         "text_digest, salt, sealed_at, chain FROM audit_seal WHERE row_id = :row"),
        found.SEAL_CHANGED, place="following",
    ),
    Tampering("tail cut", LOOK, (_CUT,), found.CUT_OFF, place="head"),
    Tampering("tail cut with its rows", LOOK, (*_ROWS_CUT, _CUT), found.CUT_OFF, place="head"),
    Tampering(
        "changed, and sealed again from there", LOOK, (*_edit(LOOK, "subject = 'x'"), _RESEALED, _CUT),
        found.OTHER_HEAD, place="head",
    ),
)  # fmt: skip
