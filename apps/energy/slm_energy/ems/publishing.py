"""A schedule in the words of EMHASS's sensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slm_energy.plan.cost import export_prices
from slm_energy.plan.schedule import Schedule

if TYPE_CHECKING:
    from slm_energy.emhass.sensors import Optim, Published

_ISO = {"원": "KRW", "₩": "KRW", "$": "USD", "€": "EUR", "¥": "JPY", "£": "GBP"}


def published(schedule: Schedule) -> Published:
    """Return what there is to publish of a schedule; loads and then cars are the deferrables.

    What is followed for want of a plan is no plan: it is published as infeasible, without a schedule.
    """
    from slm_energy.emhass.sensors import Published

    problem, flows, cost = schedule.problem, schedule.flows, schedule.cost
    site = problem.site
    status: Optim = "Optimal (Relaxed)" if problem.relaxed else "Optimal"
    currency = currency_code(site.currency)
    if flows is None or cost is None or schedule.status == "fallback":
        return Published(problem.start, problem.step, (), (), (), (), "Infeasible", 0.0, currency)
    battery, capacity = site.battery, site.battery.capacity_kwh if site.battery else 1.0
    rooms = (series.values for series in flows.rooms.values())
    load = tuple(sum(values) for values in zip(problem.load.values, *rooms, strict=True))
    grid = tuple(b - s for b, s in zip(flows.buy.values, flows.sell.values, strict=True))
    power = tuple(d - c for d, c in zip(flows.discharge.values, flows.charge.values, strict=True))
    return Published(
        problem.start,
        problem.step,
        load,
        grid,
        problem.price.values,
        export_prices(problem),
        status,
        cost.total,
        currency,
        pv_kw=flows.pv_used.values if site.panels else None,
        battery_kw=power if battery else None,
        soc=tuple(kwh / capacity for kwh in flows.soc.values) if battery else None,
        deferrables={name: series.values for name, series in {**flows.loads, **flows.cars}.items()},
    )


def currency_code(currency: str) -> str:
    """Return the ISO 4217 code of a currency as people write it."""
    return _ISO.get(currency, currency.upper())
