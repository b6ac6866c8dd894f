"""What a person decides on the page, handed to the site at work."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from slm_core.errors import UserError
from slm_core.event import Event
from slm_energy.ems.book import Book
from slm_energy.page.room import Room
from slm_energy.page.words import Words

LONGEST_NAME = 64


def tell(room: Room, stream: str, payload: dict[str, Any]) -> str:
    """Hand `handle` what was decided, at the time of the site's clock, and return the id of the event."""
    live = room.live
    event = Event(
        stream=stream,
        kind="replay" if live.recorded and not live.simulated else stream.partition("/")[0],
        source="page",
        time=live.read(lambda memory: room.moment(Book(memory))),
        payload=payload,
        simulated=live.simulated,
        id=f"page-{uuid4().hex}",  # the same words said twice are two orders
    )
    live.runtime.tell_inside(event)
    return event.id


def named(by: str, words: Words) -> str:
    """Return the name of who decides.

    Raises:
        UserError: nobody is named.
    """
    name = " ".join(by.split())[:LONGEST_NAME]
    if not name:
        raise UserError(words["who"])
    return name
