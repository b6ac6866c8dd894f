"""Which adapters are installed for a base: trained here, shipped with a domain, or named by the user.

An adapter is a folder `<domain>/<base>/` with `adapter.gguf`, `adapter_config.json` and `README.md`. The one
in `SLM_HOME/adapters` comes before the one in the domain's package. A folder that holds a file `REFUSED`
failed its parity gate: it is kept and not used. `run.json`, where there is one, names the tasks that it was
trained on: it answers no other.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from slm_core.domain import Domain, domain_names, find_domain
from slm_core.engine.adapter import FILE, Adapter, Origin, read_adapter
from slm_core.errors import UserError
from slm_core.settings import Settings

CONFIG, RUN, REFUSED = "adapter_config.json", "run.json", "REFUSED"
NONE = "none"  # --adapter none


def installed_adapters(base: str, settings: Settings) -> dict[str, Adapter]:
    """Return the adapters for a base (a catalog name) of all installed domains, by the domain's name.

    Raises:
        UserError: a folder is broken; the file is named.
    """
    found = {name: installed_adapter(find_domain(name), base, settings) for name in domain_names()}
    return {name: adapter for name, adapter in found.items() if adapter is not None}


def installed_adapter(domain: Domain, base: str, settings: Settings) -> Adapter | None:
    """Return the adapter in force for a domain on a base, or None where there is none.

    Raises:
        UserError: the folder is broken; the file is named.
    """
    for folder, origin in _places(domain, base, settings):
        if folder.is_dir() and not (folder / REFUSED).exists():
            return read_folder(folder, domain.name, base, origin)
    return None


def resolve_adapter(choice: str | None, domain: Domain, base: str, settings: Settings) -> Adapter | None:
    """Return the adapter that `--adapter` asks for.

    Args:
        choice: None (the installed one, if any), `none`, a domain's name, or a path to a folder or file.
        domain: whose tasks it will serve.
        base: catalog name of the base in use.
        settings: say where `SLM_HOME` is.

    Raises:
        UserError: it is not there, was refused by its gate, or is broken.
    """
    if choice is None:
        return installed_adapter(domain, base, settings)
    if choice == NONE:
        return None
    path = Path(choice).expanduser()
    if choice not in domain_names() and path.exists():
        return read_folder(path, domain.name, base, "path")
    if choice in {domain.name, *domain_names()}:
        return replace(_of_domain(choice, domain, base, settings), domain=domain.name)
    raise UserError(
        f"no such adapter {choice!r}",
        where="--adapter",
        expected=f"{NONE}, a folder with {FILE}, or one of {', '.join(domain_names())}",
    )


def adapter_files(domain: Domain, settings: Settings) -> list[Path]:
    """Return the adapter files of a domain that lie here, for whichever base, refused ones too."""
    folders = (settings.home / "adapters" / domain.name, domain.package / "adapter")
    return sorted(path for folder in folders for path in folder.glob(f"*/{FILE}"))


def read_folder(path: Path, domain: str, base: str, origin: Origin) -> Adapter:
    """Read an adapter folder, or a lone `.gguf` file.

    Raises:
        UserError: a file of it is missing or broken; it is named.
    """
    if path.is_file():
        return read_adapter(path, domain, base, origin)
    _json(path / CONFIG, "PEFT's configuration")
    adapter = read_adapter(path / FILE, domain, base, origin)
    return replace(adapter, tasks=_tasks(path / RUN)) if (path / RUN).is_file() else adapter


def _tasks(run: Path) -> frozenset[str] | None:
    expected = 'the record of a training, with "training": {"tasks": [...]}'
    record = _json(run, expected)
    training = record.get("training") if isinstance(record, dict) else None
    tasks = training.get("tasks") if isinstance(training, dict) else None
    if tasks is None:
        return None
    if not isinstance(tasks, list) or not all(isinstance(task, str) for task in tasks):
        raise UserError(f"training.tasks: {tasks!r} is no list of names", where=run, expected=expected)
    return frozenset(tasks)


def _json(path: Path, expected: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError("no such file", where=path, expected="an adapter folder has it") from error
    except ValueError as error:
        raise UserError(f"no JSON: {error}", where=path, expected=expected) from error


def _of_domain(name: str, domain: Domain, base: str, settings: Settings) -> Adapter:
    owner = domain if name == domain.name else find_domain(name)
    found = installed_adapter(owner, base, settings)
    if found is not None:
        return found
    places = [folder for folder, _ in _places(owner, base, settings)]
    refused = next((folder for folder in places if (folder / REFUSED).exists()), None)
    what = "failed its parity gate and is not used" if refused else f"is not installed for {base}"
    raise UserError(
        f"the adapter of {name} {what}",
        where=refused or "--adapter",
        expected=f"a folder {' or '.join(map(str, places))}",
        mend=f"finetune lora --domain {name} --model {base}, or --adapter {NONE}",
    )


def _places(domain: Domain, base: str, settings: Settings) -> list[tuple[Path, Origin]]:
    home = settings.home / "adapters" / domain.name / base
    return [(home, "home"), (domain.package / "adapter" / base, "shipped")]
