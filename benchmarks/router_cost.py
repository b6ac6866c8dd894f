"""What a wrong route costs, and whether mixing adapters pays.

    python benchmarks/router_cost.py --limit 60

Rows of two domains are asked with the own adapter, with the other domain's, with both mixed, and of the base
without any; the prompt is the own task's each time.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from slm_core.adapters import installed_adapters, resolve_adapter
from slm_core.catalog import find_model
from slm_core.domain import Task, find_domain
from slm_core.engine import open_local
from slm_core.engine.contract import Engine, Mix
from slm_core.settings import Settings, load_settings
from slm_finetune.cases import read_cases
from slm_finetune.learnt import learnt_by, unseen
from slm_finetune.measure import Answer, Case, measure
from slm_finetune.metrics import confidence
from slm_finetune.model_answers import Base, ask

ASKED = {"disaster": "needs", "energy": "command"}


class Routed:
    """The task's own prompt with some adapter, or some mix."""

    base_sha256 = adapter_sha256 = None

    def __init__(self, name: str, engine: Engine, task: Task, adapter: str | Mix) -> None:
        self.name, self.note = name, ""
        self._engine, self._task, self._adapter = engine, task, adapter

    def answer(self, case: Case) -> Answer:
        return ask(self._engine, self._task, case, case.row.prompt(), self._adapter, {})


def _cases(name: str, task: Task, data: Sequence[Path], limit: int, settings: Settings) -> list[Case]:
    domain = find_domain(name)
    given = next((path for path in data if path.parent.name == name or path.stem.startswith(name)), None)
    path = given or settings.home / "datasets" / name / "test.jsonl"
    adapter = resolve_adapter(None, domain, find_model(settings.model).name, settings)
    cases = unseen(list(read_cases(path, domain, task)), learnt_by(adapter), path)
    return random.Random(0).sample(cases, min(limit, len(cases)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--limit", type=int, default=60, help="rows of each domain")
    parser.add_argument(
        "--data", type=Path, action="append", default=[], help="DOMAIN*.jsonl instead of test.jsonl"
    )
    args = parser.parse_args()
    settings = load_settings()
    engine = open_local(
        settings, settings.model, installed_adapters(find_model(settings.model).name, settings)
    )
    print("| rows of | adapter | rows | metric | value | 95% interval | unreadable | ms a reply |")
    print("|---|---|---|---|---|---|---|---|")
    for name, task_name in ASKED.items():
        other = next(domain for domain in ASKED if domain != name)
        task = find_domain(name).task(task_name)
        cases = _cases(name, task, args.data, args.limit, settings)
        systems = [
            Routed("its own", engine, task, name),
            Routed(f"own 0.75 + {other} 0.25", engine, task, {name: 0.75, other: 0.25}),
            Routed(f"own 0.5 + {other} 0.5", engine, task, {name: 0.5, other: 0.5}),
            Routed(f"{other}'s (wrong)", engine, task, other),
            Base("none, with instructions", engine, task),
        ]
        for system in systems:
            found = measure(task, system, cases)
            value = confidence(found.counts, task.metric)
            unreadable = sum(answer.items is None for answer in found.answers)
            ms = sorted(answer.ms for answer in found.answers)[len(cases) // 2]
            print(
                f"| {name} {task_name} | {system.name} | {len(cases)} | {task.metric} | {value.value:.3f} | "
                f"[{value.low:.3f}, {value.high:.3f}] | {unreadable} | {ms:.0f} |",
                flush=True,
            )
    engine.close()


if __name__ == "__main__":
    main()
