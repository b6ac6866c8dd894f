"""Whether the bytes are right: sha256, and stamps that spare hashing half a gigabyte at every start.

A stamp is `{size, mtime_ns, sha256}` of a file as it was when it was hashed; it holds as long as size and
time do. All stamps lie in `SLM_HOME/stamps.json`, keyed by path, so that folders of models hold models alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from slm_core.errors import CouldNot
from slm_core.files import sha256_of, write_atomically
from slm_core.settings import Settings


class WrongHash(CouldNot):
    """A file is not what its pinned sha256 says; both hashes are in the message."""

    def __init__(self, path: Path, expected: str, found: str, consequence: str) -> None:
        super().__init__(
            f"{path}: wrong hash, {consequence}\n  expected sha256: {expected}\n  found sha256:    {found}"
        )


def known_sha256(path: Path, settings: Settings) -> str:
    """Return the sha256 of a file, from its stamp where that still holds."""
    stamp = _stamps(settings).get(str(path.resolve()))
    if stamp and {**stamp, **_state(path)} == stamp:
        return str(stamp["sha256"])
    return restamp(path, settings)


def restamp(path: Path, settings: Settings) -> str:
    """Hash a file whatever its stamp says, and stamp it anew."""
    state = _state(path)  # taken before the hash: a change while hashing must not be stamped as seen
    sha256 = sha256_of(path)
    kept = {name: stamp for name, stamp in _stamps(settings).items() if Path(name).is_file()}
    kept[str(path.resolve())] = {**state, "sha256": sha256}
    write_atomically(_stamp_file(settings), json.dumps(kept, indent=1, ensure_ascii=False).encode())
    return sha256


def accept_or_remove(path: Path, expected: str | None, settings: Settings, *, rehash: bool = False) -> str:
    """Return the sha256 of a file of ours, which is removed if it is not the expected one.

    Raises:
        WrongHash: it is another; the file is gone.
    """
    found = (restamp if rehash else known_sha256)(path, settings)
    if expected is not None and found != expected:
        path.unlink()
        raise WrongHash(path, expected, found, "removed")
    return found


def _state(path: Path) -> dict[str, int]:
    stat = path.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _stamp_file(settings: Settings) -> Path:
    return settings.home / "stamps.json"


def _stamps(settings: Settings) -> dict[str, dict[str, Any]]:
    try:
        stamps = json.loads(_stamp_file(settings).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}  # a lost stamp costs one more hash, nothing else
    return stamps if isinstance(stamps, dict) else {}
