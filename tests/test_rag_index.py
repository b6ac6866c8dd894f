"""An index brought up to date and searched; killed at any moment, it goes on where it was."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rag_double import Letters

from slm_core.errors import CouldNot, UserError
from slm_core.rag import Index
from slm_core.rag.fusion import fuse
from slm_core.rag.keywords import terms

TESTS = Path(__file__).parent


@pytest.fixture
def manuals(tmp_path: Path) -> Path:
    folder = tmp_path / "manuals"
    (folder / "ko").mkdir(parents=True)
    (folder / "ko" / "홍수.md").write_text(
        "# 홍수\n침수된 집은 가스를 먼저 살핍니다.\n# 지진\n탁자 밑으로 갑니다.\n", "utf-8"
    )
    (folder / "en.txt").write_text("Boil the water for one minute.", "utf-8")
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index(tmp_path / "index", Letters()) as opened:
        yield opened


def embedded(index: Index) -> list[str]:
    assert isinstance(index.embedder, Letters)
    done, index.embedder.embedded = index.embedder.embedded, []
    return done


@pytest.mark.parametrize("mode", ["bm25", "vector", "fused"])
def test_a_question_finds_its_passage_in_every_mode(index: Index, manuals: Path, mode: str) -> None:
    index.update([manuals])
    best = index.search("침수된 집은", 2, mode)[0]  # type: ignore[arg-type]
    assert best.passage.text == "침수된 집은 가스를 먼저 살핍니다."
    assert best.passage.document == "manuals/ko/홍수.md"
    assert (best.bm25_rank, best.vector_rank) == (
        None if mode == "vector" else 1,
        None if mode == "bm25" else 1,
    )
    assert index.passage(best.passage.id) == best.passage


def test_another_particle_still_finds_the_noun(index: Index, manuals: Path) -> None:
    index.update([manuals])
    assert index.search("탁자가 없으면", 1, "bm25")[0].passage.text == "탁자 밑으로 갑니다."


def test_an_empty_index_finds_nothing(index: Index) -> None:
    assert [index.search("홍수", mode=mode) for mode in ("bm25", "vector", "fused")] == [[], [], []]  # type: ignore[arg-type]


def test_only_what_changed_is_embedded_again(index: Index, manuals: Path) -> None:
    assert index.update([manuals]).added == 2
    assert len(embedded(index)) == 3
    report = index.update([])
    assert (report.unchanged, report.embedded, embedded(index)) == (2, 0, [])
    file = manuals / "ko" / "홍수.md"
    file.write_text(file.read_text("utf-8").replace("탁자 밑으로", "책상 밑으로"), "utf-8")
    report = index.update([])
    assert (report.changed, report.unchanged, report.passages) == (1, 1, 3)
    assert embedded(index) == ["지진\n책상 밑으로 갑니다."], "the passage beside it kept its vector"


def test_a_removed_file_is_found_no_more_in_any_mode(index: Index, manuals: Path) -> None:
    index.update([manuals])
    (manuals / "en.txt").unlink()
    assert index.update([]).removed == 1
    for mode in ("bm25", "vector", "fused"):
        assert all(hit.passage.document != "manuals/en.txt" for hit in index.search("Boil water", 9, mode))  # type: ignore[arg-type]


def test_paths_given_earlier_stay_until_they_are_forgotten(
    index: Index, manuals: Path, tmp_path: Path
) -> None:
    index.update([manuals])
    note = tmp_path / "note.txt"
    note.write_text("Sandbags lie in the shed.", "utf-8")
    assert index.update([note]).passages == 4
    assert index.update([], forget=[manuals]).passages == 1
    with pytest.raises(UserError, match="not indexed"):
        index.update([], forget=[manuals])


def test_a_folder_around_a_known_one_takes_its_place_and_one_inside_adds_nothing(
    index: Index, manuals: Path, tmp_path: Path
) -> None:
    index.update([manuals / "ko"])
    index.update([manuals])
    assert index.update([manuals / "ko"]).passages == 3
    assert list(index.store.roots()) == [str(manuals)]


def test_two_folders_of_one_name_keep_their_documents_apart(index: Index, tmp_path: Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent / "docs").mkdir(parents=True)
        (tmp_path / parent / "docs" / "x.txt").write_text("The same words.", "utf-8")
    assert index.update([tmp_path / "a" / "docs", tmp_path / "b" / "docs"]).passages == 2
    assert set(index.store.documents()) == {"docs/x.txt", "docs-2/x.txt"}


def test_a_folder_that_is_gone_keeps_its_passages_and_is_named(index: Index, manuals: Path) -> None:
    index.update([manuals])
    manuals.rename(manuals.with_name("elsewhere"))
    report = index.update([])
    assert (report.gone, report.passages, report.removed) == ((str(manuals),), 3, 0)


def test_a_file_that_cannot_be_read_is_named_and_the_others_go_on(index: Index, manuals: Path) -> None:
    (manuals / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    report = index.update([manuals])
    assert report.added == 2
    ((name, reason),) = report.unreadable
    assert name == "manuals/broken.pdf" and "pypdf" in reason


def test_a_file_that_breaks_later_keeps_its_passages(index: Index, manuals: Path) -> None:
    index.update([manuals])
    (manuals / "en.txt").write_bytes(b"\0")
    report = index.update([])
    assert report.passages == 3
    assert "its earlier passages stay" in report.unreadable[0][1]


def test_another_embedder_makes_every_vector_anew(index: Index, manuals: Path, tmp_path: Path) -> None:
    index.update([manuals])
    with Index(tmp_path / "index", Letters("letters:2")) as other:
        assert other.waiting() == 2
        assert other.search("침수된 집은", mode="vector") == [], "vectors of two embedders do not mix"
        assert other.search("침수된 집은", mode="bm25"), "words need no embedder"
        assert other.update([]).embedded == 3
        assert other.waiting() == 0
        assert other.search("침수된 집은", mode="vector")


def test_an_open_index_sees_what_another_process_adds(index: Index, manuals: Path, tmp_path: Path) -> None:
    index.update([manuals])
    index.search("Sandbags", mode="vector")
    note = tmp_path / "note.txt"
    note.write_text("Sandbags", "utf-8")
    with Index(tmp_path / "index", Letters()) as other:
        other.update([note])
    assert index.search("Sandbags", mode="vector")[0].passage.text == "Sandbags"


def test_a_long_document_goes_on_after_a_stop_with_what_was_embedded(tmp_path: Path) -> None:
    class Stopped(Letters):
        def passages(self, texts: list[str]) -> object:  # type: ignore[override]
            if len(self.embedded) >= 32:
                raise KeyboardInterrupt
            return super().passages(texts)

    (tmp_path / "long.csv").write_text("content\n" + "".join(f"row number {n}\n" for n in range(50)), "utf-8")
    with Index(tmp_path / "index", Stopped()) as index, pytest.raises(KeyboardInterrupt):
        index.update([tmp_path / "long.csv"])
    with Index(tmp_path / "index", Letters()) as index:
        assert index.search("row", mode="bm25") == [], "half a document is not shown"
        report = index.update([])
        assert (report.passages, report.embedded) == (50, 18)


KILLED = """
import os, signal, sys
from pathlib import Path
from rag_double import Letters
from slm_core.rag import Index
index, statements, last = Index(Path(sys.argv[1]), Letters()), [], int(sys.argv[3])
def count(statement):
    statements.append(statement)
    if len(statements) == last:
        os.kill(os.getpid(), signal.SIGKILL)
index.store._db.set_trace_callback(count)
index.update([Path(sys.argv[2])])
print(len(statements))
"""


def killed_at(statement: int, index: Path, manuals: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", KILLED, str(index), str(manuals), str(statement)]
    path = ":".join([str(TESTS), *sys.path])
    return subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": path})


def test_a_kill_at_any_statement_leaves_whole_documents_and_the_next_update_finishes(
    tmp_path: Path, manuals: Path
) -> None:
    statements = int(killed_at(0, tmp_path / "whole", manuals).stdout)
    with Index(tmp_path / "whole", Letters()) as whole:
        expected = sorted((hit.passage.id, hit.score) for hit in whole.search("침수 water 탁자", 9))
    for step in range(1, 6):
        folder = tmp_path / f"killed-{step}"
        done = killed_at(step * statements // 6, folder, manuals)
        assert done.returncode == -signal.SIGKILL, done.stderr
        with sqlite3.connect(folder / "index.sqlite") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("SELECT count(*) FROM passages").fetchone()[0] in (0, 1, 3), (
                "no half document"
            )
            words = database.execute("SELECT rowid FROM words ORDER BY rowid").fetchall()
            assert words == database.execute("SELECT number FROM passages ORDER BY number").fetchall()
        database.close()
        with Index(folder, Letters()) as index:
            index.update([manuals])
            assert sorted((h.passage.id, h.score) for h in index.search("침수 water 탁자", 9)) == expected


def test_a_file_that_is_no_index_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"no database at all" * 99)
    with pytest.raises(CouldNot, match="remove"):
        Index(tmp_path, Letters())


def test_an_index_of_another_format_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "index.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(UserError, match="format 99"):
        Index(tmp_path, Letters())


@pytest.mark.parametrize(
    ("query", "k", "mode"), [(" \n", 5, "fused"), ("홍수", 0, "fused"), ("홍수", 5, "magic")]
)
def test_wrong_use_of_a_search_is_named(index: Index, query: str, k: int, mode: str) -> None:
    with pytest.raises(UserError):
        index.search(query, k, mode)  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ['"', "AND OR NOT", "a* ^b {c}", "(((", "---", "🌊", "\ud800", "x" * 5000])
def test_a_question_is_never_taken_for_query_syntax(index: Index, manuals: Path, query: str) -> None:
    index.update([manuals])
    index.search(query + " water", 5)


def test_terms_join_korean_inflections_and_english_plurals() -> None:
    assert {"침수", "집"} <= set(terms("침수된 집이")) & set(terms("집을 침수가"))
    assert terms("Boats, BOAT; cities city; 3,000 m and 1.5") == [
        "boat", "boat", "city", "city", "3000", "m", "and", "1_5",
    ]  # fmt: skip


def test_fusion_prefers_what_both_rankings_hold() -> None:
    order = [
        name
        for name, _ in fuse({"bm25": ["a", "b", "c"], "vector": ["d", "b", "e"]}, {"bm25": 1, "vector": 1})
    ]
    assert order[0] == "b"
    assert [n for n, _ in fuse({"bm25": ["a"], "vector": ["b"]}, {"bm25": 1, "vector": 2})] == ["b", "a"]
