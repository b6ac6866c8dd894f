"""`finetune convert`: a Transformers model folder to the GGUF file that the device runs."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import MissingExtra

if TYPE_CHECKING:
    from slm_finetune.convert.checkpoint import Checkpoint
    from slm_finetune.gguf_file import GgufFile

EPILOG = """\
example:
  finetune convert --from path/to/model-folder --out model.gguf --type q8_0

The folder holds config.json, *.safetensors and tokenizer.json, as Transformers saves them. What llama.cpp
would compute otherwise is refused by name. The token ids of the file are compared with the folder's.
"""
_FILE_TYPES = {"f32": 0, "f16": 1, "q8_0": 7}  # general.file_type of llama.cpp


def register(subparsers: Any) -> None:
    """Add the verb to `finetune`."""
    parser = subparsers.add_parser(
        "convert",
        help="make a GGUF file of a Transformers model folder",
        description="Make a GGUF file of a Transformers model folder; both must cut texts alike.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--from", dest="folder", type=Path, required=True, metavar="DIR", help="Transformers model folder")
    add("--out", type=Path, required=True, metavar="FILE.gguf", help="file to write")
    add("--type", choices=tuple(_FILE_TYPES), default="f16", help="of the matrices (default: f16)")
    add(
        "--trainable",
        action="store_true",
        help="also keep the file's weights as float32 in SLM_HOME/bases, for finetune lora",
    )


def run(args: argparse.Namespace) -> int:
    """Convert, compare token ids, and print the file.

    Raises:
        UserError: something in the folder that cannot be converted.
        GateFailed: llama.cpp cuts text into other tokens than the folder's tokenizer; the file is not kept.
    """
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtra("finetune convert", "train") from error
    from slm_finetune.convert.checkpoint import Checkpoint
    from slm_finetune.gguf_file import new_file

    out = new_file(args.out)
    checkpoint = Checkpoint.of(args.folder)
    line = write(checkpoint, args.type, out)
    print(line, file=sys.stderr)
    if args.trainable:
        from slm_core.settings import load_settings
        from slm_finetune.convert.training_folder import keep

        print(f"for finetune lora: {keep(checkpoint, out, load_settings().home)}", file=sys.stderr)
    print(args.out)
    return 0


def write(checkpoint: Checkpoint, kind: str, out: Path) -> str:
    """Write the file, prove its tokens, and say in a line what was made.

    Raises:
        GateFailed: the token ids differ; nothing is left at `out`.
    """
    from slm_finetune.convert.proof import check_tokens
    from slm_finetune.convert.tokenizer import load_tokenizer
    from slm_finetune.gguf_file import write_file

    tokenizer = load_tokenizer(checkpoint)
    file = convert(checkpoint, tokenizer, kind)
    candidate = out.with_name(f".{out.name}.new")
    try:
        write_file(candidate, file)
        texts = check_tokens(candidate, tokenizer)
        candidate.replace(out)
    finally:
        candidate.unlink(missing_ok=True)
    size = out.stat().st_size / 1e6
    line = (
        f"{checkpoint.family.name} as {file.architecture}: {len(file.tensors)} tensors, {size:.1f} MB "
        f"({kind}), token ids equal on {texts} texts"
    )
    _write_note(out, line)
    return line


def _write_note(out: Path, line: str) -> None:
    from slm_core.files import sha256_of, write_atomically

    note = f"# {out.stem}\n\nMade by `finetune convert` of a Transformers folder. {line}.\n\n"
    write_atomically(out.with_suffix(".md"), f"{note}sha256 {sha256_of(out)}\n".encode())


def convert(checkpoint: Checkpoint, tokenizer: Any, kind: str) -> GgufFile:
    """Return the folder as a GGUF file in memory.

    Args:
        checkpoint: the folder.
        tokenizer: of the folder.
        kind: `f32`, `f16` or `q8_0`.
    """
    from slm_finetune.convert.metadata import metadata
    from slm_finetune.convert.tokenizer import vocabulary
    from slm_finetune.convert.weights import tensors
    from slm_finetune.gguf_file import ARCHITECTURE, KIND, GgufFile, Tensor, Value

    architecture = checkpoint.family.architecture
    keys, factors = metadata(checkpoint)
    values = {
        ARCHITECTURE: architecture,
        "general.type": "model",
        "general.name": _name(checkpoint, tokenizer),
        "general.file_type": _FILE_TYPES[kind],
        "general.quantization_version": 2,
        **{f"{architecture}.{key}": value for key, value in keys.items()},
        **vocabulary(tokenizer, checkpoint.config.vocab_size, checkpoint.folder),
    }
    extra = {name: Tensor.of(name, array, KIND.F32) for name, array in factors.items()}
    return GgufFile(
        {k: v if isinstance(v, Value) else Value.of(v) for k, v in values.items()},
        {**tensors(checkpoint, KIND[kind.upper()]), **extra},
    )


def _name(checkpoint: Checkpoint, tokenizer: Any) -> str:
    """Return the folder's name, spelled as llama.cpp's tokenizer wants it.

    It swallows blanks after the turn marks of a model whose name spells `phi-3`, and of no other.
    """
    name = re.sub(r"(?i)phi-?3", "phi 3", checkpoint.folder.resolve().name)
    swallows = any(token.rstrip for token in tokenizer.added_tokens_decoder.values())
    return f"phi-3 ({name})" if swallows and checkpoint.family.name == "phi3" else name
