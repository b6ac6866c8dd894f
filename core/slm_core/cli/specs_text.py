"""The tables of `slm specs`, at most 100 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from string import ascii_lowercase

from slm_core.plan.architecture import Architecture
from slm_core.plan.paper import Row, figure, load_paper
from slm_core.plan.specs import QUANTIZATIONS, Subject

WIDTH = 100
_LABEL, _GAP = 22, 2
_HEADS = ("MODEL", "PARAMS", "LAYERS", "WIDTH", "HEADS", "ATTN", "MLP", "VOCAB", "CTX", "KV/TOKEN")
_METHOD = (
    "Keys and values in float16. By theory a windowed layer keeps its window; llama.cpp pads to 256 tokens, "
    "adds a prompt step of 256 to a window, and knows none for Phi-3 and Mistral. Weights tensor by tensor "
    "as llama.cpp's quantizer mixes them, without the vocabulary that a file also holds (up to 7 MB)."
)
Cells = tuple[str, list[str]]  # what a row shows, and its cell of each model


def grids(subjects: Sequence[Subject], context: int | None) -> Iterator[str]:
    """Yield the lines of a table with a column a model; several tables where one would be too wide."""
    letters = _letters(subjects)
    for group in _groups(subjects, context):
        rows = [("", [subject.title for subject in group]), *_rows(group, letters, context)]
        widths = [max(len(cells[column]) for _, cells in rows) for column in range(len(group))]
        for label, cells in rows:
            line = "".join(f"{cell:>{width + _GAP}}" for cell, width in zip(cells, widths, strict=True))
            yield f"{label:<{_LABEL}}{line}".rstrip()
        yield ""


def _groups(subjects: Sequence[Subject], context: int | None) -> Iterator[list[Subject]]:
    """As many models side by side as the width takes."""
    group: list[Subject] = []
    room = WIDTH - _LABEL
    for subject in subjects:
        breadth = _GAP + max(len(cell) for _, (cell,) in _rows([subject], {}, context))
        breadth = max(breadth, _GAP + len(subject.title))
        if group and breadth > room:
            yield group
            group, room = [], WIDTH - _LABEL
        group.append(subject)
        room -= breadth
    yield group


def _letters(subjects: Sequence[Subject]) -> dict[tuple[str, str], str]:
    """A letter for each reason of each model, in the order of the rows."""
    reasons = [
        (subject.title, reason)
        for row in load_paper().rows
        for subject in subjects
        if subject.paper and (reason := subject.paper.reason(row))
    ]
    return dict(zip(dict.fromkeys(reasons), ascii_lowercase, strict=False))


def _rows(
    group: Sequence[Subject], letters: Mapping[tuple[str, str], str], context: int | None
) -> Iterator[Cells]:
    for row, title in load_paper().rows.items():
        yield title, [_number(figure(subject.architecture, row)) for subject in group]
        printed = [_printed(subject, row, letters) for subject in group]
        if any(printed):
            yield "  in the paper", printed
    yield from _structure(group)
    yield from _costs(group, context)
    for test, of in (("MMLU", "base"), ("MMLU", "Instruct"), ("MT-Bench", "Instruct")):
        if any(subject.paper for subject in group):
            yield f"{test}, {of}", [_score(subject, test, of) for subject in group]


def _printed(subject: Subject, row: Row, letters: Mapping[tuple[str, str], str]) -> str:
    reason = subject.paper.reason(row) if subject.paper else None
    if subject.paper is None or not reason:
        return ""
    return f"{_number(subject.paper.table.get(row, '-'))} ({letters.get((subject.title, reason), ' ')})"


def _structure(group: Sequence[Subject]) -> Iterator[Cells]:
    models = [subject.architecture for subject in group]
    yield "parameters", [f"{model.parameters:,}" for model in models]
    yield "  as published", [_published(subject) for subject in group]
    if any(model.experts for model in models):
        yield "  of one token", [f"{model.active_parameters:,}" for model in models]
        yield "  as published", [_number(subject.published_active or "-") for subject in group]
        yield "experts, used", [_experts(model) for model in models]
    yield "head size", [str(model.head_dim) for model in models]
    yield "attention", [model.form for model in models]
    if any(model.window for model in models):
        yield "  window", [f"{model.window:,}" if model.window else "-" for model in models]
        yield "  in layers", [f"{sum(model.windowed)} of {model.layers}" for model in models]
    for name in ("position", "activation", "norm"):
        yield name, [str(getattr(model.family, name)) for model in models]
    yield "output", ["tied" if model.tied else "of its own" for model in models]


def _costs(group: Sequence[Subject], context: int | None) -> Iterator[Cells]:
    models = [subject.architecture for subject in group]
    yield "KV of one token", [_binary(model.kv_bytes_per_token()) for model in models]
    label = "KV at full context" if context is None else f"KV at {context:,} tokens"
    yield label, [_cache(model, context, Architecture.kv_bytes) for model in models]
    yield "  llama.cpp allocates", [_cache(model, context, Architecture.kv_allocated) for model in models]
    for name in QUANTIZATIONS:
        yield f"weights, {name}", [f"{model.weight_bytes(name) / 1e9:.2f} GB" for model in models]
    yield "a new token", [f"{model.decode_flops(1) / 1e9:.2f} GFLOP" for model in models]


def listing(subjects: Sequence[Subject], unknown: Sequence[str], context: int | None) -> Iterator[str]:
    """Yield the lines of a table with a row a model (all are decoders)."""
    last = "KV/FULL" if context is None else f"KV/{context}"
    rows = [(*_HEADS, last), *(_listed(subject.architecture, context) for subject in subjects)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for name, *cells in rows:
        line = " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        yield f"{name:<{widths[0]}} {line}"
    for model in (subject.architecture for subject in subjects if subject.architecture.experts):
        used = f"{model.active_parameters / 1e9:.2f}B of {model.parameters / 1e9:.2f}B parameters for a token"
        yield f"  {model.name}: experts {_experts(model)}: {used}"
    if unknown:
        yield from _wrapped(f"  figures not known here: {', '.join(unknown)}", "  ")
    yield ""


def _listed(model: Architecture, context: int | None) -> tuple[str, ...]:
    return (
        model.name,
        f"{model.parameters / 1e9:.2f}B",
        str(model.layers),
        str(model.d_model),
        f"{model.heads}/{model.kv_heads}",
        f"{model.form} {model.window}" if model.window else model.form,
        str(figure(model, "ffn")),
        str(model.vocabulary),
        f"{model.context / 1024:g}K",
        _binary(model.kv_bytes_per_token()),
        _cache(model, context, Architecture.kv_bytes),
    )


def notes(first: Sequence[Subject], others: Sequence[Subject]) -> Iterator[str]:
    """Yield where the paper's figures differ and why, and the sources."""
    of_paper = [subject for subject in first if subject.paper]
    if of_paper:
        yield from _differences(of_paper)
    yield "Sources"
    for subject in (*first, *others):
        name = subject.architecture.name
        title = subject.title if subject.title == name else f"{subject.title} ({name})"
        yield from _wrapped(f"  {title}: {'; '.join(_sources(subject))}", "    ")
    if of_paper:
        table = load_paper()
        yield from _wrapped(
            f"  the paper: {table.title}, {table.source}, as of {table.valid_from:%Y-%m}", "    "
        )
    yield from _wrapped(f"  {_METHOD}", "  ")


def _differences(subjects: Sequence[Subject]) -> Iterator[str]:
    table = load_paper()
    yield "Where the paper has another figure, or none"
    by_title = {subject.title: subject.paper for subject in subjects if subject.paper}
    for (title, reason), letter in _letters(subjects).items():
        rows = [name for row, name in table.rows.items() if by_title[title].reason(row) == reason]
        yield from _wrapped(f"  ({letter}) {title}, {', '.join(rows)}: {reason}", "    ")
    for title, paper in by_title.items():
        for score in (score for score in paper.scores if score.reason):
            printed = "" if score.paper is None else f" (the paper: {score.paper:g})"
            yield from _wrapped(f"  {title}, {score.test}, {score.of}{printed}: {score.reason}", "    ")
    for remark in (remark for remark in table.remarks if remark.model in by_title):
        line = f"{remark.model}, {remark.what}: {remark.ours} (the paper: {remark.paper}): {remark.reason}"
        yield from _wrapped(f"  {line}", "    ")
    yield ""


def _sources(subject: Subject) -> list[str]:
    scores = subject.paper.scores if subject.paper else ()
    return list(dict.fromkeys([subject.source, *(score.source for score in scores if score.value)]))


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _number(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value


def _published(subject: Subject) -> str:
    model = subject.architecture
    if subject.in_file is not None:
        return (
            "equal in file" if subject.in_file == model.parameters_in_file else f"{subject.in_file:,} in file"
        )
    return "equal" if subject.published == model.parameters else _number(subject.published or "-")


def _experts(model: Architecture) -> str:
    shared = " and 1 of all" if model.shared_ffn else ""
    return f"{model.experts}, {model.experts_used} used{shared}" if model.experts else "-"


def _cache(model: Architecture, context: int | None, bytes_at: Callable[[Architecture, int], int]) -> str:
    tokens = model.context if context is None else context
    return _binary(bytes_at(model, tokens)) if tokens <= model.context else "too long"


def _binary(size: int) -> str:
    """Return KiB, MiB, GiB or TiB with three digits."""
    value, units = size / 1024, iter(("KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while value >= 1000:
        value, unit = value / 1024, next(units)
    return f"{value:.3g} {unit}"


def _score(subject: Subject, test: str, of: str) -> str:
    scores = subject.paper.scores if subject.paper else ()
    found = next((score.value for score in scores if (score.test, score.of) == (test, of)), None)
    return "-" if found is None else f"{found:g}"
