"""The energy page: plan, reasons, bill, orders, grid, readings, passages to a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slm_core.ui import Frame


def page(frame: Frame) -> None:
    """Add the page to a frame."""
    from slm_energy.page.layout import lay_out

    lay_out(frame)
