"""`slm models`: which base models there are, fetched and checked."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from slm_core.catalog import Model, ensure, find_here, find_model, load_catalog
from slm_core.catalog.fetch import cached_path, locate, state_of
from slm_core.catalog.licence import is_accepted, record_acceptance
from slm_core.catalog.verify import WrongHash, accept_or_remove, restamp
from slm_core.errors import CouldNot
from slm_core.settings import Settings, load_settings

EXAMPLES = """\
examples:
  slm models list
  slm models pull smollm2-135m-instruct
  slm models pull gemma-3-270m --accept-licence
  slm models show qwen2.5-coder-0.5b-instruct --json
  slm models verify
"""
ACTIONS = (  # name, help, example
    ("list", "every model, and whether it is here", "list --json"),
    ("pull", "fetch a model and verify it; prints its path", "pull smollm2-135m-instruct"),
    ("show", "everything known about a model, and where its file lies", "show qwen2.5-coder-0.5b-instruct"),
    ("verify", "hash what is here again; a wrong file in the cache is removed", "verify"),
)
HEADS = ("NAME", "SIZE", "LICENCE", "LANGUAGES", "CONTEXT", "STATE")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb and its four actions."""
    verb = subparsers.add_parser(
        "models",
        help="list, fetch and check the models of the catalog",
        description="The base models: which there are, which are here, and whether their bytes are right.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing, pull, show, verify = (
        actions.add_parser(
            name,
            help=line,
            description=line,
            epilog=f"example:\n  slm models {example}\n",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, line, example in ACTIONS
    )
    for parser in (pull, show):
        parser.add_argument("name", metavar="NAME", help="a catalog name, or a path to a .gguf file")
    verify.add_argument("name", metavar="NAME", nargs="?", help="one model (default: all that are here)")
    pull.add_argument(
        "--accept-licence", action="store_true", help="you have read and accept the model's terms"
    )
    for parser in (listing, show):
        parser.add_argument("--json", action="store_true", help="one JSON value on stdout")


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    settings = load_settings()
    if args.action == "list":
        return _list(settings, args.json)
    if args.action == "pull":
        return _pull(args.name, settings, args.accept_licence)
    if args.action == "show":
        return _show(find_model(args.name), settings, args.json)
    return _verify(args.name, settings)


def _list(settings: Settings, as_json: bool) -> int:
    models = list(load_catalog().values())
    if as_json:
        print(json.dumps([_facts(model, settings) for model in models], ensure_ascii=False, indent=1))
        return 0
    rows = [HEADS, *(_row(model, settings) for model in models)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _row(model: Model, settings: Settings) -> tuple[str, ...]:
    state = state_of(model, settings)
    return (
        model.name + (" *" if model.name == settings.model else ""),
        f"{model.size / 1e6:,.0f} MB" if model.size else "?",
        model.licence + ("" if model.commercial else " (non-commercial)"),
        ",".join(model.languages),
        str(model.context or "?"),
        state if model.verified or state in ("closed", "unverified") else f"{state}, unverified",
    )


def _pull(name: str, settings: Settings, accept: bool) -> int:
    model = find_model(name)
    if accept and not is_accepted(model, settings):
        record_acceptance(model, settings)
    print(ensure(name, settings))
    return 0


def _show(model: Model, settings: Settings, as_json: bool) -> int:
    facts = _facts(model, settings)
    if as_json:
        print(json.dumps(facts, ensure_ascii=False, indent=1))
        return 0
    for key, value in facts.items():
        if value not in (None, "", []):
            print(f"{key:<13} {_words(value)}")
    return 0


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _facts(model: Model, settings: Settings) -> dict[str, Any]:
    facts = model.model_dump(mode="json", exclude={"wheels", "path"})
    wheels = model.wheels
    facts["packages"] = [wheels.requirement(part + 1) for part in range(wheels.parts)] if wheels else []
    path = locate(model, settings)
    return {
        **facts,
        "verified": model.verified,
        "state": state_of(model, settings),
        "path": str(path) if path else None,
    }


def _verify(name: str | None, settings: Settings) -> int:
    models = [find_model(name)] if name else list(load_catalog().values())
    here = [(model, path) for model in models if (path := locate(model, settings))]
    if name and not here:
        raise CouldNot(f"{name} is not on this machine\n  mend: slm models pull {name}")
    if not here:
        print("no model is on this machine")
    wrong = [error for model, path in here if (error := _verify_one(model, path, settings))]
    if wrong:
        raise CouldNot("\n".join(map(str, wrong)))
    return 0


def _verify_one(model: Model, path: Path, settings: Settings) -> WrongHash | None:
    try:
        if path == cached_path(model, settings):
            found = accept_or_remove(path, model.sha256, settings, rehash=True)
        else:
            found = restamp(path, settings)
            find_here(model, settings)
    except WrongHash as error:
        return error
    print(f"{'ok' if model.verified else 'unverified':<11} {model.name}  sha256 {found}  {path}")
    return None
