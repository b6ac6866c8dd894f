"""What `slm specs` shows of a model: its architecture, published figures and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_core.catalog import Model, find_model, load_catalog
from slm_core.errors import UserError
from slm_core.gguf_head import read_header
from slm_core.plan.architecture import Architecture
from slm_core.plan.paper import PaperModel, load_paper
from slm_core.plan.references import find_architecture, load_references

QUANTIZATIONS = ("F16", "Q8_0", "Q4_K_M", "Q4_0")
_BASES = {"file": "read from the file itself", "card": "the publisher's page or config.json"}


@dataclass(frozen=True)
class Subject:
    """A model and what is known of it.

    Args:
        title: what a column is headed with.
        architecture: its figures.
        source: where those come from.
        published: its parameters as published; None where nothing is known but the file.
        published_active: those of a token, of a mixture of experts.
        in_file: the elements of the file's tensors, where it is a file.
        paper: its column of the paper's table, where it has one.
    """

    title: str
    architecture: Architecture
    source: str
    published: int | None = None
    published_active: int | None = None
    in_file: int | None = None
    paper: PaperModel | None = None


def find_subject(name: str) -> Subject:
    """Return the model of the paper, of the references, of the catalog or of a `.gguf` file.

    Raises:
        UserError: an unknown name, no such file, or a model whose figures are not known.
    """
    paper = {key: model for key, model in load_paper().models.items() if name in (key, model.of)}
    if paper:
        (model,) = paper.values()
        return _known(model.of, model)
    if name.endswith(".gguf"):
        return _of_file(Path(name).expanduser())
    return _known(name, None)


def paper_subjects() -> list[Subject]:
    """Return the models of the paper's table, in its order."""
    return [find_subject(name) for name in load_paper().models]


def catalog_subjects() -> tuple[list[Subject], list[str]]:
    """Return the catalog's other models, and the names of those whose figures are not known."""
    of_paper = {model.of for model in load_paper().models.values()}
    found, unknown = [], []
    for name in (*load_catalog(), *load_references()):
        if name in of_paper:
            continue
        try:
            found.append(_known(name, None))
        except UserError:
            unknown.append(name)
    return found, unknown


def _known(name: str, paper: PaperModel | None) -> Subject:
    made = find_architecture(name)
    title, source = (paper.title, paper.source) if paper else ("", "")
    reference = load_references().get(name)
    if reference:
        published, active = reference.parameters, reference.active
        return Subject(
            title or reference.title, made, source or reference.source, published, active, paper=paper
        )
    model = find_model(name)
    return Subject(title or name, made, source or _source(model), model.parameters, model.active, paper=paper)


def _source(model: Model) -> str:
    return f"{model.hub}: {_BASES[model.source or 'card']}"


def _of_file(path: Path) -> Subject:
    header = read_header(path)
    made = Architecture.of_header(header, path.stem)
    return Subject(path.stem, made, f"{path.name}: the head of the file", in_file=header.parameters)


def facts(subject: Subject, context: int | None) -> dict[str, Any]:
    """Return everything about a model for a program to read; bytes, tokens, operations.

    Args:
        subject: the model.
        context: tokens that the cache is counted for, default all that it was trained to; the cache of more
            is None. `decode_flops` is of a token with an empty cache.
    """
    model = subject.architecture
    tokens = model.context if context is None else context
    return {
        "name": model.name,
        "title": subject.title,
        "architecture": model.architecture,
        "form": "decoder-only",
        **{key: getattr(model, key) for key in _PLAIN},
        "attention": model.attention,
        "windowed_layers": sum(model.windowed),
        "position": model.family.position,
        "activation": model.family.activation,
        "norm": model.family.norm,
        "parameters": model.parameters,
        "parameters_published": subject.published,
        "active_parameters": model.active_parameters,
        "active_parameters_published": subject.published_active,
        "parameters_in_file": subject.in_file or model.parameters_in_file,
        "kv_bytes_per_token": model.kv_bytes_per_token(),
        "kv_context": tokens,
        "kv_bytes": model.kv_bytes(tokens) if tokens <= model.context else None,
        "kv_bytes_llama_cpp": model.kv_allocated(tokens) if tokens <= model.context else None,
        "weight_bytes": {name: model.weight_bytes(name) for name in QUANTIZATIONS},
        "decode_flops": model.decode_flops(1),
        "source": subject.source,
        "paper": _paper_facts(subject.paper),
    }


_PLAIN = (
    *("context", "vocabulary", "d_model", "layers", "heads", "kv_heads", "head_dim", "ffn", "tied", "window"),
    *("experts", "experts_used", "expert_ffn", "shared_ffn"),
)


def _paper_facts(paper: PaperModel | None) -> dict[str, Any] | None:
    if paper is None:
        return None
    return {
        "table": paper.table,
        "reasons": paper.reasons,
        "scores": [score.model_dump() for score in paper.scores],
    }
