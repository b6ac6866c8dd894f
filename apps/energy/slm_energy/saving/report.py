"""The report of a saving: sentences, bars, checks, and a table that traces each number."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from slm_core.report.document import Block, Bullets, Document, Heading, Picture, Table, Text
from slm_core.report.drawing import INK, QUIET, Drawing, Shape, Words, box
from slm_core.report.html import html
from slm_core.report.markdown import markdown
from slm_core.report.pdf import pdf
from slm_energy.saving.measuring import Saving
from slm_energy.saving.trace import Number, numbers

_ADJUSTED, _METERED = "#9aa6b2", "#2f6db3"
_WIDTH = 640.0


def report(saving: Saving, lang: str) -> Document:
    """Return the report in `ko` or `en`."""
    words = _words()[lang]
    traced = numbers(saving)
    blocks: list[Block] = [Heading(words["result"]), *(Text(text) for text in _result(saving, traced, words))]
    blocks += [Picture(_bars(saving, words), words["picture"])]
    blocks += [Heading(words["model"]), Text(_model(saving, traced, words))]
    blocks += [Heading(words["checks"]), _checks(saving, words, lang)]
    if saving.notes:
        blocks += [Heading(words["notes"]), Bullets([note.of(lang) for note in saving.notes])]
    blocks += [Heading(words["trace"]), _trace(traced, words, lang), Text(words["made"], quiet=True)]
    return Document(words["title"], lang, tuple(blocks))


def files(saving: Saving, langs: tuple[str, ...] = ("ko", "en")) -> dict[str, bytes]:
    """Return the report as `saving.<lang>.md`, `.html` and `.pdf`.

    Raises:
        MissingExtra: the PDF writer is not installed.
    """
    made: dict[str, bytes] = {}
    for lang in langs:
        document = report(saving, lang)
        made[f"saving.{lang}.md"] = markdown(document).encode()
        made[f"saving.{lang}.html"] = html(document).encode()
        made[f"saving.{lang}.pdf"] = pdf(document, "energy")
    return made


def _result(saving: Saving, traced: tuple[Number, ...], words: Mapping[str, str]) -> Iterator[str]:
    value = {number.id: number.value.lstrip("-") for number in traced}
    value |= {"after": f"{saving.after.start} – {saving.after.end}", "unit": saving.currency}
    yield words["saved" if saving.saved_kwh >= 0 else "more"].format(**value)
    if not saving.certain:
        yield words["unsure"].format(**value)
    if not saving.fits:
        yield words["weak"]
    yield words["basis"].format(**value)
    if saving.money is not None and saving.saved_kwh >= 0:
        yield words["money"].format(**value)


def _model(saving: Saving, traced: tuple[Number, ...], words: Mapping[str, str]) -> str:
    days, reported = (
        next(n for n in traced if n.name.en == name) for name in ("days of the baseline", "days reported")
    )
    return words["model_text"].format(
        before=f"{saving.before.start} – {saving.before.end}",
        days=days.value,
        reported=reported.value,
        days_id=days.id,
        reported_id=reported.id,
    )


def _checks(saving: Saving, words: Mapping[str, str], lang: str) -> Table:
    rows = [
        [
            each.name.of(lang),
            f"{each.value:.1%}",
            f"≤ {100 * each.bar:g}%",
            words["yes" if each.holds else "no"],
        ]
        for each in saving.checks
    ]
    return Table([words["check"], words["value"], words["bar"], words["holds"]], rows)


def _trace(traced: tuple[Number, ...], words: Mapping[str, str], lang: str) -> Table:
    header = [words[name] for name in ("id", "number", "value", "formula", "source")]
    rows = [
        [each.id, each.name.of(lang), f"{each.value} {each.unit}".strip(), each.formula, each.source]
        for each in traced
    ]
    return Table(header, rows, numbers_from=len(header))


def _bars(saving: Saving, words: Mapping[str, str]) -> Drawing:
    """Two bars a month: what the baseline expects and what was metered."""
    months: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for day in saving.after.days:
        sums = months[f"{day.day:%Y-%m}"]
        sums[0] += saving.baseline.expects(day)
        sums[1] += day.kwh
    shown = list(months.items())[-24:]
    most = max(max(sums) for _, sums in shown) or 1.0
    slot = (_WIDTH - 20) / len(shown)
    shapes: list[Shape] = []
    for place, (month, sums) in enumerate(shown):
        x = 10 + place * slot
        for side, (kwh, colour) in enumerate(zip(sums, (_ADJUSTED, _METERED), strict=True)):
            height = 150 * max(kwh, 0.0) / most
            shapes.append(box(x + slot * (0.1 + 0.4 * side), 180 - height, slot * 0.38, height, colour))
        shapes.append(Words(x + slot / 2, 196, month[2:] if len(shown) > 8 else month, 9, "middle", QUIET))
    for place, (name, colour) in enumerate((("adjusted", _ADJUSTED), ("metered", _METERED))):
        shapes += [
            box(10 + 160 * place, 6, 10, 10, colour),
            Words(26 + 160 * place, 15, words[name], 10, colour=INK),
        ]
    shapes.append(Words(_WIDTH - 10, 15, f"max {most:,.0f} kWh", 10, "end", QUIET))
    return Drawing(_WIDTH, 204, tuple(shapes), words["picture"])


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
