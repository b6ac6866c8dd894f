"""What one message changes: inbox id, memory, outbox. All of it, or a dead letter instead."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from slm_core.bus.envelope import EMPTY, Message, Received, Refused, write
from slm_core.bus.inbound import Delivery
from slm_core.bus.place import OWN, Place
from slm_core.bus.store import StoreBroken, Transaction
from slm_core.event import Event, Memory

Handle = Callable[[Event, Memory], Iterable[Event]]
ORIGINAL = (
    1024 * 1024
)  # bytes of a refused message that its dead letter carries; of a longer one its beginning
TOLD_EVERY = 100


@dataclass(frozen=True)
class Handled:
    """An event that was handled, and the events that followed from it."""

    event: Event
    made: list[Event]


class Effects:
    """Applies messages for one domain.

    Args:
        place: site and domain.
        handle: the domain's.
        tell: takes a line for the log: the first dead letter of each reason, then every hundredth.
    """

    def __init__(self, place: Place, handle: Handle, tell: Callable[[str], None] | None = None) -> None:
        self._place, self._handle, self._tell = place, handle, tell
        self._buried: Counter[str] = Counter()

    def apply(self, transaction: Transaction, delivery: Delivery) -> list[Handled]:
        """Change what the message changes. Whatever is wrong with it or its handling becomes a dead letter.

        Returns the events that were handled, each with what followed from it.

        Raises:
            StoreBroken: the disk failed; nothing of this transaction may be acknowledged.
        """
        transaction.count("inside" if delivery.message.inside else "received")
        if not delivery.contents:
            transaction.count("not-meant")
        told = [self._apply_one(transaction, each, delivery.message) for each in delivery.contents]
        return [handled for handled in told if handled is not None]

    def _apply_one(
        self, transaction: Transaction, content: Received | Refused, message: Message
    ) -> Handled | None:
        try:
            if isinstance(content, Refused):
                raise content
            return self._apply(transaction, content, message.topic)
        except StoreBroken:
            raise
        except Refused as refused:
            if refused.reason == EMPTY and transaction.retained(message.topic):
                transaction.count("own")  # what we took away ourselves
            else:
                self._bury(transaction, message, refused.reason, refused.detail)
        except (
            Exception
        ) as error:  # a domain's code may fail in any way, and the next message must not suffer
            self._bury(transaction, message, f"handler: {type(error).__name__}", str(error))
        return None

    def _apply(self, transaction: Transaction, content: Received, topic: str) -> Handled | None:
        event = content.event
        if transaction.sent(event.id, topic):
            transaction.count("own")  # a domain that hears what it said would answer itself for ever
            return None
        key, digest = _key(event), _digest(event)
        known = transaction.seen(key)
        if known == digest:
            transaction.count("repeated")
            return None
        if known is not None:
            raise Refused("id-reused", f"{event.id[:60]!r} came before with another content")
        with transaction.all_or_nothing():
            transaction.record(key, digest)
            made = [
                self._send(transaction, outgoing, event.simulated)
                for outgoing in self._handle(event, transaction)
            ]
        transaction.count("handled")
        if content.clock == "distrusted":
            transaction.count("clock-distrusted")
        return Handled(event, made)

    def _send(self, transaction: Transaction, event: Event, simulated: bool) -> Event:
        if event.stream in OWN:
            raise ValueError(f"the stream {event.stream!r} belongs to the bus")
        if simulated and not event.simulated:  # what follows from a simulation is one
            event = event.model_copy(update={"simulated": True})
        topic, data = self._place.topic(event.stream), write(event)
        if event.retained and not event.payload:
            data = b""  # MQTT 3.1.1, 3.3.1.3: the broker then forgets what was retained
        transaction.send(event.id, topic, data, retained=event.retained)
        return event

    def _bury(self, transaction: Transaction, message: Message, reason: str, detail: str) -> None:
        transaction.count("dead")
        transaction.count(f"dead/{reason}")
        letter = dead_letter(message, reason, detail)
        transaction.send(
            str(letter["id"]), self._place.deadletter, json.dumps(letter, ensure_ascii=False).encode()
        )
        self._buried[reason] += 1
        if self._tell and (self._buried[reason] == 1 or self._buried[reason] % TOLD_EVERY == 0):
            self._tell(_line(message.topic, reason, detail, self._buried[reason]))


def dead_letter(message: Message, reason: str, detail: str) -> dict[str, str | int | bool]:
    """Return the form in which a message is put aside, with its original bytes.

    Its id follows from the message, so that a letter that is written twice can be known.
    """
    data = message.payload
    sha256 = hashlib.sha256(data).hexdigest()
    identity = hashlib.sha256(f"{message.topic}\0{reason}\0{sha256}".encode()).hexdigest()[:24]
    return {
        "id": identity,
        "time": datetime.now(UTC).isoformat(),
        "reason": reason,
        "detail": _clean(detail[:500]),
        "topic": message.topic,
        "received": message.at.isoformat(),
        "size": len(data),
        "sha256": sha256,
        "cut": len(data) > ORIGINAL,
        "payload_base64": base64.b64encode(data[:ORIGINAL]).decode("ascii"),
    }


def _line(topic: str, reason: str, detail: str, count: int) -> str:
    """A letter for the log: its words came from outside, so no control character reaches the terminal."""
    times = f" (number {count} of this reason)" if count > 1 else ""
    line = f"dead letter{times}: {reason}: {detail[:200]}; topic {topic}"
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _clean(text: str) -> str:
    """An error may quote half characters, which no UTF-8 can carry."""
    return text.encode(errors="replace").decode()


def _key(event: Event) -> bytes:
    """An id is the sender's own, so two senders may use the same one."""
    said = "\0".join((event.stream, event.source, event.id))
    return hashlib.sha256(said.encode()).digest()[:16]


def _digest(event: Event) -> bytes:
    """What must be equal in a repeat; its time and severity may have been written anew."""
    said = json.dumps([event.kind, event.payload], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(said.encode()).digest()[:16]
