"""The disaster domain: reports to situation records, messages to needs."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Load the domain when it is asked for: importing the package alone costs nothing."""
    if name == "DOMAIN":
        from slm_disaster.domain import DOMAIN

        return DOMAIN
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
