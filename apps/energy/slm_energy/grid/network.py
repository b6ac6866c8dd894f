"""A network to be looked at: one of pandapower's own by name, or a user's file. It is never changed."""

from __future__ import annotations

import copy
import logging
import math
import tomllib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from slm_core.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from pandapower import pandapowerNet

Lang = Literal["ko", "en"]
TITLE_LENGTH = 80


@dataclass(frozen=True, order=True)
class Element:
    """One piece of the network: the pandapower table it is in, its id there and its name ("" without one)."""

    kind: str
    id: int
    name: str = ""


@dataclass(frozen=True)
class Known:
    """A network that can be asked for by name."""

    name: str
    ko: str
    en: str
    buses: int
    call: str
    arguments: dict[str, str]


@dataclass(frozen=True, eq=False)
class Network:
    """A network and where it comes from.

    `net` is read only for whoever holds it: every calculation works on `copy()`. `out` are elements taken out
    by `without`, which no measure may bring back; `readings` counts loads that carry measured values.
    """

    name: str
    ko: str
    en: str
    net: pandapowerNet
    scale: float = 1.0
    readings: int = 0
    out: frozenset[tuple[str, int]] = frozenset()

    def copy(self) -> pandapowerNet:
        """Return a private copy to calculate on."""
        return copy.deepcopy(self.net)

    def title(self, lang: Lang) -> str:
        """Return what it is called in a language."""
        return self.ko if lang == "ko" else self.en

    def element(self, kind: str, index: int) -> Element:
        """Return an element with its name."""
        return Element(kind, int(index), name_of(self.net, kind, index))


def name_of(net: pandapowerNet, kind: str, index: int) -> str:
    """Return the name of an element, "" where it has none."""
    table = net[kind]
    return clean(table.at[index, "name"]) if "name" in table and index in table.index else ""


def elements_of(net: pandapowerNet, kind: str) -> list[Element]:
    """Return the elements of a table in its order."""
    table = net[kind]
    names = table["name"].tolist() if "name" in table else [None] * len(table)
    return [
        Element(kind, index, clean(name)) for index, name in zip(table.index.tolist(), names, strict=True)
    ]


def clean(name: object) -> str:
    """Return a name as one line of at most 80 printable characters; "" for none."""
    return "" if name is None or name != name else _line(str(name))  # NaN is not equal to itself


@lru_cache(maxsize=50_000)
def _line(text: str) -> str:
    text = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(text.split())[:TITLE_LENGTH]


@cache
def networks() -> dict[str, Known]:
    """Return the networks that can be asked for by name."""
    rows = tomllib.loads((Path(__file__).parent / "networks.toml").read_text(encoding="utf-8"))
    return {
        name: Known(name, row["ko"], row["en"], row["buses"], row.get("call", name), row.get("arguments", {}))
        for name, row in rows.items()
    }


def load_network(name_or_path: str | Path) -> Network:
    """Return a network by the name that `networks()` knows, or from a pandapower JSON file.

    Raises:
        UserError: no such name, or the file is missing, unreadable or not a network.
    """
    text = str(name_or_path)
    if text in networks():
        return _own(networks()[text])
    if text.lower().endswith(".json") or isinstance(name_or_path, Path):
        from slm_energy.grid.file import read_network

        net = read_network(Path(text))
        title = clean(net.get("name") or None) or clean(Path(text).stem)
        return Network(text, title, title, net)
    raise UserError(
        f"no network is called {text[:TITLE_LENGTH]!r}",
        expected="the name of a network, or a pandapower file ending in .json",
        mend=did_you_mean(text, networks(), 3),
    )


def _own(known: Known) -> Network:
    import pandapower.networks

    with _quiet():
        net = getattr(pandapower.networks, known.call)(**known.arguments)
    complete(net)
    return Network(known.name, known.ko, known.en, net)


@contextmanager
def _quiet() -> Iterator[None]:
    """Some of the networks run a power flow while they are made and complain of what `complete` mends."""
    log = logging.getLogger("pandapower.auxiliary")  # says that numba is not installed
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "tap_dependency_table is missing", DeprecationWarning)
            yield
    finally:
        log.disabled = before


def complete(net: pandapowerNet) -> None:
    """Say outright what networks of before pandapower 3.0 leave unsaid: no table of tap-dependent impedances.

    Without the column pandapower assumes just that, with a DeprecationWarning at every power flow.
    """
    for kind in ("trafo", "trafo3w"):
        if len(net[kind]) and "tap_dependency_table" not in net[kind]:
            net[kind]["tap_dependency_table"] = False


def at_load(network: Network, scale: float) -> Network:
    """Return the network with every load times `scale` (1: as it is); generation stays.

    Raises:
        UserError: not between 0 and 10.
    """
    if not (math.isfinite(scale) and 0 <= scale <= 10):
        raise UserError(f"load scale {scale}", expected="a number from 0 to 10, 1 for the load as it is")
    net = network.copy()
    for column in ("p_mw", "q_mvar"):
        net.load[column] = net.load[column] * scale
    return replace(network, net=net, scale=network.scale * scale)


def without(network: Network, kind: str, index: int) -> Network:
    """Return the network with one line or transformer out of service; no measure will bring it back.

    Raises:
        UserError: no such element.
    """
    require(network.net, kind, index, ("line", "trafo", "trafo3w"))
    net = network.copy()
    net[kind].at[index, "in_service"] = False
    return replace(network, net=net, out=network.out | {(kind, int(index))})


def require(net: pandapowerNet, kind: str, index: Any, kinds: tuple[str, ...]) -> None:
    """Refuse an element that is not there.

    Raises:
        UserError: unknown kind or id, with the nearest known ones.
    """
    if kind not in kinds:
        raise UserError(f"{kind!r} is no kind of element here", expected=", ".join(kinds))
    if index not in net[kind].index:
        near = sorted(net[kind].index, key=lambda each: abs(each - index))[:3] if _whole(index) else []
        raise UserError(
            f"the network has no {kind} {index}",
            expected=f"one of its {len(net[kind])} {kind} ids",
            mend=f"nearest: {', '.join(map(str, near))}" if near else None,
        )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
