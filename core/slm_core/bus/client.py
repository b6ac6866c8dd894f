"""The connection that is always there, or being made again: subscriptions, availability, outbox."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from slm_core.bus.connection import Arrival, Connection, NotGranted
from slm_core.bus.discovery import Publication
from slm_core.bus.link import Link, Version
from slm_core.bus.place import Place
from slm_core.bus.store import Outgoing
from slm_core.errors import CouldNot, SlmError, UserError

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 30.0
LEAVE_S = 3.0
STEADY_S = 10.0  # a connection that lasted so long was a good one: the next wait is short again
HEADER_BYTES = 64  # what surrounds topic and payload in a PUBLISH, generously
Waiting = Callable[[int, int], Sequence[Outgoing]]  # rows of the outbox after this one, at most so many


class Client:
    """Keeps one connection to the broker.

    `start` and `stop` belong to whoever owns it. `pump`, `take_published` and `say` are for one thread, the
    worker's. `arrive` and `wake` are called from the network's.

    Args:
        link: which broker.
        place: whose session, availability and topics.
        filters: what to subscribe to.
        arrive: takes each message. It must not raise and not wait.
        wake: something changed that `pump` or `take_published` should look at.
        greetings: retained messages that are published at each connection, after `online`.
        forget: filters of an earlier run that the broker's session may still hold.
        tell: takes a line for the log.
    """

    def __init__(
        self,
        link: Link,
        place: Place,
        filters: Sequence[str],
        arrive: Arrival,
        wake: Callable[[], None],
        *,
        greetings: Sequence[Publication] = (),
        forget: Sequence[str] = (),
        tell: Callable[[str], None],
    ) -> None:
        self.failure: SlmError | None = None
        self.subscribed = threading.Event()
        self.held: dict[int, str] = {}  # rows that this broker refuses, with its reason
        self._link, self._place, self._arrive, self._wake, self._tell = link, place, arrive, wake, tell
        self._filters = list(filters)
        self._forget = list(forget)
        self._greetings = [Publication(place.available, b"online"), *greetings]
        self._version: Version = link.version
        self._connection: Connection | None = None
        self._pumped: Connection | None = None
        self._in_flight: dict[int, int | None] = {}  # message number to row, None for a message of the bus
        self._after = 0
        self._own: dict[str, Publication] = {}
        self._stopping = threading.Event()
        self._said = ""
        self._thread = threading.Thread(target=self._keep_connected, name="slm-bus", daemon=True)

    @property
    def version(self) -> Version | None:
        """The MQTT version of the present connection, None where there is none."""
        connection = self._connection
        return connection.grant.version if connection else None

    def start(self) -> None:
        """Begin to connect, and never give up; only what a user must mend stands in `failure`."""
        self._thread.start()

    def stop(self) -> None:
        """Leave: availability `stopped`, the session stays at the broker."""
        self._stopping.set()
        connection = self._connection
        if connection is not None:
            connection.close()
        if self._thread.ident is not None:
            self._thread.join(LEAVE_S)  # a thread that hangs in a connect ends with the process

    def say(self, publication: Publication) -> None:
        """Publish a message of the bus itself at the next `pump`; a newer one on its topic replaces it."""
        self._own[publication.topic] = publication

    def pump(self, waiting: Waiting) -> None:
        """Send what is waiting, as far as the window allows; on a new connection, from the oldest again."""
        connection = self._connection
        if connection is not self._pumped:
            self._pumped, self._after = connection, 0
            self._in_flight, self.held = {}, {}
            self._own = {said.topic: said for said in self._greetings} | self._own
        if connection is None:
            return
        while self._own and len(self._in_flight) < connection.grant.window:
            said = self._own.pop(next(iter(self._own)))
            self._in_flight[connection.publish(said.topic, said.payload, retained=said.retained)] = None
        free = connection.grant.window - len(self._in_flight)
        for row in waiting(self._after, free) if free > 0 else ():
            self._after = row.seq
            if _fits(row, connection.grant.max_packet):
                self._in_flight[connection.publish(row.topic, row.payload, retained=row.retained)] = row.seq
            else:
                self._hold(row.seq, f"larger than the {connection.grant.max_packet} bytes this broker takes")

    def take_published(self) -> list[int]:
        """Return the rows that the broker has now."""
        if self._pumped is None:
            return []
        rows = []
        for number, refusal in self._pumped.take_published():
            row = self._in_flight.pop(number, None)
            if row is not None and refusal is None:
                rows.append(row)
            elif row is not None:
                self._hold(row, str(refusal))
        return rows

    def _hold(self, row: int, reason: str) -> None:
        """Keep it for the next connection; the others go on."""
        self.held[row] = reason
        self._tell(f"the broker does not take message {row} of the outbox: {reason}")

    def _keep_connected(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stopping.is_set() and self.failure is None:
            began = time.monotonic()
            self._connect_once()
            wait_s = FIRST_WAIT_S if time.monotonic() - began > STEADY_S else min(wait_s * 2, LONGEST_WAIT_S)
            self._wake()
            self._stopping.wait(wait_s * random.uniform(0.5, 1.0))  # many devices must not come back at once

    def _connect_once(self) -> None:
        """Connect and stay until the connection ends."""
        try:
            connection = Connection(self._link, self._version, self._place, self._arrive, self._wake)
        except NotGranted as error:
            self._other_version(error)
        except (OSError, ValueError) as error:
            self._log(f"no connection to {self._link}: {error}; trying again")
        except UserError as error:
            self._give_up_at_first(error)
        except CouldNot as error:
            self._log(f"{error}; trying again")
        else:
            self._stay(connection)

    def _stay(self, connection: Connection) -> None:
        grant = connection.grant
        self._log(f"connected to {self._link} with MQTT {grant.version}")
        self._connection = connection
        if self._stopping.is_set():  # `stop` came before it could see the connection
            connection.close()
        elif self._filters and not (grant.resumed and self.subscribed.is_set()):
            connection.subscribe(self._filters, self._forget)
            self._confirm(connection)
        else:
            self.subscribed.set()
        self._wake()
        connection.ended.wait()
        self._connection = None
        connection.drop()
        if not self._stopping.is_set():
            self._log(f"the connection to {self._link} is lost; trying again")

    def _confirm(self, connection: Connection) -> None:
        while not connection.subscribed.wait(0.1) and not connection.ended.is_set():
            pass
        if connection.refused_filters:
            what = f"the broker refuses to be listened to on {', '.join(connection.refused_filters)}"
            self._give_up_at_first(UserError(what, where=str(self._link), mend="its access rules"))
            connection.drop()
        elif connection.subscribed.is_set():
            self.subscribed.set()

    def _other_version(self, error: NotGranted) -> None:
        if self._link.version == "3.1.1":
            self._log(f"{error}; trying again")
            return
        self._version = "3.1.1" if self._version == "5" else "5"
        self._log(f"{error}; trying MQTT {self._version}")

    def _give_up_at_first(self, error: UserError) -> None:
        """What never worked is a mistake to mend; what worked before may work again."""
        if self.subscribed.is_set():
            self._log(f"{error}; trying again")
        else:
            self.failure = error

    def _log(self, line: str) -> None:
        if line != self._said:  # once, not at every attempt
            self._tell(line)
        self._said = line


def _fits(row: Outgoing, max_packet: int | None) -> bool:
    return max_packet is None or len(row.topic.encode()) + len(row.payload) + HEADER_BYTES <= max_packet
