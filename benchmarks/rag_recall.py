"""Recall@5 and mean reciprocal rank of BM25 alone, e5 alone and both fused, on 120 questions of ours.

    python benchmarks/rag_recall.py [FOLDER] [--index FOLDER]

60 questions (30 Korean, 30 English) are about the disaster domain's own knowledge; half of them it does not
answer. 60 are about the Korean action guides (국민행동요령, 645 rows) if FOLDER holds their
action_guides.csv, else that half says so and is skipped: 15 made of keywords, 15 that paraphrase, 30 that no
row answers. A question counts as found where one of the passages that answer it is among the first five.
`--index` keeps the vectors for the next run.

What this does not measure: answers, other documents, and questions of anybody who has not seen the documents.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_core.domain import find_domain
from slm_core.rag import Index, Passage, knowledge_folder
from slm_core.rag.fusion import DEPTH, fuse
from slm_core.rag.index import WEIGHTS

K = 5
VECTOR_WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0)  # against 1 for BM25
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Asked:
    """A question with what both searches found for it, best first, the best scores, and their seconds."""

    kind: str
    gold: frozenset[str]
    rankings: dict[str, list[str]]
    best: dict[str, float]
    seconds: dict[str, float]

    def fused(self, weights: dict[str, float]) -> list[str]:
        return [passage for passage, _ in fuse(self.rankings, weights)]

    def rank(self, ranking: Sequence[str]) -> int | None:
        return next((rank for rank, passage in enumerate(ranking, 1) if passage in self.gold), None)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", help="the folder of action_guides.csv")
    parser.add_argument("--index", type=Path, help="where the vectors are kept (default: nowhere)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = args.index or Path(scratch)
        knowledge = knowledge_folder(find_domain("disaster"))
        assert knowledge is not None
        measure(place / "knowledge", knowledge, "rag_questions_knowledge.jsonl", lambda p: p.heading[-1])
        table = args.folder and args.folder / "action_guides.csv"
        if table is None or not table.is_file():
            print(f"skipped: the action guides are not at {table}", file=sys.stderr)
            return 0
        measure(place / "guides", table, "rag_questions.jsonl", lambda p: p.position.removeprefix("row "))
    return 0


def measure(place: Path, documents: Path, questions: str, name: Callable[[Passage], str]) -> None:
    """Index the documents, ask every question, print."""
    with Index(place) as index:
        print(f"\n{documents.name}: {index.update([documents]).passages} passages, {index.embedder.name}")
        lines = (HERE / questions).read_text("utf-8").splitlines()
        asked = [_ask(index, json.loads(line), name) for line in lines]
    _print_recall([one for one in asked if one.gold])
    if any(not one.gold for one in asked):
        _print_unanswerable(asked)
    for mode in ("bm25", "vector"):
        print(
            f"{mode}: median {1000 * statistics.median(one.seconds[mode] for one in asked):.1f} ms a search"
        )


def _ask(index: Index, question: dict[str, object], name: Callable[[Passage], str]) -> Asked:
    rankings, best, seconds = {}, {}, {}
    for mode in ("bm25", "vector"):
        began = time.perf_counter()
        hits = index.search(str(question["question"]), DEPTH, mode)
        seconds[mode] = time.perf_counter() - began
        rankings[mode] = [name(hit.passage) for hit in hits]
        best[mode] = hits[0].score if hits else 0.0
    gold = question["gold"]
    assert isinstance(gold, list)
    return Asked(str(question["kind"]), frozenset(map(str, gold)), rankings, best, seconds)


def _print_recall(asked: list[Asked]) -> None:
    kinds = list(dict.fromkeys(one.kind for one in asked))
    print(f"{'recall@5':<14}" + "".join(f"{kind:>12}" for kind in (*kinds, "all")) + f"{'MRR':>8}")
    rankings: dict[str, Callable[[Asked], Sequence[str]]] = {
        "BM25": lambda one: one.rankings["bm25"],
        "e5": lambda one: one.rankings["vector"],
    }
    for weight in VECTOR_WEIGHTS:
        weights = {"bm25": 1.0, "vector": weight}
        mark = " *" if weights == WEIGHTS else ""
        rankings[f"fused 1:{weight:g}{mark}"] = lambda one, weights=weights: one.fused(weights)
    for name, ranking in rankings.items():
        ranks = [(one.kind, one.rank(ranking(one))) for one in asked]
        cells = [[rank for kind, rank in ranks if kind in of] for of in (*([kind] for kind in kinds), kinds)]
        found = (f"{sum(rank is not None and rank <= K for rank in cell)}/{len(cell)}" for cell in cells)
        mean = statistics.mean(1 / rank if rank else 0 for _, rank in ranks)
        print(f"{name:<14}" + "".join(f"{share:>12}" for share in found) + f"{mean:>8.2f}")
    print("* in force (slm_core.rag.index.WEIGHTS)")


def _print_unanswerable(asked: list[Asked]) -> None:
    """How well the best score alone tells an answerable question from the others (0.5: not at all)."""
    for mode in ("bm25", "vector"):
        yes = [one.best[mode] for one in asked if one.gold]
        no = [one.best[mode] for one in asked if not one.gold]
        print(f"best {mode} score tells answerable from unanswerable: AUROC {_auroc(yes, no):.2f}")


def _auroc(yes: Iterable[float], no: Sequence[float]) -> float:
    return statistics.mean((a > b) + (a == b) / 2 for a in yes for b in no)


if __name__ == "__main__":
    raise SystemExit(main())
