"""The events a CRM was told of, each kept once, and given out in the order of its ticket.

CRM 收到的事件：每个只存一次，按工单内的顺序取出。
"""

import json
import sqlite3
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS event (
    id TEXT PRIMARY KEY, subject TEXT NOT NULL, sequence INTEGER NOT NULL, body TEXT NOT NULL, done INTEGER DEFAULT 0
);
CREATE INDEX IF NOT EXISTS by_subject ON event (subject, done, sequence);
CREATE TABLE IF NOT EXISTS feed (position INTEGER NOT NULL);
"""
# Next is what follows the last event done of the same subject; what comes too early waits.
# 取出紧接上一个的事件，早到的等待。
_NEXT = """
SELECT id, body FROM event WHERE NOT done AND sequence = 1 + (
    SELECT coalesce(max(sequence), 0) FROM event AS earlier WHERE earlier.subject = event.subject AND earlier.done
) ORDER BY rowid LIMIT 1
"""


class Inbox:
    """A file that survives the process. Open one for each thread. 每个线程各开一个。"""

    def __init__(self, path: str) -> None:
        self._file = sqlite3.connect(path)
        with self._file:
            self._file.executescript(_TABLES)

    def keep(self, events: list[dict[str, Any]], position: int | None = None) -> None:
        """Store events, those known already once, together with the position of the feed they came to."""
        rows = [(event["id"], event["subject"], event["sequence"], json.dumps(event)) for event in events]
        with self._file:
            self._file.executemany(
                "INSERT OR IGNORE INTO event (id, subject, sequence, body) VALUES (?, ?, ?, ?)", rows
            )
            if position is not None:
                self._file.execute("DELETE FROM feed")
                self._file.execute("INSERT INTO feed VALUES (?)", (position,))

    def position(self) -> int:
        """Return up to where the feed is stored, 0 before the first time."""
        row = self._file.execute("SELECT position FROM feed").fetchone()
        return int(row[0]) if row else 0

    def next(self) -> dict[str, Any] | None:
        """Return the event to deal with, or None while nothing is there or all that is waits for an earlier one."""
        row = self._file.execute(_NEXT).fetchone()
        event: dict[str, Any] | None = json.loads(row[1]) if row else None
        return event

    def done(self, event: dict[str, Any]) -> None:
        with self._file:
            self._file.execute("UPDATE event SET done = 1 WHERE id = ?", (event["id"],))

    def waits(self) -> bool:
        """Tell whether an event is there whose turn has not come."""
        return self._file.execute("SELECT 1 FROM event WHERE NOT done LIMIT 1").fetchone() is not None
