"""Table 1 of the paper beside the figures of the models themselves."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

from slm_core.plan.architecture import Architecture
from slm_core.plan.references import find_architecture

Row = Literal["form", "context", "vocabulary", "d_model", "heads", "kv_heads", "ffn", "layers"]


class Score(BaseModel):
    """A benchmark as the model's maker published it; `value` is None where it published none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    test: Literal["MMLU", "MT-Bench"]
    of: Literal["base", "Instruct"]
    value: float | None = None
    paper: float | None = None
    reason: str = ""
    source: str


class Remark(BaseModel):
    """A figure of the paper's text that is another one here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    what: str
    paper: str
    ours: str
    reason: str


class PaperModel(BaseModel):
    """A column of the table; the fields are explained at the head of `paper.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    of: str
    source: str
    filled: str = ""
    table: dict[Row, int | str]
    reasons: dict[Row, str]
    scores: tuple[Score, ...]

    def reason(self, row: Row) -> str | None:
        """Return why the figure of a row is another one here than in the paper, None where it is the same."""
        return self.reasons.get(row) if row in self.table else self.filled

    @property
    def architecture(self) -> Architecture:
        """The figures that stand beside the paper's."""
        return find_architecture(self.of)


class PaperTable(BaseModel):
    """The table: titles of its rows, and its models."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    source: str
    valid_from: date
    remarks: tuple[Remark, ...]
    rows: dict[Row, str]
    models: dict[str, PaperModel]


@cache
def load_paper() -> PaperTable:
    """Return the table."""
    text = (files("slm_core.plan") / "paper.toml").read_text(encoding="utf-8")
    return PaperTable(**tomllib.loads(text))


def figure(model: Architecture, row: Row) -> int | str:
    """Return a model's own figure of a row of the table; of a mixture the width of one expert's MLP."""
    if row == "form":
        return "decoder-only"
    return model.expert_ffn if row == "ffn" and model.experts else int(getattr(model, row))
