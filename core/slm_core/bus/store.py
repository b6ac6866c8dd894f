"""What survives a restart, in one SQLite file: ids seen, the domain's memory, what must still go out.

One transaction changes all of them together, and the message is acknowledged after it. Every commit is on the
disk before it returns (WAL, synchronous=FULL).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from slm_core.errors import CouldNot, UserError
from slm_core.event import Scratch

# Each script leads from the version of its position to the next; what was released is never edited.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE inbox (
        seq INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, digest BLOB NOT NULL, at INTEGER NOT NULL);
    CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, topic TEXT NOT NULL,
        payload BLOB NOT NULL, retained INTEGER NOT NULL, published INTEGER NOT NULL DEFAULT 0,
        at INTEGER NOT NULL);
    CREATE INDEX outbox_waiting ON outbox (seq) WHERE published = 0;
    CREATE INDEX outbox_event ON outbox (event);
    CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
)
KEEP_S = 7 * 24 * 3600
KEEP_ROWS = (
    10_000  # however old: a clock that jumped, or a month without power, must not forget the last ones
)


_MEND = {  # by SQLite's primary result code
    sqlite3.SQLITE_FULL: "make room on that disk; what was not acknowledged comes again",
    sqlite3.SQLITE_BUSY: "another program has the file open for writing; close it",
    sqlite3.SQLITE_READONLY: "let this user write to the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "let this user read and write the file and its folder",
    sqlite3.SQLITE_IOERR: "look after that disk",
}
_DAMAGED = "keep it as evidence under another name and begin a new one, or restore a copy"


class StoreBroken(CouldNot):
    """The disk or the file failed. Nothing was acknowledged."""

    @classmethod
    def by(cls, error: sqlite3.Error, path: Path) -> StoreBroken:
        """Return it with what SQLite says and how to mend that."""
        code = getattr(error, "sqlite_errorcode", None)
        mend = _MEND.get(code & 0xFF, _DAMAGED) if code is not None else _DAMAGED
        return cls(f"{path}: {error}\n  mend: {mend}")


@dataclass(frozen=True)
class Outgoing:
    """One row of the outbox."""

    seq: int
    event: str
    topic: str
    payload: bytes
    retained: bool


class Transaction:
    """What may be read and changed together; it is the `Memory` of a domain's `handle`."""

    def __init__(self, database: sqlite3.Connection, where: Path) -> None:
        self._database, self._where = database, where

    def get(self, key: str) -> Any:
        """Return the value, or None."""
        row = self._run("SELECT value FROM state WHERE key = ?", key).fetchone()
        return None if row is None else self._value(key, row[0])

    def put(self, key: str, value: Any) -> None:
        """Store a JSON value; None removes the key."""
        if value is None:
            self._run("DELETE FROM state WHERE key = ?", key)
            return
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self._run("INSERT OR REPLACE INTO state VALUES (?, ?)", key, text)

    def items(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield keys that begin with `prefix`, in order, with their values as they are at the call."""
        rows = self._run(
            "SELECT key, value FROM state WHERE key >= ? AND key < ? ORDER BY key",
            prefix,
            prefix + "\U0010ffff",
        ).fetchall()
        return ((key, self._value(key, value)) for key, value in rows)

    def seen(self, key: bytes) -> bytes | None:
        """Return the digest under which an id was recorded, or None where it is new."""
        row = self._run("SELECT digest FROM inbox WHERE key = ?", key).fetchone()
        return None if row is None else bytes(row[0])

    def record(self, key: bytes, digest: bytes) -> None:
        """Remember an id, so that it has no second effect."""
        self._run("INSERT INTO inbox (key, digest, at) VALUES (?, ?, ?)", key, digest, int(time.time()))

    def send(self, event: str, topic: str, payload: bytes, *, retained: bool = False) -> None:
        """Put a message into the outbox."""
        self._run(
            "INSERT INTO outbox (event, topic, payload, retained, at) VALUES (?, ?, ?, ?, ?)",
            event, topic, payload, retained, int(time.time()),
        )  # fmt: skip

    def sent(self, event: str, topic: str) -> bool:
        """Return whether that event is ours: it stands in the outbox under that topic."""
        return bool(self._run("SELECT 1 FROM outbox WHERE event = ? AND topic = ?", event, topic).fetchone())

    def retained(self, topic: str) -> bool:
        """Return whether something of ours was retained under that topic."""
        found = self._run("SELECT 1 FROM outbox WHERE topic = ? AND retained = 1 LIMIT 1", topic)
        return found.fetchone() is not None

    def mark_published(self, rows: Sequence[int]) -> None:
        """Note that the broker has these rows of the outbox; their bytes are no longer needed."""
        for seq in rows:
            self._run("UPDATE outbox SET published = 1, payload = x'' WHERE seq = ?", seq)

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter."""
        self._run(
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + ?",
            name, by, by,
        )  # fmt: skip

    def note(self, name: str, value: str) -> None:
        """Remember something of the bus itself, apart from the domain's memory."""
        self._run("INSERT OR REPLACE INTO note VALUES (?, ?)", name, value)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo what the block changed where it raises, and let the rest of the transaction stand."""
        self._run("SAVEPOINT one")
        try:
            yield
        except BaseException:
            self._run("ROLLBACK TO one")
            self._run("RELEASE one")
            raise
        self._run("RELEASE one")

    def _value(self, key: str, kept: Any) -> Any:
        try:
            return json.loads(kept)
        except ValueError as error:
            what = f"{self._where}: what is kept under {key!r} is no JSON\n  mend: {_DAMAGED}"
            raise StoreBroken(what) from error

    def _run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        with _named(self._where):
            return self._database.execute(statement, values)


class Store:
    """The file. One process at a time may have it open; it may hand it from thread to thread."""

    def __init__(self, path: Path) -> None:
        """Open or make the file and bring its schema up to date.

        Raises:
            UserError: another process has it, or a newer version of this program wrote it.
            StoreBroken: it cannot be read or written, or is no such file.
        """
        self.path = path
        self._lock = RLock()
        _folder(path)
        self._guard = _claim(path)
        try:
            with _named(path):
                self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                _migrate(self._database, path)
        except BaseException:
            self._guard.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file, once no other thread is in it: SQLite would take the process down with it."""
        with self._lock:
            self._database.close()
            self._guard.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commit what the block did, or nothing of it where it raises."""
        with self._lock:
            with _named(self.path):
                self._database.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._database, self.path)
                with _named(self.path):
                    self._database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has undone it already where the disk is full
                    self._database.execute("ROLLBACK")
                raise

    def waiting(self, after: int = 0, limit: int = 100) -> list[Outgoing]:
        """Return rows of the outbox that the broker does not have, oldest first."""
        rows = self._read(
            "SELECT seq, event, topic, payload, retained FROM outbox WHERE published = 0 AND seq > ?"
            " ORDER BY seq LIMIT ?", after, limit,
        )  # fmt: skip
        return [
            Outgoing(seq, event, topic, bytes(data), bool(kept)) for seq, event, topic, data, kept in rows
        ]

    def backlog(self) -> int:
        """Return how many rows of the outbox the broker does not have."""
        return int(self._read("SELECT count(*) FROM outbox WHERE published = 0")[0][0])

    def outstanding(self, topic: str) -> set[str]:
        """Return the ids of the events in the outbox, on one topic, that the broker does not have."""
        rows = self._read("SELECT event FROM outbox WHERE published = 0 AND topic = ?", topic)
        return {str(row[0]) for row in rows}

    def counters(self) -> dict[str, int]:
        """Return every counter, by name."""
        return dict(self._read("SELECT name, value FROM counter ORDER BY name"))

    def noted(self, name: str) -> str | None:
        """Return what was noted under that name."""
        rows = self._read("SELECT value FROM note WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def prune(self, keep_s: int = KEEP_S, keep_rows: int = KEEP_ROWS) -> None:
        """Forget ids, and rows of the outbox that were published, that are older than both bounds allow.

        The age is counted from the newest id and not from now: a broker may hold a repeat for as long as we
        were off.
        """
        with self.transaction() as transaction:
            for table, condition in (("inbox", ""), ("outbox", " AND published = 1")):
                transaction._run(
                    f"DELETE FROM {table} WHERE at < (SELECT max(at) FROM {table}) - ?"
                    f" AND seq <= (SELECT max(seq) FROM {table}) - ?{condition}", keep_s, keep_rows,
                )  # fmt: skip

    def _read(self, statement: str, *values: Any) -> list[Any]:
        with self._lock, _named(self.path):
            return self._database.execute(statement, values).fetchall()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.DataError):
        raise  # a value that no row can hold: the caller's mistake, not the disk's
    except sqlite3.DatabaseError as error:
        raise StoreBroken.by(error, path) from error


def remembered(path: Path) -> Scratch:
    """Return a copy of what a domain remembers, also beside a run that writes; empty where there is no file.

    Raises:
        StoreBroken: it cannot be read.
    """
    memory = Scratch()
    if path.is_file():
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
                for key, value in database.execute("SELECT key, value FROM state"):
                    memory.put(key, json.loads(value))
        except sqlite3.Error as error:
            raise StoreBroken.by(error, path) from error
    return memory


def _folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"no folder can be made there: {error.strerror}",
            where=path.parent,
            mend="set SLM_HOME to another",
        ) from error


def _claim(path: Path) -> sqlite3.Connection:
    """Hold a lock that ends with the process, however it ends."""
    with _named(path):
        guard = sqlite3.connect(f"{path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
    try:
        guard.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        guard.close()
        if "locked" not in str(error):
            raise StoreBroken.by(error, Path(f"{path}.lock")) from error
        mend = "stop it, or give this one another site"
        raise UserError("another process works on this store", where=path, mend=mend) from error
    return guard


def _migrate(database: sqlite3.Connection, path: Path) -> None:
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise UserError(
            f"a newer version of this program wrote it (schema {version})",
            where=path, expected=f"schema {len(MIGRATIONS)} or older", mend="pip install -U ondevice-slm",
        )  # fmt: skip
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        try:
            database.executescript(f"BEGIN EXCLUSIVE; {script}; PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.DatabaseError:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
