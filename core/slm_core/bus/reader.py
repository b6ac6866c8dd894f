"""From the wire to events: the domain's own streams and the user's `[[sources]]`, read by one rule each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from slm_core.bus.envelope import LIMIT, Message, Refused, read
from slm_core.bus.filters import matches
from slm_core.bus.mapping import Content, map_message
from slm_core.bus.place import OWN, Listen, Place
from slm_core.bus.sources import Source


class Reader:
    """Reads whatever a broker sends; nothing that it is given makes it raise.

    Args:
        place: site and domain.
        listens: the domain's own streams.
        sources: topics of the user's devices.
        live: distrust absurd clocks; a replay keeps the times it carries, and knows no devices.
        limit: bytes of one message.
    """

    def __init__(
        self,
        place: Place,
        listens: Sequence[Listen],
        sources: Sequence[Source] = (),
        *,
        live: bool = True,
        limit: int = LIMIT,
    ) -> None:
        if sources and not live:
            raise ValueError("a recording is not mixed with what the user's devices say now")
        self._place, self._listens, self._sources = place, tuple(listens), tuple(sources)
        self._live, self._limit = live, limit

    @property
    def streams(self) -> list[str]:
        """The filters below the place."""
        return [listen.filter for listen in self._listens]

    @property
    def topics(self) -> list[str]:
        """The filters of the user's devices."""
        return list(dict.fromkeys(source.topic for source in self._sources))

    @property
    def filters(self) -> list[str]:
        """Everything to subscribe to."""
        return [self._place.prefix + name for name in self.streams] + self.topics

    def read(
        self, topic: str, payload: bytes, *, retained: bool
    ) -> tuple[Message, tuple[Content, ...]] | None:
        """Return the message and what it carries, None where the bus spoke to itself.

        A message may carry several events, and none where its sources say that it is not meant.
        """
        stream = self._place.stream(topic)
        if stream in OWN:  # a wide filter hears the bus itself
            return None
        message = Message(topic, topic if stream is None else stream, payload, datetime.now(UTC), retained)
        return message, self._contents(message)

    def _contents(self, message: Message) -> tuple[Content, ...]:
        for listen in self._listens:
            if matches(self._place.prefix + listen.filter, message.topic):
                try:
                    return (read(message, live=self._live, text=listen.text, limit=self._limit),)
                except Refused as refused:
                    return (refused,)
        if any(matches(topic, message.topic) for topic in self.topics):
            return map_message(message, self._sources, self._limit)
        return (Refused("not-listened-to", "no filter of this run; one of an earlier run may have been"),)
