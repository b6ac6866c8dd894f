"""How readings are shown: the last day, what is wrong with meters, and a file with its faults by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from math import isnan, nan
from typing import Any

from slm_core.ui.lines import Line, lines
from slm_energy.forecast.outcome import Forecast
from slm_energy.meter.finding import Finding, Metered
from slm_energy.page.room import Snapshot
from slm_energy.page.shown import empty, heading, listed, quiet, section, table
from slm_energy.page.words import Words
from slm_energy.said import Said
from slm_energy.series import Series

MOST_FINDINGS = 60
DRAWN = timedelta(days=7)  # of a file in its own steps; what is longer is drawn by day besides
_LEVELS = {"note": 0, "warning": 1, "error": 2}


@dataclass(frozen=True)
class Looked:
    """One quantity of a file.

    Args:
        metered: as it was read.
        fine: whether a plan may rest on it. why: in words.
        forecast: of the day after; None where it is no load or may not be planned on.
        refused: why there is no forecast of a load that is fine.
    """

    metered: Metered
    fine: bool
    why: Said
    forecast: Forecast | None = None
    refused: Said | None = None


def reading_view(snapshot: Snapshot, words: Words) -> str:
    """Return the readings of the last day, and what was found wrong with meters and days."""
    parts = [heading(words["last_day"]), _last_day(snapshot, words)]
    parts += [heading(words["anomalies"]), _anomalies(snapshot, words)]
    parts += [heading(words["findings"]), _findings(snapshot, words)]
    return section(*parts)


def _last_day(snapshot: Snapshot, words: Words) -> str:
    day = snapshot.day
    if not day:
        return empty(words["no_readings"])
    drawn = [
        Line(words.of("quantity", name), series.values, look, filled=name == "load", right=name == "charge")
        for look, (name, series) in zip((0, 1, 5, 3, 2), day.items(), strict=False)
    ]
    first = next(iter(day.values()))
    right = "kWh" if "charge" in day else ""
    chart = lines(words["last_day"], first.start, first.step, drawn, unit="kW", right_unit=right)
    return chart + quiet(words["run_note"])


def _anomalies(snapshot: Snapshot, words: Words) -> str:
    if not snapshot.anomalies:
        return empty(words["no_anomalies"])
    newest = sorted(snapshot.anomalies, key=lambda each: str(each["start"]), reverse=True)
    rows = [(_moment(each["start"], snapshot, words), each[words.lang]) for each in newest[:MOST_FINDINGS]]
    return table((words["when"], words["what"]), rows, 2)


def _findings(snapshot: Snapshot, words: Words) -> str:
    if not snapshot.findings:
        return empty(words["no_findings"])
    rows = [
        (_moment(each["time"], snapshot, words), each["meter"], each[words.lang])
        for each in reversed(snapshot.findings[-MOST_FINDINGS:])
    ]
    return table((words["when"], words["meter"], words["what"]), rows, 3)


def _moment(text: Any, snapshot: Snapshot, words: Words) -> str:
    return words.clock(datetime.fromisoformat(str(text)).astimezone(snapshot.now.tzinfo))


def file_view(name: str, found: Mapping[str, Looked], words: Words) -> str:
    """Return a file of readings: what was read, what is wrong by row, the series and what it foretells."""
    parts = [heading(name)]
    for quantity, looked in found.items():
        parts += _quantity(quantity, looked, words)
    return section(*parts)


def _quantity(quantity: str, looked: Looked, words: Words) -> Sequence[str]:
    metered = looked.metered
    series, lang = metered.series, words.lang
    told = words["file_span"].format(
        first=f"{series.start:%Y-%m-%d %H:%M}", last=f"{series.end:%Y-%m-%d %H:%M}",
        minutes=f"{60 * series.hours:g}", unit=series.unit,
        used=f"{metered.used:,}", rows=f"{metered.rows:,}",
    )  # fmt: skip
    kind = "slm-ready" if looked.fine else "slm-fault"
    verdict = f'<p class="{kind}" role="status">{escape(looked.why.of(lang))}</p>'
    chosen = listed(f"{each.what}: {each.value} ({each.reason.of(lang)})" for each in metered.choices)
    folded = f"<details><summary>{escape(words['choices'])}</summary>{chosen}</details>" if chosen else ""
    return [
        f"<h3>{escape(words.of('quantity', quantity))}</h3>",
        quiet(told),
        verdict,
        _faults(metered.findings, words),
        folded,
        *_drawings(quantity, series, words),
        *_forecast(looked, words),
    ]


def _faults(findings: Sequence[Finding], words: Words) -> str:
    if not findings:
        return f'<p class="slm-ready">{escape(words["nothing_wrong"])}</p>'
    grave = sorted(findings, key=lambda each: -_LEVELS[each.severity])
    rows = [
        (
            each.rows if each.first else "–",
            words.of("level", each.severity),
            each.said.of(words.lang),
            each.mended.of(words.lang) if each.mended else "–",
        )
        for each in grave[:MOST_FINDINGS]
    ]
    more = len(findings) - len(rows)
    header = tuple(words[name] for name in ("rows", "grade", "what", "mended"))
    note = quiet(words["more"].format(n=more)) if more else ""
    title = f"<h4>{escape(words['file_faults'])} {len(findings)}</h4>"
    return title + table(header, rows, 4) + note


def _drawings(quantity: str, series: Series, words: Words) -> list[str]:
    name = words.of("quantity", quantity)
    shown = series.between(series.end - DRAWN, series.end)
    parts = []
    if series.end - series.start > 2 * DRAWN:
        daily = daily_means(series)
        title = words["by_day"].format(name=name)
        parts.append(_titled(title, daily, [Line(title, daily.values, 0, filled=True)]))
        name = words["last_week"].format(name=name)
    return [*parts, _titled(name, shown, [Line(name, shown.values, 0, filled=True)])]


def _titled(title: str, series: Series, drawn: Sequence[Line]) -> str:
    return lines(title, series.start, series.step, drawn, unit=series.unit)


def daily_means(series: Series) -> Series:
    """Return the mean of each day from the first step on; NaN where nothing of a day is known."""
    count = max(1, round(timedelta(days=1) / series.step))
    means = []
    for first in range(0, len(series), count):
        known = [value for value in series.values[first : first + count] if not isnan(value)]
        means.append(sum(known) / len(known) if known else nan)
    return Series(series.name, series.unit, series.start, timedelta(days=1), tuple(means))


def _forecast(looked: Looked, words: Words) -> list[str]:
    if looked.forecast is None:
        return [quiet(looked.refused.of(words.lang))] if looked.refused else []
    made, series = looked.forecast, looked.metered.series
    past = series.between(series.end - timedelta(days=2), series.end)
    before, after = (nan,) * len(past), (nan,) * len(made.mean)
    drawn = [
        Line(words["measured"], (*past.values, *after), 0, filled=True),
        Line(words["forecast"], (*before, *made.mean.values), 5),
        Line(words["low"], (*before, *made.low.values), 4),
        Line(words["high"], (*before, *made.high.values), 4),
    ]
    chart = lines(words["forecast"], past.start, past.step, drawn, unit=series.unit, now=series.end)
    reason = words["by_method"].format(method=made.method, reason=made.reason.of(words.lang))
    return [f"<h4>{escape(words['forecast_day'])}</h4>", chart, quiet(reason)]
