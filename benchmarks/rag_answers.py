"""Answers out of the documents: given or not, the right passage cited or not, and what a model would do.

    python benchmarks/rag_answers.py FOLDER [--index FOLDER] [--out FILE] [--labels FILE] [--model NAME]

The questions are those of rag_recall.py: 60 about the Korean action guides (FOLDER holds their
action_guides.csv) and 60 about the disaster domain's own knowledge, half of each without an answer there.
The bar of the nearness (slm_core.rag.answering.BAR) is fitted on every second question and reported on the
others. `--out` writes the answers for a reader to label, `--labels` counts such labels: lines of `id` and
`label`, which is one of `supported` (answers the question, and the passage says so), `partly`, `wrong`.
`--model` lets a base choose the sentence, and write the answer, from the same passages (seconds a question).

What this does not measure: documents of other fields, and questions of anybody who has not seen these.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag_forms import Form, open_forms

from slm_core.domain import find_domain
from slm_core.rag import Cited, Index, Passage, answer, knowledge_folder
from slm_core.rag.answering import BAR

HERE = Path(__file__).parent
BARS = [bar / 1000 for bar in range(800, 951)]
LABELS = ("supported", "partly", "wrong")
SETS = {
    "guides": ("rag_questions.jsonl", lambda passage: passage.position.removeprefix("row ")),
    "knowledge": ("rag_questions_knowledge.jsonl", lambda passage: passage.heading[-1]),
}


@dataclass(frozen=True)
class Asked:
    """A question with its answer and the ids of the passages that hold the answer."""

    id: str
    of: str
    question: str
    gold: frozenset[str]
    cited: Cited
    seconds: float
    number: int

    @property
    def answerable(self) -> bool:
        return bool(self.gold)

    def right(self, count: int | None = None) -> bool:
        """Whether one of the first `count` cited passages holds the answer."""
        name = SETS[self.of][1]
        return any(name(passage) in self.gold for passage in self.cited.cited()[:count])

    def retrieved(self) -> bool:
        name = SETS[self.of][1]
        return any(name(passage) in self.gold for passage in self.cited.passages)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the folder of action_guides.csv")
    parser.add_argument("--index", type=Path, help="where the vectors are kept (default: nowhere)")
    parser.add_argument("--out", type=Path, help="write the answers that were given, for labelling")
    parser.add_argument("--labels", type=Path, default=HERE / "rag_answer_labels.jsonl")
    parser.add_argument("--model", help="a base that chooses and writes from the same passages")
    args = parser.parse_args()
    knowledge = knowledge_folder(find_domain("disaster"))
    assert knowledge is not None
    sources = {"guides": args.folder / "action_guides.csv", "knowledge": knowledge}
    with tempfile.TemporaryDirectory() as scratch:
        place = args.index or Path(scratch)
        asked = [one for name in SETS for one in _ask(name, sources[name], place / name)]
    _print_bar(asked)
    _print_answers(asked)
    if args.out:
        _write(args.out, asked)
    _print_labels(args.labels, asked)
    if args.model:
        _print_forms(open_forms(args.model), [one for one in asked if one.number % 2])
    return 0


def _ask(of: str, documents: Path, place: Path) -> Iterable[Asked]:
    subjects = find_domain("disaster").subjects
    with Index(place) as index:
        index.update([documents])
        for number, line in enumerate((HERE / SETS[of][0]).read_text("utf-8").splitlines()):
            fields = json.loads(line)
            began = time.perf_counter()
            cited = answer(fields["question"], index, subjects)
            seconds = time.perf_counter() - began
            gold = frozenset(map(str, fields["gold"]))
            yield Asked(fields["id"], of, fields["question"], gold, cited, seconds, number)


def _errors(asked: Sequence[Asked], bar: float) -> tuple[int, int]:
    """Answerable ones called not in the documents, and others that got an answer."""
    missed = sum(one.cited.nearness < bar for one in asked if one.answerable)
    return missed, sum(one.cited.nearness >= bar for one in asked if not one.answerable)


def _print_bar(asked: Sequence[Asked]) -> None:
    fit, held = ([one for one in asked if one.number % 2 == half] for half in (0, 1))
    least = min(sum(_errors(fit, bar)) for bar in BARS)
    best = [bar for bar in BARS if sum(_errors(fit, bar)) == least]
    print(f"bar: fewest errors on the fit half for {best[0]:.3f} to {best[-1]:.3f}; in force {BAR}")
    for name, half in (("fit half", fit), ("other half", held)):
        yes, no = (sum(one.answerable is kind for one in half) for kind in (True, False))
        missed, wrong = _errors(half, BAR)
        print(f"  {name}: {missed}/{yes} answerable missed, {wrong}/{no} others answered all the same")


def _print_answers(asked: Sequence[Asked]) -> None:
    print(f"{'':<26}" + "".join(f"{name:>12}" for name in SETS))
    rows: dict[str, Callable[[Asked], bool | None]] = {
        "answerable: answered": lambda one: one.cited.found if one.answerable else None,
        "  gold among retrieved": lambda one: one.retrieved() if one.answerable else None,
        "  a cited one is gold": lambda one: one.right() if one.answerable and one.cited.found else None,
        "  the first cited is gold": lambda one: one.right(1) if one.answerable and one.cited.found else None,
        "no answer there: answered": lambda one: one.cited.found if not one.answerable else None,
    }
    for title, look in rows.items():
        cells = []
        for name in SETS:
            seen = [found for one in asked if one.of == name and (found := look(one)) is not None]
            cells.append(f"{sum(seen)}/{len(seen)}")
        print(f"{title:<26}" + "".join(f"{cell:>12}" for cell in cells))
    print(f"median {1000 * statistics.median(one.seconds for one in asked):.0f} ms an answer")


def _write(path: Path, asked: Sequence[Asked]) -> None:
    lines = []
    for one in asked:
        texts = {passage.id: passage for passage in one.cited.passages}
        sentences = [
            {
                "text": sentence.text,
                "passage": sentence.passage,
                "heading": " > ".join(texts[sentence.passage].heading),
                "passage_text": texts[sentence.passage].text,
            }
            for sentence in one.cited.sentences
        ]
        lines.append({"id": f"{one.of}/{one.id}", "question": one.question, "sentences": sentences})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def _print_labels(path: Path, asked: Sequence[Asked]) -> None:
    if not path.is_file():
        print(f"no labels at {path}", file=sys.stderr)
        return
    given = {line["id"]: line["label"] for line in map(json.loads, path.read_text("utf-8").splitlines())}
    for name in SETS:
        answered = [one for one in asked if one.of == name and one.cited.found]
        counts = Counter(given.get(f"{name}/{one.id}", "no label") for one in answered)
        print(f"{name}: {len(answered)} answers, " + ", ".join(f"{n} {label}" for label, n in counts.items()))


def _print_forms(forms: Sequence[Form], asked: Sequence[Asked]) -> None:
    """Each form on the questions whose answer was retrieved, and how often it says that there is none."""
    yes = [one for one in asked if one.answerable and one.retrieved()]
    no = [one for one in asked if not one.answerable]
    name: Callable[[Asked, Passage], str] = lambda one, passage: SETS[one.of][1](passage)  # noqa: E731
    print(
        f"rules: the first cited passage holds the answer {sum(_first_gold(one) for one in yes)}/{len(yes)}"
    )
    for form in forms:
        began = time.perf_counter()
        picked = [(one, form.ask(one.question, one.cited)) for one in yes]
        silent = [form.ask(one.question, one.cited) for one in no]
        seconds = (time.perf_counter() - began) / (len(yes) + len(no))
        right = sum(said is not None and name(one, said.passage) in one.gold for one, said in picked)
        unsupported = sum(said is not None and bool(said.problems) for _, said in picked)
        print(
            f"{form.title}: {right}/{len(yes)} cite a passage that holds the answer, {unsupported} say "
            f"what it does not bear out; no answer there: {sum(said is None for said in silent)}/{len(no)} "
            f"silent; {seconds:.1f} s a question"
        )
        for one, said in picked[:5]:
            print(f"    {one.question} -> {said.text if said else '-'}")


def _first_gold(one: Asked) -> bool:
    return SETS[one.of][1](one.cited.passages[0]) in one.gold


if __name__ == "__main__":
    raise SystemExit(main())
