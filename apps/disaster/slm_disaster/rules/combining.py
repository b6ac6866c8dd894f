"""Joins what the rules and the expert found in one report."""

from __future__ import annotations

from typing import Any

from slm_disaster.rules.casualties import FIELDS
from slm_disaster.rules.reading import DRILL
from slm_disaster.schema import Found, Record


def combine(rules: Record, expert: Record) -> Record:
    """Return one record.

    What the rules found stands, and the expert fills the fields that they left empty: on dev rows that was
    better than the other way round (docs/results.md). The expert's fields have passed the grounding check
    when they come here. Two counts that differ are noted. A drill stays an empty record, whatever the
    expert read in it.
    """
    if DRILL in rules.dropped:
        return rules
    dropped = [*rules.dropped, *expert.dropped]
    fields: dict[str, Any] = {}
    for key in ("hazard", "place", "time", "needs", "infrastructure", "level", "stage"):
        fields[key] = getattr(rules, key) or getattr(expert, key)
    for key in FIELDS:
        fields[key], dispute = _count(key, getattr(rules, key), getattr(expert, key))
        dropped += dispute
    return Record(**fields, dropped=dropped)


def _count(
    key: str, rule: Found[int] | None, expert: Found[int] | None
) -> tuple[Found[int] | None, list[str]]:
    if rule is None or expert is None or rule.value == expert.value:
        return rule or expert, []
    return rule, [f"{key}: the expert read {expert.value} in {expert.span.quote!r}, the rules {rule.value}"]
