"""The energy domain: meters to forecasts, plans, bills, reasons and the grid."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Load the domain when it is asked for: importing the package alone costs nothing."""
    if name == "DOMAIN":
        from slm_energy.domain import DOMAIN

        return DOMAIN
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
