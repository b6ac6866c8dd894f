"""Chapter III's memories as what-ifs, and the one claim about them that can be checked: `memories.toml`."""

from __future__ import annotations

import datetime
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from slm_core.errors import UserError, did_you_mean
from slm_core.plan.tables import read_text, shipped


class Claim(BaseModel):
    """What a maker says that its memory does for a model; the fields are those of `[PIM.claim]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str
    parameters: int
    bytes_a_parameter: float
    layers: int
    d_model: int
    context: int
    cards: int
    baseline: str
    times_faster: float
    power_share: float
    source: str
    note: str

    @property
    def weights(self) -> float:
        """Bytes that one token reads of the weights."""
        return self.parameters * self.bytes_a_parameter

    @property
    def cache(self) -> float:
        """Bytes of keys and values at `context`, in 16 bits (every head has its own: OPT is MHA)."""
        return 2 * 2 * self.layers * self.d_model * self.context


class Memory(BaseModel):
    """One kind of memory; the fields are explained at the head of `memories.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    title: str
    kind: Literal["replaces", "expands", "computes", "holds"]
    unit: str
    bandwidth_gb_s: float = Field(ge=0)
    capacity_gb: float = Field(ge=0)
    link_gb_s: float | None = Field(default=None, gt=0)
    compute_tops: float | None = Field(default=None, gt=0)
    on_market: bool
    source: str
    date: datetime.date
    note: str = ""
    claim: Claim | None = None


@cache
def load_memories() -> dict[str, Memory]:
    """Return every memory by name, in the file's order."""
    return read_text(shipped("memories.toml"), "memories.toml", Memory)


def find_memory(name: str) -> Memory:
    """Return a memory by its name, in capitals or not.

    Raises:
        UserError: there is no such memory; the nearest is shown.
    """
    known = load_memories()
    if name.upper() in known:
        return known[name.upper()]
    raise UserError(
        f"unknown memory {name!r}",
        where="--memory",
        expected=", ".join(known),
        mend=did_you_mean(name, known),
    )
