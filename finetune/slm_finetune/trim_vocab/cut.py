"""Cut a GGUF file down to some of its tokens.

Rows of the embedding and of the output matrix are taken over byte for byte in their quantized form, for both
are quantized along the row. Nothing else of the network changes, so an adapter of the base fits the cut file:
`slm.trimmed_from` names the base that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from slm_core.errors import UserError
from slm_finetune.gguf_file import GgufFile, Tensor
from slm_finetune.merged import TRIMMED_FROM
from slm_finetune.trim_vocab.vocabulary import Kept, Vocabulary

PREFIX = "tokenizer.ggml."
TOKENS, KINDS, MERGES = f"{PREFIX}tokens", f"{PREFIX}token_type", f"{PREFIX}merges"
BY_TOKEN = (TOKENS, KINDS, f"{PREFIX}scores")
MATRICES = ("token_embd.weight", "output.weight", "output.bias")
LANGUAGES = "slm.trimmed_to"


def vocabulary_of(file: GgufFile, where: object) -> Vocabulary:
    """Return the vocabulary of a file.

    Args:
        file: the model.
        where: its path, for the message.

    Raises:
        UserError: its tokenizer is no byte-level BPE.
    """
    model = file.values[f"{PREFIX}model"].content if f"{PREFIX}model" in file.values else "none"
    if model != "gpt2" or MERGES not in file.values:
        raise UserError(
            f"the tokenizer of this file is {model!r}, whose tokens cannot be taken out one by one",
            where=str(where),
            expected="'gpt2', a byte-level BPE with merges (Llama 3, Qwen, SmolLM, EXAONE, ...)",
        )
    tokens = file.values[TOKENS].content
    kinds = file.values[KINDS].content if KINDS in file.values else [1] * len(tokens)
    merges = [(left, right) for left, _, right in (m.partition(" ") for m in file.values[MERGES].content)]
    return Vocabulary(tokens, kinds, merges)


def cut(
    file: GgufFile, vocabulary: Vocabulary, kept: Kept, *, base_sha256: str, languages: Sequence[str]
) -> GgufFile:
    """Return the file with the kept tokens only.

    Args:
        file: the model.
        vocabulary: of it.
        kept: which tokens.
        base_sha256: of the file's bytes; a file that was trimmed before keeps that of its base.
        languages: for `slm.trimmed_to`.
    """
    ids = list(kept.ids)
    new = {old: place for place, old in enumerate(ids)}
    merges = [" ".join(merge) for merge in vocabulary.kept_merges(set(ids))]
    by_token = {key: [file.values[key].content[id_] for id_ in ids] for key in BY_TOKEN if key in file.values}
    size, first = f"{file.architecture}.vocab_size", file.values.get(TRIMMED_FROM)
    return file.replaced(
        values={
            **by_token,
            **_renumbered(file, new),
            **({size: len(ids)} if size in file.values else {}),
            MERGES: merges,
            TRIMMED_FROM: first.content if first else base_sha256,
            LANGUAGES: ",".join(languages),
        },
        tensors=[_rows(file.tensors[name], ids) for name in MATRICES if name in file.tensors],
    )


def special_ids(file: GgufFile) -> set[int]:
    """Return the tokens that the metadata name by id; without one, its key would name another token."""
    return {int(file.values[key].content) for key in _special(file)}


def _special(file: GgufFile) -> list[str]:
    """Return the keys: `bos_token_id`, `eos_token_id`, `fim_pre_token_id`, ..."""
    return [key for key in file.values if key.startswith(PREFIX) and key.endswith("_token_id")]


def _renumbered(file: GgufFile, new: dict[int, int]) -> dict[str, int]:
    return {key: new[int(file.values[key].content)] for key in _special(file)}


def _rows(tensor: Tensor, ids: Sequence[int]) -> Tensor:
    return replace(tensor, data=np.ascontiguousarray(tensor.data[np.asarray(ids)]))
