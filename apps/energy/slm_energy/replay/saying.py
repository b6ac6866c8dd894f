"""How a meter would have said a recorded value, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any


def reading(value: float, unit: str, start: datetime, step: timedelta) -> tuple[dict[str, Any], datetime]:
    """Return what a meter says of a step, and when: a power as energy when the step is over, else at once."""
    if unit != "kW":
        return {"value": value, "unit": unit}, start
    minutes = step / timedelta(minutes=1)
    energy = round(value * minutes / 60, 6)
    return {"value": energy, "unit": "kWh", "minutes": minutes}, start.astimezone(UTC) + step
