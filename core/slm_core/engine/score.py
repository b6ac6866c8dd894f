"""Log-likelihood of a given text, for evaluation: multiple choice, perplexity.

llama.cpp does not give probabilities of prompt tokens (`echo` is ignored). It gives the last hidden state of
every token in one prefill (embedding mode, no pooling, after the final norm); times the output matrix of the
file, taken out of its quantization, these are the logits. Checked against single steps to 0.002 nat. The
embedding route ignores the `lora` of a request: an adapter given at the start is in force always (tested
against the merged file), and an engine with several has scores of its base only.

Covered: models whose logits are hidden state times output matrix, with or without Gemma's soft cap. Not
covered: families with another scale on the logits (Granite, Cohere, Command-R); they are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.engine.contract import PromptTooLong, Score
from slm_core.engine.server import LlamaServer
from slm_core.errors import CouldNot, UserError
from slm_core.gguf_head import Header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS = 16_384  # of the vocabulary at a time, so that the logits of long texts stay small


class Scorer:
    """A second context over the same file, in embedding mode, and the output matrix in float32.

    Args:
        path: the file.
        header: of that file.
        context: tokens of the longest text.
        threads: of llama.cpp.
        adapters: LoRA files that are in force in every text.
    """

    def __init__(
        self, path: Path, header: Header, *, context: int, threads: int, adapters: Sequence[Path] = ()
    ) -> None:
        if header.of_architecture("logit_scale") is not None:
            raise UserError(
                f"{header.architecture} scales its logits in a way that is not covered", where=path
            )
        self.context = context
        self._cap = header.of_architecture("final_logit_softcapping")
        self._matrix = _output_matrix(path, header)
        self._server = LlamaServer(
            path, adapters=adapters, slots=1, context=context, threads=threads, embedding=True
        )

    def score(self, prompt: Sequence[int], reply: Sequence[int]) -> Score:
        """Return the log-likelihood of the reply's tokens after the prompt's; see `score_each`."""
        return self.score_each(prompt, [reply])[0]

    def score_each(self, prompt: Sequence[int], replies: Sequence[Sequence[int]]) -> list[Score]:
        """Return the log-likelihood of each reply's tokens after the prompt's.

        The last token of a reply need not be read, so replies that agree in all but it share one pass.

        Raises:
            UserError: a reply has no token.
            PromptTooLong: prompt and reply do not fit.
        """
        import numpy as np

        for reply in replies:
            if not reply:
                raise UserError("there is nothing to score", where="text", expected="at least one token")
            if len(prompt) + len(reply) > self.context:
                raise PromptTooLong.counted(len(prompt), len(reply), self.context)
        passes: dict[tuple[int, ...], NDArray[np.float32]] = {}
        found: dict[int, Score] = {}
        for i in sorted(range(len(replies)), key=lambda i: -len(replies[i])):
            read, targets = tuple(replies[i][:-1]), np.asarray(replies[i])
            path = next((known for known in passes if known[: len(read)] == read), read)
            if path not in passes:
                passes[path] = self.states([*prompt, *read])
            before = passes[path][len(prompt) - 1 :][: len(targets)]
            found[i] = Score(float(self._log_probabilities(before, targets).sum()), len(targets))
        return [found[i] for i in range(len(replies))]

    def states(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Return the hidden state after each token, [tokens, width]; at most `context` tokens.

        Raises:
            CouldNot: llama.cpp gave something else.
        """
        import numpy as np

        hidden = np.asarray(self._server.embeddings(tokens), dtype=np.float32)
        if hidden.shape != (len(tokens), self._matrix.shape[1]):
            raise CouldNot(f"llama.cpp gave hidden states of shape {hidden.shape} for {len(tokens)} tokens")
        return hidden

    def tokenize(self, text: str) -> list[int]:
        """Return token ids as `LlamaEngine.tokenize` does."""
        return self._server.tokenize(text)

    def distributions(self, hidden: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the natural log-probabilities [states, vocabulary] of the token after each state.

        Give it a hundred states at a time: for a vocabulary of 151,936 these take 60 MB.
        """
        import numpy as np

        logits = self._capped(hidden @ self._matrix.T)
        peak = logits.max(axis=1, keepdims=True)
        total = np.log(np.exp((logits - peak).astype(np.float64)).sum(axis=1, keepdims=True))
        distributions: NDArray[np.float32] = (logits - peak - total).astype(np.float32)
        return distributions

    def close(self) -> None:
        """Free the model."""
        self._server.close()

    def _log_probabilities(self, hidden: NDArray[np.float32], targets: NDArray[np.int64]) -> Any:
        """Of each target after its hidden state; log-sum-exp over the vocabulary, block by block."""
        import numpy as np

        total = np.full(len(hidden), -np.inf)
        for start in range(0, len(self._matrix), _ROWS):
            logits = self._capped(hidden @ self._matrix[start : start + _ROWS].T).astype(np.float64)
            peak = logits.max(axis=1)
            total = np.logaddexp(total, peak + np.log(np.exp(logits - peak[:, None]).sum(axis=1)))
        own = self._capped(np.einsum("td,td->t", hidden, self._matrix[targets]))
        return own - total

    def _capped(self, logits: Any) -> Any:
        import numpy as np

        return logits if self._cap is None else self._cap * np.tanh(logits / self._cap)


def _output_matrix(path: Path, header: Header) -> NDArray[np.float32]:
    """The matrix [vocabulary, width]; a file without `output.weight` ties it to the embedding.

    Read through our own head: the `gguf` package takes half a minute for a vocabulary of 151,936.
    """
    import numpy as np
    from gguf import GGMLQuantizationType, dequantize
    from gguf.quants import quant_shape_to_byte_shape

    tensor = header.tensors.get("output.weight") or header.tensors.get("token_embd.weight")
    if tensor is None:
        raise CouldNot(f"{path}: the file has no output matrix")
    kind = GGMLQuantizationType(tensor.kind)
    shape = quant_shape_to_byte_shape(tensor.sizes[::-1], kind)
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=tensor.begin, shape=shape)
    matrix: NDArray[np.float32] = dequantize(data, kind)
    return matrix
