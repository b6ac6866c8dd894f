"""One computed fact of a reason, rounded as it is shown."""

from __future__ import annotations

from typing import NamedTuple

from slm_energy.why.wording import rounded


class Fact(NamedTuple):
    """A fact; in JSON a short list, since a small model reads it.

    Args:
        id: its kind (cues.toml lists them), with `:` and a name where a reason has several of a kind.
        part: name of the part of the site that it is of; empty for the site.
        time: `03:00`, a range `22:00~07:00`, or empty.
        number: rounded; the sign of a difference tells its direction. None where the fact has no number.
        unit: kW, kWh, h, °C, %, rank, the currency, or `<currency>/kWh`.
        required: whether a reply must tell it.
    """

    id: str
    part: str = ""
    time: str = ""
    number: float | None = None
    unit: str = ""
    required: bool = True

    @property
    def kind(self) -> str:
        """The id without a name."""
        return self.id.partition(":")[0]


def fact(
    id_: str,
    number: float | None = None,
    unit: str = "",
    *,
    part: str = "",
    time: str = "",
    required: bool = True,
) -> Fact:
    """Return a fact with its number rounded."""
    value = None if number is None else rounded(number, unit)
    return Fact(id_, part, time, value, unit, required)
