"""40 plans that cannot be: is each cause named, each set minimal, does each relaxation work?

    python benchmarks/energy_broken_plans.py [--show]

The plans and their causes are data (energy_broken_plans.toml), known by how each was built. For each:
* named: the sets that were found are exactly those written down;
* minimal: each set alone has no plan, and without any one of its limits it has one (solved anew);
* solved: `apply` with the smallest relaxation gives a plan that `solve` finds and verifies;
* alone: each relaxation of a single limit that is offered gives a plan too (of a plan with one cause).
"""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from slm_energy.plan.limits import limits
from slm_energy.plan.problem import Problem
from slm_energy.series import Series
from slm_energy.site import parse_site
from slm_energy.why.conflict import Conflict, explain_conflict, feasible, what_if

TABLE = Path(__file__).with_suffix(".toml")
_SITE = ("battery", "cars", "deferrables", "rooms", "import_kw", "peak_kw", "step_minutes")


@dataclass(frozen=True)
class Broken:
    """A plan that cannot be, with the sets of limits that are to be named."""

    name: str
    problem: Problem
    causes: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Result:
    """What came of one broken plan."""

    named: bool
    minimal: bool
    solved: bool
    alone: bool
    seconds: float
    conflict: Conflict | None


def broken_plans() -> list[Broken]:
    """Read the table."""
    return [_broken(row) for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))["plan"]]


def _broken(row: Mapping[str, Any]) -> Broken:
    """From 18:00 on, 24 hours unless said otherwise, hourly unless said otherwise, without sun."""
    site = parse_site(
        {"name": row["name"][:40], "step_minutes": 60} | {key: row[key] for key in _SITE if key in row},
        row["name"],
    )
    step = timedelta(minutes=site.step_minutes)
    count = int(timedelta(hours=row.get("hours", 24)) / step)
    start = datetime(2026, 1, 15, 18, tzinfo=ZoneInfo(site.zone))

    def constant(name: str, unit: str, value: float) -> Series:
        return Series(name, unit, start, step, (value,) * count)

    price = Series("price", "원/kWh", start, step, tuple(90.0 + 10 * (number % 7) for number in range(count)))
    problem = Problem(
        site,
        constant("load", "kW", row.get("load_kw", 0.5)),
        constant("pv", "kW", 0.0),
        price,
        outdoor=constant("outdoor", "°C", row["outdoor"]) if "outdoor" in row else None,
        soc_kwh=row.get("soc_kwh"),
    )
    causes = [frozenset(row[key]) for key in ("cause", "also") if key in row]
    return Broken(row["name"], problem, tuple(causes))


def examine(broken: Broken) -> Result:
    """Explain one broken plan and try what is offered."""
    begun = time.perf_counter()
    conflict = explain_conflict(broken.problem)
    seconds = time.perf_counter() - begun
    if conflict is None:
        return Result(False, False, False, False, seconds, None)
    sets = [frozenset(limit.id for limit in found) for found in conflict.sets]
    single = {name: amount for name, amount in conflict.alone.items() if amount is not None}
    return Result(
        named=sorted(sets, key=sorted) == sorted(broken.causes, key=sorted),
        minimal=bool(sets) and all(is_minimal(broken.problem, found) for found in sets),
        solved=bool(conflict.relaxation) and what_if(broken.problem, conflict.relaxation).flows is not None,
        alone=all(
            what_if(broken.problem, {name: amount}).flows is not None for name, amount in single.items()
        ),
        seconds=seconds,
        conflict=conflict,
    )


def is_minimal(problem: Problem, found: frozenset[str]) -> bool:
    """Whether a set has no plan with all other limits left out, and one without any one of it too."""
    others = frozenset(limit.id for limit in limits(problem)) - found
    return not feasible(problem, others) and all(feasible(problem, others | {name}) for name in found)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--show", action="store_true", help="what was found of each")
    args = parser.parse_args()
    plans, results = broken_plans(), []
    print("named minimal solved alone seconds  plan")
    for broken in plans:
        found = examine(broken)
        results.append(found)
        marks = " ".join(
            ("yes" if mark else "NO").center(6)
            for mark in (found.named, found.minimal, found.solved, found.alone)
        )
        print(f"{marks} {found.seconds:6.2f}  {broken.name}")
        if args.show and found.conflict:
            print(f"    {[[limit.id for limit in each] for each in found.conflict.sets]}")
            print(f"    {dict(found.conflict.relaxation)} alone {dict(found.conflict.alone)}")
    for mark in ("named", "minimal", "solved", "alone"):
        print(f"{mark}: {sum(getattr(each, mark) for each in results)}/{len(results)}")
    slowest = max(each.seconds for each in results)
    print(f"seconds: mean {sum(each.seconds for each in results) / len(results):.2f}, slowest {slowest:.2f}")
    return 0 if all(each.named and each.minimal and each.solved and each.alone for each in results) else 1


if __name__ == "__main__":
    sys.exit(main())
