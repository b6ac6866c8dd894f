"""What was decided about which event, kept in a file: a restart answers the same and tells nothing twice."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from slm_core.errors import CouldNot, UserError
from slm_energy.openadr.deciding import Decision
from slm_energy.openadr.signal import GridEvent

KEPT = timedelta(days=400)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS told (
    key TEXT PRIMARY KEY, source TEXT NOT NULL, id TEXT NOT NULL, modification INTEGER NOT NULL,
    at TEXT NOT NULL, ends TEXT, accept INTEGER NOT NULL, code TEXT NOT NULL, ko TEXT NOT NULL,
    en TEXT NOT NULL, event TEXT NOT NULL, answered INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS by_id ON told (source, id, modification);
"""


class Ledger:
    """The events that were told, with their decisions. It may be used by several threads."""

    def __init__(self, path: Path | None = None) -> None:
        """Open or make the file; without a path it is kept in memory and lost at the end.

        Raises:
            UserError: the file is there and no ledger.
        """
        self._lock = Lock()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._data = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
            self._data.execute("PRAGMA journal_mode=WAL")
            self._data.executescript(_SCHEMA)
            self._data.execute("DELETE FROM told WHERE ends < ?", (_text(datetime.now(UTC) - KEPT),))
        except (sqlite3.Error, OSError) as error:
            raise UserError(
                f"cannot be opened: {error}", where=path, expected="a ledger of events"
            ) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._data.close()

    def decision(self, key: str) -> Decision | None:
        """Return what was decided about this modification of an event, or None where it is new."""
        rows = self._ask("SELECT accept, code, ko, en FROM told WHERE key = ?", key)
        return Decision(bool(rows[0][0]), *rows[0][1:]) if rows else None

    def last(self, source: str, id: str) -> GridEvent | None:
        """Return the newest modification of an event, or None where it was never told."""
        rows = self._ask(
            "SELECT event FROM told WHERE source = ? AND id = ? ORDER BY modification DESC, at DESC LIMIT 1",
            source,
            id,
        )
        return GridEvent.model_validate_json(rows[0][0]) if rows else None

    def standing(self, now: datetime, source: str | None = None) -> list[GridEvent]:
        """Return the newest modifications that were accepted and neither cancelled nor over, oldest first."""
        rows = self._ask(
            "SELECT event, accept FROM told AS t WHERE (ends IS NULL OR ends > ?) AND at = ("
            "SELECT max(at) FROM told WHERE source = t.source AND id = t.id) ORDER BY at",
            _text(now),
        )
        events = [GridEvent.model_validate_json(event) for event, accept in rows if accept]
        ours = [event for event in events if source is None or event.source == source]
        return [event for event in ours if event.status == "active"]

    def unanswered(self, source: str, now: datetime) -> list[tuple[GridEvent, Decision]]:
        """Return what the sender has not been told yet, oldest first."""
        rows = self._ask(
            "SELECT event, accept, code, ko, en FROM told WHERE source = ? AND answered = 0"
            " AND (ends IS NULL OR ends > ?) ORDER BY at",
            source,
            _text(now),
        )
        return [(GridEvent.model_validate_json(row[0]), Decision(bool(row[1]), *row[2:])) for row in rows]

    def answered(self, key: str) -> None:
        """Note that the sender was told."""
        with self._lock:
            self._data.execute("UPDATE told SET answered = 1 WHERE key = ?", (key,))

    def note(self, event: GridEvent, decision: Decision, now: datetime) -> None:
        """Keep a decision.

        Raises:
            CouldNot: the disk is full or the file is gone.
        """
        ends = now if event.status == "cancelled" else event.end
        row = (
            event.key, event.source, event.id, event.modification, _text(now), _text(ends) if ends else None,
            decision.accept, decision.code, decision.ko, decision.en, event.model_dump_json(), 0,
        )  # fmt: skip
        with self._lock:
            try:
                marks = ",".join("?" * len(row))
                self._data.execute(f"INSERT OR REPLACE INTO told VALUES ({marks})", row)
            except sqlite3.Error as error:
                raise CouldNot(f"a decision about event {event.id!r} could not be kept: {error}") from error

    def _ask(self, question: str, *values: str) -> list[tuple[str, ...]]:
        with self._lock:
            return self._data.execute(question, values).fetchall()


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")
