"""What keys and values of the tokens seen so far take in memory: by theory, and as llama.cpp allocates it.

A layer with a sliding window needs the last `window` tokens only. llama.cpp keeps to that for the
architectures in `WINDOWED`; for the others (Phi-3, a Mistral converted as Llama) it allocates every layer in
full.
"""

from __future__ import annotations

from dataclasses import dataclass

from slm_core.gguf_head import Header

# Every n-th layer sees everything, the others a window. Source: llama.cpp, src/models/<architecture>.cpp.
WINDOWED = {"gemma2": 2, "gemma3": 6, "cohere2": 4, "olmo2": 4, "gpt-oss": 2}
F16 = 2.0  # bytes of one key or value, the default of llama.cpp
_CELLS = 256  # llama.cpp pads the cells of a sequence to this


@dataclass(frozen=True)
class KvCache:
    """The shape of a cache.

    Args:
        full: keys and values of one token in the layers that see everything, together.
        windowed: those in the layers that see a window.
        window: tokens of that window; 0 where there is none.
    """

    full: int
    windowed: int = 0
    window: int = 0

    @classmethod
    def of_header(cls, header: Header) -> KvCache:
        """Return the cache that llama.cpp makes for a file."""
        width = int(header.of_architecture("embedding_length", 0))
        stated = header.of_architecture("attention.head_count", 1)
        heads = max(1, *stated) if isinstance(stated, tuple) else max(1, int(stated))
        key = int(header.of_architecture("attention.key_length", width // heads))
        value = int(header.of_architecture("attention.value_length", width // heads))
        layers = int(header.of_architecture("block_count", 0))
        kv_heads = header.of_architecture("attention.head_count_kv", heads)
        each = kv_heads if isinstance(kv_heads, tuple) else (int(kv_heads),) * layers
        window = int(header.of_architecture("attention.sliding_window", 0) or 0)
        seen = windowed_layers(header, layers) if window else (False,) * layers
        sizes = [count * (key + value) for count in each]
        return cls(
            full=sum(size for size, narrow in zip(sizes, seen, strict=True) if not narrow),
            windowed=sum(size for size, narrow in zip(sizes, seen, strict=True) if narrow),
            window=window if any(seen) else 0,
        )

    def bytes_per_token(self, element: float = F16) -> int:
        """Return what one token takes while it is within every window; `element` in bytes."""
        return round((self.full + self.windowed) * element)

    def bytes_at(self, context: int, element: float = F16) -> int:
        """Return what `context` tokens need: a windowed layer no more than its window."""
        return round((self.full * context + self.windowed * min(context, self.window or context)) * element)

    def allocated(self, context: int, *, slots: int = 1, batch: int = 256, element: float = F16) -> int:
        """Return what llama.cpp allocates for `slots` sequences of `context` tokens each.

        Cells are padded to 256, and a windowed layer holds window + batch: the tokens of a prompt step
        (`batch`) are written before the oldest go. Source: llama.cpp, src/llama-kv-cache-iswa.cpp.
        """
        cells = _padded(context)
        narrow = min(cells, _padded(self.window + batch)) if self.window else cells
        return round(slots * (self.full * cells + self.windowed * narrow) * element)


def windowed_layers(header: Header, layers: int) -> tuple[bool, ...]:
    """Return which layers of a file llama.cpp keeps to their window."""
    stated = header.of_architecture("attention.sliding_window_pattern")
    if isinstance(stated, tuple):
        return tuple(bool(stated[layer % len(stated)]) for layer in range(layers))
    if header.architecture not in WINDOWED:
        return (False,) * layers
    return pattern(layers, WINDOWED[header.architecture] if stated is None else int(stated))


def pattern(layers: int, every: int) -> tuple[bool, ...]:
    """Return which layers see a window where every `every`-th sees everything; 0: none does."""
    return tuple(not every or layer % every < every - 1 for layer in range(layers))


def _padded(cells: int) -> int:
    return -(-cells // _CELLS) * _CELLS
