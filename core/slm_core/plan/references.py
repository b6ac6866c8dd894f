"""Models beside the catalog's: those of the paper, of published measurements and of the checks."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from slm_core.catalog import find_model, load_catalog
from slm_core.errors import UserError, did_you_mean
from slm_core.plan.architecture import Architecture


class Reference(BaseModel):
    """Figures of one model; `parameters` and `active` are the published counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    architecture: str
    vocabulary: int
    context: int
    d_model: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    tied: bool
    window: int = 0
    experts: int = 0
    experts_used: int = 0
    expert_ffn: int | None = None
    shared_ffn: int = 0
    parameters: int
    active: int | None = None
    valid_from: date
    source: str


@cache
def load_references() -> dict[str, Reference]:
    """Return every model of `references.toml` by name."""
    text = (files("slm_core.plan") / "references.toml").read_text(encoding="utf-8")
    return {name: Reference(**entry) for name, entry in tomllib.loads(text).items()}


def find_architecture(name: str) -> Architecture:
    """Return the architecture of a reference, of a catalog model, or of a `.gguf` file.

    Raises:
        UserError: an unknown name, no such file, or a model whose figures are not known.
    """
    references = load_references()
    if name in references:
        return Architecture.of_figures(name, references[name].model_dump())
    known = [*load_catalog(), *references]
    if name not in known and not name.endswith(".gguf"):
        raise UserError(
            f"unknown model {name!r}",
            expected="a name of `slm specs`, or a path to a .gguf file",
            mend=did_you_mean(name, known, 3),
        )
    return Architecture.of(find_model(name))
