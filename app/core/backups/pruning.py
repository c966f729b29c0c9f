"""What a folder of backups no longer needs: nothing that a moment still to be restored depends on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from app.core.backups.restoring import first_segment, is_segment
from app.core.backups.store import BackupStore, Base


@dataclass(frozen=True, slots=True)
class Prunable:
    """What may go: names of bases, of segments of the log, of attachments.

    since: the moment from which on everything can still be restored; None where there is no whole base, and nothing
    goes.
    """

    since: datetime | None
    bases: list[str]
    segments: list[str]
    attachments: list[str]


def prunable(store: BackupStore, until: datetime, *, keep_bases: int, attachments: Collection[str] | None) -> Prunable:
    """Find what is not needed to restore any moment after `until`, nor for the newest `keep_bases` bases.

    attachments: the names of those there are now, None where they are not backed up here. One that is gone goes when it
    has been missed since before `until`, see `note_missed`.
    Raises: Fault if a base that is kept does not open.
    """
    bases = store.bases()
    kept = _kept(bases, until, keep_bases)
    if not kept:
        return Prunable(None, [], [], [])
    oldest = kept[0]
    first = first_segment(store, oldest)
    old = {base.name for base in bases} - {base.name for base in kept}
    unfinished = {name for name in store.base_names() if name < oldest.name} - {base.name for base in bases}
    segments = [name for name in store.segments() if is_segment(name) and name[8:] < first[8:]]
    gone = [] if attachments is None else [
        name for name, missed in store.missed().items() if missed < until and name not in attachments
    ]  # fmt: skip
    return Prunable(oldest.finished_at, sorted(old | unfinished), segments, gone)


def prune(store: BackupStore, found: Prunable) -> None:
    """Delete it: bases first, so that none is left whose log is gone. Raises: OSError."""
    for name in found.bases:
        store.drop_base(name)
    for name in found.segments:
        store.drop_segment(name)
    for name in found.attachments:
        store.drop_attachment(name)


def note_missed(store: BackupStore, attachments: Collection[str]) -> None:
    """Note which attachments in the backup are no longer among those there are, and since when. Raises: OSError."""
    missed = store.missed()
    for name in store.attachment_names():
        if name in attachments:
            store.forget_missed(name)
        elif name not in missed:
            store.note_missed(name)


def _kept(bases: list[Base], until: datetime, keep_bases: int) -> list[Base]:
    """The newest base from which `until` can be reached, and all after it; some more if those are too few."""
    older = [base for base in bases if base.finished_at <= until]
    newer = [base for base in bases if base.finished_at > until]
    wanted = max(len(newer) + min(len(older), 1), keep_bases)
    return bases[-wanted:]
