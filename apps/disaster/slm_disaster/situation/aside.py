"""Reports from which no incident came: the newest are kept, so that nobody has to take it on trust."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from slm_disaster.rules.places import places
from slm_disaster.rules.reading import DRILL
from slm_disaster.situation.incident import Report
from slm_disaster.situation.scope import Scoped

Why = Literal["drill", "orders-to-the-machine", "json-as-text", "no-hazard", "nothing-read"]
MOST = 50
LONGEST = 300
_KEY = "aside"


class Aside(BaseModel):
    """A report that is none of an incident's, and why: `no-hazard` where the rules read a place alone."""

    model_config = ConfigDict(frozen=True)

    report: str
    time: datetime
    source: str
    text: str
    why: Why


def put_aside(report: Report, memory: Scoped) -> None:
    """Count a report without an incident, and keep it until fifty newer ones came."""
    told = report.text if len(report.text) <= LONGEST else f"{report.text[: LONGEST - 1]}…"
    one = Aside(report=report.id, time=report.time, source=report.source, text=told, why=_why(report))
    kept = _kept(memory)
    rows = [*kept["rows"], one.model_dump(mode="json")][-MOST:]
    memory.put(_KEY, {"count": kept["count"] + 1, "rows": rows})


def taken_up(report_id: str, memory: Scoped) -> None:
    """Forget a report that became part of an incident after all."""
    kept = _kept(memory)
    rows = [each for each in kept["rows"] if each["report"] != report_id]
    memory.put(_KEY, {"count": max(kept["count"] - 1, len(rows)), "rows": rows})


def aside_count(memory: Scoped) -> int:
    """Return how many reports of an origin ever came to no incident."""
    return int(_kept(memory)["count"])


def set_aside(memory: Scoped) -> list[Aside]:
    """Return those that are kept, in the order they came."""
    return [Aside.model_validate(each) for each in _kept(memory)["rows"]]


def _kept(memory: Scoped) -> dict[str, Any]:
    return memory.get(_KEY) or {"count": 0, "rows": []}


def _why(report: Report) -> Why:
    if DRILL in report.record.dropped:
        return "drill"
    if report.flags:
        return "orders-to-the-machine"
    if report.text.startswith("{"):
        return "json-as-text"
    return "no-hazard" if report.places or places(report.text) else "nothing-read"
