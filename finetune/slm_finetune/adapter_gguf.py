"""A LoRA adapter as the device's file: PEFT tensors to and from llama.cpp's adapter GGUF.

Format (llama.cpp, `convert_lora_to_gguf` and `llama-adapter.cpp`): `general.type=adapter`,
`adapter.type=lora`, `adapter.lora.alpha`, tensors `<base tensor>.lora_a` (r x in) and `.lora_b` (out x r).
The Llama architecture stores the rows of q and k in another order (rotary halves interleaved), so their
`lora_b` rows are permuted.
Our own keys: `slm.base_sha256`, and `slm.bias.<task>` for a learnt decision bias.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import UserError

if TYPE_CHECKING:
    from gguf import TensorNameMap

PEFT_NAME = re.compile(r"^base_model\.model\.(?P<module>.+)\.lora_(?P<part>[AB])\.weight$")
# Families whose architecture has another name in llama.cpp.
GGUF_NAMES = {"mistral": "llama", "mixtral": "llama", "gemma3_text": "gemma3"}


@dataclass(frozen=True)
class Shape:
    """What the conversion must know of a base.

    Args:
        architecture: `general.architecture` of its GGUF, e.g. `qwen2` (a Mistral's is `llama`).
        layers: number of decoder blocks.
        heads: attention heads.
        kv_heads: key-value heads.
    """

    architecture: str
    layers: int
    heads: int
    kv_heads: int

    @classmethod
    def of(cls, config: Any) -> Shape:
        """Read it from a Transformers configuration."""
        heads, family = config.num_attention_heads, config.model_type
        return cls(
            # `finetune convert --trainable` writes the key, for EXAONE 3.5 trains as a Llama
            getattr(config, "gguf_architecture", None) or GGUF_NAMES.get(family, family),
            config.num_hidden_layers,
            heads,
            getattr(config, "num_key_value_heads", None) or heads,
        )

    def permuted_heads(self, tensor: str) -> int:
        """Return the heads whose rows llama.cpp stores in rotary order for this tensor, or 0."""
        if self.architecture != "llama":
            return 0
        return self.heads if ".attn_q." in tensor else self.kv_heads if ".attn_k." in tensor else 0


def permute(rows: Any, heads: int) -> Any:
    """Reorder output rows (out x r) from Hugging Face's rotary halves to llama.cpp's interleaved pairs."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def unpermute(rows: Any, heads: int) -> Any:
    """Undo `permute`."""
    return rows.reshape(heads, rows.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(rows.shape)


@cache
def tensor_names(architecture: str, layers: int) -> TensorNameMap | None:
    """Return llama.cpp's tensor names by Transformers' (0.1 s for 64 layers); None if unknown."""
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    arch = next((arch for arch, name in MODEL_ARCH_NAMES.items() if name == architecture), None)
    return get_tensor_name_map(arch, layers) if arch else None


def gguf_name(peft_name: str, shape: Shape) -> str:
    """Return the GGUF tensor name of a PEFT tensor.

    Raises:
        UserError: the tensor is no LoRA matrix of a linear layer that llama.cpp can adapt.
    """
    match = PEFT_NAME.match(peft_name)
    names = tensor_names(shape.architecture, shape.layers)
    mapped = match and names and names.get_name(match["module"])
    if not match or not mapped or mapped.startswith("token_embd"):
        raise UserError(
            f"{peft_name} cannot go into a llama.cpp adapter",
            expected="LoRA on linear layers of a known base",
        )
    return f"{mapped}.weight.lora_{match['part'].lower()}"


def write_adapter(
    path: Path,
    tensors: Mapping[str, Any],
    shape: Shape,
    *,
    alpha: float,
    name: str,
    metadata: Mapping[str, str | float],
) -> None:
    """Write PEFT tensors (name to float array) as an adapter GGUF in float16.

    Args:
        path: of the new file.
        tensors: PEFT state, e.g. `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight`.
        shape: of the base.
        alpha: LoRA's alpha; llama.cpp scales by alpha / r.
        name: shown by tools.
        metadata: our own keys.
    """
    import numpy as np
    from gguf import GGUFWriter

    writer = GGUFWriter(str(path), shape.architecture)
    writer.add_string("general.type", "adapter")
    writer.add_string("general.name", name)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(alpha))
    for key, value in metadata.items():
        (writer.add_string if isinstance(value, str) else writer.add_float32)(key, value)
    for peft_name, tensor in sorted(tensors.items()):
        target = gguf_name(peft_name, shape)
        array = np.asarray(tensor, dtype=np.float32)
        heads = shape.permuted_heads(target) if target.endswith("lora_b") else 0
        writer.add_tensor(target, (permute(array, heads) if heads else array).astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def set_metadata(path: Path, changes: Mapping[str, str | float]) -> None:
    """Write an adapter GGUF anew, atomically, with some of our own keys changed; tensors stay byte for
    byte."""
    from gguf import GGUFReader, GGUFValueType, GGUFWriter

    reader = GGUFReader(str(path))
    temporary = path.with_name(f".{path.name}.new")
    writer = GGUFWriter(str(temporary), str(reader.fields["general.architecture"].contents()))
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture" or key in changes:
            continue
        add = writer.add_string if field.types[0] == GGUFValueType.STRING else writer.add_float32
        add(key, field.contents())
    for key, value in changes.items():
        (writer.add_string if isinstance(value, str) else writer.add_float32)(key, value)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    temporary.replace(path)
