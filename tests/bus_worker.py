"""A worker as a process of its own, to be killed or to kill itself at a point of its work.

python bus_worker.py URL SITE STORE [handle|acknowledge|mark]
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parent))

from bus_bench import count

from slm_core.bus import Listen, Place, Store, Worker, parse_link
from slm_core.bus.inbound import Delivery, Inbound
from slm_core.bus.store import Transaction
from slm_core.event import Event, Memory


def die(*_: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def count_and_die(event: Event, memory: Memory) -> Iterable[Event]:
    list(count(event, memory))
    die()


class DyingInbound(Inbound):
    """Dies where a message would be acknowledged: its effects are committed then."""

    def put(self, delivery: Delivery) -> None:
        super().put(replace(delivery, acknowledge=die))


if __name__ == "__main__":
    url, site, path, *point = sys.argv[1:]
    if point == ["mark"]:  # the broker has it, and we have not noted so
        Transaction.mark_published = die  # type: ignore[method-assign]
    handle = count_and_die if point == ["handle"] else count
    inbound = DyingInbound() if point == ["acknowledge"] else None
    store = Store(Path(path))
    Worker(Place(site, "d"), parse_link(url), store, handle, [Listen("report/in")], inbound=inbound).run()
