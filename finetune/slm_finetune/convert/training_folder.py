"""The converted file's weights as a folder that Transformers trains on, where it cannot read the GGUF.

`finetune lora` trains on the very weights that the device runs. Of a Llama, Qwen2, ... file Transformers
makes that folder itself (base.py); of the others it is made here, from the folder that was converted: its
configuration and tokenizer, the weights of the file.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from slm_core.files import sha256_of
from slm_finetune.convert.checkpoint import WEIGHTS, Checkpoint
from slm_finetune.convert.tokenizer import load_tokenizer
from slm_finetune.convert.weights import folder_tensors
from slm_finetune.gguf_file import read_file


def keep(checkpoint: Checkpoint, gguf_file: Path, home: Path) -> Path:
    """Write SLM_HOME/bases/<sha256>, where `base.dequantized_base` looks first, and return it.

    Args:
        checkpoint: the folder that was converted.
        gguf_file: the file made of it.
        home: SLM_HOME.
    """
    from safetensors.numpy import save_file

    folder = home / "bases" / sha256_of(gguf_file)[:16]
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        weights = dict(folder_tensors(checkpoint, read_file(gguf_file).tensors))
        save_file(weights, temporary / WEIGHTS, metadata={"format": "pt"})
        checkpoint.config.gguf_architecture = checkpoint.family.architecture  # for the adapter's file
        checkpoint.config.save_pretrained(temporary)
        load_tokenizer(checkpoint).save_pretrained(temporary)
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return folder
