"""The table of a comparison, in Markdown: the first row is what the others are held against."""

from __future__ import annotations

from collections.abc import Sequence

from slm_finetune.gain.measure import Gain

HEAD = (
    "file", "MB", "kinds", "resident MB", "prefill tok/s", "decode tok/s", "perplexity", "KL nat", "score",
    "note",
)  # fmt: skip
_SHOWN = 2  # kinds of tensors that are named
_LEAST = 0.01  # of the bytes; norms and biases are in float32 in every file


def gain_table(gains: Sequence[Gain]) -> str:
    """Return the table; sizes and speeds of later rows also as a ratio to the first."""
    first = gains[0]
    rows = [HEAD, tuple("---" for _ in HEAD), *(_cells(gain, first) for gain in gains)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["", f"tokens/s with {first.threads} thread{'s' if first.threads > 1 else ''}"]
    scored = next((gain for gain in gains if gain.score), None)
    if scored:
        lines += ["", f"score: {scored.metric.replace('_', '-')} over {scored.scored} rows, 95% interval"]
    return "\n".join(lines)


def _cells(gain: Gain, first: Gain) -> tuple[str, ...]:
    score = gain.score
    unreadable = f", {gain.unreadable} unreadable" if gain.unreadable else ""
    return (
        gain.name,
        _shown(gain.bytes / 1e6, gain.bytes / first.bytes, gain is first),
        _kinds(gain),
        _shown(gain.resident / 1e6, gain.resident / first.resident, gain is first) if gain.resident else "-",
        _shown(gain.prefill, gain.prefill_ratio, gain is first),
        _shown(gain.decode, gain.decode_ratio, gain is first),
        f"{gain.perplexity:.4f}",
        "-" if gain.kl is None else f"{gain.kl:.5f}",
        f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]{unreadable}" if score else "-",
        gain.note,
    )


def _shown(value: float, ratio: float, is_first: bool) -> str:
    shown = f"{value:.0f}" if value >= 100 else f"{value:.1f}"
    return shown if is_first else f"{shown} (x{ratio:.2f})"


def _kinds(gain: Gain) -> str:
    total = sum(gain.kinds.values())
    known = {kind: size / total for kind, size in gain.kinds.items() if size / total >= _LEAST}
    named = [f"{kind} {100 * share:.0f}%" for kind, share in list(known.items())[:_SHOWN]]
    rest = len(known) - _SHOWN
    return ", ".join(named) + (f", {rest} more" if rest > 0 else "")
