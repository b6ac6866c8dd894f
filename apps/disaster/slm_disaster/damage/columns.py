"""Which column of a file says what: by its name, or by the user's map.

    class = "grade of damage"           # what the columns are called; a dotted name reaches one level down
    loss = ["building loss", "contents loss"]
    unit = "천원"                       # of the losses: a value, or {column = "unit of money"}
    currency = {column = "cur"}

    [values]                            # cell of the class column to class 0-3
    "경미" = 1

`header`, `records` and `null` mean what they mean in a map of `slm dataset build --source table=...`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slm_core.dataset.table import Column
from slm_core.errors import UserError, did_you_mean
from slm_disaster.damage.row import PEOPLE

_BRACKETS = re.compile(r"[(\[（](?P<unit>[^()\[\]（）]*)[)\]）]\s*$")
_MONEY_TAIL = re.compile(r"[ _-](?P<unit>krw|won|usd|dollars?|eur|jpy|cny|gbp)$", re.IGNORECASE)
_SINGLE = ("class", "id", "count", "facility", "place", "time", "lat", "lon", *PEOPLE)
_COUNTED_IN = (
    "동",
    "채",
    "호",
    "건",
    "개소",
    "곳",
    "개",
    "가구",
    "세대",
    "수",
    "houses",
    "buildings",
    "units",
    "number",
)
_PLACE_PARTS = ("province", "municipality", "town")
_MEASURES = ("class", "loss", *PEOPLE)
Grade = Annotated[int, Field(ge=0, le=3)]


class ColumnMap(BaseModel):
    """A user's words on the columns of a table; what it leaves out is found by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str | None = None
    count: str | None = None
    facility: str | None = None
    place: str | None = None
    time: str | None = None
    lat: str | None = None
    lon: str | None = None
    dead: str | None = None
    missing: str | None = None
    injured: str | None = None
    people: str | None = None
    households: str | None = None
    grade: str | None = Field(default=None, alias="class")
    loss: str | list[str] | None = None
    unit: str | Column | None = None
    currency: str | Column | None = None
    values: dict[str, Grade] = {}
    header: list[str] | None = None
    records: str | None = None
    null: list[str] | None = None


@dataclass(frozen=True)
class Columns:
    """What a file's columns say: field to column, losses with unit and currency, counts of a class.

    `fixed` are unit and currency of all losses, where the map says them; `doubles` are columns that say what
    one of `wide` says already; `flag` is a class column that may only say yes or no.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    losses: Mapping[str, str] = field(default_factory=dict)
    wide: Mapping[str, int] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    grades: Mapping[str, int] = field(default_factory=dict)
    null: frozenset[str] = frozenset()
    doubles: tuple[str, ...] = ()
    flag: str = ""

    @property
    def measures(self) -> bool:
        """Whether anything is said that can be counted."""
        return bool(self.losses or self.wide or any(name in self.fields for name in _MEASURES))

    @property
    def classed(self) -> bool:
        """Whether the file gives classes."""
        return "class" in self.fields or bool(self.wide)

    def used(self) -> dict[str, str]:
        """Return what was taken for what, to be shown: column to field."""
        named = {column: field for field, column in self.fields.items()}
        losses = {column: f"loss ({unit})" if unit else "loss" for column, unit in self.losses.items()}
        return {**named, **losses, **{column: f"class {grade}" for column, grade in self.wide.items()}}


def find_columns(names: Sequence[str], given: ColumnMap | None = None) -> Columns:
    """Return what the columns of these names say.

    Raises:
        UserError: the map names a column that the file does not have.
    """
    given = given or ColumnMap()
    named = {field: column for field in _SINGLE if (column := _mapped(given, field))}
    for column in (*named.values(), *_listed(given.loss), *_columns_of(given)):
        _must_have(column, names)
    known = tables()["columns"]
    plain = {_plain(name): name for name in reversed(names)}
    for field_ in (*_SINGLE, *_PLACE_PARTS, "unit", "currency"):
        found = next((plain[word] for word in known[field_] if word in plain), None)
        if found is not None and found not in named.values():
            named.setdefault(field_, found)
    for field_, said in (("unit", given.unit), ("currency", given.currency)):
        if said is not None:
            named.pop(field_, None)
        if isinstance(said, Column):
            named[field_] = said.column
    # By their names alone nobody knows whether 피해액 and 추정피해액 are two losses or one: the first counts.
    losses = _listed(given.loss) or loss_columns(names)[:1]
    wide, doubles = ({}, []) if "class" in named else _wide([n for n in names if n not in named.values()])
    own = {plain_word(word): grade for word, grade in given.values.items()}
    guessed = named.get("class", "") if given.grade is None and "1" not in own else ""
    return Columns(
        named,
        {name: _unit(name) for name in losses if name not in named.values()},
        wide,
        {key: said for key in ("unit", "currency") if isinstance(said := getattr(given, key), str)},
        own,
        frozenset(given.null if given.null is not None else tables()["null"]["words"]),
        tuple(doubles),
        guessed if _plain(guessed) in tables()["flags"]["names"] else "",
    )


def loss_columns(names: Sequence[str]) -> list[str]:
    """Return the columns whose names say that they hold losses."""
    return [name for name in names if _plain(name) in tables()["columns"]["loss"]]


def read_column_map(path: Path) -> ColumnMap:
    """Read a user's map.

    Raises:
        UserError: missing, not TOML, an unknown key (with the nearest known one) or a wrong value.
    """
    known = [field.alias or name for name, field in ColumnMap.model_fields.items()]
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError("no such map", where=path, expected="a TOML file: field = column") from error
    except ValueError as error:
        raise UserError(str(error), where=path, expected="a TOML file: field = column") from error
    for name in raw:
        if name not in known:
            expected, near = ", ".join(known), did_you_mean(name, known)
            raise UserError(f"unknown key {name!r}", where=path, expected=expected, mend=near)
    try:
        return ColumnMap.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"]))
        raise UserError(f"{at}: {first['msg']}", where=path, expected="field = column") from error


def plain_word(text: str) -> str:
    """Return a word as it is compared: lower case, without spaces, `_` and `-`."""
    return re.sub(r"[\s_-]+", "", text).lower()


@cache
def tables() -> dict[str, Any]:
    """Return columns.toml."""
    return tomllib.loads((Path(__file__).parent / "columns.toml").read_text(encoding="utf-8"))


def _mapped(given: ColumnMap, field_: str) -> str | None:
    found: str | None = getattr(given, "grade" if field_ == "class" else field_)
    return found


def _columns_of(given: ColumnMap) -> list[str]:
    return [said.column for said in (given.unit, given.currency) if isinstance(said, Column)]


def _listed(said: str | list[str] | None) -> list[str]:
    return [said] if isinstance(said, str) else list(said or ())


def _must_have(column: str, names: Sequence[str]) -> None:
    if column not in names:
        raise UserError(
            f"the table has no column {column!r}",
            where="--map",
            expected=", ".join(names[:40]),
            mend=did_you_mean(column, names),
        )


def _wide(names: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """Return the columns of each class, and those that say in another word or unit what one of them says.

    전파(주택) and 전파(상가) are two numbers; 전파 and 완파, 전파(동) and 전파(세대) are one.
    """
    known = {
        word: (int(grade), words[0])
        for grade, groups in tables()["wide"].items()
        for words in groups
        for word in words
    }
    first: dict[tuple[tuple[int, str], str], str] = {}
    for name in names:
        if _plain(name) in known:
            unit = plain_word(_unit(name))
            first.setdefault((known[_plain(name)], "" if unit in _COUNTED_IN else unit), name)
    counted = {name: known[_plain(name)][0] for name in first.values()}
    return counted, [name for name in names if _plain(name) in known and name not in counted]


def _plain(name: str) -> str:
    """Return a column's name without its unit: `피해액(천원)`, `loss_usd`."""
    return plain_word(_MONEY_TAIL.sub("", _BRACKETS.sub("", name)))


def _unit(name: str) -> str:
    found = _BRACKETS.search(name) or _MONEY_TAIL.search(name)
    return found["unit"].strip() if found else ""
