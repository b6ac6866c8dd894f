"""`slm doctor`: what is installed, which settings are in force and from where, and what is amiss."""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from itertools import groupby
from pathlib import Path
from typing import Literal

from slm_core import __version__
from slm_core.catalog import find_model, load_catalog
from slm_core.catalog.fetch import locate
from slm_core.catalog.space import free_bytes
from slm_core.domain import Domain, domain_names, find_domain
from slm_core.errors import UserError
from slm_core.settings import Settings, available_cpus, load_settings

EXAMPLES = """\
examples:
  slm doctor
  SLM_THREADS=4 slm doctor          shows that the value came from SLM_THREADS
  slm doctor --json
"""
DISTRIBUTION = "ondevice-slm"
GB = 1e9
ROOM = 2 * GB  # the default base, one wheel of it and an adapter


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, what was found, and what to do about it where something is amiss."""

    part: str
    name: str
    state: Literal["ok", "warn"]
    found: str
    mend: str = ""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = subparsers.add_parser(
        "doctor",
        help="what is installed, which settings are in force and from where",
        description="Looks at this machine and installation. Changes nothing and connects to nothing.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("--json", action="store_true", help="one JSON value on stdout")


def run(args: argparse.Namespace) -> int:
    """Print every check; a warning is no failure."""
    settings = load_settings()
    checks = list(_checks(settings))
    if args.json:
        print(json.dumps([asdict(check) for check in checks], ensure_ascii=False, indent=1))
        return 0
    for part, group in groupby(checks, key=lambda check: check.part):
        print(part)
        _print_part(list(group))
    warnings = sum(check.state == "warn" for check in checks)
    print(f"{warnings} warning{'' if warnings == 1 else 's'}")
    return 0


def _print_part(checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        mend = f"  ({check.mend})" if check.mend else ""
        print(f"  {check.state:<4} {check.name:<{width}}  {check.found}{mend}")


def _checks(settings: Settings) -> Iterator[Check]:
    yield from _machine(settings)
    yield from _settings(settings)
    yield from _models(settings)
    yield _broker()
    yield from _sources(settings)
    yield from sorted(
        _domains(settings), key=lambda check: check.part, reverse=True
    )  # domains, then adapters
    yield from _extras()


def _machine(settings: Settings) -> Iterator[Check]:
    yield Check("machine", "ondevice-slm", "ok", __version__)
    yield Check("machine", "python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield Check("machine", "engine", *_package("xllamacpp"))
    yield Check("machine", "cpus", "ok", f"{available_cpus()[1]}; {platform.machine()}")
    memory = _memory_bytes()
    if memory is not None:
        yield Check(
            "machine", "memory", "ok", f"{memory[0] / GB:.1f} GB, {memory[1] / GB:.1f} GB of it available"
        )
    free = free_bytes(settings.home)
    room = f"{free / GB:.1f} GB free in {settings.home}"
    if free < ROOM:
        yield Check("machine", "disk", "warn", room, f"{ROOM / GB:.0f} GB are wanted; SLM_HOME moves it")
    else:
        yield Check("machine", "disk", "ok", room)


def _broker() -> Check:
    """What `slm broker` would run; the broker of the settings may be another and is not asked."""
    from slm_core.bus.broker import choose_broker

    choice = choose_broker()
    found = f"{choice.program} ({choice.reason}); over a restart it keeps {choice.keeps}"
    if choice.program == "mosquitto":
        return Check("bus", "slm broker", "ok", found)
    return Check(
        "bus", "slm broker", "warn", found, "install mosquitto where sessions must outlive the broker"
    )


def _sources(settings: Settings) -> Iterator[Check]:
    """The topics of the user's own devices, or why their tables could not work."""
    from slm_core.runtime import check_domains_named, sources_of

    tables = settings.sources
    try:
        check_domains_named(settings)
        domains = [find_domain(name) for name in dict.fromkeys(table.domain for table in tables)]
        sources = [source for domain in domains for source in sources_of(domain, settings)]
    except UserError as error:
        where = f"{error.where}: " if error.where else ""
        yield Check("bus", "sources", "warn", f"{where}{error.what}", error.mend or error.expected or "")
        return
    topics = len({table.topic for table in tables})
    found = (
        f"tables: {len(tables)}, topics: {topics}" if tables else "none; docs/sources.md takes in any device"
    )
    yield Check("bus", "sources", "ok", found)
    for source in sources:
        mapped = f"{source.topic} -> {source.table.stream}  [{source.table.where()}]"
        yield Check("bus", source.table.domain, "ok", mapped)


def _memory_bytes() -> tuple[int, int] | None:
    """Total and available memory, where the kernel tells (Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return kilobytes["MemTotal"] * 1024, kilobytes["MemAvailable"] * 1024


def _settings(settings: Settings) -> Iterator[Check]:
    for key in type(settings).model_fields:
        if key == "sources":
            continue  # tables, which stand under the bus
        if key == "tables":  # by name alone: what is in them may be secret
            yield from (
                Check("settings", f"[{name}]", "ok", settings.origin(name)) for name in settings.tables
            )
            continue
        value = getattr(settings, key)
        shown = ", ".join(value) if isinstance(value, tuple) else str("" if value is None else value)
        yield Check("settings", key, "ok", f"{shown or '-'}  [{settings.origin(key)}]")


def _models(settings: Settings) -> Iterator[Check]:
    try:
        model = find_model(settings.model)
    except UserError as error:
        yield Check("models", settings.model, "warn", error.what, error.mend or "")
    else:
        if settings.engine == "llama" and locate(model, settings) is None:
            yield Check("models", model.name, "warn", "not here yet", f"slm models pull {model.name}")
    for model in load_catalog().values():
        if path := locate(model, settings):
            yield Check("models", model.name, "ok", str(path))


def _domains(settings: Settings) -> Iterator[Check]:
    names = domain_names()
    if not names:
        yield Check("domains", "-", "warn", "none is installed", f"pip install {DISTRIBUTION}")
    for name in names:
        try:
            domain = find_domain(name)
        except UserError as error:
            yield Check("domains", name, "warn", f"{error.where}: {error.what}", error.mend or "")
        else:
            yield Check("domains", name, "ok", f"{len(domain.tasks)} tasks, from {domain.min_model} up")
            yield from _adapters(domain, settings)


def _adapters(domain: Domain, settings: Settings) -> Iterator[Check]:
    """Those of every base: shipped with the domain, or trained here."""
    from slm_core.adapters import REFUSED, installed_adapter

    trained = settings.home / "adapters" / domain.name
    folders = sorted(path for path in trained.iterdir() if path.is_dir()) if trained.is_dir() else []
    for base in dict.fromkeys([*domain.bases, *(folder.name for folder in folders)]):
        try:
            adapter = installed_adapter(domain, base, settings)
        except UserError as error:
            yield Check("adapters", domain.name, "warn", str(error))
            continue
        if adapter is not None:
            found = f"{base} ({adapter.origin})  sha256 {adapter.sha256[:12]}  {adapter.path}"
            yield Check("adapters", domain.name, "ok", found)
        elif base in domain.bases:
            mend = f"finetune lora --domain {domain.name} --model {base}"
            yield Check("adapters", domain.name, "warn", f"none for {base}: {_instead(domain, base)}", mend)
    for folder in folders:
        if (folder / REFUSED).exists():
            found = f"{folder} failed its parity gate and is not used"
            yield Check("adapters", domain.name, "warn", found)


def _instead(domain: Domain, base: str) -> str:
    try:
        small = find_model(base).smaller_than(find_model(domain.min_model))
    except UserError as error:  # a package of somebody else may name a model that the catalog lacks
        return error.what
    return "the rules answer alone" if small else "the untuned base answers"


def _extras() -> Iterator[Check]:
    """An extra counts as there when every package it lists is installed."""
    for extra, packages in sorted(_extra_packages().items()):
        missing = sorted(package for package in packages if _package(package)[0] == "warn")
        if missing:
            mend = f"pip install '{DISTRIBUTION}[{extra}]'"
            yield Check("extras", extra, "warn", f"optional, not installed: {', '.join(missing)}", mend)
        else:
            yield Check("extras", extra, "ok", "installed")


def _extra_packages() -> dict[str, list[str]]:
    """The packages of each extra, from the installed metadata, which has extras of extras spelled out."""
    packages: dict[str, list[str]] = {}
    for requirement in requires(DISTRIBUTION) or []:
        name = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"""extra\s*==\s*['"]([\w-]+)['"]""", requirement)
        if name and extra and name[0] != DISTRIBUTION:
            packages.setdefault(extra[1], []).append(name[0])
    return packages


def _package(name: str) -> tuple[Literal["ok", "warn"], str]:
    try:
        return "ok", f"{name} {version(name)}"
    except PackageNotFoundError:
        return "warn", f"{name} is not installed"
