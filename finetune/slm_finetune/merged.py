"""The merged expert: base plus adapter as one float32 file, which is what gets compressed.

An adapter changes each weight it touches by alpha / r * B @ A (Hu et al. 2021). Both files are in the
device's own order (llama.cpp's), so nothing is permuted. The base is taken out of its quantization: the
weights of the merged file come from a 4-bit file, and tables that compare with it say so.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from slm_core.domain import Domain
from slm_core.engine.adapter import BIAS, Adapter
from slm_core.errors import UserError
from slm_core.expert_file import kept, learnt_tasks, with_adapter
from slm_core.gguf_head import read_header
from slm_core.settings import Settings
from slm_finetune.adapter_gguf import Shape, permute
from slm_finetune.gguf_file import KIND, GgufFile, Tensor, read_file, write_file

FLOAT32 = 0  # general.file_type: all tensors in float32
LORA_A, LORA_B = ".lora_a", ".lora_b"
PLAIN = ("llama", "qwen2", "qwen3", "phi3", "exaone", "exaone4")
"""Architectures whose files hold the weights as Transformers does, q and k of Llama apart.

Gemma's files hold norms plus one, a Mixtral's its experts stacked: `finetune convert` makes those anew.
"""
TRIMMED_FROM = "slm.trimmed_from"
"""The base whose adapters a trimmed file takes. A file with other weights than its base's must not say so."""


def merged_expert(domain: Domain, settings: Settings, adapter: str | None) -> Path:
    """Return a float32 GGUF of the base in the settings with the domain's adapter in it, made once.

    Args:
        domain: whose adapter it is.
        settings: name the base and where files are kept.
        adapter: as `--adapter` takes it; `none` leaves the base as it is.

    Raises:
        UserError: no such adapter, or one of another base.
        CouldNot: the base cannot be had.
    """
    from slm_core.adapters import NONE, resolve_adapter
    from slm_core.catalog import Bar, ensure, find_model
    from slm_core.catalog.verify import known_sha256

    base = ensure(settings.model, settings, Bar())
    name, sha256 = find_model(settings.model).name, known_sha256(base, settings)
    chosen = resolve_adapter(adapter, domain, name, settings)
    if chosen is None and adapter != NONE:
        raise UserError(
            f"no adapter of {domain.name} is installed for {name}",
            where="--adapter",
            expected="an adapter folder, or none: the base itself is taken",
            mend=f"finetune lora --domain {domain.name} --model {name}",
        )
    if chosen:
        trimmed_from = read_header(base).values.get(TRIMMED_FROM)
        chosen.check_base(name, sha256, trimmed_from=trimmed_from)
    key = f"{sha256[:16]}+{chosen.sha256[:16]}" if chosen else sha256[:16]
    path: Path = settings.home / "bases" / f"{key}-{'expert' if chosen else 'f32'}.gguf"
    if not path.is_file():
        what = f"{name} with the adapter of {domain.name}" if chosen else name
        print(f"writing {what} as float32 (once)", file=sys.stderr)
        whole = merge(read_file(base), read_file(chosen.path) if chosen else None)
        write_file(path, _named(whole, read_header(base).values, domain, chosen) if chosen else whole)
    return path


def _named(whole: GgufFile, base: Mapping[str, Any], domain: Domain, adapter: Adapter) -> GgufFile:
    """Say in the head of a merged file what is in it; a bias of an earlier adapter is replaced."""
    says = with_adapter(base, domain, adapter)
    gone = [f"{BIAS}{task}" for task in learnt_tasks(domain, adapter.tasks) - adapter.bias.keys()]
    return whole.replaced(values=says, without=gone)


def merge(base: GgufFile, adapter: GgufFile | None) -> GgufFile:
    """Return the base in float32, with an adapter's changes added.

    Raises:
        UserError: the adapter changes a tensor that the base does not have.
    """
    changes = _changes(adapter) if adapter else {}
    unknown = sorted(changes.keys() - base.tensors.keys())
    if unknown:
        raise UserError(f"the adapter changes {unknown[0]}, which the base has not", expected="its own base")
    tensors = []
    for name, tensor in base.tensors.items():
        floats = tensor.floats()
        if name in changes:
            a, b, scale = changes[name]
            floats = floats + scale * (b @ a)
        tensors.append(Tensor.of(name, floats, KIND.F32))
    values = {"general.file_type": FLOAT32, **(kept(adapter.values) if adapter else {})}
    return base.replaced(tensors=tensors, values=values, without=[TRIMMED_FROM])


def with_weights(
    file: GgufFile, state: Mapping[str, Any], *, float32: bool = False, shape: Shape | None = None
) -> GgufFile:
    """Return the file with the weights of a Transformers model, each in the kind that its tensor had.

    Args:
        file: a GGUF of the same architecture; tensors whose names are not in `state` stay.
        state: Transformers name to float array [out, in], e.g. `model.layers.0.self_attn.q_proj.weight`.
        float32: write what is changed in float32 instead; a kind that the `gguf` package cannot make
            becomes Q8_0.
        shape: of the model; default: as the file says.

    Raises:
        UserError: a name that this architecture does not have, or an architecture that holds its weights
            in another form.
    """
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    if file.architecture not in PLAIN or file.of_architecture("expert_count"):
        what = f"weights of Transformers cannot be put back into a file of {file.architecture}"
        raise UserError(what, expected=", ".join(PLAIN), mend="finetune convert")
    shape = shape or shape_of(file)
    arch = next(arch for arch, name in MODEL_ARCH_NAMES.items() if name == file.architecture)
    names = get_tensor_name_map(arch, shape.layers)
    changed = []
    for given, values in state.items():
        name = names.get_name(given, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise UserError(f"{given} is no tensor of the architecture {file.architecture}")
        if name not in file.tensors:
            continue  # a tied output matrix, which the file does not hold apart
        heads = shape.permuted_heads(name)
        floats = np.asarray(values, dtype=np.float32)
        floats = permute(floats, heads).reshape(floats.shape) if heads else floats
        old = file.tensors[name]
        changed.append(Tensor.of(name, floats, KIND.F32) if float32 else old.like(floats))
    return file.replaced(tensors=changed)


def shape_of(file: GgufFile) -> Shape:
    """Return what a conversion must know of a base, from its metadata."""
    heads = int(file.of_architecture("attention.head_count"))
    kv_heads = int(file.of_architecture("attention.head_count_kv", heads))
    return Shape(file.architecture, int(file.of_architecture("block_count")), heads, kv_heads)


def _changes(adapter: GgufFile) -> dict[str, tuple[Any, Any, float]]:
    """Return A [r, in], B [out, r] and alpha / r by the name of the tensor they change."""
    alpha = float(adapter.values["adapter.lora.alpha"].content)
    found = {}
    for name, tensor in adapter.tensors.items():
        if name.endswith(LORA_A):
            target = name.removesuffix(LORA_A)
            a, b = tensor.floats(), adapter.tensors[target + LORA_B].floats()
            found[target] = (a, b, alpha / len(a))
    return found
