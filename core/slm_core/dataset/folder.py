"""A dataset's folder: it appears whole, or stays as it was."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from slm_core.errors import UserError

FILES = frozenset({"train.jsonl", "dev.jsonl", "test.jsonl", "rejected.jsonl", "README.md", "build.json"})


def swap_in(out: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a new folder, then put that in the place of `out`.

    Raises:
        UserError: `out` holds something that no build wrote; nothing is removed.
    """
    _check_ours(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.new."))
    old = fresh.with_name(f"{fresh.name}.old")
    try:
        fill(fresh)
        fresh.chmod(0o755)  # mkdtemp gives 0700, which hides the folder from a service user
        for path in [*fresh.iterdir(), fresh]:
            _sync(path)
        if out.exists():
            out.rename(old)
        try:
            fresh.rename(out)
        except BaseException:
            if old.exists():
                old.rename(out)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _check_ours(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError("this is a file", where=out, expected="a folder for the dataset")
    foreign = sorted(path.name for path in out.iterdir() if path.name not in FILES)
    if foreign:
        raise UserError(
            f"the folder holds {foreign[0]}, which no build wrote",
            where=out,
            expected="a new folder, or one that an earlier build wrote",
            mend="name another one with --out",
        )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
