"""All rules over the readings of a site, each anomaly with its causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from slm_energy.anomaly import rules
from slm_energy.anomaly.anomaly import Anomaly
from slm_energy.anomaly.causes import with_causes
from slm_energy.series import Series
from slm_energy.site import Site


def find_anomalies(
    site: Site,
    load: Series,
    *,
    pv: Series | None = None,
    phases: Mapping[str, Series] | None = None,
    reactive_kvar: Series | None = None,
) -> list[Anomaly]:
    """Return what is unusual, the gravest and latest first.

    Args:
        site: its opening hours and parts.
        load: kW in local time; two weeks at least for after-hours load, four for creep.
        pv: kW of the panels.
        phases: kW by name of the phase.
        reactive_kvar: lagging reactive power in the steps of the load.
    """
    held = rules.stuck_meter(load)
    # What a stuck meter says is no load that could be judged.
    judged = load.with_values(
        [
            float("nan") if any(each.start <= at < each.end for each in held) else value
            for at, value in zip(load.times(), load.values, strict=True)
        ]
        if held
        else load.values
    )
    found = [
        *held,
        *rules.after_hours(judged, site),
        *rules.step_change(judged),
        *rules.night_creep(judged, site),
    ]
    if pv is not None:
        found += rules.stuck_meter(pv, zeros=False)
    if phases:
        found += rules.phase_swap(phases)
    if reactive_kvar is not None:
        found += rules.reactive(load, reactive_kvar)
    alike = Counter(each.kind for each in found)
    ranked = sorted(found, key=lambda each: (each.severity, each.start), reverse=True)
    return [with_causes(each, site, alike=alike[each.kind]) for each in ranked]
