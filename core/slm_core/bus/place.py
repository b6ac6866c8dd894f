"""Where on the bus a domain lives: `slm/<site>/<domain>/<stream>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from slm_core.bus.filters import is_filter
from slm_core.errors import UserError

ROOT = "slm"
OWN = ("available", "stats", "deadletter")  # streams that a domain writes about itself and never reads
_WORD = re.compile(r"[\w.-]{1,60}")
_TOPIC_BYTES = 65_535  # MQTT 3.1.1, 1.5.3
# Control characters and non-characters: a broker may end the connection of whoever sends one (1.5.3), and a
# message in the outbox would end it again and again.
_FORBIDDEN = re.compile(r"[+#\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True)
class Listen:
    """A filter below a domain's place. With `text`, what is no JSON object is read as plain text."""

    filter: str
    text: bool = False

    def __post_init__(self) -> None:
        if not is_filter(self.filter):
            raise UserError(
                f"{self.filter!r} is no topic filter", expected="e.g. report/in, sensor/+/level or sensor/#"
            )


@dataclass(frozen=True)
class Place:
    """One domain at one site."""

    site: str
    domain: str

    def __post_init__(self) -> None:
        for name, word in (("site", self.site), ("domain", self.domain)):
            if not _WORD.fullmatch(word):
                expected = "1 to 60 letters, digits, dots, hyphens or underscores"
                raise UserError(f"{word!r} is no {name} name", where=name, expected=expected)

    @property
    def prefix(self) -> str:
        """What every topic of this place begins with."""
        return f"{ROOT}/{self.site}/{self.domain}/"

    @property
    def client_id(self) -> str:
        """The name of the session at the broker: the same after a restart, so nothing waits in vain."""
        return f"{ROOT}-{self.site}-{self.domain}"

    @property
    def available(self) -> str:
        """Topic of `online`, `stopped` or `offline`."""
        return self.prefix + "available"

    @property
    def stats(self) -> str:
        """Topic of the counters."""
        return self.prefix + "stats"

    @property
    def deadletter(self) -> str:
        """Topic of what could not be read or handled."""
        return self.prefix + "deadletter"

    def topic(self, stream: str) -> str:
        """Return the topic of a stream.

        Raises:
            ValueError: MQTT forbids such a name.
        """
        topic = self.prefix + stream
        if not stream or _FORBIDDEN.search(stream) or len(topic.encode()) > _TOPIC_BYTES:
            raise ValueError(f"{stream[:80]!r} is no name of a stream")
        return topic

    def stream(self, topic: str) -> str | None:
        """Return the stream of a topic, or None where the topic lies elsewhere."""
        return topic[len(self.prefix) :] if topic.startswith(self.prefix) else None
