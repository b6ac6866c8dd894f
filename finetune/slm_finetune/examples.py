"""Dataset rows to token ids: the loss is on the reply only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slm_core.dataset.row import Row


@dataclass(frozen=True)
class Example:
    """Token ids of prompt and target (the target ends with the end of the turn)."""

    prompt: tuple[int, ...]
    target: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.target)


def prompt_text(tokenizer: Any, messages: Sequence[dict[str, str]]) -> str:
    """Return the chat template's text for these messages, up to where the assistant begins."""
    return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))


def encode_row(tokenizer: Any, row: Row, max_length: int) -> Example:
    """Tokenize one row; a prompt that is too long loses tokens of its user text, never the template around
    it."""
    target = _ids(tokenizer, row.target + end_of_turn(tokenizer))
    prompt = _ids(tokenizer, prompt_text(tokenizer, row.prompt()))
    excess = len(prompt) + len(target) - max_length
    if excess > 0:
        tail = len(_ids(tokenizer, prompt_text(tokenizer, [{"role": "user", "content": ""}])))
        keep = max(len(prompt) - tail - excess, 0)
        prompt = prompt[:keep] + prompt[len(prompt) - tail :]
    return Example(tuple(prompt), tuple(target))


def end_of_turn(tokenizer: Any) -> str:
    """Return the text that ends an assistant's turn in this model's template."""
    mark = "\x00"
    text = str(
        tokenizer.apply_chat_template(
            [{"role": "user", "content": "?"}, {"role": "assistant", "content": mark}], tokenize=False
        )
    )
    return text.rpartition(mark)[2].rstrip("\n")


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
