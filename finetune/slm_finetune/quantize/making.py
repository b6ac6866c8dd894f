"""From a float32 file to one quantized file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from gguf import GGML_QUANT_SIZES, GGML_QUANT_VERSION

from slm_core.errors import CouldNot, MissingExtra
from slm_finetune.gguf_file import KIND, GgufFile, Tensor, read_file, stays_float32, write_file
from slm_finetune.quantize.importance import EMBEDDING, OUTPUT, Importance, read_importance
from slm_finetune.quantize.kinds import EXTRA, FileType
from slm_finetune.quantize.rounding import LEVELS, weighted

NOTE = "slm.quantized"  # our key: what the file was made of, so that it is known again
CHILD = "slm_finetune.quantize.llama"


def make(source: Path, target: Path, file_type: FileType, *, note: str, imatrix: Path | None) -> None:
    """Write a quantized file, whole or not at all.

    Args:
        source: the model in float32.
        target: of the new file.
        file_type: what it becomes.
        note: kept in its metadata, at most 127 bytes (llama.cpp's limit).
        imatrix: file of the importance matrix; None rounds without.

    Raises:
        MissingExtra: a K-quant without llama-cpp-python.
        CouldNot: llama.cpp failed; with its last words.
    """
    need(file_type)
    if file_type.kind is None:
        _by_llama(source, target, file_type, note, imatrix)
        return
    importance = read_importance(imatrix) if imatrix else None
    write_file(target, quantized(read_file(source), file_type, note=note, importance=importance))


def quantized(file: GgufFile, file_type: FileType, *, note: str, importance: Importance | None) -> GgufFile:
    """Return a file with its matrices in the kinds of a type that is made here."""
    output = OUTPUT if OUTPUT in file.tensors else EMBEDDING
    tensors = [
        _tensor(tensor, file_type, tensor.name == output, importance) for tensor in file.tensors.values()
    ]
    values = {
        "general.file_type": int(file_type.number),
        "general.quantization_version": GGML_QUANT_VERSION,
        NOTE: note,
    }
    return file.replaced(values=values, tensors=tensors)


def _tensor(tensor: Tensor, file_type: FileType, is_output: bool, importance: Importance | None) -> Tensor:
    kind = file_type.kind
    assert kind is not None
    if stays_float32(tensor.name, len(tensor.shape)):
        return tensor
    if is_output and kind in LEVELS:
        kind = KIND.Q8_0
    if tensor.shape[-1] % GGML_QUANT_SIZES[kind][0]:
        kind = KIND.F16
    means = importance.of(tensor.name) if importance and kind in LEVELS else None
    if means is None or len(means) != tensor.shape[-1]:
        return Tensor.of(tensor.name, tensor.floats(), kind)
    return weighted(tensor.name, tensor.floats(), kind, means)


def need(file_type: FileType) -> None:
    """Make sure that a type can be made here.

    Raises:
        MissingExtra: a K-quant without llama-cpp-python.
    """
    if file_type.kind is None and not has_llama():
        raise MissingExtra(f"type {file_type.name}", EXTRA)


def has_llama() -> bool:
    """Return whether llama.cpp's own quantization is installed."""
    return find_spec("llama_cpp") is not None


def _by_llama(source: Path, target: Path, file_type: FileType, note: str, imatrix: Path | None) -> None:
    """Let llama.cpp do it, in a process of its own: the engine has another build of the same library."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        temporary = Path(folder) / target.name
        arguments = [str(source), str(temporary), str(int(file_type.number)), note, str(imatrix or "")]
        done = subprocess.run(
            [sys.executable, "-m", CHILD, *arguments], capture_output=True, text=True, errors="replace"
        )
        if done.returncode or not temporary.is_file():
            words = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise CouldNot(f"llama.cpp could not make {file_type.name} of {source.name}:\n  {words}")
        temporary.replace(target)
