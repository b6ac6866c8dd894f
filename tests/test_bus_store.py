from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from slm_core.bus import store as store_module
from slm_core.bus.store import MIGRATIONS, Store, StoreBroken
from slm_core.errors import UserError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bus" / "disaster.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened


def test_memory_holds_json_values_by_key_in_order(store: Store) -> None:
    with store.transaction() as memory:
        memory.put("incident/2", {"곳": "옥계면"})
        memory.put("incident/10", [1, 2])
        memory.put("gauge/1", 3.5)
        memory.put("gauge/2", 4)
        memory.put("gauge/2", None)
    with store.transaction() as memory:
        assert memory.get("gauge/1") == 3.5 and memory.get("gauge/2") is None
        assert dict(memory.items("incident/")) == {"incident/10": [1, 2], "incident/2": {"곳": "옥계면"}}
        assert len(list(memory.items(""))) == 3


def test_memory_may_be_changed_while_it_is_walked(store: Store) -> None:
    with store.transaction() as memory:
        for number in range(5):
            memory.put(f"k/{number}", number)
        for key, _ in memory.items("k/"):
            memory.put(key, None)
        assert list(memory.items("k/")) == []


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction() as memory:
        memory.put("a", 1)
        memory.record(b"id", b"digest")
        memory.send("e", "t", b"x")
        memory.count("received")
        raise ZeroDivisionError
    with store.transaction() as memory:
        assert memory.get("a") is None and memory.seen(b"id") is None
    assert store.waiting() == [] and store.counters() == {}


def test_what_memory_cannot_carry_is_the_callers_mistake_and_not_the_disks(store: Store) -> None:
    with store.transaction() as memory:
        for value in (float("nan"), object()):
            with pytest.raises((ValueError, TypeError)):
                memory.put("a", value)
        with pytest.raises(UnicodeEncodeError):
            memory.put("\ud800", 1)
        with pytest.raises(sqlite3.ProgrammingError):
            memory.get({})  # type: ignore[arg-type]


def test_the_outbox_keeps_its_order_and_forgets_the_bytes_of_what_was_published(
    store: Store, path: Path
) -> None:
    with store.transaction() as memory:
        for number in range(5):
            memory.send(f"e{number}", "t", b"%d" % number, retained=number == 0)
    rows = store.waiting(limit=3)
    assert [row.payload for row in rows] == [b"0", b"1", b"2"] and rows[0].retained
    with store.transaction() as memory:
        memory.mark_published([row.seq for row in rows])
        assert memory.sent("e0", "t") and not memory.sent("e0", "other")
    assert [row.event for row in store.waiting()] == ["e3", "e4"] and store.backlog() == 2
    with sqlite3.connect(path) as reader:
        assert reader.execute("SELECT sum(length(payload)) FROM outbox").fetchone() == (2,)
    reader.close()


def test_ids_are_forgotten_only_when_they_are_old_and_many_came_after(store: Store, path: Path) -> None:
    with store.transaction() as memory:
        for number in range(20):
            memory.record(b"%d" % number, b"d")
    other = sqlite3.connect(path)
    with other:
        other.execute("UPDATE inbox SET at = at - 1000 WHERE seq <= 15")
    other.close()

    def known() -> int:
        with store.transaction() as memory:
            return sum(memory.seen(b"%d" % number) is not None for number in range(20))

    store.prune(keep_s=2000, keep_rows=0)
    assert known() == 20, "young ones stay"
    store.prune(keep_s=500, keep_rows=10)
    assert known() == 10, "the last ten stay however old they are"
    store.prune(keep_s=500, keep_rows=0)
    assert known() == 5


def test_only_one_process_works_on_a_store(store: Store, path: Path) -> None:
    with pytest.raises(UserError, match="another process"):
        Store(path)
    program = f"from pathlib import Path; from slm_core.bus import Store; Store(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "another process works on this store" in done.stderr


def test_a_store_may_be_opened_again_after_it_was_closed(path: Path) -> None:
    with Store(path) as first, first.transaction() as memory:
        memory.put("a", 1)
        memory.note("filters", "[]")
    with Store(path) as second, second.transaction() as memory:
        assert memory.get("a") == 1 and second.noted("filters") == "[]" and second.noted("other") is None


def test_closing_waits_for_whoever_reads(path: Path) -> None:
    for _ in range(5):
        store, ended = Store(path), list[BaseException]()
        readers = [Thread(target=_read_until_closed, args=(store, ended)) for _ in range(3)]
        for reader in readers:
            reader.start()
        time.sleep(0.02)
        store.close()  # SQLite ended the process here with a segmentation fault
        for reader in readers:
            reader.join(30)
        assert [type(each) for each in ended] == [sqlite3.ProgrammingError] * 3


def _read_until_closed(store: Store, ended: list[BaseException]) -> None:
    try:
        while True:
            with store.transaction() as memory:
                memory.put("k", 1)
            store.counters()
    except sqlite3.ProgrammingError as error:
        ended.append(error)


def test_a_new_schema_is_reached_by_its_migration_with_everything_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(path) as old, old.transaction() as memory:
        memory.put("a", 1)
        memory.send("e", "t", b"x")
    step = "ALTER TABLE outbox ADD COLUMN tries INTEGER NOT NULL DEFAULT 0"
    monkeypatch.setattr(store_module, "MIGRATIONS", (*MIGRATIONS, step))
    with Store(path) as new, new.transaction() as memory:
        assert memory.get("a") == 1 and [row.event for row in new.waiting()] == ["e"]
    with sqlite3.connect(path) as reader:
        assert reader.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        assert reader.execute("SELECT tries FROM outbox").fetchone() == (0,)
    reader.close()
    monkeypatch.undo()
    with pytest.raises(UserError, match="newer version"):
        Store(path)


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(path) as old, old.transaction() as memory:
        memory.put("a", 1)
    step = "DROP TABLE state; CREATE TABLE inbox (seq)"
    monkeypatch.setattr(store_module, "MIGRATIONS", (*MIGRATIONS, step))
    with pytest.raises(StoreBroken, match="inbox"):
        Store(path)
    monkeypatch.undo()
    with Store(path) as again, again.transaction() as memory:
        assert memory.get("a") == 1


def test_a_file_that_is_no_store_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is a letter and no database" * 50)
    with pytest.raises(StoreBroken, match=r"disaster\.sqlite"):
        Store(path)
    assert path.read_bytes().startswith(b"this is a letter"), "it is not ours to change"


def _beside(path: Path) -> sqlite3.Connection:
    """Another program with the same file open."""
    return sqlite3.connect(path, isolation_level=None)


def _torn(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _no_json(path: Path) -> None:
    with closing(_beside(path)) as other:
        other.execute("UPDATE state SET value = '{oops' WHERE key = 'k/7'")


def _no_table(path: Path) -> None:
    with closing(_beside(path)) as other:
        other.execute("DROP TABLE state")


@pytest.mark.parametrize(
    ("damage", "says"), [(_torn, "malformed"), (_no_json, "k/7"), (_no_table, "no such table")]
)
def test_a_damaged_store_is_one_clear_line_that_says_how_to_mend_it(
    path: Path, damage: Callable[[Path], None], says: str
) -> None:
    with Store(path) as store, store.transaction() as memory:
        for number in range(300):
            memory.put(f"k/{number}", "x" * 200)
    damage(path)
    with (
        pytest.raises(StoreBroken, match=says) as broken,
        Store(path) as store,
        store.transaction() as memory,
    ):
        list(memory.items(""))
    assert "restore a copy" in str(broken.value) and path.name in str(broken.value)


def test_a_store_that_another_program_writes_to_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(path):
        pass
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{"timeout": 0.1, **k}))
    with closing(_beside(path)) as other, Store(path) as store:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBroken, match=r"locked\n.*close it"), store.transaction():
            pass


def test_a_lock_that_is_none_and_a_folder_that_is_a_file_are_named(path: Path) -> None:
    path.parent.mkdir()
    lock = path.with_name(f"{path.name}.lock")
    lock.write_bytes(b"this is a letter and no database" * 50)
    with pytest.raises(StoreBroken, match=r"sqlite\.lock"):
        Store(path)
    with pytest.raises(UserError, match="SLM_HOME"):
        Store(lock / "inside" / "disaster.sqlite")


def test_a_full_disk_is_no_mistake_of_the_message(store: Store) -> None:
    store._database.execute("PRAGMA max_page_count = 20")
    with pytest.raises(StoreBroken, match=r"full\n.*make room"), store.transaction() as memory:
        memory.send("e", "t", b"x" * 1_000_000)
    with store.transaction() as memory:
        memory.put("a", 1)
    assert store.waiting() == []
