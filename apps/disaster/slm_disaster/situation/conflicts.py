"""What the sources of an incident say of each field: the latest word of each, side by side, never averaged.

A later report of the same source takes its earlier one's place; two sources that differ are a contradiction,
and both quotes are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from slm_disaster.schema import Found
from slm_disaster.situation.incident import Incident, Report
from slm_disaster.situation.orders import Kind, Order

COUNTS = ("dead", "missing", "injured")
KINDS: tuple[Kind, ...] = ("event", "evacuation", "closure", "warning")
_WARNINGS = ("advisory", "warning")


class Said(BaseModel):
    """One source's latest statement on a field, with its words."""

    model_config = ConfigDict(frozen=True)

    value: int | str
    quote: str
    report: str
    source: str
    time: datetime
    official: bool
    newest: bool = False


class Conflict(BaseModel):
    """Statements on one field that cannot all be true (now)."""

    model_config = ConfigDict(frozen=True)

    field: str
    said: tuple[Said, ...]


def statements(reports: Sequence[Report], field: str) -> list[Said]:
    """Return each source's latest statement on a count, the level or the state of an order, newest last.

    A report that gives orders to the machine stays listed, but its counts and its level are not taken.
    """
    latest: dict[str, Said] = {}
    told = [each for each in reports if each.trusted or field.startswith("order:")]
    for report in sorted(told, key=lambda each: each.time):
        value, quote = _value(report, field)
        if field == "level" and _released(report.orders):
            latest.pop(report.source, None)
        elif value is not None:
            latest[report.source] = Said(
                value=value,
                quote=quote,
                report=report.id,
                source=report.source,
                time=report.time,
                official=report.official,
            )
    ordered = sorted(latest.values(), key=lambda said: said.time)
    return [*ordered[:-1], *(said.model_copy(update={"newest": True}) for said in ordered[-1:])]


def conflicts(incident: Incident) -> list[Conflict]:
    """Return every contradiction between the sources of an incident."""
    found = []
    for field in (*COUNTS, "level"):
        said = statements(incident.reports, field)
        groups = [said] if field != "level" else _by_scale(said)
        found += [Conflict(field=field, said=tuple(group)) for group in groups if _differ(group)]
    for kind in KINDS:
        said = statements(incident.reports, f"order:{kind}")
        if disputed(said):
            found.append(Conflict(field=f"order:{kind}", said=tuple(said)))
    return found


def deciding(said: Sequence[Said]) -> Said | None:
    """Return whose word counts for the state of an order: the newest official one, else the newest."""
    official = [each for each in said if each.official]
    return (official or list(said))[-1] if said else None


def disputed(said: Sequence[Said]) -> bool:
    """Whether somebody contradicts the deciding word on an order.

    That an order was in force before an authority released it is no contradiction. Among citizens alone there
    is nobody to decide, so any difference is one.
    """
    last = deciding(said)
    if last is None:
        return False
    others = [each for each in said if each.value != last.value]
    return any(each.time > last.time for each in others) if last.official else bool(others)


def _value(report: Report, field: str) -> tuple[int | str | None, str]:
    if field.startswith("order:"):
        order = _order(report.orders, field.removeprefix("order:"))
        return (None, "") if order is None else ("released" if order.released else "in force", order.quote)
    found: Found[Any] | None = getattr(report.record, field)
    if found is None:
        return None, ""
    return (found.value if isinstance(found.value, int) else str(found.value)), found.span.quote


def _order(orders: Iterable[Order], kind: str) -> Order | None:
    return next((order for order in orders if order.kind == kind), None)


def _released(orders: Iterable[Order]) -> bool:
    """Whether the warning that the level names is taken back: it is no level in force any more."""
    order = _order(orders, "warning")
    return order is not None and order.released


def _by_scale(said: Sequence[Said]) -> list[list[Said]]:
    """Weather warnings and the four crisis levels are two scales; they do not contradict each other."""
    warnings = [each for each in said if each.value in _WARNINGS]
    return [warnings, [each for each in said if each not in warnings]]


def _differ(said: Sequence[Said]) -> bool:
    return len({each.value for each in said}) > 1
