"""Loads that can wait, in the optimisation: one start in one piece, or so many steps in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slm_energy.plan.switching import few_starts
from slm_energy.plan.tasks import Run, runs
from slm_energy.site import Deferrable

if TYPE_CHECKING:
    from slm_energy.plan.model import Model

_EXACT = 1e-9


def add_load(model: Model, load: Deferrable) -> None:
    """Add a load's power to the model, with its limits `window` and `hours`."""
    found = runs(model.asked, load)
    n = len(model.asked.load)
    if load.unbroken:
        parts = [_in_one_piece(model, load, run) for run in found]
    else:
        pieces = [_in_pieces(model, load, run) for run in found]
        parts = [power for power, _ in pieces]
        if found:
            few_starts(model, load, sum(on for _, on in pieces), [run.steps for run in found])
    model.loads[load.name] = sum(parts) if parts else _nothing(n)
    if found:
        kind = "in one piece" if load.unbroken else "in whole steps"
        model.binaries.append(f"{load.name} runs {kind}")
    if len(found) > 1 and _loose(model, load):
        model.state("physics", model.loads[load.name] <= load.kw)


def _nothing(n: int) -> Any:
    import cvxpy as cp
    import numpy as np

    return cp.Constant(np.zeros(n))


def _loose(model: Model, load: Deferrable) -> bool:
    """Whether the window of this load may be passed."""
    return model.elastic or f"load.{load.name}.window" in model.without


def _in_one_piece(model: Model, load: Deferrable, run: Run) -> Any:
    """Return kW of each step: one binary for each start (and length, where the run may be shorter)."""
    import cvxpy as cp
    import numpy as np

    window, hours = f"load.{load.name}.window", f"load.{load.name}.hours"
    length, h = len(run.profile), model.asked.load.hours
    shorter, loose = model.elastic or hours in model.without, _loose(model, load)
    choices = [(start, length) for start in run.starts]
    if shorter or loose:
        lengths = range(length + 1) if shorter else (length,)
        steps = run.starts if run.started else sorted({*run.steps, *(run.late if loose else ())})
        choices = [(s, k) for s in steps for k in lengths if loose or (s + k) * h <= run.end_h + _EXACT]
    if not choices:  # it fits nowhere
        model.state(hours, cp.Constant(run.hours) <= model.room_in(hours))
        return _nothing(len(model.asked.load))
    picked = cp.Variable(len(choices), boolean=True, name=f"start:{load.name}:{run.end_h:g}")
    on = np.zeros((len(model.asked.load), len(choices)))
    for column, (start, count) in enumerate(choices):
        kept = run.profile[:count]
        inside = [k for k in range(len(kept)) if start + k < on.shape[0]]
        on[[start + k for k in inside], column] = [kept[k] for k in inside]
    model.state("physics", cp.sum(picked) == 1)
    if loose:
        late = np.array([max(0.0, (s + k) * h - run.end_h) if k else 0.0 for s, k in choices])
        model.state(window, late @ picked <= model.room_in(window))
    if shorter:
        missing = np.array([h * sum(run.profile[k:]) for _, k in choices])
        model.state(hours, missing @ picked <= model.room_in(hours))
    return load.kw * (on @ picked)


def _in_pieces(model: Model, load: Deferrable, run: Run) -> tuple[Any, Any]:
    """Return kW of each step and whether it is on: one binary for each, the last of them may run in part."""
    import cvxpy as cp
    import numpy as np

    window, hours = f"load.{load.name}.window", f"load.{load.name}.hours"
    h, n = model.asked.load.hours, len(model.asked.load)
    loose = _loose(model, load)
    steps = sorted({*run.steps, *(run.late if loose else ())})
    if not steps:
        model.state(hours, cp.Constant(run.hours) <= model.room_in(hours))
        return _nothing(n), _nothing(n)
    part = cp.Variable(len(steps), nonneg=True, name=f"part:{load.name}:{run.end_h:g}")
    on = cp.Variable(len(steps), boolean=True, name=f"step:{load.name}:{run.end_h:g}")
    need = run.hours / h
    model.state("physics", part <= on, cp.sum(on) <= int(np.ceil(need - _EXACT)), cp.sum(part) <= need)
    model.state(hours, cp.sum(part) * h >= run.hours - model.room_in(hours))
    if loose:
        late = np.array([max(0.0, (step + 1) * h - run.end_h) for step in steps])
        model.state(window, cp.multiply(late, on) <= model.room_in(window))
    place = np.zeros((n, len(steps)))
    place[steps, range(len(steps))] = 1.0
    return load.kw * (place @ part), place @ on
