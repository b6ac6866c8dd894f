"""A recording or a simulation onto the bus, as devices would send it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from slm_core.bus.envelope import write
from slm_core.bus.link import Link
from slm_core.bus.place import Place
from slm_core.errors import CouldNot
from slm_core.event import Event

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessageInfo

WINDOW = 100  # messages out without their PUBACK
ANSWER_S = 10.0


class Player:
    """Publishes events at QoS 1, in order.

    Args:
        link: the broker.
        place: below which topic the streams lie.
    """

    def __init__(self, link: Link, place: Place) -> None:
        """Connect.

        Raises:
            CouldNot: no broker answers there.
        """
        self._place = place
        self._paho = _connected(link)
        self._waiting: deque[MQTTMessageInfo] = deque()

    def play(
        self,
        events: Iterable[Event],
        speed: float,
        stop: threading.Event,
        refuse: Callable[[Event, str], None],
    ) -> Iterator[Event]:
        """Publish and yield each event once the broker may have it.

        Args:
            events: in the order of their times.
            speed: 1 keeps the time between two events, 10 makes it a tenth; 0 does not wait at all.
            stop: ends it between two events.
            refuse: takes an event that cannot be sent, and why.

        Raises:
            CouldNot: the broker left or takes no more.
        """
        first: Event | None = None
        began = time.monotonic()
        for event in events:
            first = first or event
            due = (event.time - first.time).total_seconds() / speed if speed else 0.0
            if stop.wait(max(began + due - time.monotonic(), 0)):
                return
            try:
                topic, payload = self._place.topic(event.stream), write(event)
            except ValueError as error:
                refuse(event, str(error))
                continue
            self._waiting.append(self._paho.publish(topic, payload, qos=1))
            self._await(WINDOW)
            yield event
        self._await(0)

    def close(self) -> None:
        """Leave the broker."""
        self._paho.disconnect()
        self._paho.loop_stop()

    def _await(self, most: int) -> None:
        while len(self._waiting) > most:
            info = self._waiting.popleft()
            try:
                info.wait_for_publish(ANSWER_S)
            except RuntimeError as error:  # paho's word for a connection that is gone
                raise CouldNot(f"the broker has left: {error}") from error
            if not info.is_published():
                raise CouldNot(f"the broker has not taken a message within {ANSWER_S:g} s")


def forget_session(link: Link, place: Place) -> None:
    """Let the broker drop what it holds for an earlier recording that was cut off: this one begins afresh.

    Raises:
        CouldNot: no broker answers there.
    """
    paho = _connected(link, place.client_id)  # a clean session ends the one of that name (3.1.1, 3.1.2.4)
    paho.disconnect()
    paho.loop_stop()


def _connected(link: Link, name: str = "") -> Client:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    paho = Client(CallbackAPIVersion.VERSION2, client_id=name)
    link.log_in(paho)
    answered = threading.Event()
    refused: list[str] = []

    def on_connect(_: object, __: object, ___: object, reason: object, ____: object) -> None:
        if getattr(reason, "is_failure", False):
            refused.append(str(reason))
        answered.set()

    paho.on_connect = on_connect
    try:
        paho.connect(link.host, link.port)
    except OSError as error:
        raise CouldNot(f"no broker answers at {link}: {error}") from error
    paho.loop_start()
    if not answered.wait(ANSWER_S) or refused:
        paho.loop_stop()
        raise CouldNot(f"the broker at {link} refuses: {refused[0] if refused else 'it says nothing'}")
    return paho
