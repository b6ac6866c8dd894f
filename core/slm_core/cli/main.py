"""The command `slm`: finds the verb, loads its module alone, runs it.

A verb is one module beside this file with `register(subparsers)` and `run(args) -> int`; it stands in `VERBS`
with the line that `slm --help` shows. Only the module of the verb in use is imported, so the help stays fast
and light.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from slm_core import __version__
from slm_core.cli import edge

VERBS = {
    "ask": "one text to a domain's expert, one typed reply",
    "chat": "talk with a base model",
    "demo": "a domain's expert on messages of our own writing",
    "dataset": "build, check and describe the training data of a domain",
    "models": "list, fetch and check the models of the catalog",
    "doctor": "what is installed, which settings are in force and from where",
}

EXAMPLES = """\
examples:
  slm models list
  slm doctor
  slm VERB --help      every verb has its own examples
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `slm` with these arguments (default: the process's) and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    return edge.run(lambda: _run(arguments))


def _run(arguments: list[str]) -> int:
    verb = next((word for word in arguments if not word.startswith("-")), None)
    args = _parser(verb).parse_args(arguments)
    code: int = import_module(f"slm_core.cli.{args.verb}").run(args)
    return code


def _parser(verb: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="slm",
        description="Domain experts that run on the device.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ondevice-slm {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, line in VERBS.items():
        if name == verb:
            import_module(f"slm_core.cli.{name}").register(subparsers)
        else:
            subparsers.add_parser(name, help=line)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
