"""What the sensors of an incident measured, as far as a grade may rest on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slm_disaster.alerts.grades import Measured
from slm_disaster.page.room import Sensor
from slm_disaster.situation.incident import Incident

_GAP_S = 15 * 60  # a gauge that tells every ten minutes has its oldest reading so much later than the window


def measured_of(incident: Incident, sensors: Iterable[Sensor]) -> Measured:
    """Return the magnitude of its strongest quake, and the rain of its gauges over one and three hours.

    Where a gauge has not told for the whole window, the sum is not known: a part of it would look like
    little. Whether an epicentre is on land no feed tells.
    """
    quakes = [each.value for each in incident.evidence if each.unit == "M"]
    named = {each.sensor for each in incident.evidence}
    gauges = [
        each.samples
        for each in sensors
        if each.origin == incident.origin
        and f"{each.gauge.kind}/{each.gauge.sensor}" in named
        and (each.gauge.kind, each.gauge.dimension) == ("rain", "depth")
        and not each.gauge.fault
    ]
    one, three = _most(gauges, 3600), _most(gauges, 3 * 3600)
    return Measured(rain_1h_mm=one, rain_3h_mm=three, magnitude=max(quakes, default=None))


def _most(gauges: Iterable[Sequence[tuple[float, float]]], window_s: float) -> float | None:
    return max((fell for each in gauges if (fell := _fell(each, window_s)) is not None), default=None)


def _fell(samples: Sequence[tuple[float, float]], window_s: float) -> float | None:
    if not samples or samples[-1][0] - samples[0][0] < window_s - _GAP_S:
        return None
    return round(sum(value for time, value in samples if time > samples[-1][0] - window_s), 6)
