"""The gate: a text to the probabilities of the domains and of none of them.

A linear model on the vectors of the bundled e5 (one text costs about 20 ms, a wrong adapter costs the whole
reply). `finetune router` trains it on the rows of the domains that are installed and writes two files:
`gate.npz` with `weights` [classes, 384] and `bias` [classes], and `gate.json`. Softmax over the classes; a
text whose best domain stays below `least` goes to none.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from slm_core.domain import domain_names
from slm_core.errors import UserError
from slm_core.rag.embedder import E5, Embedder
from slm_core.settings import Settings

NONE = "none"
WEIGHTS, CARD = "gate.npz", "gate.json"
MIXED = 0.25
"""A second domain with this share of the two is near enough to be mixed in."""


class GateCard(BaseModel):
    """What `gate.json` says.

    Args:
        classes: domains, and `none`, in the order of the weights.
        embedder: whose vectors it was trained on.
        least: the probability that a domain must reach.
        sha256: of `gate.npz`.
        rows: texts that it was trained on, by class.
        measured: figures on held-out texts, as `finetune router` printed them.
        date: of the training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: tuple[str, ...]
    embedder: str
    least: float
    sha256: str
    rows: Mapping[str, int]
    measured: Mapping[str, float]
    date: str


@dataclass(frozen=True)
class Route:
    """Where a text goes.

    Args:
        domain: None where it is for none of them.
        probabilities: by class, `none` included; they sum to 1.
        reason: why, in one line.
    """

    domain: str | None
    probabilities: Mapping[str, float]
    reason: str

    @property
    def mix(self) -> dict[str, float]:
        """The adapters to mix and their weights (they sum to 1): one, or two where the second is near."""
        if self.domain is None:
            return {}
        domains = {name: p for name, p in self.probabilities.items() if name != NONE}
        second = max(
            (name for name in domains if name != self.domain), key=lambda n: domains[n], default=None
        )
        if second is None:
            return {self.domain: 1.0}
        both = domains[self.domain] + domains[second]
        share = domains[second] / both
        return {self.domain: 1 - share, second: share} if share >= MIXED else {self.domain: 1.0}


@dataclass(frozen=True)
class Gate:
    """A trained gate; `route` asks it."""

    card: GateCard
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    embedder: Embedder

    def route(self, text: str) -> Route:
        """Return where a text goes. The text is data: it is embedded, never read as an instruction.

        Raises:
            UserError: the text is empty.
        """
        if not text.strip():
            raise UserError("the text is empty", expected="a text")
        probabilities = dict(zip(self.card.classes, self.probabilities([text])[0].tolist(), strict=True))
        best = max(probabilities, key=lambda name: probabilities[name])
        shown = ", ".join(f"{name} {p:.2f}" for name, p in sorted(probabilities.items(), key=lambda i: -i[1]))
        if best == NONE:
            return Route(None, probabilities, f"for none of the domains ({shown})")
        if probabilities[best] < self.card.least:
            return Route(None, probabilities, f"no domain reaches {self.card.least:.2f} ({shown})")
        return Route(best, probabilities, f"for {best} ({shown})")

    def probabilities(self, texts: list[str]) -> NDArray[np.float64]:
        """Return one row of class probabilities for each text."""
        logits = (self.embedder.queries(texts) @ self.weights.T + self.bias).astype(np.float64)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
        return shares


def gate_folder(settings: Settings) -> Path:
    """Return where the gate lies."""
    return settings.home / "router"


def open_gate(settings: Settings) -> Gate:
    """Return the gate of this installation.

    Raises:
        UserError: none was trained, it is broken, or the domains installed now are others.
    """
    folder, train = gate_folder(settings), "finetune router"
    if not (folder / CARD).is_file():
        raise UserError("no gate has been trained yet", where=folder / CARD, mend=train)
    card, weights, bias = _read(folder)
    embedder = E5()
    known, here = {*card.classes} - {NONE}, {*domain_names()}
    if known != here:
        what = f"the gate knows {_names(known)}, installed are {_names(here)}"
        raise UserError(what, where=folder / CARD, expected="the same domains", mend=train)
    if card.embedder != embedder.name:
        what = f"the gate was trained on the vectors of {card.embedder}, here is {embedder.name}"
        raise UserError(what, where=folder / CARD, mend=train)
    return Gate(card, weights, bias, embedder)


def _read(folder: Path) -> tuple[GateCard, NDArray[np.float32], NDArray[np.float32]]:
    expected = f"what finetune router wrote: {CARD} and {WEIGHTS}"
    try:
        card = GateCard.model_validate_json((folder / CARD).read_text(encoding="utf-8"))
        data = (folder / WEIGHTS).read_bytes()
        if hashlib.sha256(data).hexdigest() != card.sha256:
            raise ValueError(f"{CARD} describes another {WEIGHTS}")
        arrays = np.load(io.BytesIO(data), allow_pickle=False)
        weights, bias = arrays["weights"], arrays["bias"]
        if len(weights) != len(card.classes) or len(bias) != len(card.classes):
            raise ValueError(f"{len(weights)} rows of weights for {len(card.classes)} classes")
    except OSError as error:
        raise UserError("it cannot be read", where=error.filename or folder, expected=expected) from error
    except (ValidationError, ValueError, KeyError) as error:
        line = str(error).splitlines()[0]
        raise UserError(f"the gate is broken: {line}", where=folder, expected=expected) from error
    return card, weights, bias


def write_gate(folder: Path, card: GateCard, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
    """Write the files; the card last, for a gate without one is no gate.

    `card.sha256` is filled in here.
    """
    from slm_core.files import write_atomically

    held = io.BytesIO()
    np.savez(held, weights=weights, bias=bias)
    data = held.getvalue()
    full = card.model_copy(update={"sha256": hashlib.sha256(data).hexdigest()})
    write_atomically(folder / WEIGHTS, data)
    text = json.dumps(full.model_dump(mode="json"), ensure_ascii=False, indent=1)
    write_atomically(folder / CARD, f"{text}\n".encode())


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
