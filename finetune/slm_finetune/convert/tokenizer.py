"""A folder's tokenizer as llama.cpp's metadata: byte-level BPE, or BPE over pieces as SentencePiece makes it.

llama.cpp's `gpt2` model merges by the rank of a merge, its `llama` model by the score of the piece that a
merge makes; the score written is the rank with a minus, which orders the merges alike. A Unigram tokenizer
(T5's, XLM-R's) chooses pieces otherwise and is refused. Whether the ids really agree is tried on the written
file (proof.py), not assumed.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gguf import GGUFValueType, TokenType

from slm_core.errors import UserError
from slm_finetune.convert.checkpoint import Checkpoint
from slm_finetune.gguf_file import Value

PREFIX = "tokenizer.ggml."
_BLANK = "\u2581"  # how SentencePiece writes a space
_BYTE = re.compile(r"^<0x[0-9A-F]{2}>$")
_SPLITS = Path(__file__).with_name("splits.toml")


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """Return the folder's tokenizer; code that lies in the folder is not run.

    Raises:
        UserError: there is none, or none that Transformers can open without code from the folder.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    folder = checkpoint.folder
    # Transformers has no class for EXAONE 3.5; its tokenizer.json says all.
    loader = PreTrainedTokenizerFast if checkpoint.family.name == "exaone" else AutoTokenizer
    try:
        tokenizer = loader.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(f"no tokenizer: {first}", where=folder, expected="tokenizer.json") from error
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise UserError("no tokenizer.json", where=folder, expected="a tokenizer of the tokenizers library")
    return tokenizer


def vocabulary(tokenizer: Any, size: int, where: Path) -> dict[str, Any]:
    """Return the tokenizer's keys.

    Args:
        tokenizer: of `load_tokenizer`.
        size: rows of the embedding; ids that no token has are filled with unused ones.
        where: the folder.

    Raises:
        UserError: a tokenizer that llama.cpp does not have, or one with more tokens than the embedding rows.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    model = state["model"]
    if model["type"] != "BPE":
        raise UserError(f"a {model['type']} tokenizer is not converted", where=where, expected="BPE")
    tokens, types = _tokens(state, size, where)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    keys: dict[str, Any] = {
        "tokens": tokens,
        "token_type": Value(GGUFValueType.ARRAY, types, GGUFValueType.INT32),
    }
    if _byte_level(state):
        keys |= {"model": "gpt2", "pre": _split_name(state, where), "merges": merges}
    else:
        keys |= {"model": "llama", "pre": "default", "scores": _scores(tokens, merges)}
        keys["add_space_prefix"] = _blank_first(state, where)
    return {PREFIX + key: value for key, value in (keys | _special(tokenizer)).items()} | _template(tokenizer)


def _tokens(state: Mapping[str, Any], size: int, where: Path) -> tuple[list[str], list[int]]:
    added = {token["id"]: token for token in state["added_tokens"]}
    by_id = {number: token for token, number in state["model"]["vocab"].items()}
    by_id |= {number: token["content"] for number, token in added.items()}
    if by_id and max(by_id) >= size:
        raise UserError(
            f"the tokenizer has the id {max(by_id)}", where=where, expected=f"ids below vocab_size = {size}"
        )
    unknown = state["model"].get("unk_token")

    def type_of(number: int) -> TokenType:
        token = by_id.get(number)
        if token is None:
            return TokenType.UNUSED
        if token == unknown:
            return TokenType.UNKNOWN
        if number in added:
            return TokenType.CONTROL if added[number]["special"] else TokenType.USER_DEFINED
        return TokenType.BYTE if _BYTE.match(token) and not _byte_level(state) else TokenType.NORMAL

    return (
        [by_id.get(number, f"[PAD{number}]") for number in range(size)],
        [int(type_of(number)) for number in range(size)],
    )


def _scores(tokens: list[str], merges: list[str]) -> list[float]:
    """Return minus the rank of the first merge that makes a piece; pieces that no merge makes come after."""
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(merges):
        ranks.setdefault(merge.replace(" ", ""), rank)
    return [float(-ranks.get(token, len(merges))) for token in tokens]


def _steps(state: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    step = state["pre_tokenizer"]
    if step is not None:
        yield from step["pretokenizers"] if step["type"] == "Sequence" else [step]


def _byte_level(state: Mapping[str, Any]) -> bool:
    return any(step["type"] == "ByteLevel" for step in _steps(state))


def _split_name(state: Mapping[str, Any], where: Path) -> str:
    steps = [_written(step) for step in _steps(state)]
    for name, known in _splits().items():
        if steps == known:
            return name
    raise UserError(
        f"the tokenizer cuts text in a way that is not known: {'; '.join(steps)}",
        where=where,
        expected=f"the way of {', '.join(_splits())}",
    )


def _written(step: Mapping[str, Any]) -> str:
    """Write a step as splits.toml does; anything else as its JSON, which then is not known."""
    kind = step["type"]
    if kind == "ByteLevel" and not step["add_prefix_space"]:
        return "bytes gpt2" if step["use_regex"] else "bytes"
    if kind == "Digits" and step["individual_digits"]:
        return "digits"
    isolated = step.get("behavior") == "Isolated" and not step.get("invert")
    matches_only = step.get("behavior") == "Removed" and step.get("invert")
    if kind == "Split" and (isolated or matches_only) and "Regex" in step["pattern"]:
        return f"split {step['pattern']['Regex']}"
    return json.dumps(step)


@cache
def _splits() -> dict[str, list[str]]:
    table = tomllib.loads(_SPLITS.read_text(encoding="utf-8"))
    return {name: row["steps"] for name, row in table.items()}


def _blank_first(state: Mapping[str, Any], where: Path) -> bool:
    """Whether a blank is put before the text; refuses steps that are not SentencePiece's."""
    normalizer = state["normalizer"] or {"type": "Sequence", "normalizers": []}
    parts = normalizer["normalizers"] if normalizer["type"] == "Sequence" else [normalizer]
    kinds = {part["type"]: part for part in [*parts, *_steps(state)]}
    metaspace = kinds.get("Metaspace")
    replaced = kinds.get("Replace", {}).get("content") == _BLANK or metaspace is not None
    unknown = sorted(kinds.keys() - {"Prepend", "Replace", "Metaspace", "Split"})
    if not replaced or unknown or not state["model"].get("byte_fallback"):
        raise UserError(
            f"a BPE over pieces with {', '.join(kinds) or 'no step'} is not converted",
            where=where,
            expected=f"spaces replaced by {_BLANK}, and byte_fallback",
        )
    return "Prepend" in kinds or (metaspace is not None and metaspace["prepend_scheme"] != "never")


def _special(tokenizer: Any) -> dict[str, Any]:
    names = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    ids = {f"{name}_token_id": getattr(tokenizer, f"{short}_token_id") for short, name in names.items()}
    given = tokenizer("a")["input_ids"]
    return {name: number for name, number in ids.items() if number is not None} | {
        "add_bos_token": bool(given) and given[0] == tokenizer.bos_token_id,
        "add_eos_token": bool(given) and given[-1] == tokenizer.eos_token_id,
    }


def _template(tokenizer: Any) -> dict[str, str]:
    template = getattr(tokenizer, "chat_template", None)
    if isinstance(template, dict):  # several, by name; llama.cpp renders with the plain one
        template = template.get("default")
    return {"tokenizer.chat_template": template} if template else {}
