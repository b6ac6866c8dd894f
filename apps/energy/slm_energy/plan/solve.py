"""A problem to a schedule: solved by HiGHS, then recomputed in plain numbers before anybody may follow it."""

from __future__ import annotations

import ctypes
import os
import sys
import time
import warnings
from dataclasses import replace
from functools import lru_cache
from typing import Any

from slm_core.errors import MissingExtra
from slm_energy.plan.baseline import baseline, flows_of
from slm_energy.plan.check import violations
from slm_energy.plan.cost import cost_of
from slm_energy.plan.model import Model, build, values_of
from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Flows, Schedule, Status
from slm_energy.plan.switching import SWITCHING

_OF_TIME = 0.8  # HiGHS looks at the clock now and then only, and the check needs a moment
_DIGITS = 6  # of kW, kWh and degrees that are kept: a milliwatt is below what any device can follow


def solve(problem: Problem, *, seconds: float = 10.0, gap: float = 2e-5) -> Schedule:
    """Return the cheapest schedule.

    Args:
        problem: what is asked.
        seconds: after which the best answer so far is taken; loading the solver once does not count.
        gap: distance to the optimum, as a share of it, that is good enough.
    """
    _cvxpy()
    begun = time.monotonic()
    before = baseline(problem)
    model = build(problem)
    said = "; ".join(model.binaries) or "linear"
    status, gap_left, words = run(model, seconds=seconds - (time.monotonic() - begun), gap=gap)
    if status == "infeasible" and SWITCHING in model.constraints:  # a wish must not cost the plan
        model = build(problem, without=frozenset({SWITCHING}))
        status, gap_left, words = run(model, seconds=seconds - (time.monotonic() - begun), gap=gap)
    taken = time.monotonic() - begun
    found = Schedule(
        problem,
        status,
        before,
        cost_of(problem, before),
        gap=gap_left,
        seconds=taken,
        said=f"{said}; {words}",
    )
    return _verified(found, model) if status in ("optimal", "feasible") else found


def run(model: Model, *, seconds: float, gap: float = 1e-4) -> tuple[Status, float, str]:
    """Solve a built model in place and return status, proven gap and what the solver said."""
    cp = _cvxpy()
    with warnings.catch_warnings():
        # It warns where time ran out; the status says the same.
        warnings.filterwarnings("ignore", message="Solution may be inaccurate", category=UserWarning)
        try:
            # Restarts and neighbourhood searches cost half the time here and find nothing better.
            model.problem.solve(
                solver=cp.HIGHS,
                mip_rel_gap=gap,
                time_limit=max(0.1, _OF_TIME * seconds),
                mip_allow_restart=False,
                mip_heuristic_run_rens=False,
                mip_heuristic_run_rins=False,
                random_seed=0,
            )
        except cp.error.SolverError as error:
            return "failed", 0.0, str(error)
    return _status(model)


def _status(model: Model) -> tuple[Status, float, str]:
    said = str(model.problem.status)
    if said == "optimal":
        info = model.problem.solver_stats.extra_stats
        return "optimal", float(info.mip_gap) if model.binaries else 0.0, said
    if said == "user_limit":
        info = model.problem.solver_stats.extra_stats
        if model.binaries and info.primal_solution_status == 2:  # kSolutionStatusFeasible
            return "feasible", float(info.mip_gap), "time ran out"
        return "failed", 0.0, "time ran out before there was an answer"
    if said in ("infeasible", "infeasible_or_unbounded"):
        return "infeasible", 0.0, said
    return "failed", 0.0, said


def _verified(schedule: Schedule, model: Model) -> Schedule:
    flows = _flows(model)
    cost = cost_of(schedule.problem, flows)
    faults = violations(schedule.problem, flows, cost)
    if faults:
        return replace(
            schedule, status="failed", said=f"{schedule.said}; the check found: {'; '.join(faults[:5])}"
        )
    return replace(schedule, flows=flows, cost=cost)


def _flows(model: Model) -> Flows:
    found = values_of(model)

    def plain(values: Any) -> list[float]:
        return [round(float(value), _DIGITS) + 0.0 for value in values]

    kinds = {
        kind: {name: plain(v) for name, v in found.pop(kind).items()} for kind in ("cars", "loads", "rooms")
    }
    warm = {name: plain(values) for name, values in found.pop("temperature").items()}
    return flows_of(model.asked, {name: plain(values) for name, values in found.items()}, kinds, warm)


@lru_cache(maxsize=1)
def _cvxpy() -> Any:
    """Load cvxpy and HiGHS, without the banner that it prints: standard output is for results."""
    try:
        import cvxpy
        import highspy
    except ImportError as error:
        raise MissingExtra("planning", "energy") from error
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.close(silent)
        highspy.Highs()
        ctypes.CDLL(None).fflush(None)  # it is written by C, which keeps a buffer of its own
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    return cvxpy
