"""`slm batch`: files in, a folder with a report out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import CouldNot, UserError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from slm_core.domain import Batch, Domain
    from slm_core.expert import Answer, Expert
    from slm_core.settings import Settings

MARK = "batch.json"
REJECTED = "rejected.jsonl"
EXAMPLES = """\
examples:
  slm batch disaster surveys/ reports.jsonl buildings.geojson out/
  slm batch disaster damage.csv out/ --lang ko --map map.toml --rules-only
  slm batch energy site.toml meter.csv out/

OUT gets the domain's files, rejected.jsonl (what could not be read, with file:line and reason) and
batch.json, by which a later run knows the folder as its own and may write it anew.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    from slm_core.cli.ask import add_model_flags

    parser = subparsers.add_parser(
        "batch",
        help="files in, a folder with a report out",
        description="Read files and folders with a domain's own reader and write its report to a folder.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("domain", metavar="D", help="a domain, e.g. disaster")
    add("inputs", nargs="+", type=Path, metavar="IN", help="files and folders to read")
    add("out", type=Path, metavar="OUT", help="folder to write; new, empty, or of an earlier batch")
    add("--lang", choices=("ko", "en", "both"), default="both", help="of the report (default: both)")
    add("--map", type=Path, metavar="FILE", help="TOML file that says what the columns mean")
    add("--rules-only", action="store_true", help="ask no model")
    add("--force", action="store_true", help="write into OUT though something else lies in it")
    add("--json", action="store_true", help="one JSON object on stdout")
    add_model_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Read the inputs, write OUT and print what came of it."""
    from slm_core.domain import BatchOptions, find_domain
    from slm_core.settings import load_settings

    settings = load_settings(model=args.model, context=args.context, threads=args.threads)
    domain = find_domain(args.domain)
    if domain.batch is None:
        raise UserError(f"domain {domain.name} reads no batches of files", where="slm batch")
    _check(args.inputs, args.out, args.force)
    languages = ("ko", "en") if args.lang == "both" else (args.lang,)
    asking = None if args.rules_only else _Asking(domain, settings)
    try:
        options = BatchOptions(languages, settings, args.map, asking)
        done = domain.batch(args.inputs, options)
    finally:
        if asking:
            asking.close()
    written = write(done, domain.name, args.out)
    _print(done, written, args.out, args.json)
    if done.fault:
        raise CouldNot(done.fault)
    return 0


class _Asking:
    """The expert, opened when it is first asked."""

    def __init__(self, domain: Domain, settings: Settings) -> None:
        self._open: Callable[[], Expert] = lambda: self._opened(domain, settings)
        self._expert: Expert | None = None

    def __call__(self, task: str, request: BaseModel) -> Answer:
        self._expert = self._expert or self._open()
        return self._expert.answer(task, request)

    def close(self) -> None:
        if self._expert is not None:
            self._expert.close()

    @staticmethod
    def _opened(domain: Domain, settings: Settings) -> Expert:
        from slm_core.expert import open_expert

        expert = open_expert(domain, settings)
        for note in expert.notes:
            print(note, file=sys.stderr)
        return expert


def write(done: Batch, domain: str, out: Path) -> list[str]:
    """Write the files of a batch and return their names.

    The mark goes first, so that a folder half written is known as ours; it is complete once it says so. What
    an earlier batch wrote and this one does not is removed.
    """
    from slm_core.files import write_atomically

    lines = [json.dumps(vars(each), ensure_ascii=False) + "\n" for each in done.rejected]
    files = {**done.files, REJECTED: "".join(lines).encode(errors="replace")}  # JSON may hold half characters
    before = _mark(out)
    names, old = sorted(files), before.get("files", [])
    write_atomically(out / MARK, _marked(domain, sorted({*names, *old}), complete=False))
    for name in names:
        write_atomically(out / name, files[name])
    for name in set(old) - set(names):
        (out / name).unlink(missing_ok=True)
    write_atomically(out / MARK, _marked(domain, names, complete=True))
    return names


def _marked(domain: str, files: Iterable[str], *, complete: bool) -> bytes:
    mark = {"made_by": "slm batch", "domain": domain, "complete": complete, "files": list(files)}
    return (json.dumps(mark, ensure_ascii=False, indent=1) + "\n").encode()


def _mark(out: Path) -> Mapping[str, Any]:
    """Return what an earlier batch says of its folder; nothing where there was none.

    Its names are taken for file names only where they are that: somebody may have edited it.
    """
    try:
        found = json.loads((out / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict) or found.get("made_by") != "slm batch":
        return {}
    listed = found.get("files")
    names = listed if isinstance(listed, list) else []
    return {**found, "files": [name for name in names if isinstance(name, str) and _is_name(name)]}


def _is_name(name: str) -> bool:
    return bool(name) and name not in (".", "..", MARK) and not set(name) & set("/\\\0")


def _check(inputs: Iterable[Path], out: Path, force: bool) -> None:
    """Refuse what cannot work before hours are spent on it."""
    for given in inputs:
        if not given.exists():
            raise UserError("no such file or folder", where=given, expected="something to read")
        if given.is_dir() and out.resolve().is_relative_to(given.resolve()):
            raise UserError(
                "OUT lies in a folder that is read", where=out, mend="choose a folder outside " + str(given)
            )
    if out.exists() and not out.is_dir():
        raise UserError("OUT is a file", where=out, expected="a folder", mend="slm batch D IN... OUT")
    if out.is_dir() and any(out.iterdir()) and not _mark(out) and not force:
        raise UserError(
            "the folder is not empty and no batch made it", where=out, mend="another folder, or --force"
        )


def _print(done: Batch, written: list[str], out: Path, as_json: bool) -> None:
    if as_json:
        told = {**done.summary, "out": str(out), "files": written, "rejected": len(done.rejected)}
        print(json.dumps(told, ensure_ascii=False))
        return
    for line in done.lines:
        print(line)
    if done.rejected:
        print(f"rejected: {len(done.rejected)}, see {out / REJECTED}")
    print("wrote " + ", ".join(str(out / name) for name in written))
