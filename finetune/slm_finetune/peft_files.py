"""An adapter's GGUF back to the files that PEFT reads: the inverse of `adapter_gguf`, without loss.

`adapter_model.safetensors` holds the same float16 numbers under PEFT's names, `adapter_config.json` the
configuration with the Hub name as base: no local path, no pickle. Covered: LoRA on the linear layers of
attention and MLP and on the output matrix, for every architecture that `gguf` can name. Not covered: DoRA,
embeddings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from slm_core.errors import MissingExtra, UserError
from slm_core.files import write_atomically
from slm_finetune.adapter_gguf import Shape, unpermute

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TENSOR = re.compile(r"^(?P<base>.+)\.weight\.lora_(?P<part>[ab])$")
HUB_NAME = re.compile(r"^[A-Za-z0-9_-][\w.-]*/[\w.-]+$")
WEIGHTS, CONFIG, CARD = "adapter_model.safetensors", "adapter_config.json", "README.md"


def peft_tensors(gguf_file: Path, config: Mapping[str, Any], heads: tuple[int, int] | None) -> dict[str, Any]:
    """Return the tensors of an adapter GGUF by their PEFT names, in the number format of the file.

    Args:
        gguf_file: the adapter.
        config: PEFT's; its target modules tell apart what has one name in GGUF (`up_proj`, `gate_up_proj`).
        heads: attention and key-value heads of the base; None where its architecture keeps the rows.

    Raises:
        UserError: the file is no LoRA adapter, or holds a tensor without a PEFT name.
    """
    import numpy as np
    from gguf import GGUFReader

    reader = GGUFReader(str(gguf_file))
    found = {tensor.name: np.array(tensor.data) for tensor in reader.tensors}
    shape = Shape(architecture_of(gguf_file), _blocks(found), *(heads or (0, 0)))
    modules = _modules(shape, config.get("target_modules"))
    tensors = {}
    for name, rows in found.items():
        permuted = shape.permuted_heads(name) if name.endswith("lora_b") else 0
        tensors[_peft_name(name, modules, gguf_file)] = unpermute(rows, permuted) if permuted else rows
    return tensors


def architecture_of(gguf_file: Path) -> str:
    """Return the architecture of the base that an adapter file was made for.

    Raises:
        UserError: the file is no LoRA adapter.
    """
    from slm_core.gguf_head import read_header

    header = read_header(gguf_file)
    if header.values.get("adapter.type") != "lora":
        raise UserError("not a LoRA adapter", where=gguf_file, expected="adapter.type = lora")
    return header.architecture


def permutes(architecture: str) -> bool:
    """Whether llama.cpp keeps the rows of q and k in another order, so that the number of heads is needed."""
    return Shape(architecture, 1, 1, 1).permuted_heads("blk.0.attn_q.weight") > 0


def write_peft(folder: Path, tensors: Mapping[str, Any], config: Mapping[str, Any], card: str | None) -> None:
    """Write the PEFT files into `folder`, each of them whole or not at all.

    Raises:
        MissingExtra: safetensors is not installed.
    """
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise MissingExtra("finetune export --to peft", "train") from error
    write_atomically(folder / WEIGHTS, save(dict(tensors), metadata={"format": "pt"}))
    write_atomically(folder / CONFIG, (json.dumps(config, indent=2, sort_keys=True) + "\n").encode())
    if card is not None:
        write_atomically(folder / CARD, card.encode())


def clean_config(path: Path, hub: str | None) -> dict[str, Any]:
    """Return PEFT's configuration with the Hub name of the base, ready for inference.

    Args:
        path: of `adapter_config.json`.
        hub: the base's Hub name; where it is not known the file's own stays, unless that is a local path.

    Raises:
        UserError: no such file, no JSON object, or no Hub name to be had.
    """
    if not path.is_file():
        raise UserError("no such file", where=path, expected="an adapter folder has it")
    try:
        config = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(f"no JSON object: {error}", where=path, expected="PEFT's configuration") from error
    base = hub or str(config.get("base_model_name_or_path"))
    if not HUB_NAME.match(base):
        raise UserError(
            f"the base {base!r} is no Hub name",
            where=path,
            expected="owner/name",
            mend="name it with --model",
        )
    return config | {"base_model_name_or_path": base, "inference_mode": True}


def _blocks(names: Iterable[str]) -> int:
    numbers = [int(match[1]) for name in names if (match := re.match(r"blk\.(\d+)\.", name))]
    return max(numbers, default=0) + 1


def _modules(shape: Shape, targets: Any) -> dict[str, str]:
    """Return Hugging Face's module names by GGUF's."""
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    arch = next((a for a, name in MODEL_ARCH_NAMES.items() if name == shape.architecture), None)
    if arch is None:
        raise UserError(
            f"unknown architecture {shape.architecture!r}", expected="one that the gguf package knows"
        )
    names = get_tensor_name_map(arch, shape.layers)
    leaves = targets if isinstance(targets, list) else LINEAR  # a pattern, or "all-linear", names no module
    parts = [f"{part}.{leaf}" for leaf in leaves for part in ("self_attn", "mlp")]
    modules = [f"model.layers.{i}.{part}" for i in range(shape.layers) for part in parts]
    return {mapped: module for module in (*modules, "lm_head") if (mapped := names.get_name(module))}


def _peft_name(name: str, modules: Mapping[str, str], where: Path) -> str:
    match = TENSOR.match(name)
    if not match or match["base"] not in modules:
        raise UserError(f"the tensor {name} has no PEFT name", where=where, expected="LoRA on linear layers")
    return f"base_model.model.{modules[match['base']]}.lora_{match['part'].upper()}.weight"
