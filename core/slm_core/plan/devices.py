"""The devices that a plan is made for: `devices.toml`, the user's own file, or this machine as measured."""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from slm_core.errors import UserError, did_you_mean
from slm_core.plan.tables import read_file, read_text, shipped

Runtime = Literal["cpu", "gpu", "npu"]
GB = 1e9


class Device(BaseModel):
    """One device; the fields are explained at the head of `devices.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    title: str
    memory_gb: float = Field(gt=0)
    usable: float = Field(gt=0, le=1)
    bandwidth_gb_s: float = Field(gt=0)
    runtime: Runtime
    compute_tops: float = Field(gt=0)
    compute_precision: str
    npu_tops: float | None = Field(default=None, gt=0)
    npu_precision: str | None = None
    llama_cpp: bool = True
    watts: float | None = Field(default=None, gt=0)
    source: str
    date: datetime.date
    note: str = ""

    @property
    def room(self) -> float:
        """Bytes that a model and its parts may take."""
        return self.memory_gb * self.usable * GB


@cache
def load_devices() -> dict[str, Device]:
    """Return the devices of `devices.toml` by name, in its order."""
    return read_text(shipped("devices.toml"), "devices.toml", Device)


def find_device(name: str, own: Path | None = None) -> Device:
    """Return a device of the user's own file, or of the shipped one.

    Raises:
        UserError: no such device (the nearest three are shown), or something is wrong with the file.
    """
    known = load_devices() | (read_file(own, Device) if own else {})
    if name in known:
        return known[name]
    raise UserError(
        f"unknown device {name!r}",
        where="--device",
        expected=", ".join(known),
        mend=" ".join(filter(None, [did_you_mean(name, known, 3), "--devices FILE.toml takes your own"])),
    )
