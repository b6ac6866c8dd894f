"""What the user may set: `slm.toml`, overridden by `SLM_*` variables, overridden by flags.

One `slm.toml` is read: the one in the current folder, else the one in `SLM_HOME`. A key named `model` is the
variable `SLM_MODEL` and the flag `--model`. A new key is one line in `Settings`.
"""

from __future__ import annotations

import json
import os
import re
import site
import sys
import sysconfig
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
)

from slm_core.errors import UserError, did_you_mean
from slm_core.source_table import SourceTable, read_tables

FILE = "slm.toml"
PREFIX = "SLM_"
DEFAULT_MODEL = "qwen2.5-coder-0.5b-instruct"


def available_cpus() -> tuple[int, str]:
    """Return how many processors this process may use, and why that many."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_cpus()
    if quota is not None and quota < allowed:
        return quota, f"the container may use {quota} of {allowed} cpus"
    return allowed, f"{allowed} cpus are open to this process"


def default_home() -> Path:
    """Return the XDG data folder of this program."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "ondevice-slm"


def _cgroup_cpus() -> int | None:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None  # no cgroup v2: no quota to respect
    return None if quota == "max" else max(1, int(quota) // int(period))


def _engine(value: str) -> str:
    if value != "llama" and not re.match(r"https?://[^/\s]+", value):
        raise ValueError("expected llama, or the http(s) address of an OpenAI-compatible server")
    return value.rstrip("/")


def _comma_list(value: Any) -> Any:
    if isinstance(value, list):  # an array of slm.toml
        return tuple(value)
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


UserPath = Annotated[Path, AfterValidator(lambda path: path.expanduser())]


class Settings(BaseModel):
    """Every setting in force; `origin(key)` says where it came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: UserPath = Field(
        default_factory=default_home, description="where models, adapters and datasets are kept"
    )
    data: UserPath | None = Field(
        default=None, description="folder of dataset cards and seeds, before the shipped ones"
    )
    model: str = Field(
        default=DEFAULT_MODEL, description="base model: a catalog name or a path to a .gguf file"
    )
    engine: Annotated[str, AfterValidator(_engine)] = Field(
        default="llama", description="llama, or a server's address"
    )
    offline: bool = Field(default=False, description="never connect beyond this machine")
    threads: int = Field(
        default_factory=lambda: available_cpus()[0], ge=1, description="threads of the engine"
    )
    context: int = Field(default=0, ge=0, description="tokens per slot; 0 chooses")
    models: UserPath | None = Field(default=None, description="your own GGUF files: a folder or a file")
    accept: Annotated[tuple[str, ...], BeforeValidator(_comma_list)] = Field(
        default=(), description="licences or models whose terms you accept, separated by commas"
    )
    site: str = Field(
        default="site", description="name of this place in every topic: slm/<site>/<domain>/..."
    )
    broker: str = Field(default="mqtt://127.0.0.1:1883", description="MQTT broker; mqtts:// for TLS")
    broker_password: SecretStr | None = Field(default=None, description="of the user in the broker's address")
    broker_password_file: UserPath | None = Field(
        default=None, description="its first line is the password, read at each connection"
    )
    broker_ca: UserPath | None = Field(default=None, description="PEM file of authorities to trust")
    broker_certificate: UserPath | None = Field(default=None, description="PEM file of this device")
    broker_key: UserPath | None = Field(default=None, description="PEM file of its key")
    mqtt: Literal["3.1.1", "5"] = Field(default="3.1.1", description="5 where the broker grants it")
    sources: tuple[SourceTable, ...] = Field(
        default=(), description="[[sources]] tables in slm.toml: topics of your own devices"
    )
    tables: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="[<domain>] tables in slm.toml: what a domain itself may be told"
    )
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def origin(self, key: str) -> str:
        """Return where a value came from: a flag, a variable, `file:line`, or the default and its reason."""
        if key in self._origins:
            return self._origins[key]
        return _REASONS[key]() if key in _REASONS else "default"


_REASONS: Mapping[str, Callable[[], str]] = {"threads": lambda: f"default: {available_cpus()[1]}"}


def load_settings(**flags: Any) -> Settings:
    """Read file, variables and flags (a flag that is None was not given).

    Raises:
        UserError: an unknown key (with the nearest known one) or a value of the wrong type, with its place.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    from_flags, from_variables = _read_flags(given), _read_variables()
    home = given.get("home") or from_variables[0].get("home") or default_home()
    for values, where in (_read_file(Path(home).expanduser().absolute()), from_variables, from_flags):
        merged |= values
        origins |= where
    settings = Settings.model_construct(**{**Settings().model_dump(), **merged})
    settings._origins.update(origins)
    return settings


def data_folder(domain: str, settings: Settings | None = None) -> Path:
    """Return the folder of a domain's card and seeds: in `SLM_DATA`, the checkout, or the installed share.

    Raises:
        UserError: none of them has it, or `SLM_DATA` is no folder.
    """
    data = (settings or load_settings()).data
    if data is not None and not data.is_dir():
        raise UserError(
            "no such folder", where=f"SLM_DATA={data}", expected="a folder with one folder a domain"
        )
    places = [place / domain for place in ([data] if data else []) + _shipped_data()]
    for place in places:
        if place.is_dir():
            return place
    raise UserError(
        f"there is no data of domain {domain!r}", expected=" or ".join(map(str, places)), mend="set SLM_DATA"
    )


def _shipped_data() -> list[Path]:
    checkout = Path(__file__).resolve().parents[2]
    prefixes = dict.fromkeys([sys.prefix, sysconfig.get_path("data"), site.getuserbase()])
    installed = [Path(prefix) / "share" / "ondevice-slm" / "datasets" for prefix in prefixes]
    return ([checkout / "datasets"] if (checkout / "pyproject.toml").is_file() else []) + installed


Layer = tuple[dict[str, Any], dict[str, str]]  # values, and where each came from


def _read_file(home: Path) -> Layer:
    path = next((place for place in (Path.cwd() / FILE, home / FILE) if place.is_file()), None)
    if path is None:
        return {}, {}
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise UserError("this is no UTF-8 text", where=path, expected="a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise UserError(
            str(error), where=f"{path}:{line[1]}" if line else path, expected="a TOML file"
        ) from error
    where = {key: f"{path}:{_line_of(key, text)}" for key in raw}
    tables: dict[str, Any] = {}
    if "sources" in raw:
        tables["sources"] = read_tables(raw.pop("sources"), path, text)
    own = {key: raw.pop(key) for key in list(raw) if isinstance(raw[key], dict)}
    if own:  # whether there is such a domain is known only where domains are
        tables["tables"] = own
    # Strict JSON mode refuses "4" and true for a number, yet still reads a path from a string.
    values = _checked(
        raw, where, lambda: Settings.model_validate_json(json.dumps(raw, default=str), strict=True)
    )
    placed = {key: path.parent / value if isinstance(value, Path) else value for key, value in values.items()}
    return placed | tables, where


def _read_variables() -> Layer:
    """A variable set to nothing counts as not set."""
    raw = {name[len(PREFIX) :].lower(): v for name, v in os.environ.items() if name.startswith(PREFIX) and v}
    where = {key: f"{PREFIX}{key.upper()}" for key in raw}
    values = _checked(raw, where, lambda: Settings.model_validate(raw))
    return _from_current_folder(values), where


def _read_flags(given: dict[str, Any]) -> Layer:
    where = {key: f"--{key.replace('_', '-')}" for key in given}
    return _from_current_folder(_checked(given, where, lambda: Settings.model_validate(given))), where


def _from_current_folder(values: dict[str, Any]) -> dict[str, Any]:
    return {key: Path.cwd() / value if isinstance(value, Path) else value for key, value in values.items()}


def _checked(
    raw: Mapping[str, Any], where: Mapping[str, str], validate: Callable[[], Settings]
) -> dict[str, Any]:
    unknown = next((key for key in raw if key not in Settings.model_fields), None)
    if unknown is not None:
        place, known = where[unknown], list(Settings.model_fields)
        if place.startswith(PREFIX):
            unknown, known = place, [f"{PREFIX}{name.upper()}" for name in known]
        mend = did_you_mean(unknown, known) or "docs/settings.md lists them all"
        raise UserError(f"unknown setting {unknown!r}", where=place, mend=mend)
    try:
        checked = validate()
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        what = first["msg"].removeprefix("Value error, ")
        shown = "(not shown)" if key.endswith("password") else repr(raw[key])
        raise UserError(
            f"{key} = {shown}: {what}", where=where[key], expected=Settings.model_fields[key].description
        ) from error
    return {key: getattr(checked, key) for key in raw}


def _line_of(key: str, text: str) -> int:
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)
