"""What the models of one family share: `families.toml` as frozen objects."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

from slm_core.errors import UserError


class Family(BaseModel):
    """One family; the fields are explained at the head of `families.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    source: str
    position: Literal["RoPE", "learned"] = "RoPE"
    position_extra: int = 0
    activation: Literal["SwiGLU", "GeGLU", "GELU", "ReLU"] = "SwiGLU"
    norm: Literal["RMSNorm", "LayerNorm"] = "RMSNorm"
    norms: int = 2
    head_norms: Literal["none", "head", "width"] = "none"
    biases: Literal["none", "qkv", "all"] = "none"
    output_bias: bool = False
    shared_gate: bool = False
    fused: bool = False


@cache
def load_families() -> dict[str, Family]:
    """Return every family by the architecture's name in a GGUF file."""
    text = (files("slm_core.plan") / "families.toml").read_text(encoding="utf-8")
    return {name: Family(**entry) for name, entry in tomllib.loads(text).items()}


def find_family(architecture: str, where: str) -> Family:
    """Return the family of an architecture.

    Raises:
        UserError: it is not in the table, so its tensors cannot be counted.
    """
    known = load_families()
    if architecture not in known:
        raise UserError(
            f"the architecture {architecture!r} is not one whose tensors are known",
            where=where,
            expected=f"one of {', '.join(known)}",
            mend="its line belongs into plan/families.toml",
        )
    return known[architecture]
