"""Teacher and student must name the same things by the same ids.

A distribution over the next token can be taught only to a model whose token 1234 is the teacher's token
1234. The lists in both files' heads are compared entry by entry. Only at the end may they differ in length:
an output matrix is padded to a round size, and its padding has entries of the type "unused" (`[PAD151700]`),
which no text ever gives.
"""

from __future__ import annotations

from pathlib import Path

from slm_core.errors import UserError
from slm_core.gguf_head import Header, read_header

UNUSED = 5  # token type of the padding


def shared_vocabulary(teacher: Path, student: Path) -> int:
    """Return how many tokens both know, by the same ids.

    Raises:
        UserError: their vocabularies differ; the first difference is shown.
    """
    theirs, ours = _real_tokens(read_header(teacher)), _real_tokens(read_header(student))
    if theirs == ours and ours:
        return len(ours)
    raise UserError(
        f"teacher and student have different vocabularies: {_difference(theirs, ours)}",
        where=f"--teacher {teacher.name}, --model {student.name}",
        expected="the same tokens under the same ids, as Qwen2.5-Coder 1.5B and 0.5B have them",
        mend="take a teacher of the student's family, or train on rows with its replies: finetune lora",
    )


def _real_tokens(header: Header) -> list[str]:
    """The tokens without the padding at the end."""
    tokens, types = header.tokens, header.values.get("tokenizer.ggml.token_type")
    kinds = types if isinstance(types, tuple) else ()
    end = len(tokens)
    while 0 < end <= len(kinds) and kinds[end - 1] == UNUSED:
        end -= 1
    return tokens[:end]


def _difference(theirs: list[str], ours: list[str]) -> str:
    sizes = f"{len(theirs):,} tokens against {len(ours):,}"
    for number, (one, other) in enumerate(zip(theirs, ours, strict=False)):
        if one != other:
            return f"{sizes}, and token {number} is {one!r} there and {other!r} here"
    return sizes
