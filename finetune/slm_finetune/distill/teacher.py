"""The teacher: one GGUF file, with an adapter or without, that says what it thinks of every token of a reply.

It runs in llama.cpp, as the device would run it: one prefill gives the hidden state of every token, times the
output matrix these are the logits (slm_core.engine.score). A Transformers copy would need the file
dequantized: 7 GB of memory and of disk for a 1.5B instead of 4 GB and none, for the same figures (KL below
0.002). An adapter given at the start is in force there too, so a tuned teacher needs no merged file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slm_core.domain import Domain
from slm_core.engine.adapter import Adapter
from slm_core.errors import UserError
from slm_core.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from slm_core.engine.llama import LlamaEngine


@dataclass(frozen=True)
class TeacherFile:
    """Which teacher it is.

    Args:
        given: as the user named it, a catalog name or a path.
        name: catalog name or the file's stem.
        path: its GGUF file.
        sha256: of that file.
        adapter: of the domain; None where the file is the teacher as it is.
    """

    given: str
    name: str
    path: Path
    sha256: str
    adapter: Adapter | None

    @property
    def key(self) -> str:
        """Identify file and adapter, for what is kept of its answers."""
        return f"{self.sha256[:16]}+{self.adapter.sha256[:16]}" if self.adapter else self.sha256[:16]

    @property
    def title(self) -> str:
        """Say which it is in a few words."""
        return f"{self.name} with its {self.adapter.domain} adapter" if self.adapter else self.name


def find_teacher(given: str, adapter: str | None, domain: Domain, settings: Settings) -> TeacherFile:
    """Resolve `--teacher` and `--teacher-adapter`.

    Args:
        given: a catalog name or a path to a .gguf file.
        adapter: a folder; `none`; or None, which takes the domain's installed one if there is one.
        domain: whose adapter it is.
        settings: in force; the model they name plays no part.

    Raises:
        UserError: no such model or adapter, or an adapter of another base.
        CouldNot: the file cannot be had.
    """
    from slm_core.adapters import resolve_adapter
    from slm_core.catalog import Bar, ensure, find_model
    from slm_core.catalog.verify import known_sha256

    path = ensure(given, settings, Bar())
    name, sha256 = find_model(given).name, known_sha256(path, settings)
    found = resolve_adapter(adapter, domain, name, settings)
    if found:
        found.check_base(name, sha256)
    return TeacherFile(given, name, path, sha256, found)


class Teacher:
    """A teacher at work.

    Args:
        file: which one.
        size: tokens of the vocabulary that it shares with the student; what lies beyond is padding.
        context: tokens of the longest prompt and reply together.
        threads: of llama.cpp.

    Raises:
        UserError: the teacher cannot read that much.
    """

    def __init__(self, file: TeacherFile, size: int, context: int, threads: int) -> None:
        from slm_core.engine.score import Scorer
        from slm_core.gguf_head import read_header

        adapters = [file.adapter.path] if file.adapter else []
        header = read_header(file.path)
        most = header.of_architecture("context_length", context)
        if context > most:
            raise UserError(
                f"a prompt with its reply takes {context} tokens, and {file.name} reads {most} at most",
                where="--teacher",
                mend="fewer --shots, a smaller --set max_length or --reply-tokens",
            )
        self._size = size
        self._scorer = Scorer(file.path, header, context=context, threads=threads, adapters=adapters)

    def log_probabilities(self, prompt: Sequence[int], reply: Sequence[int]) -> NDArray[np.float32]:
        """Return the natural log-probabilities [tokens of the reply, shared vocabulary], before each token.

        Raises:
            UserError: prompt or reply is empty.
        """
        import numpy as np

        if not prompt or not reply:
            raise UserError("there is nothing to teach", expected="a prompt and a reply of a token or more")
        states = self._scorer.states([*prompt, *reply])[len(prompt) - 1 : -1]
        values = self._scorer.distributions(states)[:, : self._size]
        values -= np.log(np.exp(values.astype(np.float64)).sum(axis=1, keepdims=True)).astype(np.float32)
        return values

    def close(self) -> None:
        """Free the model."""
        self._scorer.close()


def open_speaker(file: TeacherFile, settings: Settings) -> LlamaEngine:
    """Return an engine in which the teacher writes replies; its adapter is named by its domain."""
    from slm_core.engine import open_local

    return open_local(settings, file.given, {file.adapter.domain: file.adapter} if file.adapter else {})
