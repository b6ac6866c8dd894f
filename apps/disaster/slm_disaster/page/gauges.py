"""The sensors: a chart of each with the thresholds it is held against, what is over and what is at fault."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from slm_core.ui.chart import Series, Threshold, chart
from slm_disaster.page.room import Sensor, Snapshot
from slm_disaster.page.words import Words
from slm_disaster.situation.rules import base_unit, dimension, in_base


def sensor_charts(snapshot: Snapshot, words: Words) -> str:
    """Return every sensor as HTML, those over a threshold first, or the empty state."""
    if not snapshot.sensors:
        return f'<p class="slm-empty">{escape(words["no_sensors"])}</p>'
    order = sorted(snapshot.sensors, key=lambda each: (-_severity(each), not each.gauge.fault, each.key))
    cards = "".join(_card(each, words) for each in order)
    note = f'<p class="slm-quiet">{escape(words["chart_note"])}</p>'
    return f'<section class="slm-gauges">{cards}</section>{note}'


def _card(sensor: Sensor, words: Words) -> str:
    gauge = sensor.gauge
    unit = base_unit(gauge.dimension) if gauge.dimension else ""
    now = f"{sensor.samples[-1][1]:g} {unit}" if sensor.samples else "–"
    series = Series(
        title=f"{words.of('kind', gauge.kind)} {gauge.sensor}",
        unit=unit,
        samples=sensor.samples,
        thresholds=_thresholds(sensor, words),
        severity=_severity(sensor),
    )
    origin = words.of("origin", sensor.origin) if sensor.origin != "live" else ""
    mark = f'<span class="slm-badge slm-origin">{escape(origin)}</span>' if origin else ""
    return (
        f'<article class="slm-gauge slm-severity-{_severity(sensor)}"><h3>{escape(series.title)} '
        f'<span class="slm-now">{escape(now)}</span></h3>'
        f'<p class="slm-quiet">{escape(gauge.place or "")} {mark}{_states(sensor, words)}</p>'
        f"{chart(series, words['no_readings'])}</article>"
    )


def _thresholds(sensor: Sensor, words: Words) -> list[Threshold]:
    """The limits on the value itself; a rise or a sum is no height in this chart."""
    if not sensor.samples:
        return []
    gauge, day = sensor.gauge, datetime.fromtimestamp(sensor.samples[-1][0], UTC).date()
    return [
        Threshold(in_base(rule.at, rule.unit), rule.ko if words.lang == "ko" else rule.en, rule.severity)
        for rule in sensor.rules
        if rule.measure == "value"
        and rule.holds_for(gauge.kind, gauge.sensor, gauge.gas, day)
        and dimension(rule.unit) == gauge.dimension
    ]


def _states(sensor: Sensor, words: Words) -> str:
    names = {rule.id: rule.ko if words.lang == "ko" else rule.en for rule in sensor.rules}
    parts = [f"{words['over']}: {names.get(rule, rule)}" for rule in sorted(sensor.gauge.over)]
    if sensor.gauge.fault:
        parts.append(f"{words['fault']}: {words.of('gauge_fault', sensor.gauge.fault)}")
    return "".join(f'<b class="slm-badge slm-is-disputed">{escape(each)}</b>' for each in parts)


def _severity(sensor: Sensor) -> int:
    return max([0, *(rule.severity for rule in sensor.rules if rule.id in sensor.gauge.over)])
