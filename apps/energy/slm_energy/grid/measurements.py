"""Readings of meters put onto a copy of a network: by bus id, or by the name or id of a load."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from slm_core.errors import UserError, nearest
from slm_energy.grid.network import Network, clean, require

if TYPE_CHECKING:
    from pandapower import pandapowerNet

Reading = tuple[float, float]
MOST_MW = 1e5
MOST_NAMED = 5
_ID = re.compile(r"(bus|load)[ :_#-]?(\d{1,9})", re.ASCII | re.IGNORECASE)


def with_measurements(network: Network, readings: Mapping[int | str, Reading]) -> Network:
    """Return the network with readings in place of the loads it was modelled with; the others keep theirs.

    A reading of a load sets that load. A reading of a bus is what is drawn there net of sgens and storage at
    the bus, which keep their output: its loads share out what is then left in the proportion they have. At a
    bus without load one named "measured" is put in.

    Args:
        network: it is not changed.
        readings: (MW, Mvar) drawn; by bus id, "bus 12", "load 5", or a name that only one load or bus has.

    Raises:
        UserError: unknown or ambiguous names, each of them named; a value that is not finite; a bus that a
            generator or external grid holds, where the net reading is a result, not an input; a bus given and
            a load at it too.
    """
    found, faults = _resolved(network.net, readings)
    if faults:
        raise UserError(
            f"{len(faults)} of {len(readings)} readings cannot be put on the network",
            where="; ".join(faults[:MOST_NAMED]) + (" ..." if len(faults) > MOST_NAMED else ""),
            expected="a bus id, 'bus 12', 'load 5', or the name of a load or bus, with finite MW and Mvar",
        )
    net = network.copy()
    touched: set[int] = set()
    for (kind, index), reading in found.items():
        touched |= _set_load(net, index, reading) if kind == "load" else _set_bus(net, index, reading)
    return replace(network, net=net, readings=len(touched))


def _resolved(
    net: pandapowerNet, readings: Mapping[int | str, Reading]
) -> tuple[dict[tuple[str, int], Reading], list[str]]:
    names = _names(net)
    found: dict[tuple[str, int], Reading] = {}
    faults: list[str] = []
    for key, reading in readings.items():
        try:
            element = _element(net, key, names)
            p, q = reading
            if not all(math.isfinite(each) and abs(each) <= MOST_MW for each in (float(p), float(q))):
                raise UserError("no finite MW and Mvar")
            _require_free(net, element, found)
            found[element] = (float(p), float(q))
        except UserError as error:
            faults.append(f"{clean(key)!r}: {error.what}{f' ({error.mend})' if error.mend else ''}")
        except (TypeError, ValueError):
            faults.append(f"{clean(key)!r}: not two numbers")
    return found, faults


def _names(net: pandapowerNet) -> dict[str, list[tuple[str, int]]]:
    names: dict[str, list[tuple[str, int]]] = {}
    for kind in ("load", "bus"):
        if "name" in net[kind]:
            for index, name in zip(net[kind].index.tolist(), net[kind].name.tolist(), strict=True):
                if cleaned := clean(name):
                    names.setdefault(cleaned, []).append((kind, index))
    return names


def _element(
    net: pandapowerNet, key: int | str, names: Mapping[str, list[tuple[str, int]]]
) -> tuple[str, int]:
    if isinstance(key, int):
        require(net, "bus", key, ("bus",))
        return "bus", key
    named = names.get(clean(key), [])
    if len(named) == 1:
        return named[0]
    if named:
        raise UserError(
            "more than one element has this name", mend=", ".join(f"{kind} {id}" for kind, id in named[:3])
        )
    if match := _ID.fullmatch(key.strip()):
        kind, index = match[1].lower(), int(match[2])
        require(net, kind, index, ("bus", "load"))
        return kind, index
    near = nearest(clean(key), names, 2)
    raise UserError("unknown", mend=f"nearest: {', '.join(near)}" if near else None)


def _require_free(
    net: pandapowerNet, element: tuple[str, int], found: Mapping[tuple[str, int], Reading]
) -> None:
    kind, index = element
    if element in found:
        raise UserError("given twice")
    if kind == "load":
        if not net.load.at[index, "in_service"] or not net.load.at[index, "scaling"] > 0:
            raise UserError("this load is out of service")
        if ("bus", int(net.load.at[index, "bus"])) in found:
            raise UserError("its bus has a reading already")
        return
    if not net.bus.at[index, "in_service"]:
        raise UserError("this bus is out of service")
    if any(("load", each) in found for each in net.load.index[net.load.bus == index].tolist()):
        raise UserError("a load at it has a reading already")
    for holder in ("ext_grid", "gen"):
        if (net[holder].bus[net[holder].in_service.astype(bool)] == index).any():
            raise UserError("a generator or external grid holds this bus: give its loads")


def _set_load(net: pandapowerNet, index: int, reading: Reading) -> set[int]:
    scaling = float(net.load.at[index, "scaling"])
    net.load.at[index, "p_mw"], net.load.at[index, "q_mvar"] = reading[0] / scaling, reading[1] / scaling
    return {index}


def _set_bus(net: pandapowerNet, bus: int, reading: Reading) -> set[int]:
    import pandapower

    p, q = reading
    for kind, sign in (("sgen", 1), ("storage", -1)):
        there = net[kind][(net[kind].bus == bus) & net[kind].in_service.astype(bool)]
        p += sign * float((there.p_mw * there.scaling).sum())
        q += sign * float((there.q_mvar * there.scaling).sum())
    loads = net.load[(net.load.bus == bus) & net.load.in_service.astype(bool) & (net.load.scaling > 0)]
    if not len(loads):
        return {int(pandapower.create_load(net, bus, p, q, name="measured"))}
    power = loads.p_mw * loads.scaling
    shares = power / power.sum() if (power > 0).all() else power * 0 + 1 / len(loads)
    for index, share in shares.items():
        _set_load(net, int(index), (p * float(share), q * float(share)))
    return {int(each) for each in loads.index}
