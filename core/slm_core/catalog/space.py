"""Room on the disk, asked for before anything is fetched."""

from __future__ import annotations

import shutil
from pathlib import Path

from slm_core.errors import CouldNot

MB = 1_000_000


def free_bytes(folder: Path) -> int:
    """Return the bytes free where `folder` is or will be."""
    place = folder
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def require_space(folder: Path, needed: int) -> None:
    """Raise CouldNot, with both figures, unless `needed` bytes are free."""
    free = free_bytes(folder)
    if needed > free:
        raise CouldNot(
            f"too little disk space in {folder}: {needed / MB:,.0f} MB needed, {free / MB:,.0f} MB free\n"
            "  mend: make room, or set SLM_HOME to a folder on another disk"
        )
