"""What is measured of a family: its conversion, an adapter on it, and a conversion wrong on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tiny_families import FAMILIES, write_folder
from tiny_gguf import CORPUS

from slm_core.engine.adapter import Adapter
from slm_core.engine.llama import LlamaEngine
from slm_core.files import sha256_of
from slm_finetune.adapter_gguf import Shape, permute, write_adapter
from slm_finetune.convert.checkpoint import Checkpoint
from slm_finetune.convert.command import write
from slm_finetune.convert.proof import divergence
from slm_finetune.convert.tokenizer import load_tokenizer
from slm_finetune.convert.training_folder import keep
from slm_finetune.gguf_file import GgufFile, read_file, write_file
from slm_finetune.parity import kl_divergence, log_probabilities
from slm_finetune.training import adapter_tensors, linear_layers, load_base

TEXT = " ".join(CORPUS)
PROMPTS = tuple(TEXT[:end] for end in (120, 170, 215, 260, len(TEXT)))
Change = Callable[[GgufFile], GgufFile]


@dataclass(frozen=True)
class Measured:
    """One row of the table; divergences in nat, means over the prompts."""

    family: str
    shortest: int  # tokens of the shortest prompt
    entropy: float  # of the next token, over log V
    kl: float
    lora: float
    adapted: str
    on_off: float
    mistake: str
    wrong: float


def measure(name: str, folder: Path) -> Measured:
    """Make a tiny model of the family, convert it, adapt it, and convert it wrongly."""
    model = write_folder(FAMILIES[name], folder / "model")
    checkpoint = Checkpoint.of(folder / "model")
    file = folder / "model.gguf"
    write(checkpoint, "f32", file)
    tokenizer = load_tokenizer(checkpoint)
    mistake, change = MISTAKES[name]
    write_file(folder / "wrong.gguf", change(read_file(file)))
    peft, adapter = adapted(checkpoint, file, folder)
    with LlamaEngine(file, adapters=[adapter]) as engine:
        kl = divergence(model, tokenizer, engine, None, PROMPTS)
        lora = divergence(peft, tokenizer, engine, "random", PROMPTS)
    with LlamaEngine(folder / "wrong.gguf") as engine:
        wrong = divergence(model, tokenizer, engine, None, PROMPTS)
    ids = [tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in PROMPTS]
    off, on = ([log_probabilities(m, row) for row in ids] for m in (model, peft))
    return Measured(
        family=name,
        shortest=min(map(len, ids)),
        entropy=_mean(-float((np.exp(p) * p).sum()) / math.log(len(p)) for p in off),
        kl=kl,
        lora=lora,
        adapted=linear_layers(model)[1],
        on_off=_mean(kl_divergence(p, q) for p, q in zip(on, off, strict=True)),
        mistake=mistake,
        wrong=wrong,
    )


def adapted(checkpoint: Checkpoint, file: Path, folder: Path) -> tuple[Any, Adapter]:
    """Put random matrices on every layer that training would change, from the folder that it would load."""
    import torch
    from peft import LoraConfig, get_peft_model

    base, _, _ = load_base(keep(checkpoint, file, folder))
    names = linear_layers(base)[0]
    peft = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules=names, task_type="CAUSAL_LM"))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in peft.named_parameters():
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.15)
    path = folder / "adapter" / "adapter.gguf"
    path.parent.mkdir()
    write_adapter(path, adapter_tensors(peft), Shape.of(base.config), alpha=8, name="random", metadata={})
    return peft.eval(), Adapter("random", file.stem, path, sha256_of(path), "path")


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _each(file: GgufFile, part: str, change: Callable[[Any], Any]) -> GgufFile:
    """Change the values of every tensor that has `part` in its name."""
    from slm_finetune.gguf_file import Tensor

    chosen = [tensor for name, tensor in file.tensors.items() if part in name]
    assert chosen
    return file.replaced(tensors=[Tensor.of(t.name, change(t.floats()), t.kind) for t in chosen])


def _value(key: str, content: Any) -> Change:
    return lambda file: file.replaced(values={f"{file.architecture}.{key}": content})


def _swapped(one: str, other: str) -> Change:
    """Let two kinds of tensors change places."""
    from slm_finetune.gguf_file import Tensor

    def change(file: GgufFile) -> GgufFile:
        pairs = [(n, n.replace(one, other)) for n in file.tensors if one in n]
        swapped = [(a, b) for a, b in pairs] + [(b, a) for a, b in pairs]
        return file.replaced(
            tensors=[Tensor(a, file.tensors[b].kind, file.tensors[b].data) for a, b in swapped]
        )

    return change


def _halves_swapped(values: Any) -> Any:
    return np.concatenate(np.split(values, 2)[::-1])


MISTAKES: dict[str, tuple[str, Change]] = {
    "llama": ("rows of q not permuted", lambda f: _each(f, ".attn_q.weight", lambda w: permute(w, 4))),
    "mistral": ("rotary base x 100", _value("rope.freq_base", 1e6)),
    "mixtral": ("experts in another order", lambda f: _each(f, "_exps.", lambda w: np.roll(w, 1, axis=0))),
    "gemma": ("norms without the 1", lambda f: _each(f, "norm.weight", lambda w: w - 1)),
    "gemma3": ("window ignored", _value("attention.sliding_window", 512)),
    "phi3": ("gate and up swapped", lambda f: _each(f, ".ffn_up.", _halves_swapped)),
    "qwen2": (
        "rows of q permuted as a Llama's",
        lambda f: _each(f, ".attn_q.weight", lambda w: permute(w, 4)),
    ),
    "qwen3": ("rotary base x 100", _value("rope.freq_base", 1e6)),
    "exaone": ("gate and up swapped", _swapped(".ffn_gate.", ".ffn_up.")),
    "exaone4": (
        "norms after attention and MLP swapped",
        _swapped(".post_attention_norm.", ".post_ffw_norm."),
    ),
    "exaone4-64": ("window ignored", _value("attention.sliding_window", 512)),
}
