"""What a finished step really did: the plan's powers, corrected by what load and panels turned out to be.

Where no meter of a part speaks it is taken to follow the plan; `plan/following.py` says how the battery makes
up for what was not foreseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import isnan

from slm_energy.ems.book import Book
from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Flows
from slm_energy.series import Series
from slm_energy.site import Site

_PARTS = ("cars", "loads", "rooms")


@dataclass(frozen=True)
class State:
    """How the parts of a site stand: energy in the battery, windows had, temperatures, what is on."""

    soc_kwh: float | None = None
    done: Mapping[str, float] = field(default_factory=dict)
    warm: Mapping[str, float] = field(default_factory=dict)
    on: frozenset[str] = frozenset()

    def of(self, site: Site) -> Site:
        """Return the site with its rooms as warm as they are."""
        rooms = (room.model_copy(update={"now": self.warm.get(room.name, room.now)}) for room in site.rooms)
        return site.model_copy(update={"rooms": tuple(rooms)})


def state(book: Book, at: datetime) -> State:
    """Return how the parts stand at a moment; the battery by its own meter where there is one."""
    kept = book.get("state") or {}
    soc, on = kept.get("soc_kwh"), frozenset(kept.get("on", ()))
    battery = book.site.battery if book.site else None
    if battery is None:
        return State(None, kept.get("done", {}), kept.get("warm", {}), on)
    if book.meters("soc"):
        said = [kwh for kwh in book.history("soc", at - 4 * book.step, at).values if not isnan(kwh)]
        soc = said[-1] if said else soc
    if soc is None:
        soc = battery.capacity_kwh * (battery.reserve + battery.full) / 2
    soc = min(max(soc, 0.0), battery.full * battery.capacity_kwh)
    return State(soc, kept.get("done", {}), kept.get("warm", {}), on)


def run_step(
    book: Book, at: datetime, planned: Flows | None, price: float, charge_below_kw: float | None = None
) -> Flows | None:
    """Return what the step that began at `at` did, and keep it; None where the load is not known.

    Args:
        book: of the site, which must be known.
        at: beginning of the step.
        planned: of the plan in force, beginning with this step; None leaves the site to its rule.
        price: of a kWh in this step; decides nothing, but a problem has one.
        charge_below_kw: power bought above which the battery does not charge, as its set-point says.
    """
    actual = actual_problem(book, at, planned, price)
    if actual is None:
        return None
    from slm_energy.plan.baseline import baseline
    from slm_energy.plan.following import follow
    from slm_energy.plan.rolling import done_by
    from slm_energy.plan.switching import running_in

    flows = follow(planned, actual) if planned else baseline(actual)
    if planned and charge_below_kw is not None and flows.buy.values[0] > charge_below_kw:
        less = max(0.0, planned.charge.values[0] - (flows.buy.values[0] - charge_below_kw))
        flows = follow(replace(planned, charge=planned.charge.with_values([less])), actual)
    warm = {name: series.values[0] for name, series in flows.temperature.items()}
    soc = flows.soc.values[0] if actual.site.battery else None
    on = sorted(running_in(flows, 0))
    book.keep("state", {"soc_kwh": soc, "done": done_by(actual, flows, 1), "warm": warm, "on": on})
    _keep(book, at, flows)
    return flows


def actual_problem(book: Book, at: datetime, planned: Flows | None, price: float) -> Problem | None:
    """Return one step as it was measured, with how the parts stood at its beginning."""
    assert book.site is not None
    load = book.history("load", at, at + book.step)
    if load.missing:
        return None
    pv = book.history("pv", at, at + book.step) if book.meters("pv") else load.with_values([0.0])
    if pv.missing:  # the meter is silent: as the plan expected it
        pv = pv.with_values([planned.pv_used.values[0] if planned else 0.0])
    outdoor = outdoor_at(book, at)
    now = state(book, at)
    site = now.of(_planned_site(book.site, planned, outdoor is not None))
    prices = Series("price", f"{site.currency}/kWh", load.start, load.step, (price,))
    pv = pv.with_values([max(0.0, pv.values[0])])
    load = load.with_values([max(0.0, load.values[0])])
    return Problem(site, load, pv, prices, outdoor, soc_kwh=now.soc_kwh, done=_of(site, now.done))


def planned_parts(flows: Flows, number: int) -> dict[str, float]:
    """Return kW of every car, load and room in a step of a plan."""
    kinds = (getattr(flows, kind) for kind in _PARTS)
    return {name: series.values[number] for kind in kinds for name, series in kind.items()}


def _planned_site(site: Site, planned: Flows | None, weather: bool) -> Site:
    """Return the site without parts that the plan does not know, and without rooms where nobody measures."""
    update: dict[str, object] = {} if weather else {"rooms": ()}
    if planned is not None:
        update |= {
            field: tuple(part for part in getattr(site, field) if part.name in known)
            for field, known in (
                ("cars", planned.cars),
                ("deferrables", planned.loads),
                ("rooms", planned.rooms),
            )
        }
    return site.model_copy(update=update)


def outdoor_at(book: Book, at: datetime) -> Series | None:
    """Return the temperature of a step, else the last one of the two hours before it; None without either."""
    if not book.meters("outdoor"):
        return None
    series = book.history("outdoor", at - 8 * book.step, at + book.step)
    known = [value for value in series.values if not isnan(value)]
    return series.from_step(len(series) - 1).with_values([known[-1]]) if known else None


def _of(site: Site, done: Mapping[str, float]) -> dict[str, float]:
    names = {part.name for part in (*site.cars, *site.deferrables)}
    return {name: amount for name, amount in done.items() if name in names}


def _keep(book: Book, at: datetime, flows: Flows) -> None:
    book.put("buy", "main", at, flows.buy.values[0])
    book.put("sell", "main", at, flows.sell.values[0])
    book.put("battery", "main", at, flows.charge.values[0] - flows.discharge.values[0])
    book.put("charge", "main", at, flows.soc.values[0])
    for kind in _PARTS:
        for name, series in getattr(flows, kind).items():
            book.put("part", name, at, series.values[0])
