"""How much text a token is, in the language of the reply: `languages.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from slm_core.catalog import Model
from slm_core.plan.tables import shipped

Language = Literal["ko", "en"]
_UNITS = {"ko": "[가-힣]", "en": r"[\w'-]+"}
_FAMILIES = {"smollm2": "smollm", "qwen2.5": "qwen2", "qwen3": "qwen2"}  # the first part of a catalog name


class _Language(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str
    spoken: float
    assumed: str
    sample: str
    stated: dict[str, float]


@cache
def load_languages() -> dict[str, _Language]:
    """Return the languages of `languages.toml`."""
    return {name: _Language(**entry) for name, entry in tomllib.loads(shipped("languages.toml")).items()}


@dataclass(frozen=True)
class Fertility:
    """Tokens of a unit of text (a syllable of Korean, a word of English), and how that is known."""

    tokens: float
    unit: str
    reason: str


def stated(model: Model, language: Language) -> Fertility:
    """Return what is known without the model's file."""
    known = load_languages()[language]
    family = next((family for start, family in _FAMILIES.items() if model.name.startswith(start)), None)
    if family in known.stated:
        reason = f"tokenizer {family}, measured on our sample (plan/languages.toml)"
        return Fertility(known.stated[family], known.unit, reason)
    reason = f"its tokenizer was not measured; that of {known.assumed} is taken (plan/languages.toml)"
    return Fertility(known.stated[known.assumed], known.unit, reason)


def measured(tokenize: Callable[[str], Sequence[int]], language: Language) -> Fertility:
    """Return what a tokenizer makes of our sample."""
    known = load_languages()[language]
    tokens, units = len(tokenize(known.sample.strip())), len(re.findall(_UNITS[language], known.sample))
    reason = f"measured with its own tokenizer: {tokens} tokens for {units} {known.unit}s of our sample"
    return Fertility(tokens / units, known.unit, reason)
