"""Random sites: every plan keeps its limits, and is never dearer than the day without one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from energy_plan_sites import MIDNIGHT, hours
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_energy.plan.check import violations
from slm_energy.plan.problem import Problem
from slm_energy.plan.solve import solve

clock = st.integers(0, 23).map(lambda hour: f"{hour:02d}:00")
kw = st.floats(0.1, 10).map(lambda value: round(value, 2))


@st.composite
def batteries(draw: st.DrawFn) -> dict[str, Any]:
    reserve = draw(st.sampled_from([0.0, 0.1, 0.3]))
    return {
        "capacity_kwh": draw(kw), "charge_kw": draw(kw), "discharge_kw": draw(kw), "reserve": reserve,
        "charge_efficiency": draw(st.sampled_from([0.8, 0.95, 1.0])),
        "discharge_efficiency": draw(st.sampled_from([0.8, 0.95, 1.0])),
        "wear_per_kwh": draw(st.sampled_from([0.0, 5.0, 60.0])),
    }  # fmt: skip


@st.composite
def cars(draw: st.DrawFn) -> dict[str, Any]:
    power = draw(st.floats(2, 11))
    return {
        "name": "전기차", "charge_kw": power, "least_kw": draw(st.sampled_from([0.0, 1.4])),
        "needs_kwh": draw(st.floats(0, 1.5 * power)), "arrives": draw(clock), "leaves": draw(clock),
    }  # fmt: skip


@st.composite
def loads(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "name": "세탁기", "kw": draw(kw), "hours": draw(st.sampled_from([0.5, 1.0, 1.5, 3.0])),
        "earliest": draw(clock), "latest": draw(clock), "unbroken": draw(st.booleans()),
    }  # fmt: skip


@st.composite
def rooms(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "name": "office", "kw": draw(st.floats(0.5, 5)), "mode": draw(st.sampled_from(["heat", "cool"])),
        "low": 20.0, "high": 25.0, "from": draw(clock), "to": draw(clock),
        "loss_kw_per_k": draw(st.floats(0.05, 0.4)), "capacity_kwh_per_k": draw(st.floats(0.5, 5)),
    }  # fmt: skip


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    count, minutes = draw(st.integers(4, 16)), draw(st.sampled_from([15, 30, 60]))
    each = st.floats(0, 8).map(lambda value: round(value, 2))
    lowest = draw(st.sampled_from([-50, 0, 80]))
    some = {
        "battery": batteries(),
        "cars": cars().map(lambda one: [one]),
        "deferrables": loads().map(lambda one: [one]),
        "rooms": rooms().map(lambda one: [one]),
        "import_kw": st.floats(5, 30),
        "export_kw": st.floats(0, 5),
        "peak_kw": st.floats(5, 30),
        "export_price": st.sampled_from([0.0, 60.0, 250.0]),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(some)), min_size=1))
    return hours(
        draw(st.lists(st.integers(lowest, 300), min_size=count, max_size=count)),
        load=draw(st.lists(each, min_size=count, max_size=count)),
        pv=draw(st.lists(each, min_size=count, max_size=count)),
        outdoor=draw(st.sampled_from([-5.0, 15.0, 33.0])),
        start=MIDNIGHT + timedelta(hours=draw(st.integers(0, 23))),
        step=timedelta(minutes=minutes),
        asked={"demand_price": draw(st.sampled_from([0.0, 300.0])), "peak_so_far_kw": draw(each)},
        **{name: draw(some[name]) for name in sorted(chosen)},
    )


@settings(deadline=None, max_examples=60)
@given(problems())
def test_a_plan_keeps_all_its_limits_and_is_never_dearer_than_the_day_without_one(problem: Problem) -> None:
    plan = solve(problem)
    site, was_bought = problem.site, max(plan.before.buy.values)
    # The check forgives a thousandth, the solver does not.
    kept = not violations(problem, plan.before) and was_bought <= min(site.import_kw, site.peak_kw or 1e6)
    assert plan.status in ("optimal", "infeasible"), plan.said
    if kept:
        assert plan.status == "optimal"
    if plan.cost is not None and plan.flows is not None:
        assert violations(problem, plan.flows, plan.cost) == ()
        was = plan.cost_before
        moved = sum(plan.before.charge.values) + sum(plan.before.discharge.values)
        dearest = max(map(abs, problem.price.values)) * problem.load.hours
        # The gap of the solver, and what settles between plans of equal cost (model.py).
        near = 1e-3 + 2e-4 * (abs(was.energy) + was.demand + was.export) + 4e-5 * dearest * moved
        assert not kept or plan.cost.total <= was.total + near
