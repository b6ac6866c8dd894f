"""Listening beside the domain: what comes, without taking or acknowledging any of it, and saying nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from slm_core.bus.link import Link
from slm_core.errors import CouldNot, UserError

if TYPE_CHECKING:
    from paho.mqtt.client import MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

ANSWER_S = 10.0
Heard = Callable[[str, bytes, bool], None]  # topic, payload, retained


class Onlooker:
    """A client with a name that the broker gives and a session that ends with it.

    So the session of the domain's own worker is not touched: each message still waits for it.

    Args:
        link: the broker.
        filters: what to listen to.
        heard: takes each message, on the network's thread.
    """

    def __init__(self, link: Link, filters: Sequence[str], heard: Heard) -> None:
        """Connect and listen.

        Raises:
            UserError: the broker refuses a filter, user or password.
            CouldNot: no broker answers there.
        """
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._filters, self._heard = list(filters), heard
        self._connected, self._listening = threading.Event(), threading.Event()
        self._refused = ""
        self.lost = threading.Event()
        self._paho = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        self._paho.on_connect, self._paho.on_subscribe = self._on_connect, self._on_subscribe
        self._paho.on_message = self._on_message
        self._paho.on_disconnect = lambda *_: self.lost.set()
        link.log_in(self._paho)
        self._open(link)

    def __enter__(self) -> Onlooker:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker."""
        self._paho.disconnect()
        self._paho.loop_stop()

    def _open(self, link: Link) -> None:
        try:
            self._paho.connect(link.host, link.port)
        except OSError as error:
            raise CouldNot(f"no broker answers at {link}: {error}") from error
        self._paho.loop_start()
        self._await(self._connected, link, "the broker refuses")
        self._paho.subscribe([(name, 1) for name in self._filters])
        self._await(self._listening, link, "the broker refuses to be listened to on")

    def _await(self, answered: threading.Event, link: Link, refusal: str) -> None:
        said = answered.wait(ANSWER_S)
        if said and not self._refused:
            return
        self.close()
        if self._refused:
            raise UserError(
                f"{refusal}: {self._refused}", where=str(link), mend="user and password, or its rules"
            )
        raise CouldNot(f"{link} accepts and then says nothing; is it an MQTT broker?")

    def _on_connect(self, _: object, __: object, ___: object, reason: ReasonCode, ____: object) -> None:
        if reason.is_failure:
            self._refused = str(reason)
        self._connected.set()

    def _on_subscribe(self, _: object, __: object, ___: int, reasons: list[ReasonCode], ____: object) -> None:
        answered = zip(self._filters, reasons, strict=False)
        self._refused = ", ".join(name for name, reason in answered if reason.is_failure)
        self._listening.set()

    def _on_message(self, _: object, __: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # a broker should not let it pass
            topic = ""
        self._heard(topic, bytes(message.payload), bool(message.retain))
