"""The command `finetune`: one verb a module, loaded when it is used."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from slm_core import __version__
from slm_core.cli import edge

VERBS = {
    "lora": "train a LoRA adapter on the dequantized base and prove it on the device",
    "eval": "measure an expert, and its peers, on dataset rows",
    "export": "rebuild other formats from an adapter",
}

EXAMPLES = """\
examples:
  finetune lora --domain disaster
  finetune eval --domain disaster --baseline tfidf
  finetune VERB --help
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `finetune` with these arguments (default: the process's) and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    return edge.run(lambda: _run(arguments), prog="finetune")


def _run(arguments: list[str]) -> int:
    verb = next((word for word in arguments if not word.startswith("-")), None)
    args = _parser(verb).parse_args(arguments)
    code: int = import_module(f"slm_finetune.{args.verb}").run(args)
    return code


def _parser(verb: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="finetune",
        description="Domain rows to an adapter that runs on the quantized base, measured.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ondevice-slm {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, line in VERBS.items():
        if name == verb:
            import_module(f"slm_finetune.{name}").register(subparsers)
        else:
            subparsers.add_parser(name, help=line)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
