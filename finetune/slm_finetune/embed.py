"""`finetune embed`: the search by meaning learns from question-passage pairs, and shows whether it helped."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import GateFailed, UserError

if TYPE_CHECKING:
    from slm_core.domain import Domain
    from slm_core.settings import Settings
    from slm_finetune.embed_pairs import Pair
    from slm_finetune.embed_study import Result, Study

EPILOG = """\
examples:
  finetune embed --domain disaster
  finetune embed --domain disaster --documents manuals/ --pairs pairs.jsonl
  finetune embed --domain disaster --documents manuals/ --model models/my-embedder
  slm rag index disaster --embedder e5+map:FOLDER

Pairs and questions are JSONL: {"question", "passage"} or {"question", "passage_id"}; "document" names what a
passage belongs to that the documents do not have. Without --pairs they are made of the documents, without a
model: headings ask for their section, a sentence that is left out asks for the rest, and a column `question`
of a table asks for its row. Whole documents are held out; of a table, rows under the same headings are one.
Where recall@5 on them does not grow by more than its interval, the result is kept, marked, and not used (exit
code 1).
"""


@dataclass(frozen=True)
class Job:
    """Everything that a run depends on, resolved."""

    domain: Domain
    study: Study
    documents: tuple[str, ...]
    licence: str
    model: Path | None
    epochs: int | None
    seed: int
    out: Path


def register(subparsers: Any) -> None:
    """Add the verb to `finetune`."""
    parser = subparsers.add_parser(
        "embed",
        help="tune the search by meaning on question-passage pairs",
        description="Learn a linear map over the bundled e5's vectors, or tune a sentence-transformers\n"
        "folder, on question-passage pairs; recall@5 before and after, on documents it did not train on.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--domain", required=True, metavar="D", help="an installed domain, e.g. disaster")
    add("--pairs", type=Path, metavar="F", help="question-passage pairs (default: made of the documents)")
    add(
        "--documents",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="files or folders (default: the domain's own knowledge)",
    )
    add("--questions", type=Path, metavar="F", help="pairs that measure only; their documents are held out")
    add(
        "--model",
        type=Path,
        metavar="DIR",
        help="a sentence-transformers folder to tune instead of a map over e5",
    )
    add("--epochs", type=int, metavar="N", help="at most; the dev questions may stop it earlier")
    add("--seed", type=int, default=0, metavar="S", help="of the split and the learning (default: 0)")
    add("--licence", metavar="L", help="of the documents, for the card (default: that of the domain's own)")
    add(
        "--out", type=Path, metavar="DIR", help="default: SLM_HOME/embedders/<D>/<e5-map or the model's name>"
    )
    add("--json", action="store_true", help="print the run's card as JSON")


def run(args: argparse.Namespace) -> int:
    """Learn, measure, write the folder.

    Raises:
        GateFailed: it is no better; it is kept but not used.
    """
    from slm_finetune.embed_study import learn

    job = _job(args)
    result = learn(job.study, job.model, epochs=job.epochs, seed=job.seed)
    folder, card = _write(job, result)
    print(json.dumps(card, ensure_ascii=False) if args.json else _table(result))
    if result.refusal:
        raise GateFailed(f"{result.refusal}\n  it is kept but not used: {folder}")
    if not args.json:
        spec = "e5+map:" if job.model is None else "sentence-transformers:"
        print(f"use it: slm rag index {job.domain.name} --embedder {spec}{folder}")
    return 0


def _job(args: argparse.Namespace) -> Job:
    from slm_core.domain import find_domain
    from slm_core.settings import load_settings

    settings = load_settings()
    domain = find_domain(args.domain)
    if args.epochs is not None and args.epochs < 1:
        raise UserError(f"{args.epochs} epochs", where="--epochs", expected="a positive number")
    if args.model is not None and not args.model.is_dir():
        raise UserError("no such folder", where=args.model, expected="a sentence-transformers model")
    name = "e5-map" if args.model is None else args.model.resolve().name
    out = args.out or settings.home / "embedders" / domain.name / name
    _check_out(out, args.model)
    paths = args.documents or [_knowledge(domain, settings)]
    return Job(
        domain,
        _study(args, paths),
        tuple(path.resolve().name for path in paths),
        args.licence or ("not stated" if args.documents else _own_licence(domain, settings)),
        args.model,
        args.epochs,
        args.seed,
        out.resolve(),
    )


def _study(args: argparse.Namespace, paths: Sequence[Path]) -> Study:
    from slm_finetune.embed_pairs import made_pairs, read_corpus, read_pairs
    from slm_finetune.embed_split import split
    from slm_finetune.embed_study import Study

    corpus, pairs = read_corpus(paths)
    if args.pairs:
        corpus, given = read_pairs(args.pairs, corpus)
        pairs += given
    else:
        print("no --pairs: they are made of the documents (headings, left-out sentences)", file=sys.stderr)
        pairs += made_pairs(corpus)
    asked: list[Pair] = []
    if args.questions:
        corpus, asked = read_pairs(args.questions, corpus)
    held = {corpus.documents[number] for pair in asked for number in pair.gold}
    sides = split(corpus, pairs, held, args.seed)
    study = Study(corpus, sides, tuple(asked))
    for side in ("train", "dev", "test"):
        print(
            f"{side}: {len(sides.documents[side])} documents, {study.counts()[side]} pairs", file=sys.stderr
        )
    if sides.repeats:
        print(f"{sides.repeats} pairs left out: they nearly repeat a held-out passage", file=sys.stderr)
    return study


def _knowledge(domain: Domain, settings: Settings) -> Path:
    from slm_core.rag import knowledge_folder

    folder = knowledge_folder(domain, settings)
    if folder is None:
        raise UserError(f"domain {domain.name} brings no documents", where="--documents", expected="your own")
    return folder


def _own_licence(domain: Domain, settings: Settings) -> str:
    from slm_core.rag.markdown import front_matter
    from slm_core.settings import data_folder

    card = data_folder(domain.name, settings) / "README.md"
    facts = front_matter(card.read_text(encoding="utf-8"))[0] if card.is_file() else {}
    return facts.get("license", "not stated")


def _check_out(out: Path, model: Path | None) -> None:
    """Refuse a place that holds anything but an earlier result; it is replaced at the end of the run."""
    from slm_core.rag.embedder import CARD

    if model is not None and out.resolve() == model.resolve():
        raise UserError("this is the model to be tuned", where=out, expected="--out names another folder")
    if out.is_dir() and (not any(out.iterdir()) or (out / CARD).is_file()):
        return
    if out.exists():
        what = "this folder holds something else" if out.is_dir() else "this is a file"
        raise UserError(what, where=out, expected="--out names a new folder, or one that this command wrote")


def _write(job: Job, result: Result) -> tuple[Path, dict[str, Any]]:
    """Write beside the place, then move there; a stop leaves nothing behind."""
    from slm_finetune.install import install

    candidate = job.out.with_name(f".{job.out.name}.new")
    shutil.rmtree(candidate, ignore_errors=True)
    candidate.mkdir(parents=True)
    try:
        card = _card(job, result, _write_learnt(candidate, result))
        text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
        (candidate / "card.json").write_text(text, encoding="utf-8")
        return install(candidate, job.out, result.refusal), card
    except BaseException:
        shutil.rmtree(candidate, ignore_errors=True)
        raise


def _write_learnt(folder: Path, result: Result) -> dict[str, Any]:
    """Write the map or the model and return what the card says of it."""
    import numpy as np

    from slm_core.files import sha256_of
    from slm_core.rag.embedder import MAP
    from slm_finetune.embed_transformer import InHand

    if isinstance(result.learnt, InHand):
        result.learnt.model.save_pretrained(str(folder), create_model_card=False)
        return {"kind": "sentence-transformers"}
    np.save(folder / MAP, result.learnt, allow_pickle=False)
    return {"kind": "linear map", "side": "question", "sha256": sha256_of(folder / MAP)}


def _card(job: Job, result: Result, learnt: dict[str, Any]) -> dict[str, Any]:
    sides = job.study.sides
    return {
        "domain": job.domain.name,
        "embedder": result.embedder,
        **learnt,
        "data": {
            "documents": list(job.documents),
            "licence": job.licence,
            "pairs": job.study.counts(),
            "split": {side: list(names) for side, names in sides.documents.items()},
            "left_out_as_repeats": sides.repeats,
        },
        "recipe": result.recipe,
        "chosen": result.reason,
        "measured": {name: compared.as_dict() for name, compared in result.measured.items()},
        "verdict": "refused" if result.refusal else "better",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _table(result: Result) -> str:
    head = ("questions", "n", "documents", "recall@5", "after", "difference", "MRR", "after", "difference")
    rows: list[Sequence[str]] = [head]
    for name, compared in result.measured.items():
        cells = [name, str(compared.questions), str(compared.documents)]
        for before, after, gap in (compared.recall, compared.mrr):
            cells += [f"{before.value:.3f}", f"{after.value:.3f}"]
            cells.append(f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]")
        rows.append(cells)
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, f"chosen: {result.reason}"])
