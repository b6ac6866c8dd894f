"""The verb: gather texts, train, measure beside cheaper peers, write the gate."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import MissingExtra, UserError

if TYPE_CHECKING:
    from slm_finetune.router.texts import Text
    from slm_finetune.router.training import Routing

EPILOG = """\
examples:
  finetune router
  finetune router --none small-talk.txt --test traffic.jsonl
  slm ask auto "정전인데 대피소에 발전기가 있나요?"

It learns from the rows of every installed domain (those of slm dataset build where there are some, else its
own seeds), from its documents and its asked.jsonl (what people say to it besides), and from texts for none of
them: the project's own and those of --none (one a line, or JSONL with "text"). The figures are
cross-validated over groups of texts; --test measures on texts that nobody trained on: JSONL {"text", "lang",
"domain"}, the domain may be "none".
"""


def register(subparsers: Any) -> None:
    """Add the verb to `finetune`."""
    parser = subparsers.add_parser(
        "router",
        help="train the gate of --domain auto",
        description="Train the gate that sends a text to one of the installed domains, or to none of them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--none", type=Path, action="append", default=[], metavar="F", help="texts for no domain (repeatable)"
    )
    add("--test", type=Path, metavar="F", help="labelled texts to measure on as well")
    add("--most", type=int, default=400, metavar="N", help="texts of a domain and language (default: 400)")
    add("--json", action="store_true", help="one JSON object a line: system and figures")


def run(args: argparse.Namespace) -> int:
    """Train, print the figures, write the gate."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingExtra("finetune router", "train") from error
    from slm_core.domain import domain_names, find_domain
    from slm_core.rag.embedder import E5
    from slm_core.router.gate import Gate, gate_folder, write_gate
    from slm_core.settings import load_settings
    from slm_finetune.baselines.embeddings import Embeddings
    from slm_finetune.router.texts import gather
    from slm_finetune.router.training import peers, routing, train_gate

    if args.most < 1:
        raise UserError(f"{args.most} texts", where="--most", expected="a positive number")
    settings, embedder = load_settings(), E5()
    test = _read_test(args.test, domain_names()) if args.test else []
    domains = [find_domain(name) for name in domain_names()]
    texts = _apart(gather(domains, args.none, settings, args.most), test)
    print(f"{len(texts)} texts: {_counted(texts)}", file=sys.stderr)
    vectors = Embeddings(settings.home / "cache").vectors([text.text for text in texts])
    trained = train_gate(texts, embedder, vectors)
    found = [routing("gate", trained.held_out, texts)]
    found += [routing(name, said, texts) for name, said in peers(texts).items()]
    _print("cross-validated", found, args.json)
    if test:
        gate = Gate(trained.card, trained.weights, trained.bias, embedder)
        said = [gate.route(text.text).domain or "none" for text in test]
        measured = [routing("gate", said, test)]
        measured += [routing(name, theirs, test) for name, theirs in peers(texts, test).items()]
        _print(str(args.test), measured, args.json)
    folder = gate_folder(settings)
    write_gate(folder, trained.card, trained.weights, trained.bias)
    print(folder, file=sys.stderr)
    return 0


def _read_test(path: Path, domains: Sequence[str]) -> list[Text]:
    from slm_core.router import NONE
    from slm_finetune.jsonl import read_jsonl
    from slm_finetune.router.texts import Text

    found = []
    for where, value in read_jsonl(path):
        try:
            text, label = str(value["text"]), str(value["domain"])
        except KeyError as error:
            raise UserError(
                "not a labelled text", where=where, expected='{"text", "lang", "domain"}'
            ) from error
        if label not in (*domains, NONE):
            raise UserError(f"domain {label!r}", where=where, expected=", ".join((*domains, NONE)))
        found.append(Text(text, label, str(value.get("lang", "")), where))
    return found


def _apart(texts: Sequence[Text], test: Sequence[Text]) -> list[Text]:
    """Return the texts that the test does not have: a figure on what was learnt says nothing."""
    asked = {text.text for text in test}
    kept = [text for text in texts if text.text not in asked]
    if len(kept) < len(texts):
        print(f"{len(texts) - len(kept)} texts are in the test too: not learnt from", file=sys.stderr)
    return kept


def _counted(texts: Sequence[Text]) -> str:
    counts = Counter(f"{text.label} {text.lang}" for text in texts)
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _print(title: str, found: Sequence[Routing], as_json: bool) -> None:
    if as_json:
        for routing in found:
            print(json.dumps({"on": title, **asdict(routing)}, ensure_ascii=False))
        return
    print(f"{title}, {found[0].texts} texts")
    print(f"  {'system':<10} {'accuracy':<22} {'to a wrong domain':<18} missed")
    for routing in found:
        a = routing.accuracy
        shown = f"{a.value:.3f} [{a.low:.3f}, {a.high:.3f}]"
        print(f"  {routing.system:<10} {shown:<22} {routing.wrong:<18.3f} {routing.missed:.3f}")
