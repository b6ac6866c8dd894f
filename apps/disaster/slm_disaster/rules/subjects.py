"""Which hazards a text is about, for documents: a question about an earthquake is not answered by a flood."""

from __future__ import annotations

from slm_disaster.rules.tables import labelled, masked, table


def subjects(text: str) -> frozenset[str]:
    """Return the hazards that a text names, and with each those that guides treat together with it."""
    words = table("lexicon")
    named = {label for _, _, label in labelled(masked(text), words["hazard"])}
    beside = (group for group in words["together"]["hazards"] if named & set(group))
    return frozenset(named.union(*beside))
