"""A CSV series as readings: a time column, and value columns with a kind and a unit each."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_core.dataset.records import read_records
from slm_core.dataset.source import Rejected
from slm_core.errors import UserError
from slm_core.event import Event
from slm_disaster.replay.timestamps import parse_time
from slm_disaster.situation.rules import convert

_PACKAGED = Path(__file__).parent / "columns.toml"
_KEYS = {"time", "zone", "missing", "names", "prefixes", "ignored"}


@dataclass(frozen=True)
class ColumnMap:
    """columns.toml: names of the time column, and what the value columns hold."""

    time: Sequence[str]
    zone: str
    missing: frozenset[str]
    names: Mapping[str, Sequence[str]]
    prefixes: Mapping[str, Sequence[str]]
    ignored: frozenset[str]

    def holds(self, column: str) -> tuple[str, str] | None:
        """Return kind and unit of a column, or None where it holds no reading that is known."""
        found = self.names.get(column)
        if found is None:
            fits = [prefix for prefix in self.prefixes if column.startswith(prefix)]
            found = self.prefixes[max(fits, key=len)] if fits else None
        return (found[0], found[1]) if found else None


def read_series(path: Path, columns: Path | None = None) -> Iterator[Event | Rejected]:
    """Yield a reading for each filled cell, line by line; an unknown column is told of once.

    Raises:
        UserError: no column is a time, none is a known reading, or the column map is wrong.
    """
    known = load_columns(columns)
    time_column, values = "", dict[str, tuple[str, str]]()
    for number, entry in enumerate(read_records(path)):
        if isinstance(entry, Rejected):
            yield entry
            continue
        if not time_column:
            time_column, values, unknown = _header(list(entry.columns), known, path)
            yield from (
                Rejected(f"{path}:1", f"column {name!r}: kind and unit unknown", name) for name in unknown
            )
        try:
            time = parse_time(str(entry.columns[time_column]), known.zone)
        except ValueError as error:
            yield Rejected(entry.where, f"{time_column}: {error}")
            continue
        for column, (kind, unit) in values.items():
            cell = str(entry.columns[column]).strip()
            if cell in known.missing:
                continue
            try:
                payload = {"value": float(cell.replace(",", "")), "unit": unit}
            except ValueError:
                yield Rejected(entry.where, f"{column}: {cell!r} is no number", cell)
                continue
            yield Event(
                stream=f"sensor/{kind}/{column}",
                kind="replay",
                source=f"replay:{path.name}",
                time=time,
                payload=payload,
                id=_short(f"{path.stem}-{number}-{column}"),
            )


def load_columns(path: Path | None = None) -> ColumnMap:
    """Return the column map of a file over the packaged one.

    Raises:
        UserError: the file is no TOML, has an unknown key, or a column of an unknown kind or unit.
    """
    table = tomllib.loads(_PACKAGED.read_text(encoding="utf-8"))
    if path is not None:
        try:
            own = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read the column map: {error}", where=path) from error
        unknown = sorted(set(own) - _KEYS)
        if unknown:
            raise UserError(f"unknown key {unknown[0]!r}", where=path, expected=", ".join(sorted(_KEYS)))
        _check(own, path)
        merged = {key: {**table[key], **own.get(key, {})} for key in ("names", "prefixes")}
        table = {**table, **own, **merged}
    return ColumnMap(
        time=table["time"],
        zone=table["zone"],
        missing=frozenset(table["missing"]),
        names=table["names"],
        prefixes=table["prefixes"],
        ignored=frozenset(table["ignored"]["names"]),
    )


def _check(own: Mapping[str, Any], path: Path) -> None:
    for key in ("names", "prefixes"):
        for column, holds in own.get(key, {}).items():
            if not isinstance(holds, list) or len(holds) != 2:
                raise UserError(f"{key}.{column}: {holds!r}", where=path, expected='["kind", "unit"]')
            refused = convert(str(holds[0]), 1.0, str(holds[1])).refused
            if refused:
                raise UserError(f"{key}.{column}: {refused}", where=path)


def _header(
    names: Sequence[str], known: ColumnMap, path: Path
) -> tuple[str, dict[str, tuple[str, str]], list[str]]:
    time = next((name for name in names if name.lower() in known.time), None)
    if time is None:
        raise UserError("no column is a time", where=f"{path}:1", expected=" or ".join(known.time))
    rest = [name for name in names if name != time and name not in known.ignored]
    values = {name: held for name in rest if (held := known.holds(name))}
    if not values:
        expected = ", ".join([*known.names, *(f"{prefix}..." for prefix in known.prefixes)])
        raise UserError("no column is a reading that is known", where=f"{path}:1", expected=expected)
    return time, values, [name for name in rest if name not in values]


def _short(name: str) -> str:
    """An id has at most 200 characters; a longer one is hashed, for its end tells the readings apart."""
    return name if len(name) <= 100 else hashlib.sha256(name.encode()).hexdigest()[:24]
