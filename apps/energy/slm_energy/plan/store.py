"""A schedule as JSON and back, so that the last good one outlives a restart."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from slm_core.errors import UserError
from slm_core.files import write_atomically
from slm_energy.plan.schedule import Schedule


def to_json(schedule: Schedule) -> bytes:
    """Return a schedule as JSON: times in ISO 8601 with their offset, steps as ISO 8601 durations."""
    return bytes(_adapter().dump_json(schedule, by_alias=True))


def from_json(data: bytes, where: str | Path = "schedule") -> Schedule:
    """Return the schedule that was written.

    Raises:
        UserError: it is no schedule.
    """
    try:
        found: Schedule = _adapter().validate_json(data)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise UserError(
            f"{place}: {fault['msg']}", where=where, expected="a schedule written by a plan"
        ) from error
    return found


def keep(path: Path, schedule: Schedule) -> None:
    """Write a schedule so that a crash leaves the old one or the new one."""
    write_atomically(path, to_json(schedule))


def kept(path: Path) -> Schedule | None:
    """Return the schedule of a file; None where there is no such file.

    Raises:
        UserError: it holds no schedule.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return from_json(data, path)


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Schedule)
