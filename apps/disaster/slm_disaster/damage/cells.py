"""The cells of one record as typed values: class, whole numbers, times, places, kinds of facility."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from slm_disaster.damage.columns import plain_word, tables
from slm_disaster.replay.timestamps import parse_time
from slm_disaster.situation.places import Place, district, resolve

MOST = 10**9  # of people or things; more is no count
_WHOLE = re.compile(
    r"(?P<figures>\d{1,3}(?:,\d{3})+|\d+)(?:\.0+)?\s?(?:명|인|동|채|건|호|개소|곳|개|세대|가구|대|척)?"
)
_DATE = re.compile(r"^(\d{4})\s?(?:[.년/-])\s?(\d{1,2})\s?(?:[.월/-])\s?(\d{1,2})(?:\s?[.일])?(?=\D|$)")
_HOUR = re.compile(r"^[T\s]*(\d{1,2})(?:시|:)\s?(?:(\d{1,2})분?)?")


def text_of(value: Any) -> str:
    """Return a cell as text; None and NaN are empty, 2.0 is 2."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return " ".join(str(value).encode(errors="replace").decode().split())  # JSON may hold half characters


def whole(text: str) -> int:
    """Return a number of people or things.

    Raises:
        ValueError: it is no whole number from 0 on.
    """
    found = _WHOLE.fullmatch(text)
    if found is None or len(found["figures"]) > 13:
        raise ValueError("no whole number from 0 on")
    value = int(found["figures"].replace(",", ""))
    if value > MOST:
        raise ValueError("too large for a count")
    return value


def grade(text: str, own: Mapping[str, int], *, digits: bool) -> int:
    """Return the class 0 to 3 that a word names; `own` are the user's words, `digits` whether 2 is a class.

    Raises:
        ValueError: it is none of the scale.
    """
    word = plain_word(text)
    if word in own:
        return own[word]
    if word.isdigit() and not digits:
        raise ValueError("its column holds other numbers than 0 to 3: it is another scale")
    if word not in _classes():
        raise ValueError("no class of the scale 0 to 3")
    return _classes()[word]


def is_flooded(text: str, own: Mapping[str, int]) -> bool:
    """Whether a cell says flooded and nothing else; then class 1 is our convention."""
    return plain_word(text) in tables()["classes"]["flooded"] and plain_word(text) not in own


def moment(text: str) -> tuple[datetime, bool]:
    """Return a time in UTC, and whether only the day is known. Without a zone it is Korean time.

    Raises:
        ValueError: it is no time.
    """
    date = _DATE.match(text)
    if date:
        rest = text[date.end() :]
        hour = _HOUR.match(rest)
        if hour:
            rest = f" {int(hour[1]):02}:{int(hour[2] or 0):02}{rest[hour.end() :]}"
        text = f"{date[1]}-{int(date[2]):02}-{int(date[3]):02}{rest}"
    day_only = len(re.sub(r"\D", "", re.sub(r"[+-]\d{2}:?\d{2}$", "", text[10:]))) == 0 and len(text) <= 11
    try:
        found = parse_time(text.rstrip())
    except (ValueError, OverflowError) as error:
        raise ValueError("no time") from error
    if not 1900 <= found.year <= 2200:
        raise ValueError("no time")
    return found, day_only


def facility(text: str) -> str:
    """Return the kind of facility: a key of columns.toml, or the words as they are written."""
    return _facilities().get(plain_word(text), text)


@cache
def place(name: str) -> Place:
    """Return what is known of a place name; asked once for each name of a survey."""
    return resolve(name[:200])


def district_of(found: Place) -> str:
    """Return the full name of the 시군구 (or 시도) of a place, or nothing."""
    return district(found.code).full if found.code else ""


@cache
def _classes() -> dict[str, int]:
    listed = tables()["classes"]
    return {word: int(key) for key, words in listed.items() if key.isdigit() for word in words}


@cache
def _facilities() -> dict[str, str]:
    return {plain_word(word): kind for kind, words in tables()["facility"].items() for word in words}
