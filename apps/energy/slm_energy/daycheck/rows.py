"""Days of real meters as rows of the task `anomaly`, each with a fault that was put in, or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from slm_core.dataset.row import Message, Row
from slm_core.dataset.source import Rejected
from slm_energy.daycheck.faults import is_sound, plant
from slm_energy.daycheck.label import PROMPT, DayLabel, Label, encode_label
from slm_energy.daycheck.summary import HOURS, Values, summarize, usual_day

NEIGHBOURS = 8
"""The usual day is the median of so many days of the same kind before and after."""


@dataclass(frozen=True)
class MeterDay:
    """One day of a meter: where it stands, which kind of day it is, and what a split keeps together."""

    where: str
    kind: str
    group: str
    values: Values


def planted(days: Sequence[MeterDay], source: str, licence: str) -> Iterator[Row | Rejected]:
    """Yield one row a sound day, the same for the same days; a day that is not sound comes as Rejected."""
    by_kind: dict[str, list[MeterDay]] = {}
    for day in days:
        by_kind.setdefault(day.kind, []).append(day)
    for day in days:
        peers = by_kind[day.kind]
        at = peers.index(day)
        around = [each.values for each in peers[max(0, at - NEIGHBOURS) : at + NEIGHBOURS + 1] if each != day]
        usual = usual_day(around) if around else [0.0] * HOURS
        if not is_sound(day.values, usual):
            yield Rejected(day.where, "not a sound day to plant a fault in", str(list(day.values))[:200])
            continue
        rng = Random(day.where.rpartition("/")[2])
        label = rng.choice([Label.NORMAL, *Label])
        values = plant([value for value in day.values if value is not None], usual, label, rng)
        yield day_row(values, usual, label, source, licence, day.group)


def day_row(
    values: Values, usual: Sequence[float], label: Label, source: str, licence: str, group: str
) -> Row:
    """Return one row of the task `anomaly`."""
    request = summarize(values, usual)
    messages = (
        Message(role="system", content=PROMPT),
        Message(role="user", content=request.model_dump_json()),
        Message(role="assistant", content=encode_label(DayLabel(label=label), request)),
    )
    return Row(messages=messages, task="anomaly", lang="en", source=source, licence=licence, group=group)
