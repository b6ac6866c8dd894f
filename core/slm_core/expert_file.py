"""What the head of a GGUF file says of the expert merged into it: whose it is, what it learnt, from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slm_core.domain import Domain
from slm_core.engine.adapter import BIAS, Adapter
from slm_core.errors import UserError

DOMAIN, TASKS, ADAPTERS = "slm.domain", "slm.tasks", "slm.adapters"
UNKNOWN = "unknown"
"""Stands for an adapter that was merged before files named them."""


@dataclass(frozen=True)
class ExpertFile:
    """A file that holds base and adapter.

    Args:
        domain: whose expert it is; `slm ask` prompts it as the adapter was trained.
        tasks: those that it has learnt; None where the file does not say.
        adapters: sha256 of the adapters in it, the first merged first.
    """

    domain: str
    tasks: frozenset[str] | None
    adapters: tuple[str, ...]


def read_expert(values: Mapping[str, Any]) -> ExpertFile | None:
    """Return the expert that the metadata of a file names, or None where it is a plain base."""
    domain = values.get(DOMAIN)
    if domain is None:
        return None
    tasks = frozenset(_names(values, TASKS)) if TASKS in values else None
    return ExpertFile(str(domain), tasks, _names(values, ADAPTERS))


def kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file made from an expert keeps of its metadata: all of the above, and learnt biases."""
    own = (DOMAIN, TASKS, ADAPTERS)
    return {key: value for key, value in values.items() if key in own or key.startswith(BIAS)}


def with_adapter(values: Mapping[str, Any], domain: Domain, adapter: Adapter) -> dict[str, str]:
    """Return what the metadata of a base says once a domain's adapter is merged into it.

    Args:
        values: of the base, which may be an expert itself.
        domain: whose adapter it is.
        adapter: of the domain.

    Raises:
        UserError: the base is the expert of another domain.
    """
    before = read_expert(values)
    if before and before.domain != domain.name:
        raise UserError(
            f"the base is the expert of {before.domain} already",
            where="--model",
            expected=f"a plain base, or the expert of {domain.name}",
        )
    tasks = learnt_tasks(domain, adapter.tasks)
    merged: tuple[str, ...] = (adapter.sha256,)
    if before:
        tasks |= learnt_tasks(domain, before.tasks)
        merged = (*(before.adapters or (UNKNOWN,)), adapter.sha256)
    return {DOMAIN: domain.name, TASKS: ",".join(sorted(tasks)), ADAPTERS: ",".join(merged)}


def learnt_tasks(domain: Domain, named: frozenset[str] | None) -> frozenset[str]:
    """Return the tasks that an adapter or a file was trained on; one that names none is asked every task."""
    return frozenset(task.name for task in domain.tasks) if named is None else named


def _names(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(name for name in str(values.get(key, "")).split(",") if name)
