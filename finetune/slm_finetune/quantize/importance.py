"""The importance matrix: how large the inputs of each column of each matrix are on the domain's own rows.

For a linear layer y = W x it is the mean of x_j^2 over all tokens of the rows, prompt and reply, one number
a column j: rounding errors in a column that is always near zero cost nothing. It is collected in PyTorch on
the float32 model that is quantized, and kept in llama.cpp's own file, so that `llama-quantize --imatrix` and
`llama-imatrix --show-statistics` read it as well, and files made by `llama-imatrix` can be read here.

Format (llama.cpp, tools/imatrix): GGUF with `general.type = "imatrix"`, `imatrix.datasets`,
`imatrix.chunk_count`, `imatrix.chunk_size`, and for each weight the float32 tensors `<name>.in_sum2`
[matrices, columns], the sum of squares, and `<name>.counts` [matrices, 1], the tokens it was summed over.

Not covered: experts of a mixture that Transformers keeps in one tensor; they have no linear layer to listen
to and are rounded without importance.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_core.dataset.row import Row
from slm_core.errors import UserError
from slm_core.gguf_head import Header, read_header

MOST_TOKENS = 512  # of a row
SUM, COUNT = ".in_sum2", ".counts"
OUTPUT, EMBEDDING = "output.weight", "token_embd.weight"
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Importance:
    """Squared inputs by the name of the weight.

    Args:
        sums: sum of squared inputs over the tokens, [matrices, columns]; one matrix but for experts.
        counts: the tokens of each matrix, [matrices].
        dataset: what they were collected on, in words.
        chunks: rows, in llama.cpp's words.
    """

    sums: Mapping[str, Floats]
    counts: Mapping[str, Floats]
    dataset: str
    chunks: int

    def of(self, name: str) -> Floats | None:
        """Return the mean squared input of each column, matrix after matrix; None for an unknown weight.

        A matrix that no token reached weighs all its columns alike.
        """
        if name not in self.sums:
            return None
        counts = self.counts[name].reshape(-1, 1)
        means = self.sums[name] / np.maximum(counts, 1)
        return np.where(counts > 0, means, np.float32(1)).astype(np.float32).ravel()


def collect(folder: Path, gguf_file: Path, rows: Sequence[Row], *, dataset: str) -> Importance:
    """Run the rows through a model and return the squared inputs of all its linear layers.

    Args:
        folder: of a Transformers model in float32, with its tokenizer.
        gguf_file: the same model, whose names of tensors are used.
        rows: calibration rows.
        dataset: what they are, in words.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    from slm_finetune.examples import encode_row

    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    listener = _Listener(model, read_header(gguf_file))
    began, tokens = time.monotonic(), 0
    for number, row in enumerate(rows, 1):
        example = encode_row(tokenizer, row, MOST_TOKENS)
        listener.hear([*example.prompt, *example.target])
        tokens += len(example)
        if number % 8 == 0 or number == len(rows):
            seconds = time.monotonic() - began
            left = seconds / number * (len(rows) - number)
            line = f"importance: row {number}/{len(rows)}, {tokens / seconds:.0f} tokens/s, {left:.0f} s left"
            print(line, file=sys.stderr, flush=True)
    sums = {name: total.numpy().astype(np.float32)[None] for name, total in listener.sums.items()}
    counts = {name: np.array([tokens], np.float32) for name in sums}
    return Importance(sums, counts, dataset, len(rows))


class _Listener:
    """Adds up the squared inputs of every linear layer, and of the output matrix, by GGUF name."""

    def __init__(self, model: Any, header: Header) -> None:
        import torch

        self.model = model
        self.sums: dict[str, Any] = {}
        names = _names(header)
        for module_name, module in model.named_modules():
            weight = f"{names.get_name(module_name)}.weight"
            if isinstance(module, torch.nn.Linear) and weight in header.tensors and weight != OUTPUT:
                module.register_forward_pre_hook(self._hook(weight))
        # The output matrix multiplies every last hidden state. To run it only to hear them would be a quarter
        # of a small model's work.
        self.output = self._hook(OUTPUT if OUTPUT in header.tensors else EMBEDDING)

    def _hook(self, name: str) -> Any:
        def add(module: Any, inputs: tuple[Any, ...]) -> None:
            squares = inputs[0].detach().reshape(-1, inputs[0].shape[-1]).square().sum(0).double()
            self.sums[name] = self.sums[name] + squares if name in self.sums else squares

        return add

    def hear(self, ids: Sequence[int]) -> None:
        """Run one row."""
        import torch

        with torch.no_grad():
            hidden = self.model.get_decoder()(input_ids=torch.tensor([list(ids)]), use_cache=False)
            self.output(None, (hidden.last_hidden_state,))


def write_importance(path: Path, importance: Importance) -> None:
    """Write llama.cpp's imatrix file, so that it is whole or not there."""
    from gguf import GGUFWriter

    tokens = max((float(np.max(counts)) for counts in importance.counts.values()), default=0.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        temporary = Path(folder) / path.name
        writer = GGUFWriter(str(temporary), "")  # this kind of file names no architecture
        writer.add_string("general.type", "imatrix")
        writer.add_array("imatrix.datasets", [importance.dataset])
        writer.add_uint32("imatrix.chunk_count", importance.chunks)
        writer.add_uint32("imatrix.chunk_size", max(round(tokens / max(importance.chunks, 1)), 1))
        for name, sums in sorted(importance.sums.items()):
            writer.add_tensor(name + SUM, np.ascontiguousarray(sums, np.float32))
            writer.add_tensor(name + COUNT, importance.counts[name].astype(np.float32).reshape(-1, 1))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        temporary.replace(path)


def read_importance(path: Path) -> Importance:
    """Read an imatrix file, ours or llama.cpp's.

    Raises:
        UserError: it is no imatrix in GGUF form, or a weight lacks its counts.
    """
    from gguf import GGUFReader

    values = read_header(path).values
    if values.get("general.type") != "imatrix":
        raise UserError("no importance matrix", where=path, expected="a GGUF file of general.type imatrix")
    found = {tensor.name: np.array(tensor.data) for tensor in GGUFReader(str(path)).tensors}
    sums = {name.removesuffix(SUM): data for name, data in found.items() if name.endswith(SUM)}
    lacking = sorted(name for name in sums if name + COUNT not in found)
    if lacking:
        raise UserError(f"no counts for {lacking[0]}", where=path, expected=f"{lacking[0]}{COUNT}")
    counts = {name: found[name + COUNT].ravel() for name in sums}
    datasets = values.get("imatrix.datasets") or [""]
    return Importance(sums, counts, str(datasets[0]), int(values.get("imatrix.chunk_count", 0)))


def _names(header: Header) -> Any:
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    arch = next(arch for arch, name in MODEL_ARCH_NAMES.items() if name == header.architecture)
    return get_tensor_name_map(arch, int(header.values[f"{header.architecture}.block_count"]))
