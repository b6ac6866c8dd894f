"""`slm specs`: what the models are made of, the paper's table beside their own figures."""

from __future__ import annotations

import argparse
import json
import sys

from slm_core.cli import specs_text
from slm_core.errors import CouldNot, GateFailed, UserError
from slm_core.plan.meta import count_on_meta
from slm_core.plan.specs import Subject, catalog_subjects, facts, find_subject, paper_subjects

EXAMPLES = """\
examples:
  slm specs
  slm specs qwen2.5-coder-0.5b-instruct mixtral-8x7b-instruct
  slm specs gemma-3-1b-it --context 4096
  slm specs my-model.gguf --json
  slm specs --verify           counts on PyTorch's meta device as well
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = subparsers.add_parser(
        "specs",
        help="what the models are made of: parameters, attention, cache, published scores",
        description="The paper's table 1 beside the models' own figures, and the same for all models here.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("models", metavar="MODEL", nargs="*", help="a name, or a path to a .gguf file")
    verb.add_argument("--context", type=int, metavar="N", help="tokens that the cache is counted for")
    verb.add_argument(
        "--verify", action="store_true", help="count the parameters on the meta device as well (extra train)"
    )
    verb.add_argument("--json", action="store_true", help="one JSON value on stdout")


def run(args: argparse.Namespace) -> int:
    """Print the tables.

    Raises:
        UserError: an unknown model, or a context below 1.
        MissingExtra: --verify without PyTorch or Transformers; the tables are printed before.
        GateFailed: --verify counted other parameters than the formula.
    """
    if args.context is not None and args.context < 1:
        raise UserError(f"{args.context}", where="--context", expected="1 token or more")
    first = [find_subject(name) for name in args.models] if args.models else paper_subjects()
    others, unknown = ([], []) if args.models else catalog_subjects()
    if args.json:
        found = [facts(subject, args.context) for subject in (*first, *others)]
        print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        print("\n".join(specs_text.grids(first, args.context)))
        if others:
            print("\n".join(specs_text.listing(others, unknown, args.context)))
        print("\n".join(specs_text.notes(first, others)))
    return _verify([*first, *others]) if args.verify else 0


def _verify(subjects: list[Subject]) -> int:
    """Compare the formula with Transformers' own modules, on stderr."""
    wrong = []
    for subject in subjects:
        model = subject.architecture
        try:
            counted = count_on_meta(model)
        except CouldNot as error:
            print(f"not verified: {error}", file=sys.stderr)
            continue
        same = counted == model.parameters
        print(
            f"{'ok' if same else 'differs':<8} {model.name}: {counted:,} on the meta device", file=sys.stderr
        )
        if not same:
            wrong.append(f"{model.name}: {model.parameters:,} by formula, {counted:,} on the meta device")
    if wrong:
        raise GateFailed("\n".join(wrong))
    return 0
