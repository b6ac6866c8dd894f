"""Terms that have to be accepted before a model is fetched."""

from __future__ import annotations

from pathlib import Path

from slm_core.catalog.catalog import Model
from slm_core.errors import UserError
from slm_core.files import write_atomically
from slm_core.settings import Settings


def is_accepted(model: Model, settings: Settings) -> bool:
    """Whether a model's terms need no acceptance, or have it (`SLM_ACCEPT`, `pull --accept-licence`)."""
    if not model.accept:
        return True
    accepted = {entry.lower() for entry in (*settings.accept, *_recorded(settings))}
    return bool(accepted & {model.name.lower(), model.licence.lower()})


def require_accepted(model: Model, settings: Settings) -> None:
    """Raise UserError, with the address of the terms and the way to accept them, unless they are accepted."""
    if not is_accepted(model, settings):
        restriction = "" if model.commercial else " (non-commercial use only)"
        raise UserError(
            f"the licence {model.licence}{restriction} of {model.name} has to be accepted first",
            expected=f"that you have read {model.licence_url}",
            mend=f"slm models pull {model.name} --accept-licence, or SLM_ACCEPT={model.licence}",
        )


def record_acceptance(model: Model, settings: Settings) -> None:
    """Remember that the user accepted the terms of this model."""
    lines = sorted({*_recorded(settings), model.name})
    write_atomically(_record(settings), "".join(f"{line}\n" for line in lines).encode())


def _record(settings: Settings) -> Path:
    return settings.home / "accepted-licences.txt"


def _recorded(settings: Settings) -> list[str]:
    record = _record(settings)
    return record.read_text(encoding="utf-8").split() if record.is_file() else []
