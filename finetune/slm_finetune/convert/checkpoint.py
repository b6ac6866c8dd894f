"""A Transformers model folder: its configuration with every default filled in, and its tensors one by one."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_core.errors import UserError
from slm_finetune.convert.families import Family, check, family_of

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
# EXAONE 3.5 (modeling_exaone.py of its Hub folder) against Llama: same computation, other names.
_EXAONE_KEYS = {
    "num_layers": "num_hidden_layers",
    "layer_norm_epsilon": "rms_norm_eps",
    "activation_function": "hidden_act",
}
_EXAONE_NAMES = {
    "transformer.wte.": "model.embed_tokens.",
    "transformer.ln_f.": "model.norm.",
    "transformer.h.": "model.layers.",
    ".ln_1.": ".input_layernorm.",
    ".ln_2.": ".post_attention_layernorm.",
    ".attn.attention.out_proj.": ".self_attn.o_proj.",
    ".attn.attention.": ".self_attn.",
    ".mlp.c_fc_0.": ".mlp.gate_proj.",
    ".mlp.c_fc_1.": ".mlp.up_proj.",
    ".mlp.c_proj.": ".mlp.down_proj.",
}
# The larger Gemma 3 models see; their text part, which is converted, has these prefixes (old and new).
_TEXT_PART = re.compile(r"^(language_model\.model\.|model\.language_model\.)")
_PICTURE_PART = re.compile(r"^(model\.)?(vision_tower|multi_modal_projector)\.")


@dataclass(frozen=True)
class Checkpoint:
    """A folder to convert.

    Args:
        folder: where it lies.
        family: of the model.
        config: Transformers' configuration, defaults filled in (a Llama's for EXAONE 3.5).
    """

    folder: Path
    family: Family
    config: Any

    @classmethod
    def of(cls, folder: Path) -> Checkpoint:
        """Open a folder.

        Raises:
            UserError: no such folder or file, a family that is not converted, or a value that would be lost.
        """
        where = folder / CONFIG
        raw = _text_part(_json(where))
        family = family_of(str(raw.get("model_type")), where)
        if family.name == "exaone":
            raw = {_EXAONE_KEYS.get(key, key): value for key, value in raw.items()}
        check(family, raw, where)
        return cls(folder, family, _config(raw, where))

    def tensors(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield Transformers name and values of each tensor of the text model, EXAONE 3.5 as a Llama's."""
        import torch
        from safetensors import SafetensorError, safe_open

        left_out = 0
        for file in self._files():
            try:
                opened: Any = safe_open(file, framework="pt")
            except (OSError, SafetensorError) as error:
                raise UserError(f"no whole safetensors file: {error}", where=file) from error
            with opened:
                for name in opened.keys():  # noqa: SIM118 - no mapping
                    if _PICTURE_PART.match(name):
                        left_out += 1
                    else:
                        yield self._text_name(name), opened.get_tensor(name).to(torch.float32).numpy()
        if left_out:
            print(f"left out: {left_out} tensors of the part that sees pictures", file=sys.stderr)

    def _text_name(self, name: str) -> str:
        if self.family.name == "exaone":
            for theirs, llama in _EXAONE_NAMES.items():
                name = name.replace(theirs, llama, 1)
        return _TEXT_PART.sub("model.", name)

    def _files(self) -> list[Path]:
        index = self.folder / INDEX
        if index.is_file():
            return [self.folder / name for name in _names(index)]
        file = self.folder / WEIGHTS
        if not file.is_file():
            raise UserError(f"no {WEIGHTS}", where=self.folder, expected="weights as safetensors")
        return [file]


def _names(index: Path) -> list[str]:
    """Return the files of an index: they lie beside it, and nothing else on this machine is opened."""
    named = _json(index).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise UserError("no weight_map", where=index, expected="the file of each tensor")
    names = sorted({str(name) for name in named.values()})
    for name in names:
        if name in (".", "..") or {"/", "\\", ":"} & set(name):
            raise UserError(
                f"{name!r} names no file of this folder", where=index, expected="a plain file name"
            )
    return names


def _config(raw: Mapping[str, Any], where: Path) -> Any:
    from transformers import AutoConfig

    values = dict(raw)
    model_type = values.pop("model_type")
    try:
        return AutoConfig.for_model("llama" if model_type == "exaone" else model_type, **values)
    except Exception as error:  # Transformers raises what its validators raise, of several trees
        raise UserError(f"Transformers refuses this configuration: {error}", where=where) from error


def _text_part(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of the text model inside a Gemma 3 that sees."""
    if raw.get("model_type") != "gemma3":
        return raw
    return {**raw.get("text_config", {}), "model_type": "gemma3_text"}


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError("no such file", where=path, expected="a Transformers model folder")
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(f"no JSON object: {error}", where=path) from error
