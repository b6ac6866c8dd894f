"""The note of an anomaly: sentences whose figures are facts with ids, and the causes to look at first."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from slm_energy.anomaly.anomaly import Anomaly
from slm_energy.said import Said

MOST_CAUSES = 3


def note(anomaly: Anomaly) -> Said:
    """Return the note in both languages, one line for the finding and one for each cause."""
    return Said(_note(anomaly, "ko"), _note(anomaly, "en"))


def _note(anomaly: Anomaly, lang: str) -> str:
    facts = {fact.id: fact.written() for fact in anomaly.facts}
    phase = next((fact.id.partition(":")[2] for fact in anomaly.facts if fact.id.startswith("phase:")), "")
    facts |= {
        "start": f"{anomaly.start:%Y-%m-%d %H:%M}",
        "end": f"{anomaly.end:%Y-%m-%d %H:%M}",
        "phase": phase,
    }
    lines = [_table()[anomaly.kind][lang].format(**facts)]
    if anomaly.causes:
        lines.append(f"{_table()['words'][lang]['causes']}:")
    for place, cause in enumerate(anomaly.causes[:MOST_CAUSES], 1):
        because = cause.because.of(lang)
        lines.append(f"{place}. {cause.said.of(lang)}{f' ({because})' if because else ''}")
    return "\n".join(lines)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "sentences.toml").read_text(encoding="utf-8"))
