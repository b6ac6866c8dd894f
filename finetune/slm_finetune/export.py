"""`finetune export`: other formats, rebuilt from an adapter folder.

An adapter is kept in one format, the device's (`adapter.gguf`). What other programs read is made from it when
it is wanted: `peft` is the folder that PEFT and Transformers load.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.domain import find_domain
from slm_core.errors import UserError
from slm_core.files import sha256_of
from slm_core.settings import Settings, load_settings

if TYPE_CHECKING:
    from slm_core.catalog import Model
    from slm_core.engine.adapter import Adapter

EPILOG = """\
example:
  finetune export --to peft --domain disaster --out disaster-peft

then, in Python:
  from peft import AutoPeftModelForCausalLM
  model = AutoPeftModelForCausalLM.from_pretrained("disaster-peft")
"""


def register(subparsers: Any) -> None:
    """Add the verb to `finetune`."""
    parser = subparsers.add_parser(
        "export",
        help="rebuild other formats from an adapter",
        description="Rebuild other formats, without loss, from the adapter that the device uses.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--to", required=True, choices=("peft",), help="peft: safetensors and configuration for PEFT")
    add("--domain", required=True, metavar="D", help="an installed domain, e.g. disaster")
    add("--model", metavar="M", help="base of the adapter: a catalog name or a path to a .gguf file")
    add("--adapter", metavar="DIR", help="adapter folder (default: the installed one)")
    add("--out", type=Path, required=True, metavar="DIR", help="folder to write")


def run(args: argparse.Namespace) -> int:
    """Rebuild the files and print their folder."""
    from slm_core.catalog import find_model
    from slm_finetune.peft_files import CARD, CONFIG, architecture_of, clean_config, peft_tensors, write_peft

    settings = load_settings(model=args.model)
    base = find_model(settings.model)
    adapter = _adapter(args, base, settings)
    folder = adapter.path.parent
    _check_out(args.out, folder)
    config = clean_config(folder / CONFIG, base.hub)
    tensors = peft_tensors(adapter.path, config, _heads(architecture_of(adapter.path), base))
    card = folder / CARD
    write_peft(args.out, tensors, config, card.read_text(encoding="utf-8") if card.is_file() else None)
    print(args.out)
    return 0


def _adapter(args: argparse.Namespace, base: Model, settings: Settings) -> Adapter:
    from slm_core.adapters import resolve_adapter

    domain = find_domain(args.domain)
    adapter = resolve_adapter(args.adapter, domain, base.name, settings)
    if adapter is None:
        mend = f"finetune lora --domain {domain.name} --model {base.name}, or name one with --adapter"
        raise UserError(f"no adapter of {domain.name} for {base.name}", where="--adapter", mend=mend)
    sha256 = sha256_of(base.path) if base.path else base.sha256
    if sha256:
        adapter.check_base(base.name, sha256)
    return adapter


def _check_out(out: Path, folder: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError("this is a file", where=out, expected="a folder to write")
    if out.resolve() == folder.resolve():
        raise UserError("this is the adapter's own folder", where="--out", expected="another folder")


def _heads(architecture: str, base: Model) -> tuple[int, int] | None:
    """Return attention and key-value heads of the base, where the conversion needs them."""
    from slm_finetune.peft_files import permutes

    if not permutes(architecture):
        return None
    if base.heads is None or base.architecture != architecture:
        raise UserError(
            f"the adapter is for the architecture {architecture}, {base.name} is {base.architecture}",
            where="--model",
            expected="the base that the adapter was trained on",
        )
    return base.heads, base.kv_heads or base.heads
