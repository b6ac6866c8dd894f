"""What is wrong with the readings of a meter, in words of both languages, with the rows of the file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from slm_energy.said import Said
from slm_energy.series import Series

Severity = Literal["note", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One fault of a file.

    Args:
        code: which check found it, e.g. `gap`, `counter_reset`; docs/energy-data.md lists them.
        first, last: lines of the file, counted from 1 as an editor does; 0 where no line says it.
        said: the fault in words.
        value, expected: what was found and what would have been right, where these are figures.
        severity: `error` where figures may be wrong by a factor or hours; `warning` where some are missing.
        mended: what was done about it; None where nothing was.
    """

    code: str
    first: int
    last: int
    said: Said
    value: float | None = None
    expected: float | None = None
    severity: Severity = "warning"
    mended: Said | None = None

    @property
    def rows(self) -> str:
        """The lines: `12` or `12-40`."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def line(self, lang: str) -> str:
        """Return it as one line for people, with its rows and what was done."""
        row = {"ko": f"{self.rows}행: ", "en": f"row {self.rows}: "}["ko" if lang == "ko" else "en"]
        done = f" → {self.mended.of(lang)}" if self.mended else ""
        return f"{row if self.first else ''}{self.said.of(lang)}{done}"


@dataclass(frozen=True)
class Choice:
    """What was decided about a file because it does not say it itself, and why."""

    what: str
    value: str
    reason: Said


@dataclass(frozen=True)
class Metered:
    """A file that was read.

    Args:
        source: name of the file.
        series: equal steps; kW for power and energy. A step that the file does not give is NaN.
        findings: what is wrong, by row.
        choices: what was decided: columns, unit, zone, whether stamps begin or end a step.
        rows: lines with data. used: those of them that the series rests on.
        lines: the line that each step was (last) read from; 0 where none.
    """

    source: str
    series: Series
    findings: tuple[Finding, ...]
    choices: tuple[Choice, ...]
    rows: int
    used: int
    lines: tuple[int, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The faults by which figures may be wrong, not only missing."""
        return tuple(each for each in self.findings if each.severity == "error")


def finding(
    code: str,
    first: int,
    last: int | None = None,
    *,
    value: float | None = None,
    expected: float | None = None,
    **facts: object,
) -> Finding:
    """Return a finding in the words of checks.toml.

    Args:
        code: section of the table.
        first, last: lines of the file; one line where `last` is left out.
        value, expected: figures, which the words may name as well.
        facts: for the other holes of the words.
    """
    words: Mapping[str, Any] = table()["findings"][code]
    told = {"value": value, "expected": expected, **facts}
    mended = Said(words["mended_ko"], words["mended_en"]).filled(**told) if "mended_ko" in words else None
    return Finding(
        code,
        first,
        first if last is None else last,
        Said(words["ko"], words["en"]).filled(**told),
        value,
        expected,
        words["severity"],
        mended,
    )


def limit(name: str) -> float:
    """Return a threshold of checks.toml."""
    return float(table()["limits"][name])


@cache
def table() -> dict[str, Any]:
    """Return checks.toml."""
    return tomllib.loads((Path(__file__).parent / "checks.toml").read_text(encoding="utf-8"))
