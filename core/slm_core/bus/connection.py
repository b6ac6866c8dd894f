"""One connection to the broker, from its opening to its end.

Message numbers mean something within one connection only. Every connection therefore has its own paho client,
and an acknowledgement that comes after the end goes nowhere, not to whatever message has that number now.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from slm_core.bus.link import Link, Version
from slm_core.bus.place import Place
from slm_core.errors import CouldNot, UserError

if TYPE_CHECKING:
    from paho.mqtt.client import Client as Paho
    from paho.mqtt.client import ConnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

ANSWER_S = 10.0  # a broker that accepts and then says nothing
KEEPALIVE_S = 30
WINDOW = 100  # messages out without their PUBACK
UNACKNOWLEDGED = 200  # messages in without our PUBACK (MQTT 5 tells the broker; 3.1.1 has no word for it)
FOREVER = 0xFFFFFFFF  # MQTT 5: the session never expires, as in 3.1.1
Arrival = Callable[[str, bytes, bool, Callable[[], None]], None]  # topic, payload, retained, acknowledge
_BAD_LOGIN = {"Bad user name or password", "Not authorized", "Client identifier not valid"}


class NotGranted(CouldNot):
    """The broker does not speak the version asked for, or ended the connection instead of answering."""


@dataclass(frozen=True)
class Grant:
    """What the broker said to the connection."""

    version: Version
    resumed: bool  # it knew our session
    window: int = WINDOW
    max_packet: int | None = None


class Connection:
    """Opens in the constructor; `ended` is set when it is over."""

    def __init__(
        self, link: Link, version: Version, place: Place, arrive: Arrival, wake: Callable[[], None]
    ) -> None:
        """Connect and wait for the broker's answer.

        Raises:
            OSError, ValueError: there is no way to that host.
            NotGranted: it ended the connection without a word, or wants another version.
            UserError: it refuses this user or name.
            CouldNot: it refuses for another reason, or says nothing.
        """
        self.ended = threading.Event()
        self.refused_filters: list[str] = []
        self.subscribed = threading.Event()
        self._version, self._place, self._arrive, self._wake = version, place, arrive, wake
        self._answered = threading.Event()
        self._answer: tuple[ConnectFlags, ReasonCode, Properties | None] | None = None
        self._unacknowledged: deque[list[Any]] = deque()  # [message number, done], in the order of arrival
        self._order = threading.Lock()
        self._published: deque[tuple[int, str | None]] = deque()
        self._filters: Sequence[str] = ()
        self._paho = self._client(link)
        self.grant = self._open(link)

    def subscribe(self, filters: Sequence[str], forget: Sequence[str]) -> None:
        """Listen at QoS 1; `subscribed` is set when the broker has answered for every filter."""
        from paho.mqtt.subscribeoptions import SubscribeOptions

        self._filters = filters
        if forget:
            self._paho.unsubscribe(list(forget))
        if self.grant.version == "5":  # retained messages only for a subscription that is new
            self._paho.subscribe([(name, SubscribeOptions(qos=1, retainHandling=1)) for name in filters])
        else:
            self._paho.subscribe([(name, 1) for name in filters])

    def publish(self, topic: str, payload: bytes, *, retained: bool) -> int:
        """Send at QoS 1 and return the message number that `take_published` will name."""
        return self._paho.publish(topic, payload, qos=1, retain=retained).mid

    def take_published(self) -> list[tuple[int, str | None]]:
        """Return the message numbers that the broker answered, each with its reason where it refused."""
        return [self._published.popleft() for _ in range(len(self._published))]

    def close(self, patience_s: float = 2.0) -> None:
        """Say `stopped` and leave; a broker that does not listen any more is left without."""
        if not self.ended.is_set():
            farewell = self._paho.publish(self._place.available, b"stopped", qos=1, retain=True)
            if farewell.rc == 0:
                farewell.wait_for_publish(patience_s)
            self._paho.disconnect()
            self.ended.wait(patience_s)
        self.drop()

    def drop(self) -> None:
        """Cut the line where it still stands; the broker then publishes the last will. paho's thread ends."""
        sock = self._paho.socket()
        if sock is not None:
            with suppress(OSError):  # it is down already, which is what was wanted
                sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]

    def _client(self, link: Link) -> Paho:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        five = self._version == "5"
        paho = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._place.client_id,
            clean_session=None if five else False,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        paho.max_inflight_messages_set(0)  # `Client` keeps the window
        paho.will_set(self._place.available, b"offline", qos=1, retain=True)
        link.log_in(paho)
        paho.on_connect, paho.on_disconnect = self._on_connect, self._on_disconnect
        paho.on_message, paho.on_publish, paho.on_subscribe = (
            self._on_message,
            self._on_publish,
            self._on_subscribe,
        )
        return paho

    def _open(self, link: Link) -> Grant:
        if self._version == "5":
            self._paho.connect(
                link.host, link.port, KEEPALIVE_S, clean_start=False, properties=_session_properties()
            )
        else:
            self._paho.connect(link.host, link.port, KEEPALIVE_S)
        self._paho.loop_start()
        self._answered.wait(ANSWER_S)
        if self._answer is None:
            silent = not self._answered.is_set()
            self.drop()
            if silent:
                raise CouldNot(f"{link} accepts and then says nothing; is it an MQTT broker?")
            raise NotGranted(f"{link} ended the connection without an answer")
        flags, reason, properties = self._answer
        if reason.is_failure:
            self.drop()
            raise _refusal(link, str(reason))
        return Grant(
            self._version,
            flags.session_present,
            min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW)),
            getattr(properties, "MaximumPacketSize", None),
        )

    def _on_connect(
        self, _: Paho, __: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._answer = (flags, reason, properties)
        self._answered.set()

    def _on_disconnect(self, *_: Any) -> None:
        self.ended.set()
        self._answered.set()
        self._wake()

    def _on_subscribe(self, _: Paho, __: Any, ___: int, reasons: list[ReasonCode], ____: Any) -> None:
        answered = zip(self._filters, reasons, strict=False)
        self.refused_filters = [name for name, reason in answered if reason.is_failure]
        self.subscribed.set()
        self._wake()

    def _on_publish(self, _: Paho, __: Any, number: int, reason: ReasonCode, ____: Any) -> None:
        # paho holds its own lock here: nothing may wait, so the worker fetches it.
        self._published.append((number, str(reason) if reason.is_failure else None))
        self._wake()

    def _on_message(self, _: Paho, __: Any, message: MQTTMessage) -> None:
        acknowledge: Callable[[], None] = _nothing
        if message.qos:
            entry = [message.mid, False]
            with self._order:
                self._unacknowledged.append(entry)
            acknowledge = partial(self._acknowledge, entry)
        try:
            topic = message.topic
        except UnicodeDecodeError:  # a broker should not let it pass
            topic = ""
        self._arrive(topic, bytes(message.payload), bool(message.retain), acknowledge)

    def _acknowledge(self, entry: list[Any]) -> None:
        """MQTT wants acknowledgements in the order of arrival, and iotcore ends a connection without it."""
        with self._order:
            entry[1] = True
            while self._unacknowledged and self._unacknowledged[0][1]:
                number = self._unacknowledged.popleft()[0]
                if not self.ended.is_set():
                    self._paho.ack(number, 1)


def _nothing() -> None:
    """QoS 0 knows no acknowledgement."""


def _session_properties() -> Properties:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = FOREVER
    properties.ReceiveMaximum = UNACKNOWLEDGED
    return properties


def _refusal(link: Link, reason: str) -> CouldNot | UserError:
    if reason == "Unsupported protocol version":
        return NotGranted(f"{link}: {reason}")
    if reason in _BAD_LOGIN:
        expected = "a user and a password that the broker knows"
        return UserError(f"the broker refuses: {reason}", where=str(link), expected=expected)
    return CouldNot(f"{link} refuses: {reason}")
