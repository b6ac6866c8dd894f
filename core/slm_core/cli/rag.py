"""`slm rag`: the documents of a domain, indexed and searched."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import UserError

if TYPE_CHECKING:
    from slm_core.domain import Domain
    from slm_core.rag import Hit, Index, Report
    from slm_core.settings import Settings

EXAMPLES = """\
examples:
  slm rag index disaster
  slm rag search disaster "침수된 집에 들어가도 되나요"
"""
INDEX_EXAMPLES = """\
examples:
  slm rag index disaster                        the domain's own knowledge, and every path given before
  slm rag index disaster manuals/ notes.pdf     these as well
  slm rag index disaster --forget notes.pdf
  slm rag index disaster --embedder sentence-transformers:models/my-embedder
"""
SEARCH_EXAMPLES = """\
examples:
  slm rag search disaster "침수된 집에 들어가도 되나요"
  slm rag search disaster "how far from the house may a generator run" --mode vector --k 3 --json
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb and its two actions."""
    verb = _parser(subparsers, "rag", "index the documents of a domain and search them", EXAMPLES)
    actions = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    index = _parser(actions, "index", "read what is new or changed; the rest stays as it is", INDEX_EXAMPLES)
    search = _parser(actions, "search", "the passages that fit a question best", SEARCH_EXAMPLES)
    for parser in (index, search):
        parser.add_argument("domain", metavar="D", help="a domain, e.g. disaster")
        parser.add_argument("--json", action="store_true", help="one JSON value on stdout")
    index.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="files or folders: Markdown, text, PDF, CSV (default: the domain's own knowledge)",
    )
    index.add_argument(
        "--forget", action="append", default=[], type=Path, metavar="PATH", help="drop a path again"
    )
    index.add_argument(
        "--embedder",
        metavar="E",
        help="e5, or sentence-transformers:<name or folder>; another one makes every vector anew "
        "(default: the index's, at first e5)",
    )
    search.add_argument("query", metavar="QUERY", help="a question or words")
    search.add_argument(
        "--mode",
        choices=("bm25", "vector", "fused"),
        default="fused",
        help="by words, by meaning, or by both (default)",
    )
    search.add_argument("--k", type=int, default=5, metavar="N", help="how many passages (default: 5)")


def _parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, line: str, epilog: str
) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=line,
        description=f"{line[0].upper()}{line[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    from slm_core.domain import find_domain
    from slm_core.settings import load_settings

    settings = load_settings()
    domain = find_domain(args.domain)
    return _index(domain, settings, args) if args.action == "index" else _search(domain, settings, args)


def _index(domain: Domain, settings: Settings, args: argparse.Namespace) -> int:
    """Exit code 1 where a document could not be read; the others are indexed all the same."""
    from slm_core.rag import index_folder, knowledge_folder, open_index

    own = None if args.paths or args.forget else knowledge_folder(domain, settings)
    if not (args.paths or args.forget or own):
        raise UserError(
            f"domain {domain.name} brings no documents", where="PATH", expected="files or folders"
        )
    with open_index(domain.name, settings, embedder=args.embedder) as index:
        report = index.update([own] if own else args.paths, forget=args.forget)
        print("\n".join(_complaints(report)), end="\n" if _complaints(report) else "", file=sys.stderr)
        if args.json:
            facts = {"folder": str(index_folder(domain.name, settings)), "embedder": index.embedder.name}
            print(json.dumps({**facts, **asdict(report)}, ensure_ascii=False))
        else:
            print(_summary(report, index))
    return 1 if report.unreadable else 0


def _search(domain: Domain, settings: Settings, args: argparse.Namespace) -> int:
    from slm_core.rag import index_folder, open_index

    if not (index_folder(domain.name, settings) / "index.sqlite").is_file():
        raise _empty(domain)
    with open_index(domain.name, settings) as index:
        if not index.store.count():
            raise _empty(domain)
        hits = index.search(args.query, args.k, args.mode)
        if args.mode != "bm25" and (waiting := index.waiting()):
            print(
                f"note: {waiting} documents wait for their vectors: slm rag index {domain.name}",
                file=sys.stderr,
            )
    if args.json:
        print(json.dumps([_as_json(hit) for hit in hits], ensure_ascii=False))
    elif hits:
        print("\n\n".join(_as_text(number, hit) for number, hit in enumerate(hits, 1)))
    else:
        print("no passage has a word of the question", file=sys.stderr)
    return 0


def _empty(domain: Domain) -> UserError:
    return UserError(f"nothing is indexed for domain {domain.name}", mend=f"slm rag index {domain.name}")


def _complaints(report: Report) -> list[str]:
    gone = [f"{root} is gone; its passages stay until --forget" for root in report.gone]
    return [*(f"cannot read {name}: {reason}" for name, reason in report.unreadable), *gone]


def _summary(report: Report, index: Index) -> str:
    parts = [f"{getattr(report, name)} {name}" for name in ("added", "changed", "removed", "unchanged")]
    counted = (
        f"{', '.join(parts)} documents; {report.passages} passages, {report.embedded} of them embedded now"
    )
    return f"{counted}\n{index.store.path.parent} ({index.embedder.name})"


def _as_json(hit: Hit) -> dict[str, Any]:
    return {
        **asdict(hit.passage),
        "score": hit.score,
        "bm25_rank": hit.bm25_rank,
        "vector_rank": hit.vector_rank,
    }


def _as_text(number: int, hit: Hit) -> str:
    passage = hit.passage
    ranks = (("words", hit.bm25_rank), ("meaning", hit.vector_rank))
    found = ", ".join(f"{name} {rank}" for name, rank in ranks if rank)
    place = f"{passage.document}, {passage.position}"
    said = ", ".join(part for part in (passage.source, passage.date) if part)
    lines = [
        f"{number}. {' > '.join(passage.heading)}",
        f"   [{passage.id}] {place}{f'; {said}' if said else ''}",
        f"   rank by {found}",
        *(f"   {line}" for line in passage.text.splitlines()),
    ]
    return "\n".join(lines)
