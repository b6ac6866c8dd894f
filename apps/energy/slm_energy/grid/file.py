"""A user's pandapower JSON file, read without letting it name code.

pandapower's own reader imports any module that a file names (`_module`, `_class`) to rebuild objects, and
gives an `_object` that looks like a path to `pandas.read_json`. So the file is first read as plain JSON,
tables inside strings included; only a network of plain tables passes, and what pandapower then reads is
written anew from what was looked at, so the two cannot read it differently. Controllers and other objects are
refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import UserError
from slm_energy.grid.network import complete

if TYPE_CHECKING:
    from pandapower import pandapowerNet

MOST_BYTES = 32 * 2**20
MOST_BUSES = 10_000
_NET = ("pandapower.auxiliary", "pandapowerNet")
_TABLES = {("pandas.core.frame", "DataFrame"), ("pandas", "DataFrame")}
_TYPE = re.compile(
    r"(u?int(8|16|32|64)|float(16|32|64)|U?Int(8|16|32|64)|Float(32|64)|bool(ean)?|object|str|string)"
)
_KEYS = {
    *("_module", "_class", "_object", "orient", "dtype", "is_multiindex", "is_multicolumn"),
    *("index_name", "index_names", "column_name", "column_names"),
}
_NEEDED = {
    "bus": ("vn_kv", "in_service"),
    "line": ("from_bus", "to_bus", "length_km", "r_ohm_per_km", "x_ohm_per_km", "in_service"),
    "trafo": ("hv_bus", "lv_bus", "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "in_service"),
    "load": ("bus", "p_mw", "q_mvar", "in_service"),
}
_BUS_COLUMNS = ("bus", "from_bus", "to_bus", "hv_bus", "mv_bus", "lv_bus")


def read_network(path: Path) -> pandapowerNet:
    """Return the network of a file that `pandapower.to_json` wrote.

    Raises:
        UserError: missing, too large, not JSON, not a network, or with objects that are not plain tables.
    """
    document = _document(path)
    if not isinstance(document, dict) or (document.get("_module"), document.get("_class")) != _NET:
        raise _refused(path, "this JSON is not a pandapower network")
    body = document.get("_object")
    if not isinstance(body, dict):
        raise _refused(path, "the network has no tables", at="_object")
    plain = {str(key): _looked_at(value, str(key), path) for key, value in body.items()}
    net = _built({"_module": _NET[0], "_class": _NET[1], "_object": plain}, path)
    _check(net, path)
    complete(net)
    return net


def _document(path: Path) -> Any:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise UserError(
                f"{size / 2**20:.0f} MiB is too large", where=path, expected=f"at most {MOST_BYTES >> 20} MiB"
            )
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(error.strerror or "cannot be read", where=path) from error
    except UnicodeDecodeError as error:
        raise UserError(f"not UTF-8 (byte {error.start})", where=path) from error
    except json.JSONDecodeError as error:
        raise UserError(f"not JSON: {error.msg}", where=f"{path}:{error.lineno}") from error
    except RecursionError as error:
        raise _refused(path, "nested too deeply") from error


def _refused(path: Path, what: str, at: str = "") -> UserError:
    return UserError(
        what,
        where=f"{path}: {at}" if at else path,
        expected="a network of plain tables, as pandapower.to_json writes it",
        mend="write it with pandapower 3, without controllers (net.controller = net.controller[:0])",
    )


def _looked_at(value: Any, at: str, path: Path) -> Any:
    """Return a part of the network as it may be handed on: a table, or plain values without any class."""
    if isinstance(value, Mapping) and (value.get("_module"), value.get("_class")) in _TABLES:
        return _table(value, at, path)
    _require_plain(value, at, path)
    return value


def _table(value: Mapping[str, Any], at: str, path: Path) -> dict[str, Any]:
    unknown = sorted(value.keys() - _KEYS)
    if unknown or value.get("is_multiindex") or value.get("is_multicolumn"):
        raise _refused(path, f"a table with {', '.join(unknown) or 'a multi-index'}", at=at)
    types = value.get("dtype") or {}
    odd = (
        [str(each) for each in types.values() if not _TYPE.fullmatch(str(each))]
        if isinstance(types, dict)
        else ["?"]
    )
    if odd or value.get("orient", "split") != "split" or not isinstance(value.get("_object"), str):
        raise _refused(
            path, f"a table that is not written by pandapower{': ' + odd[0] if odd else ''}", at=at
        )
    try:
        cells = json.loads(value["_object"])
    except (json.JSONDecodeError, RecursionError) as error:
        raise _refused(path, "a table that is not JSON", at=at) from error
    if not isinstance(cells, dict) or cells.keys() != {"columns", "index", "data"}:
        raise _refused(path, "a table without columns, index and data", at=at)
    _require_plain(cells, at, path)
    return {**value, "_object": json.dumps(cells)}


def _require_plain(value: Any, at: str, path: Path) -> None:
    """Refuse anything that names a class, in texts that hold JSON too."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            if "_module" in each or "_class" in each:
                raise _refused(path, f"an object of class {str(each.get('_class'))[:60]!r}", at=at)
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            if "_module" in each or "_class" in each:
                raise _refused(path, "a text that names a class", at=at)
            if each[:1] in '{["' or each[:1].isspace():
                waiting += _inside(each, at, path)


def _inside(text: str, at: str, path: Path) -> list[Any]:
    """Return what a text holds if it is JSON, as the coordinates of a bus are."""
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return []
    except RecursionError as error:
        raise _refused(path, "nested too deeply", at=at) from error


def _built(document: Mapping[str, Any], path: Path) -> pandapowerNet:
    import pandapower

    try:
        net = pandapower.from_json_string(json.dumps(document), convert=True)
    except Exception as error:  # whatever pandapower's conversion stumbles over is a fault of the file
        said = " ".join(str(error).split())[:200]
        raise _refused(path, f"pandapower cannot build it ({type(error).__name__}: {said})") from error
    if not isinstance(net, pandapower.pandapowerNet):
        raise _refused(path, "this JSON is not a pandapower network")
    return net


def _check(net: pandapowerNet, path: Path) -> None:
    import numpy as np
    import pandas as pd

    for kind, columns in _NEEDED.items():
        table = net.get(kind)
        if not isinstance(table, pd.DataFrame) or (len(table) and not set(columns) <= set(table.columns)):
            raise _refused(path, f"needs the columns {', '.join(columns)}", at=kind)
        numbers = (
            table[[each for each in columns if each != "in_service"]] if len(table) else table.iloc[:0, :0]
        )
        if not all(np.isfinite(pd.to_numeric(numbers[each], errors="coerce")).all() for each in numbers):
            raise _refused(path, "a number is missing or no number", at=kind)
    if not 0 < len(net.bus) <= MOST_BUSES:
        raise _refused(path, f"{len(net.bus)} buses; 1 to {MOST_BUSES} can be calculated", at="bus")
    for kind, table in net.items():
        if not isinstance(table, pd.DataFrame) or kind.startswith(("res_", "_")):
            continue
        if table.index.has_duplicates:
            raise _refused(path, "an id occurs twice", at=kind)
        for column in set(_BUS_COLUMNS) & set(table.columns):
            lost = table[~table[column].isin(net.bus.index)] if kind[-3:] != "_dc" else table.iloc[:0]
            if len(lost):
                raise _refused(path, f"{kind} {lost.index[0]}: no bus {lost[column].iloc[0]}", at=kind)
