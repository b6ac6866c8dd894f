"""llama.cpp's own quantization, as a program of its own: `python -m slm_finetune.quantize.llama`.

    SOURCE TARGET FILE_TYPE NOTE IMATRIX|""

It runs apart from the engine, because two builds of ggml in one process share the names of their functions.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Any

from slm_finetune.quantize.importance import read_importance
from slm_finetune.quantize.making import NOTE


def quantize(source: str, target: str, file_type: int, note: str, imatrix: str) -> int:
    """Call `llama_model_quantize` and return what it returns: 0 for done."""
    import llama_cpp

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = file_type
    values = (llama_cpp.llama_model_kv_override * 2)()  # the last one, all zero, ends the list
    values[0].tag, values[0].key = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR, NOTE.encode()
    values[0].value.val_str = note.encode()
    params.kv_overrides = values
    if imatrix:
        params.imatrix, _held = _entries(llama_cpp, Path(imatrix))
    return int(llama_cpp.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(params)))


def _entries(llama_cpp: Any, path: Path) -> tuple[Any, list[Any]]:
    """Return the importance matrix as llama.cpp takes it, and the arrays that it points into."""
    importance = read_importance(path)
    entries = (llama_cpp.llama_model_imatrix_data * (len(importance.sums) + 1))()  # ended by a name of NULL
    held = []
    for entry, name in zip(entries, sorted(importance.sums), strict=False):
        means = importance.of(name)
        assert means is not None
        held.append(means)
        entry.name = name.encode()
        entry.data = means.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.size = means.size
    return entries, held


if __name__ == "__main__":
    given = sys.argv[1:]
    raise SystemExit(quantize(given[0], given[1], int(given[2]), given[3], given[4]))
