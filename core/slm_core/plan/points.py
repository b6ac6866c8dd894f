"""Published decode speeds, which the roofline is fitted on and held against: `points.toml`."""

from __future__ import annotations

import tomllib
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from slm_core.plan.devices import Runtime
from slm_core.plan.tables import shipped

RECALLED = "from memory"


class Point(BaseModel):
    """One published measurement; the fields are explained at the head of `points.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    device: str
    model: str
    quantization: str
    runtime: Runtime
    tokens_s: float = Field(gt=0)
    prefill_tokens_s: float | None = Field(default=None, gt=0)
    parameters: float = Field(gt=0)
    read_gb: float = Field(gt=0)
    read_from: str
    source: str
    note: str = ""

    @property
    def recalled(self) -> bool:
        """Whether a figure of it could not be held against a source."""
        return RECALLED in self.note


@cache
def load_points() -> tuple[Point, ...]:
    """Return every point, in the file's order."""
    return tuple(Point(**entry) for entry in tomllib.loads(shipped("points.toml"))["points"])
