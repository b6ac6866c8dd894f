"""A command made of verbs: one module a verb, imported when it is used.

A verb's module has `register(subparsers)` and `run(args) -> int`. Only the module of the verb in use is
imported, so `--help` of the command stays fast and light.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from slm_core import __version__
from slm_core.cli import edge


class Command(NamedTuple):  # a dataclass would load eight modules more before the help is shown
    """A command: its name, what `--help` says, and its verbs.

    Args:
        name: what the user types.
        package: where the modules of the verbs lie.
        verbs: name (that of its module or package, `-` for `_`) to the line that the help shows.
        description: of the help.
        epilog: examples.
    """

    name: str
    package: str
    verbs: Mapping[str, str]
    description: str
    epilog: str

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Run with these arguments (default: the process's) and return the exit code."""
        arguments = sys.argv[1:] if argv is None else list(argv)
        return edge.run(lambda: self._run(arguments), prog=self.name)

    def _run(self, arguments: list[str]) -> int:
        verb = next((word for word in arguments if not word.startswith("-")), None)
        args = self._parser(verb).parse_args(arguments)
        code: int = self._module(args.verb).run(args)
        return code

    def _module(self, verb: str) -> Any:
        """`trim-vocab` is the module `trim_vocab`."""
        return import_module(f"{self.package}.{verb.replace('-', '_')}")

    def _parser(self, verb: str | None) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(
            prog=self.name,
            description=self.description,
            epilog=self.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--version", action="version", version=f"ondevice-slm {__version__}")
        subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        for name, line in self.verbs.items():
            if name == verb:
                self._module(name).register(subparsers)
            else:
                subparsers.add_parser(name, help=line)
        return parser
