"""Joins what the rules and the expert found in one report."""

from __future__ import annotations

from typing import Any, TypeVar

from slm_disaster.rules.casualties import FIELDS
from slm_disaster.rules.reading import DRILL
from slm_disaster.schema import Found, Record

T = TypeVar("T")


def combine(rules: Record, expert: Record) -> Record:
    """Return one record.

    The expert's fields have passed the grounding check when they come here, and win for hazard, place, time,
    needs, infrastructure, level and stage. What only one found is kept. A count is the rule's wherever
    there is one, for it is bound to its word; the expert's stands where the rules found none. A
    disagreement is noted. A drill stays an empty record, whatever the expert read in it.
    """
    if DRILL in rules.dropped:
        return rules
    dropped = [*rules.dropped, *expert.dropped]
    fields: dict[str, Any] = {
        "place": expert.place or rules.place,
        "needs": _joined(rules.needs, expert.needs),
        "infrastructure": _joined(rules.infrastructure, expert.infrastructure),
    }
    for key in ("hazard", "time", "level", "stage"):
        fields[key] = getattr(expert, key) or getattr(rules, key)
    for key in FIELDS:
        fields[key], dispute = _count(key, getattr(rules, key), getattr(expert, key))
        dropped += dispute
    return Record(**fields, dropped=dropped)


def _joined(rules: list[Found[T]], expert: list[Found[T]]) -> list[Found[T]]:
    known = {found.value for found in expert}
    both = [*expert, *(found for found in rules if found.value not in known)]
    return sorted(both, key=lambda found: found.span.start)[:6]


def _count(
    key: str, rule: Found[int] | None, expert: Found[int] | None
) -> tuple[Found[int] | None, list[str]]:
    if rule is None or expert is None or rule.value == expert.value:
        return expert or rule, []
    return rule, [f"{key}: the expert read {expert.value} in {expert.span.quote!r}, the rules {rule.value}"]
