"""One LoRA adapter as the engine needs it: its file, its origin, and what training wrote into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from slm_core.errors import UserError
from slm_core.files import sha256_of
from slm_core.gguf_head import read_header

Origin = Literal["home", "shipped", "path"]
FILE = "adapter.gguf"
BIAS = "slm.bias."
"""Begins the metadata key of a task's learnt bias, in an adapter's file and in that of a merged expert."""


@dataclass(frozen=True)
class Adapter:
    """An adapter that may be loaded.

    Args:
        domain: the name that requests call it by.
        base: catalog name of the base it was trained on.
        path: its GGUF file.
        sha256: of that file.
        origin: trained here (`home`), part of the domain's package (`shipped`), or named by the user
            (`path`).
        base_sha256: of the base file it was trained on, where it says so.
        bias: logit bias of the stop words, by task, learnt by `finetune eval --tune`.
        tasks: those it was trained on; None where nothing tells.
    """

    domain: str
    base: str
    path: Path
    sha256: str
    origin: Origin
    base_sha256: str | None = None
    bias: Mapping[str, float] = field(default_factory=dict)
    tasks: frozenset[str] | None = None

    def check_base(self, model: str, sha256: str, *, trimmed_from: str | None = None) -> None:
        """Refuse a base other than the one it was trained on.

        Args:
            model: name of the base.
            sha256: of its file.
            trimmed_from: sha256 of the file that `finetune trim-vocab` made this one of; an adapter touches
                nothing that trimming changes.

        Raises:
            UserError: both hashes are shown.
        """
        if self.base_sha256 not in (None, sha256, trimmed_from):
            raise UserError(
                f"this adapter was trained on the base {self.base_sha256}, but {model} is {sha256}",
                where=self.path,
                expected="the same bytes in training and in use",
                mend=f"finetune lora --domain {self.domain} --model {model}, or --adapter none",
            )


def read_adapter(path: Path, domain: str, base: str, origin: Origin) -> Adapter:
    """Read the head of an adapter file.

    Raises:
        UserError: the file is missing or is no LoRA adapter.
    """
    values = read_header(path).values
    if values.get("general.type") != "adapter" or values.get("adapter.type") != "lora":
        kind = values.get("general.type", "without a type")
        raise UserError(
            f"not a LoRA adapter but a GGUF file of the kind {kind}",
            where=path,
            expected="adapter.type = lora",
        )
    return Adapter(
        domain, base, path, sha256_of(path), origin, _text(values.get("slm.base_sha256")), biases(values)
    )


def biases(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the learnt biases that the metadata of a file holds, by task."""
    return {key.removeprefix(BIAS): float(value) for key, value in values.items() if key.startswith(BIAS)}


def _text(value: Any) -> str | None:
    return str(value) if value else None
