"""`slm dataset`: sources to a checked dataset, the check alone, and what is in one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from slm_core.errors import GateFailed, UserError

if TYPE_CHECKING:
    from slm_core.dataset.check import Verdict
    from slm_core.dataset.report import BuildReport
    from slm_core.dataset.row import Row
    from slm_core.dataset.source import Source
    from slm_core.dataset.stats import Stats
    from slm_core.domain import Domain

_BUILD = """\
examples:
  slm dataset build disaster                              the domain's own seeds and generator
  slm dataset build disaster --source disaster-response=messages.csv --hold-out haiti_earthquake
  slm dataset build disaster --source own --source table=calls.csv --map calls.toml --by rows

a map for `table` (CSV, TSV, JSONL, JSON):
  text = "message"            column of the user's text; meta.text reaches one level down
  target = "label"            a label column, or 0/1 columns: ["water", "food"]
  lang = "en"                 a value, or {column = "language"}; so also licence, source, task
  licence = "CC-BY-4.0"
  group = "event"             column; rows of one group stay on one side
  id = "id"                   column
  [values]                    cell to the name in the reply, where they differ
  1 = "water"
 instead of text:    [request]  field = "column"      instead of target:  [template]  field = "{column}"
 and: task, source, field (of the reply), form = "wire", header = [...] (no header line), records (key of the
 list)
"""
_CHECK = """\
examples:
  slm dataset check disaster
  slm dataset check train.jsonl test.jsonl --domain disaster
"""
_STATS = """\
examples:
  slm dataset stats disaster
  slm dataset stats rows.jsonl --domain disaster --json
"""
_SHOWN = 20


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb and its three actions."""
    verb = subparsers.add_parser(
        "dataset",
        help="build, check and describe the training data of a domain",
        description="Sources to checked training examples.",
        epilog="example:\n  slm dataset build disaster\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    _register_build(_action(actions, "build", "sources to train, dev and test rows", _BUILD))
    for name, line, epilog in (
        ("check", "every row valid, no personal data, no leak between the sides; exit 1 if not", _CHECK),
        ("stats", "rows by task, language, source and licence, labels, lengths, duplicates", _STATS),
    ):
        parser = _action(actions, name, line, epilog)
        parser.add_argument(
            "what", nargs="+", metavar="D|FILE", help="a domain's dataset, its folder, or JSONL files"
        )
        parser.add_argument(
            "--domain", metavar="D", help="whose rows the files hold (default: found by their tasks)"
        )


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    return {"build": _build, "check": _check, "stats": _stats}[args.action](args)


def _action(actions: Any, name: str, line: str, epilog: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=line, description=line, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser


def _register_build(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("domain", metavar="D", help="domain")
    add(
        "--source",
        action="append",
        default=[],
        metavar="FORMAT=PATH",
        help="own, a format of the domain, or table",
    )
    add(
        "--map",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="what the columns of a table mean",
    )
    add("--seed", type=int, default=0, help="of generator and split (default 0)")
    add("--by", choices=("rows", "group"), default="group", help="what stays on one side (default group)")
    add("--test", type=float, default=0.2, metavar="SHARE", help="share of the test side (default 0.2)")
    add("--dev", type=float, default=0.1, metavar="SHARE", help="share of the dev side (default 0.1)")
    add("--hold-out", metavar="GROUP", help="this group, and only it, is the test side")
    add("--out", type=Path, metavar="DIR", help="folder of the dataset (default SLM_HOME/datasets/D)")


def _build(args: argparse.Namespace) -> int:
    from slm_core.dataset.build import build, dataset_folder
    from slm_core.domain import find_domain
    from slm_core.settings import load_settings

    domain = find_domain(args.domain)
    report = build(
        domain,
        _sources(args.source, args.map),
        out=args.out or dataset_folder(load_settings(), domain.name),
        seed=args.seed,
        by=args.by,
        test=args.test,
        dev=args.dev,
        hold_out=args.hold_out,
    )
    if args.json:
        _print_json(report.facts() | {"folder": str(report.folder), "sha256": dict(report.sha256)})
    else:
        _show_build(report)
    return 0


def _sources(texts: Sequence[str], maps: Sequence[Path]) -> list[Source]:
    """Give every table its map: one map for all, or one each in order."""
    from slm_core.dataset.source import TABLE, parse_source

    sources = [parse_source(text) for text in texts]
    tables = [source for source in sources if source.format == TABLE]
    if len(maps) not in ({1, len(tables)} if tables else {0}):
        raise UserError(
            f"{len(maps)} maps for {len(tables)} tables",
            where="--map",
            expected="one map for all `--source table=PATH`, or one each in their order",
        )
    each = cycle(maps)
    return [
        parse_source(text, next(each)) if source.format == TABLE else source
        for text, source in zip(texts, sources, strict=True)
    ]


def _show_build(report: BuildReport) -> None:
    _print_table(
        ("task", "train", "dev", "test"), [(task, *n.values()) for task, n in report.by_task().items()]
    )
    for name, counts in (("rejected", report.rejected), ("scrubbed", report.scrubbed)):
        print(f"{name}: {', '.join(f'{kind} {count}' for kind, count in counts.items()) or 'nothing'}")
    if report.worst is not None:
        print(f"most similar pair across sides: {report.worst.similarity:.2f} ({report.worst.by})")
    print(report.folder)
    for note in report.notes():
        print(f"note: {note}", file=sys.stderr)
    if invalid := [reject for reject in report.rejects if reject.kind == "invalid"]:
        place = report.folder / "rejected.jsonl"
        print(
            f"{len(invalid)} records could not be used, the first: {invalid[0].where}: {invalid[0].reason}",
            file=sys.stderr,
        )
        print(f"all of them with their reasons: {place}", file=sys.stderr)


def _check(args: argparse.Namespace) -> int:
    from slm_core.dataset.check import check

    sides = _load(args.what)
    verdict = check(sides, _domain_of(args, sides))
    if args.json:
        _print_json(_verdict_facts(verdict))
    else:
        _show_verdict(verdict)
    if not verdict.passed:
        raise GateFailed(_what_failed(verdict))
    return 0


def _show_verdict(verdict: Verdict) -> None:
    worst = f"{verdict.worst.similarity:.2f}" if verdict.worst else "-"
    rows = ", ".join(f"{side} {count}" for side, count in verdict.rows.items())
    lines = [
        ("rows valid", len(verdict.invalid), rows),
        ("no personal data", len(verdict.personal), ""),
        ("no leak between sides", len(verdict.leaking), f"most similar pair {worst}"),
    ]
    _print_table(("check", "faults", ""), lines)


def _what_failed(verdict: Verdict) -> str:
    from slm_core.dataset.leakage import BAR

    parts: list[str] = []
    for name, faults in (("not valid", verdict.invalid), ("personal data", verdict.personal)):
        if faults:
            more = [f"... and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
            parts.append("\n    ".join([f"{name}: {len(faults)}, the bar is 0", *faults[:_SHOWN], *more]))
    if verdict.leaking:
        parts.append(
            f"leakage: {len(verdict.leaking)} pairs beyond the bar of {BAR}; the worst: {verdict.leaking[0]}"
        )
    return "\n  ".join(parts)


def _verdict_facts(verdict: Verdict) -> dict[str, Any]:
    return {
        "passed": verdict.passed,
        "rows": dict(verdict.rows),
        "invalid": verdict.invalid,
        "personal": verdict.personal,
        "leaking": [str(leak) for leak in verdict.leaking],
        "worst": verdict.worst.similarity if verdict.worst else 0.0,
    }


def _stats(args: argparse.Namespace) -> int:
    from slm_core.dataset.stats import describe

    sides = _load(args.what)
    stats = describe([row for rows in sides.values() for row in rows], _domain_of(args, sides))
    counts = {side: len(rows) for side, rows in sides.items()}
    if args.json:
        _print_json({"sides": counts} | asdict(stats))
    else:
        _show_stats(counts, stats)
    return 0


def _show_stats(sides: Mapping[str, int], stats: Stats) -> None:
    counts = ", ".join(f"{side} {count}" for side, count in sides.items())
    print(f"{stats.rows} rows ({counts}), {stats.groups} groups")
    for name in ("task", "lang", "source", "licence"):
        _print_table((name, "rows"), list(getattr(stats, f"by_{name}").items()))
    for task, labels in stats.labels.items():
        shown = list(labels.items())
        rest = [(f"... and {len(shown) - _SHOWN} more", "")] if len(shown) > _SHOWN else []
        _print_table((f"labels of {task}", "rows"), [*shown[:_SHOWN], *rest])
    lengths = (("asked", stats.characters_asked), ("target", stats.characters_target))
    _print_table(("characters", *stats.characters_asked), [(name, *q.values()) for name, q in lengths])
    _print_table(("duplicates", "rows"), list(stats.duplicates.items()))


def _load(names: Sequence[str]) -> dict[str, list[Row]]:
    """Read the sides of a domain's dataset, or files by their name."""
    from slm_core.dataset.build import dataset_folder
    from slm_core.dataset.row import read_rows
    from slm_core.dataset.split import SIDES
    from slm_core.domain import domain_names
    from slm_core.settings import load_settings

    first, known = Path(names[0]), names[0] in domain_names()
    if len(names) == 1 and (known or not first.is_file()):
        folder = first if first.is_dir() and not known else dataset_folder(load_settings(), names[0])
        paths = [folder / f"{side}.jsonl" for side in SIDES]
        if not paths[0].is_file():
            mend = (
                f"slm dataset build {names[0]}"
                if known
                else f"name a file, or one of {', '.join(domain_names())}"
            )
            raise UserError("there is no dataset", where=folder, mend=mend)
        return {side: list(read_rows(path)) for side, path in zip(SIDES, paths, strict=True)}
    return {name: list(read_rows(Path(name))) for name in names}


def _domain_of(args: argparse.Namespace, sides: Mapping[str, Sequence[Row]]) -> Domain:
    """Return the domain that is named, or the only one that knows the tasks of the rows."""
    from slm_core.domain import domain_names, find_domain

    named = args.domain or (args.what[0] if args.what[0] in domain_names() else None)
    if named:
        return find_domain(named)
    tasks = {row.task for rows in sides.values() for row in rows}
    fitting = [d for d in map(find_domain, domain_names()) if tasks <= {task.name for task in d.tasks}]
    if len(fitting) != 1:
        names = ", ".join(domain.name for domain in fitting) or ", ".join(domain_names())
        listed = ", ".join(sorted(tasks)) or "none"
        raise UserError(
            f"whose rows are these? (tasks: {listed})",
            where=args.what[0],
            mend=f"add --domain, one of {names}",
        )
    return fitting[0]


def _print_table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    cells = [[str(cell) for cell in line] for line in [head, *lines]]
    widths = [max(_width(line[place]) for line in cells) for place in range(len(head))]
    for line in cells:
        padding = [" " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)]
        first, *rest = zip(line, padding, strict=True)
        print("  ".join(["".join(first), *(pad + cell for cell, pad in rest)]).rstrip())


def _width(text: str) -> int:
    """Columns of a terminal: a Hangul syllable takes two."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
