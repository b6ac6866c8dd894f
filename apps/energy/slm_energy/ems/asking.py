"""What the expert is asked while the site is at work: orders that the rules could not place."""

from __future__ import annotations

from collections.abc import Iterator

from slm_core.domain import Ask, TextRequest
from slm_core.event import Event
from slm_energy.ems.orders import ask_expert


def asks(event: Event) -> Iterator[Ask]:
    """Yield the question to the expert that an event gives rise to."""
    if event.stream in ("command/in", "command/typed"):
        text = str(event.payload.get("text", ""))
        if text.strip() and ask_expert(text):
            yield Ask("command", TextRequest(text=text), "expert/command", severity=2)
