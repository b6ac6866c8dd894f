"""A folder that training has made goes to its place, whole; one that missed its gate is marked."""

from __future__ import annotations

import shutil
from pathlib import Path

from slm_core.adapters import REFUSED


def install(candidate: Path, out: Path, refusal: str | None) -> Path:
    """Move a new folder to `out` and return where it is now.

    Args:
        candidate: the new folder, on the same file system.
        out: its place; what is there is replaced.
        refusal: why it must not be used, if it must not. It is then marked as refused, and goes beside one
            that is in use (`<name>.refused`).
    """
    target = out
    if refusal is not None:
        (candidate / REFUSED).write_text(refusal + "\n", encoding="utf-8")
        if out.exists() and not (out / REFUSED).exists():
            target = out.with_name(f"{out.name}.refused")
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    candidate.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return target
