"""A plan as an optimisation: variables, what physics demands, what is limited, and what it costs.

Linear where that is exact, with binaries only where they are needed (`Model.binaries` says why). Everything
is in kW (mean of a step), kWh and the site's currency; `h` is the length of a step in hours.

    buy - sell = load - pv_used + charge - discharge + cars + loads + rooms              (each step)
    soc' = soc + h (charge_efficiency charge - discharge / discharge_efficiency)
    cost = h (price buy - export_price sell + wear discharge) + demand_price max(0, peak - peak_so_far)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from slm_energy.plan.cost import billing_windows, counts, export_prices
from slm_energy.plan.limits import UNLIMITED_KW, end_kwh, limits, size
from slm_energy.plan.parts import add_parts
from slm_energy.plan.problem import Problem
from slm_energy.site import Battery

_FLOWS = ("buy", "sell", "pv_used", "charge", "discharge", "soc")
# Shares of the dearest price that settle between plans of equal cost and are no part of the cost.
_TIE, _SOON, _HIGH = 1e-6, 3e-5, 1e-3


@dataclass
class Model:
    """A built problem.

    Args:
        asked: the problem that it was built for.
        problem: the cvxpy problem; its objective is `cost` in units of the dearest step, with a tie-break;
            elastic: `violation`.
        buy ... soc: one variable a step. cars, loads, rooms: kW by name; temperature in degrees Celsius.
        highest: mean power of the hours that count for the demand, of all where none does.
        over: what it adds to the peak so far (the peak itself would bring a constant into the cost, and the
            solver's gap is a share of all).
        cost: expression in the site's currency, without the worth of what is left in the battery.
        switching: what starts of cars and loads are charged beside the cost (switching.py).
        slack: elastic only: by how much each limit is passed, in its unit, by limit id.
        weight: of each slack in `violation`.
        constraints: by limit id what states it, and under `physics` what nobody can relax.
        binaries: why there are binaries, one reason each; empty means a linear problem.
        without, elastic: as asked of `build`.
    """

    asked: Problem
    problem: Any
    buy: Any
    sell: Any
    pv_used: Any
    charge: Any
    discharge: Any
    soc: Any
    over: Any
    highest: Any
    cars: dict[str, Any] = field(default_factory=dict)
    loads: dict[str, Any] = field(default_factory=dict)
    rooms: dict[str, Any] = field(default_factory=dict)
    temperature: dict[str, Any] = field(default_factory=dict)
    cost: Any = None
    switching: Any = None
    violation: Any = None
    slack: dict[str, Any] = field(default_factory=dict)
    weight: dict[str, float] = field(default_factory=dict)
    constraints: dict[str, list[Any]] = field(default_factory=dict)
    binaries: list[str] = field(default_factory=list)
    without: frozenset[str] = frozenset()
    elastic: bool = False

    def state(self, limit: str, *constraints: Any) -> None:
        """Add what states a limit (or `physics`), unless the model is built without it."""
        if limit not in self.without:
            self.constraints.setdefault(limit, []).extend(constraints)

    def room_in(self, limit: str) -> Any:
        """Return the slack of a limit: 0 where the model is not elastic."""
        return self.slack.get(limit, 0.0)


def build(problem: Problem, *, without: frozenset[str] = frozenset(), elastic: bool = False) -> Model:
    """Return the optimisation of a problem.

    Args:
        problem: what is asked.
        without: ids of limits that are left out.
        elastic: every limit may be passed, and the objective is by how little that can be done: the sum of
            all slacks, each divided by its limit's natural size.
    """
    import cvxpy as cp

    model = _variables(problem, without, elastic)
    _connection(model)
    _battery(model)
    add_parts(model)
    _balance(model)
    _cost(model)
    model.violation = sum(
        (model.weight[name] * slack for name, slack in model.slack.items()), start=cp.Constant(0)
    )
    objective = model.violation
    if not elastic:
        objective = (model.cost + model.switching - _left(model)) / _scale(problem) + _tie(model)
    model.problem = cp.Problem(
        cp.Minimize(objective), [c for some in model.constraints.values() for c in some]
    )
    return model


def _variables(problem: Problem, without: frozenset[str], elastic: bool) -> Model:
    import cvxpy as cp

    n = len(problem.load)
    one_a_step = {name: cp.Variable(n, name=name, nonneg=True) for name in _FLOWS}
    model = Model(
        problem,
        None,
        **one_a_step,
        over=cp.Variable(name="over", nonneg=True),
        highest=cp.Variable(name="highest", nonneg=True),
        switching=cp.Constant(0),
        without=without,
        elastic=elastic,
    )
    if elastic:
        for limit in limits(problem):
            if limit.id not in without:
                model.slack[limit.id] = cp.Variable(name=f"over:{limit.id}", nonneg=True)
                model.weight[limit.id] = 1 / size(problem, limit)
    return model


def _connection(model: Model) -> None:
    import numpy as np

    problem, site = model.asked, model.asked.site
    most_pv = np.maximum(np.array(problem.pv.values), 0.0)
    model.state("physics", model.pv_used <= most_pv)
    if site.import_kw < UNLIMITED_KW:
        model.state("grid.import", model.buy <= site.import_kw + model.room_in("grid.import"))
    if site.export_kw < UNLIMITED_KW:
        model.state("grid.export", model.sell <= site.export_kw + model.room_in("grid.export"))
    if problem.request is not None:
        asked = np.minimum(np.array(problem.request.values), UNLIMITED_KW)
        model.state("grid.request", model.buy <= asked + model.room_in("grid.request"))
    means = _means(model)
    counted = [row for row, steps in enumerate(billing_windows(problem)) if counts(problem, steps)]
    # On a day that nothing counts on (KEPCO: light load) the whole of it is kept even, and nothing is billed.
    model.state("physics", model.highest >= (means[counted] if counted else means))
    if counted:
        model.state("physics", model.over >= model.highest - problem.peak_so_far_kw)
    if site.peak_kw is not None:
        model.state("grid.peak", means <= site.peak_kw + model.room_in("grid.peak"))


def _means(model: Model) -> Any:
    """Return the mean power bought in each billing window."""
    import numpy as np

    windows = billing_windows(model.asked)
    if len(windows) == len(model.asked.load):
        return model.buy
    matrix = np.zeros((len(windows), len(model.asked.load)))
    for row, steps in enumerate(windows):
        matrix[row, steps] = 1 / len(steps)
    return matrix @ model.buy


def _battery(model: Model) -> None:
    problem, battery = model.asked, model.asked.site.battery
    if battery is None:
        model.state("physics", model.charge == 0, model.discharge == 0, model.soc == 0)
        return
    import cvxpy as cp

    start, h = problem.soc_start_kwh, problem.load.hours
    before = cp.hstack([start, model.soc[:-1]])
    stored = battery.charge_efficiency * model.charge - model.discharge / battery.discharge_efficiency
    # A battery that starts outside of its band may stay where it is, and goes no further.
    model.state(
        "physics",
        model.soc == before + h * stored,
        model.soc >= min(battery.reserve * battery.capacity_kwh, start),
        model.soc <= max(battery.full * battery.capacity_kwh, start),
    )
    more = model.room_in("battery.power")
    model.state(
        "battery.power",
        model.charge <= battery.charge_kw + more,
        model.discharge <= battery.discharge_kw + more,
    )
    if problem.end_value is None:
        least = min(end_kwh(problem, battery), max(battery.full * battery.capacity_kwh, start))
        model.state("battery.end", model.soc[-1] >= least - model.room_in("battery.end"))
    _one_way(model, battery)


def _one_way(model: Model, battery: Battery) -> None:
    """Forbid to charge and discharge at once, where burning energy that way could pay."""
    reason = burning_pays(model.asked)
    if reason is None:
        return
    import cvxpy as cp

    charging = cp.Variable(len(model.asked.load), boolean=True, name="charging")
    # Where power itself may be relaxed or is left out, the bound must not be what limits it.
    wide = 10.0 if model.elastic or "battery.power" in model.without else 1.0
    model.state(
        "physics",
        model.charge <= wide * battery.charge_kw * charging,
        model.discharge <= wide * battery.discharge_kw * (1 - charging),
    )
    model.binaries.append(reason)


def burning_pays(problem: Problem) -> str | None:
    """Return why a plan could gain by charging and discharging at once; None where losses only cost."""
    if min(problem.price.values, default=0.0) < 0:
        return "the battery charges or discharges, not both: power has negative prices"
    surplus = min(problem.load.values, default=0.0) < 0
    if surplus and (problem.site.export_kw < UNLIMITED_KW or min(export_prices(problem)) < 0):
        return "the battery charges or discharges, not both: there is surplus that cannot all be fed in"
    return None


def _balance(model: Model) -> None:
    import numpy as np

    parts = [*model.cars.values(), *model.loads.values(), *model.rooms.values()]
    used = np.array(model.asked.load.values) + model.charge + sum(parts)
    model.state("physics", model.buy - model.sell == used - model.pv_used - model.discharge)
    dearer = [
        export > price
        for export, price in zip(export_prices(model.asked), model.asked.price.values, strict=True)
    ]
    if any(dearer) and not model.elastic:
        _one_direction(model)


def _one_direction(model: Model) -> None:
    """Forbid to buy and sell at once, where that would pay: one meter counts the difference."""
    import cvxpy as cp
    import numpy as np

    most = _most_kw(model)
    buying = cp.Variable(len(model.asked.load), boolean=True, name="buying")
    out = np.array(model.asked.pv.values) + np.maximum(0.0, -np.array(model.asked.load.values)) + most[1]
    into = np.maximum(0.0, np.array(model.asked.load.values)) + most[0]
    model.state(
        "physics",
        model.buy <= cp.multiply(into, buying),
        model.sell <= cp.multiply(np.maximum(out, 0.0), 1 - buying),
    )
    model.binaries.append("the site buys or sells, not both: feeding in pays more than power costs")


def _most_kw(model: Model) -> tuple[float, float]:
    """Return how much all parts can draw and the battery can give, wide where power is left out."""
    site = model.asked.site
    wide = 10.0 if any(name.endswith(".power") for name in model.without) else 1.0
    battery = (site.battery.charge_kw, site.battery.discharge_kw) if site.battery else (0.0, 0.0)
    drawn = [
        *(car.charge_kw for car in site.cars),
        *(x.kw for x in site.deferrables),
        *(x.kw for x in site.rooms),
    ]
    return wide * (battery[0] + sum(drawn)), wide * battery[1]


def _cost(model: Model) -> None:
    import numpy as np

    problem, h = model.asked, model.asked.load.hours
    wear = problem.site.battery.wear_per_kwh if problem.site.battery else 0.0
    bought = h * np.array(problem.price.values) @ model.buy
    sold = h * np.array(export_prices(problem)) @ model.sell
    worn = h * wear * np.ones(len(problem.load)) @ model.discharge
    model.cost = bought - sold + worn + problem.demand_price * model.over


def _left(model: Model) -> Any:
    """Return the worth of what is left in the battery at the end, where charge at the end is not fixed."""
    return 0.0 if model.asked.end_value is None else model.asked.end_value * model.soc[-1]


def _scale(problem: Problem) -> float:
    """Return the dearest kW of a step: in its unit the objective is near 1 whatever the currency."""
    return max((abs(price) for price in problem.price.values), default=0.0) * problem.load.hours or 1.0


def _tie(model: Model) -> Any:
    """Return what settles between plans of equal cost: little cycling and throttling, a low peak.

    Where power or surplus is worth nothing a linear program may else burn it by charging and discharging, or
    by buying and selling, at once. Energy is bought as late and used as early as costs allow: what was bought
    cannot be given back when the hours come otherwise.
    """
    import cvxpy as cp
    import numpy as np

    steps = len(model.asked.load)
    passed = np.arange(steps) / steps
    early, late = 2 * _TIE + _SOON * (1 - passed), 2 * _TIE + _SOON * passed
    moved = early @ model.charge + late @ model.discharge
    high = _HIGH / model.asked.load.hours * model.highest
    return moved + _TIE * (cp.sum(model.buy) - cp.sum(model.pv_used)) + high


def values_of(model: Model) -> dict[str, Any]:
    """Return the solved numbers by field of Flows: arrays for the site, dicts of arrays for its parts."""
    found = {name: getattr(model, name).value for name in _FLOWS}
    for kind in ("cars", "loads", "rooms", "temperature"):
        found[kind] = {name: power.value for name, power in getattr(model, kind).items()}
    return found
