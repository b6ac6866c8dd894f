"""The families that can be converted, and what is refused of a configuration rather than ignored."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from slm_core.errors import UserError

_TABLE = Path(__file__).with_name("families.toml")


@dataclass(frozen=True)
class Family:
    """One row of families.toml; the file says what each field means."""

    name: str
    architecture: str
    rope: tuple[str, ...]
    permuted: bool = False
    norm_plus_one: bool = False
    tied: bool = False
    window: str = "none"
    keys: tuple[str, ...] = ()
    must: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def family_of(model_type: str, where: Path) -> Family:
    """Return the family of a configuration.

    Raises:
        UserError: one that is not converted.
    """
    families = _table()[2]
    if model_type not in families:
        what = f"the family {model_type!r} is not converted"
        raise UserError(what, where=where, expected=", ".join(families))
    return families[model_type]


def check(family: Family, config: Mapping[str, Any], where: Path) -> None:
    """Refuse what this conversion would lose.

    Args:
        family: of the model.
        config: as config.json has it; a value of null or false asks for nothing.
        where: the file.

    Raises:
        UserError: weights quantized already, a value that llama.cpp does not compute, or an unknown key.
    """
    common, ignored, _ = _table()
    if config.get("quantization_config"):
        raise UserError(
            "quantization_config: the weights are quantized already",
            where=where,
            expected="float weights",
        )
    for key, value in config.items():
        if key in family.must:
            allowed = family.must[key]
            if value is not None and value not in allowed:
                what = f"{key} = {value!r} is not what llama.cpp computes for {family.architecture}"
                raise UserError(what, where=where, expected=" or ".join(map(repr, allowed)) or "none")
        elif value not in (None, False) and key not in {*common, *ignored, *family.keys}:
            raise UserError(
                f"{key} = {value!r} is not known for {family.name}, so it cannot be converted",
                where=where,
                expected=f"keys of {family.name}",
                mend="take the key out if it does not change what the model computes",
            )


@cache
def _table() -> tuple[frozenset[str], frozenset[str], dict[str, Family]]:
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    families = {
        name: Family(
            name=name,
            **{
                **row,
                "rope": tuple(row["rope"]),
                "keys": tuple(row.get("keys", ())),
                "must": {key: tuple(values) for key, values in row["must"].items()},
            },
        )
        for name, row in table["families"].items()
    }
    return frozenset(table["common"]), frozenset(table["ignored"]), families
