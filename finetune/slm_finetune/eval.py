"""`finetune eval`: an expert and its peers on the same rows, or a public suite; figures with intervals."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.domain import Domain, find_domain
from slm_core.errors import UserError, did_you_mean
from slm_core.settings import Settings, load_settings
from slm_finetune.plan import BASELINES, LEARNING, ORDER, Plan
from slm_finetune.suites import command as suites

if TYPE_CHECKING:
    from slm_core.catalog import Model
    from slm_core.engine.adapter import Adapter
    from slm_finetune.compare import Outcome
    from slm_finetune.report import Result

STOPPED = 130

EPILOG = f"""\
examples:
  finetune eval --domain disaster --baseline majority --baseline tfidf --baseline e5
  finetune eval --domain disaster --task needs --tune --json
  finetune eval --domain disaster --adapter none --baseline few-shot --limit 100
  finetune eval --domain disaster --data datasets/disaster/blind/record.jsonl --baseline rules --items
  finetune eval --suite mmlu --data-dir data/mmlu --model smollm2-135m-instruct --limit 114

--baseline
  majority   the most frequent answer of the training rows
  rules      the domain's rules
  tfidf      TF-IDF and logistic regression; features, C, weights and threshold are cross-validated
  e5         multilingual-e5-small vectors and the same logistic regression
  few-shot   the base without adapter: instructions and the better of 0 and 4 examples (chosen on dev rows)
  and those that the domain's tasks bring along, e.g. hassil

train.jsonl is looked for beside the data, dev.jsonl beside the training rows. The data may also
hold labelled lines, whose items the domain's code has not read: {{"id", "task", "lang", "user", "items"}}.
Ctrl-C prints what was measured and writes nothing.

{suites.EPILOG}"""


def register(subparsers: Any) -> None:
    """Add the verb to `finetune`."""
    parser = subparsers.add_parser(
        "eval",
        help="measure an expert and its peers on dataset rows, or a file on a public suite",
        description="Measure an expert and its peers on the same rows, or a public suite; 95% intervals.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--domain", metavar="D", help="an installed domain, e.g. disaster")
    add("--data", type=Path, metavar="F", help="rows to answer (default: SLM_HOME/datasets/<D>/test.jsonl)")
    add(
        "--train",
        type=Path,
        metavar="F",
        help="rows that baselines learn from (default: train.jsonl beside the data)",
    )
    add("--task", metavar="T", help="measure this task only (default: all in the data)")
    add("--model", metavar="M", help="base: a catalog name or a path to a .gguf file")
    add(
        "--adapter",
        metavar="DIR|none",
        help="adapter folder; none: the base with instructions, or an expert in one file",
    )
    add(
        "--baseline",
        action="append",
        default=[],
        metavar="B",
        help="a peer for the same table (repeatable)",
    )
    add("--peers-only", action="store_true", help="measure the baselines alone, without the expert")
    add("--tune", action="store_true", help="choose the decision bias on dev rows and keep it in the adapter")
    add(
        "--limit",
        type=int,
        default=0,
        metavar="N",
        help="a seeded sample: N rows of each task, or N questions of a suite (default: all)",
    )
    add("--seed", type=int, default=0, metavar="S", help="of that sample")
    add(
        "--items",
        action="store_true",
        help="also precision, recall and F1 by item, or every subject of a suite",
    )
    add("--card", action="store_true", help="write the table into the adapter's model card")
    add("--out", type=Path, metavar="F", help="write every row's answer as JSONL; a suite goes on from it")
    add("--json", action="store_true", help="one JSON object a line: task, language and system")
    suites.add_suite_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, keep what was asked to be kept, print."""
    suites.check(args)
    if args.suite:
        return suites.run(args)
    from slm_finetune.card import set_measured
    from slm_finetune.compare import compare, keep

    plan = _plan(args)
    outcome = compare(plan)
    if not outcome.stopped:
        keep(plan, outcome, args.out)
        if args.card and plan.adapter:
            set_measured(plan.adapter.path.with_name("README.md"), _found(outcome, plan), outcome.absent)
    _print(outcome, plan, args)
    return STOPPED if outcome.stopped else 0


def _plan(args: argparse.Namespace) -> Plan:
    from slm_core.catalog import find_model
    from slm_core.engine import LOCAL
    from slm_finetune.learnt import learnt_by, learnt_in

    settings = load_settings(model=args.model)
    domain = find_domain(args.domain)
    base = find_model(settings.model) if settings.engine == LOCAL and not args.peers_only else None
    whole = base is not None and base.expert == domain.name
    own = () if args.peers_only else ("base",) if args.adapter == "none" and not whole else ("expert",)
    peers = _peers(args, domain)
    systems = tuple(name for name in (*ORDER[:2], *peers, *ORDER[2:]) if name in {*args.baseline, *own})
    _check(args, systems)
    if args.task:
        domain.task(args.task)
    data = _data(args, domain, settings)
    train = args.train or data.with_name("train.jsonl")
    if LEARNING & {*systems} and not train.is_file():
        raise UserError("no rows to learn the baselines from", where=train, mend="name them with --train")
    asked = base if "expert" in systems else None
    adapter = _adapter(args, domain, settings, asked) if asked else None
    learnt = learnt_by(adapter) | learnt_in(asked.path if asked else None, domain, settings)
    if args.tune and whole and not adapter:
        raise UserError("the adapter is in the file: there is none to tune", where="--tune")
    which = (domain, settings, data, train, args.task, systems)
    return Plan(*which, adapter, whole, learnt, args.tune, args.limit, args.seed)


def _peers(args: argparse.Namespace, domain: Domain) -> list[str]:
    """Return the names of the peers that the domain's tasks bring along.

    Raises:
        UserError: a baseline is asked for that is neither one of those nor ours.
    """
    peers = sorted({name for task in domain.tasks for name in task.peers})
    known = (*BASELINES, *peers)
    for name in args.baseline:
        if name not in known:
            mend = did_you_mean(name, known)
            raise UserError(f"no baseline {name!r}", where="--baseline", expected=", ".join(known), mend=mend)
    return peers


def _check(args: argparse.Namespace, systems: Sequence[str]) -> None:
    if not systems:
        raise UserError("nothing to measure", where="--peers-only", expected="at least one --baseline")
    if args.tune and "expert" not in systems:
        raise UserError(
            "no adapter to tune", where="--tune", expected="neither --adapter none nor --peers-only"
        )
    if args.limit < 0:
        raise UserError(f"{args.limit} rows", where="--limit", expected="a positive number")


def _data(args: argparse.Namespace, domain: Domain, settings: Settings) -> Path:
    from slm_core.dataset.build import dataset_folder

    own: Path = dataset_folder(settings, domain.name) / "test.jsonl"
    if args.data is None and not own.is_file():
        mend = f"slm dataset build {domain.name}, or name rows with --data"
        raise UserError("no dataset yet", where=own, mend=mend)
    if args.data is not None and not args.data.is_file():
        raise UserError("no such file", where=args.data, expected="a JSONL file of dataset rows")
    return args.data or own


def _adapter(args: argparse.Namespace, domain: Domain, settings: Settings, base: Model) -> Adapter | None:
    """Return the adapter to measure; None where it is merged into the file."""
    from slm_core.adapters import resolve_adapter

    adapter = resolve_adapter(args.adapter, domain, base.name, settings)
    if adapter is None and base.expert != domain.name:
        raise UserError(
            f"no adapter of {domain.name} is installed for {base.name}",
            where="--adapter",
            expected="an adapter folder, none (the base with instructions) or --peers-only",
            mend=f"finetune lora --domain {domain.name} --model {base.name}",
        )
    return adapter


def _found(outcome: Outcome, plan: Plan) -> list[Result]:
    from slm_finetune.report import results

    return [result for group in outcome.measured.values() for result in results(plan.domain.name, group)]


def _print(outcome: Outcome, plan: Plan, args: argparse.Namespace) -> None:
    from slm_finetune.report import item_table, table, to_json

    found = _found(outcome, plan)
    if args.json:
        for absent in outcome.absent:
            print(f"{absent.task} {absent.system}: {absent.reason}", file=sys.stderr)
        for result in found:
            print(to_json(result))
        return
    print(table(found, outcome.absent))
    if args.items:
        for measured in (m for group in outcome.measured.values() for m in group if m.answers):
            print(f"\n{item_table(measured)}")
