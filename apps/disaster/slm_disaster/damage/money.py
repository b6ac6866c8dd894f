"""Money as tables and people write it: `3억 5천만원`, `1,200` under `피해액(천원)`, `USD 1.2 million`.

Amount, unit and currency are read apart. What the text does not say is not guessed: of `1200` alone nobody
knows whether it is won or thousands of won.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from slm_core.grounding import mixed
from slm_disaster.damage.columns import tables
from slm_disaster.damage.row import Money

LONGEST = 60
_FIGURES = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_POWERS = "십백천만억조"
_PART = re.compile(rf"(?P<figures>{_FIGURES})\s?(?P<powers>[{_POWERS}]*)\s?")
_ABOUT = re.compile(r"^(?:약|대략|about|approx\.?|approximately|ca\.?|~)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class _Said:
    """The figures of a text, and what it says of unit and currency itself."""

    amount: Decimal
    currency: str
    scaled: bool


def read_money(cell: str, unit: str = "", currency: str = "") -> Money:
    """Return the amount of a cell; `unit` (`천원`, `million USD`) and `currency` are what its column says.

    Raises:
        ValueError: no amount, one below zero, or nobody says unit or currency.
    """
    said = _read(_ABOUT.sub("", " ".join(cell.split())))
    scale, of_unit = read_unit(unit) if unit.strip() else (Decimal(1), "")
    declared = {each for each in (of_unit, currency_of(currency) if currency.strip() else "") if each}
    names = declared | ({said.currency} if said.currency else set())
    if len(names) > 1:
        raise ValueError("two currencies are named")
    if not names and not re.search("[만억조]", cell):
        raise ValueError("no currency is said")
    if not (said.currency or said.scaled or unit.strip() or currency.strip()):
        raise ValueError("no unit is said")
    # 만, 억 and 조 without a currency are won: nobody writes another so.
    return Money(
        names.pop() if names else "KRW", said.amount * (1 if said.currency or said.scaled else scale)
    )


def read_unit(text: str) -> tuple[Decimal, str]:
    """Return scale and currency of a unit: `천원` is 1,000 KRW, `million USD` 1,000,000 USD.

    Raises:
        ValueError: it is no unit of money.
    """
    plain = re.sub(r"^단위\s?:?\s?", "", text.strip())
    try:
        if plain[:1].isdigit():
            said = _read(plain)
        else:
            said = _read(f"1{plain}") if plain and plain[0] in _POWERS else _read_bare(plain)
    except ValueError as error:
        raise ValueError("the unit is none of money") from error
    return said.amount, said.currency


def currency_of(text: str) -> str:
    """Return the three letters of a currency.

    Raises:
        ValueError: it is none that is known.
    """
    word = text.strip().lower()
    if word not in _currencies():
        raise ValueError("no currency that is known")
    return _currencies()[word]


def _read_bare(text: str) -> _Said:
    """A unit without power in Hangul: `원`, `thousand dollars`, `USD million`."""
    rest, currency = _without_currency(text)
    scale = tables()["money"]["scale"].get(rest.lower(), 1 if not rest else None)
    if scale is None:
        raise ValueError(rest)
    return _Said(Decimal(scale), currency, scaled=scale != 1)


def _read(text: str) -> _Said:
    if len(text) > LONGEST:
        raise ValueError("no amount of money")
    rest, currency = _without_currency(text)
    rest, scale = _without_scale(rest)
    if re.match(r"[-−(]", rest):
        raise ValueError("an amount below zero")
    if re.fullmatch(_FIGURES, rest):
        return _Said(Decimal(rest.replace(",", "")) * scale, currency, scaled=scale != 1)
    parts = list(_PART.finditer(rest))
    # 1 200 원 is no 1 + 200: only the last figures may stand without a power.
    if scale == 1 and rest and not _PART.sub("", rest) and all(part["powers"] for part in parts[:-1]):
        return _Said(mixed(rest), currency, scaled=True)
    raise ValueError("no amount of money")


def _without_currency(text: str) -> tuple[str, str]:
    for word in _longest_first():
        if text.lower().endswith(word):
            return text[: -len(word)].strip(), _currencies()[word]
        if text.lower().startswith(word):
            return text[len(word) :].strip(), _currencies()[word]
    return text, ""


def _without_scale(text: str) -> tuple[str, int]:
    for word, scale in tables()["money"]["scale"].items():
        if re.search(rf"[\d\s]{word}$", text, re.IGNORECASE):
            return text[: -len(word)].strip(), int(scale)
    return text, 1


@cache
def _currencies() -> dict[str, str]:
    names = tables()["money"]["currency"]
    return {word: name for name, words in names.items() for word in words}


@cache
def _longest_first() -> tuple[str, ...]:
    return tuple(sorted(_currencies(), key=len, reverse=True))
