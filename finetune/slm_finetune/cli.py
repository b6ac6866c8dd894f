"""The command `finetune`: one verb a module, loaded when it is used."""

from __future__ import annotations

from collections.abc import Sequence

from slm_core.cli.verbs import Command

VERBS = {
    "lora": "train a LoRA adapter on the dequantized base and prove it on the device",
    "distill": "train an adapter on what a larger teacher thinks of every reply token",
    "eval": "measure an expert and its peers on dataset rows, or a file on a public suite",
    "router": "train the gate of --domain auto",
    "embed": "tune the search by meaning on question-passage pairs, measured before and after",
    "quantize": "write an expert in smaller types of file, each measured against its float32",
    "prune": "take weights, layers or channels out of an expert, measured before and after",
    "trim-vocab": "take the tokens of other languages out of a model file, measured before and after",
    "convert": "make a GGUF file of a Transformers model folder",
    "export": "rebuild other formats from an adapter",
}

EXAMPLES = """\
examples:
  finetune lora --domain disaster
  finetune eval --domain disaster --baseline tfidf
  finetune embed --domain disaster --documents manuals/
  finetune VERB --help
"""


FINETUNE = Command(
    "finetune",
    "slm_finetune",
    VERBS,
    "Domain rows to an adapter that runs on the quantized base, measured.",
    EXAMPLES,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `finetune` with these arguments (default: the process's) and return its exit code."""
    return FINETUNE.main(argv)


if __name__ == "__main__":
    raise SystemExit(main())
