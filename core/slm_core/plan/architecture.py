"""What a model is made of, and what follows from that: parameters, cache, bytes and operations.

Everything is counted from the tensors (`tensors.py`), so that the number of parameters, the bytes of a
quantization and the operations of a token cannot disagree. No weights are needed, and no PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from slm_core.catalog import Model
from slm_core.errors import UserError
from slm_core.gguf_head import Header, read_header
from slm_core.kv_cache import F16, WINDOWED, KvCache, pattern, windowed_layers
from slm_core.plan import weights
from slm_core.plan.families import Family, find_family
from slm_core.plan.tensors import Tensor, tensors_of

_NEEDED = ("architecture", "vocabulary", "context", "d_model", "layers", "heads", "ffn")
_KEYS = {  # the figures of a GGUF file by its keys
    "context": "context_length",
    "layers": "block_count",
    "d_model": "embedding_length",
    "ffn": "feed_forward_length",
    "heads": "attention.head_count",
    "kv_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "window": "attention.sliding_window",
    "experts": "expert_count",
    "experts_used": "expert_used_count",
    "expert_ffn": "expert_feed_forward_length",
    "shared_ffn": "expert_shared_feed_forward_length",
}


@dataclass(frozen=True)
class Architecture:
    """A decoder-only transformer.

    Args:
        name: of the model.
        architecture: its family, as a GGUF file calls it; `family` holds what its models share.
        vocabulary: rows of the embedding.
        context: tokens it was trained to, or is said to serve.
        d_model: width of the vector of a token.
        layers: transformer blocks.
        heads: of the queries.
        kv_heads: of keys and values.
        head_dim: width of a head.
        ffn: width of the hidden layer of an MLP; of a model of experts that of a dense layer, of which it has
            none.
        tied: whether the output is the embedding again.
        output_apart: whether the file holds the tied output a second time.
        window: tokens that a windowed layer sees; 0: there is none.
        windowed: which layers see that window only.
        experts: MLPs in a layer; 0: one dense MLP.
        experts_used: of them for one token.
        expert_ffn: width of an expert's hidden layer.
        shared_ffn: width of the expert that every token passes; 0: there is none.
    """

    name: str
    architecture: str
    vocabulary: int
    context: int
    d_model: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    tied: bool
    family: Family = field(repr=False)
    output_apart: bool = False
    window: int = 0
    windowed: tuple[bool, ...] = ()
    experts: int = 0
    experts_used: int = 0
    expert_ffn: int = 0
    shared_ffn: int = 0

    @classmethod
    def of(cls, model: Model) -> Architecture:
        """Return the architecture of a catalog model.

        Raises:
            UserError: figures of the model are not known; they are named.
        """
        if model.path:
            return cls.of_header(read_header(model.path), model.name)
        figures = model.model_dump()
        lacking = [key for key in (*_NEEDED, "tied") if figures.get(key) is None]
        if lacking:
            raise UserError(
                f"the catalog has no {', '.join(lacking)} for it, so nothing can be counted",
                where=model.name,
                mend="give the path of its .gguf file: the file states them",
            )
        return cls.of_figures(model.name, figures)

    @classmethod
    def of_header(cls, header: Header, name: str = "") -> Architecture:
        """Return the architecture that the head of a GGUF file states.

        Raises:
            UserError: its architecture is not known, or a figure is missing or differs from layer to layer.
        """
        where = name or str(header.values.get("general.name", "model"))
        find_family(header.architecture, where)  # an encoder lacks figures as well: say first what it is
        figures = {ours: _single(header.of_architecture(theirs)) for ours, theirs in _KEYS.items()}
        embedding = header.tensors.get("token_embd.weight")
        figures["vocabulary"] = embedding.sizes[-1] if embedding else len(header.tokens) or None
        for key, value in figures.items():
            if (value is None and key in _NEEDED) or not (value is None or _is_count(value, key)):
                raise UserError(
                    f"the file states no single figure for {key}, but {value!r}",
                    where=where,
                    expected=f"one number under {_KEYS.get(key, 'tokenizer.ggml.tokens')}",
                )
        if figures["window"] and header.of_architecture("attention.sliding_window_pattern") is not None:
            figures["windowed"] = windowed_layers(header, figures["layers"])
        tied = "output.weight" not in header.tensors
        return cls.of_figures(where, figures | {"architecture": header.architecture, "tied": tied})

    @classmethod
    def of_figures(cls, name: str, figures: Mapping[str, Any]) -> Architecture:
        """Return the architecture of these figures and what follows from them; other keys are left out.

        Raises:
            UserError: its family is not known.
        """
        known = {key: figures.get(key) for key in cls.__dataclass_fields__}
        found = {key: value for key, value in known.items() if value is not None} | {"name": name}
        found.setdefault("kv_heads", found["heads"])
        found.setdefault("head_dim", found["d_model"] // found["heads"])
        if found.get("experts"):
            found.setdefault("expert_ffn", found["ffn"])
        every = WINDOWED.get(found["architecture"], 0) if found.get("window") else 1
        found.setdefault("windowed", pattern(found["layers"], every))
        return cls(**found, family=find_family(found["architecture"], name))

    @property
    def form(self) -> str:
        """`MHA`, `GQA` or `MQA`: whether heads share their keys and values."""
        return "MHA" if self.kv_heads == self.heads else "MQA" if self.kv_heads == 1 else "GQA"

    @property
    def attention(self) -> str:
        """The form, with the sliding window where there is one."""
        return self.form if not self.window else f"{self.form} + window {self.window:,}"

    @property
    def gated(self) -> bool:
        """Whether the MLP has a gate beside its first matrix."""
        return self.family.activation.endswith("GLU")

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """Every tensor of the model."""
        return tensors_of(self)

    @property
    def parameters(self) -> int:
        """All parameters; a tied output counts once, as in the published figure."""
        return sum(tensor.elements for tensor in self.tensors if not tensor.copy)

    @property
    def parameters_in_file(self) -> int:
        """The elements that the file holds: a tied output that is stored apart counts again."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def active_parameters(self) -> int:
        """The parameters that one token passes: of the experts only those that are used."""
        return sum(tensor.active for tensor in self.tensors if not tensor.copy)

    @property
    def cache(self) -> KvCache:
        """The cache by theory: a windowed layer keeps its window."""
        return self._cache(self.window)

    @property
    def cache_of_llama_cpp(self) -> KvCache:
        """The cache that llama.cpp makes: it keeps to a window for the architectures in `WINDOWED` only."""
        return self._cache(self.window if self.architecture in WINDOWED else 0)

    def _cache(self, window: int) -> KvCache:
        layer, narrow = 2 * self.kv_heads * self.head_dim, sum(self.windowed) if window else 0
        return KvCache((self.layers - narrow) * layer, narrow * layer, window if narrow else 0)

    def kv_bytes_per_token(self, element: float = F16) -> int:
        """Return the bytes of keys and values of one token; `element`: bytes of one number."""
        return self.cache.bytes_per_token(element)

    def kv_bytes(self, context: int | None = None, element: float = F16) -> int:
        """Return the bytes that the cache of `context` tokens needs by theory (default: the full context)."""
        return self.cache.bytes_at(self.context if context is None else context, element)

    def kv_allocated(
        self, context: int | None = None, *, slots: int = 1, batch: int = 256, element: float = F16
    ) -> int:
        """Return the bytes that llama.cpp allocates for it; see `KvCache.allocated`."""
        asked = self.context if context is None else context
        return self.cache_of_llama_cpp.allocated(asked, slots=slots, batch=batch, element=element)

    def weight_bytes(self, quantization: str) -> int:
        """Return the bytes of all weights, e.g. `Q4_K_M`; see `weights.py`.

        Raises:
            UserError: the name is not known.
        """
        return weights.total(self, quantization)

    def bytes_read_per_token(self, quantization: str) -> int:
        """Return the bytes of weights that generating one token reads: of the embedding one row only."""
        return weights.read_per_token(self, quantization)

    def bytes_read_by_prompt(self, quantization: str, tokens: int) -> int:
        """Return the bytes of weights that a prompt reads, of experts those that some token is routed to."""
        return weights.read_by_prompt(self, quantization, tokens)

    def decode_flops(self, seen: int) -> int:
        """Return the floating-point operations of one new token that sees `seen` tokens, itself among them.

        Two for each active weight of a matrix, and in each layer four times the queries' width for each token
        seen (scores and mixture). Norms, softmax and position are left out (below 1%). Source: Kaplan et al.
        2020, arXiv:2001.08361, table 1.
        """
        return 2 * self._multiplied + self._attention(seen)

    def prefill_flops(self, tokens: int) -> int:
        """Return the operations of reading a prompt of `tokens`; only the last one gets an output."""
        output = self.vocabulary * self.d_model
        body = 2 * (self._multiplied - output) * tokens
        return body + 2 * output + self._attention_of_prompt(tokens)

    @property
    def _multiplied(self) -> int:
        """Weights that one token is multiplied with; the tied embedding counts as the output."""
        looked_up = ("token_embd", "position_embd")
        body = sum(t.active for t in self.tensors if t.rows > 1 and t.name not in (*looked_up, "output"))
        return body + self.vocabulary * self.d_model

    def _attention(self, seen: int) -> int:
        narrow = sum(self.windowed)
        tokens = (self.layers - narrow) * seen + narrow * min(seen, self.window or seen)
        return 4 * self.heads * self.head_dim * tokens

    def _attention_of_prompt(self, tokens: int) -> int:
        """The sum of `_attention` over 1 to `tokens`."""
        narrow = sum(self.windowed)
        whole, inside = _triangle(tokens), min(tokens, self.window or tokens)
        through_window = _triangle(inside) + (tokens - inside) * inside
        return 4 * self.heads * self.head_dim * ((self.layers - narrow) * whole + narrow * through_window)


def _single(value: Any) -> Any:
    """Return the figure of all layers where a file states one for each and they agree."""
    return value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value


def _is_count(value: Any, key: str) -> bool:
    return isinstance(value, int) and value >= (1 if key in _NEEDED else 0)


def _triangle(number: int) -> int:
    return number * (number + 1) // 2
