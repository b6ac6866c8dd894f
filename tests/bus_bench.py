"""What the tests of the bus share: a client that listens and speaks, and a worker in a thread of its own."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from slm_core.bus import Link, Listen, Place, Store, Worker
from slm_core.event import Event, Memory

PATIENCE_S = 30.0


class Peer:
    """Another client of the broker: a device, or somebody who watches."""

    def __init__(self, link: Link, place: Place) -> None:
        self.place = place
        self.heard: list[tuple[str, bytes, bool]] = []  # stream, payload, retained
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        listening = threading.Event()
        self._client.on_subscribe = lambda *_: listening.set()
        self._client.connect(link.host, link.port)
        self._client.subscribe([(place.prefix + "#", 1), ("homeassistant/#", 1)])
        self._client.loop_start()
        assert listening.wait(PATIENCE_S)

    def send(self, said: Any, stream: str = "report/in", qos: int = 1) -> None:
        payload = said if isinstance(said, bytes) else json.dumps(said, ensure_ascii=False).encode()
        self._client.publish(self.place.prefix + stream, payload, qos)

    def on(self, stream: str) -> list[bytes]:
        return [payload for name, payload, _ in self.heard if name == stream]

    def events(self, stream: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.on(stream)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _: Client, __: Any, message: MQTTMessage) -> None:
        stream = message.topic.removeprefix(self.place.prefix)
        self.heard.append((stream, bytes(message.payload), message.retain))


def counter_of(store: Path, name: str) -> int:
    """Read a counter of a store in which another process works."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        row = database.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def until(true: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
    """Wait for it; what never comes fails by its own assertion."""
    end = time.monotonic() + patience_s
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    assert true()


@contextmanager
def peer(link: Link, place: Place) -> Iterator[Peer]:
    made = Peer(link, place)
    try:
        yield made
    finally:
        made.close()


def count(event: Event, memory: Memory) -> Iterable[Event]:
    """A domain that counts what it hears and says how many it was."""
    if event.payload.get("boom"):
        raise KeyError("boom")
    number = (memory.get("count") or 0) + 1
    memory.put("count", number)
    memory.put(f"times/{event.id}", (memory.get(f"times/{event.id}") or 0) + 1)
    payload = {"number": number, "of": event.id}
    yield Event(
        stream="seen", kind="seen", source="count", time=event.time, payload=payload, id=f"seen-{event.id}"
    )


@contextmanager
def working(
    link: Link, place: Place, folder: Path, listens: Iterable[Listen] = (Listen("report/in"),), **how: Any
) -> Iterator[tuple[Worker, Store, list[str]]]:
    """A worker that listens, its store and its log; it is stopped in order at the end."""
    log: list[str] = []
    with Store(folder / f"{place.site}.sqlite") as store:
        handle = how.pop("handle", count)
        worker = Worker(place, link, store, handle, list(listens), tell=log.append, **how)
        failed: list[BaseException] = []

        def run() -> None:
            try:
                worker.run()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            until(lambda: worker.ready.is_set() or failed)
            if failed:
                raise failed[0]
            yield worker, store, log
        finally:
            worker.stop()
            thread.join(PATIENCE_S)
    if failed:
        raise failed[0]


def said(number: int | str, **payload: Any) -> dict[str, Any]:
    return {"id": f"m{number}", "kind": "report", "payload": {"number": number, **payload}}
