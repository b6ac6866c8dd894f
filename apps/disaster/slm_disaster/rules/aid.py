"""The rules for the task `needs`: the kinds of aid that a message is about."""

from __future__ import annotations

from slm_disaster.needs import in_order
from slm_disaster.rules.tables import labelled, masked, table
from slm_disaster.schema import Need, Needs


def needs_by_rules(text: str) -> Needs:
    """Return every kind of aid that the message names; a message about aid is about a need."""
    things = table("lexicon")["needs"]["things"]
    return Needs(needs=in_order(Need(label) for _, _, label in labelled(masked(text), things)))
