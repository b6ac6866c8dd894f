"""A folder or file of the user's own (`SLM_MODELS`)."""

from __future__ import annotations

from pathlib import Path

from slm_core.catalog.catalog import Model
from slm_core.catalog.verify import WrongHash, known_sha256
from slm_core.errors import UserError
from slm_core.settings import Settings


def candidate(model: Model, settings: Settings) -> Path | None:
    """Return the user's file that looks like this model, unhashed.

    In a folder (at any depth) that is one with the catalog's file name, or the model's name with `.gguf`.
    Where `SLM_MODELS` is a file itself, the pinned size is enough.

    Raises:
        UserError: `SLM_MODELS` names nothing that exists.
    """
    place = settings.models
    if place is None:
        return None
    if not place.exists():
        raise UserError("no such file or folder", where=f"SLM_MODELS={place}", expected="GGUF files")
    if place.is_file():
        return place if _named(place, model) or place.stat().st_size == model.size else None
    return next((path for path in sorted(place.rglob("*.gguf")) if _named(path, model)), None)


def find(model: Model, settings: Settings) -> Path | None:
    """Return the user's verified file of this model, to be used in place, or None where there is none.

    Raises:
        UserError: `SLM_MODELS` names nothing that exists.
        WrongHash: the file has the right name and other bytes; it is left alone, for it is the user's.
    """
    path = candidate(model, settings)
    if path is None or model.sha256 is None:
        return path
    found = known_sha256(path, settings)
    if found == model.sha256:
        return path
    if not _named(path, model):
        return None  # another model that happens to have this size
    raise WrongHash(path, model.sha256, found, "left as it is; rename it or take it out of SLM_MODELS")


def _named(path: Path, model: Model) -> bool:
    return path.name.lower() in {name.lower() for name in (model.file, f"{model.name}.gguf") if name}
