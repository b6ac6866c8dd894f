"""Real VTNs on this machine: openleadr's for OpenADR 2.0b, a small HTTP one for OpenADR 3."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATIENCE_S = 15.0
VEN = "site-a"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(holds: Callable[[], Any]) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


class Vtn2bServer:
    """openleadr's VTN in a thread of its own."""

    def __init__(self, port: int, **options: Any) -> None:
        self.url = f"http://127.0.0.1:{port}/OpenADR2/Simple/2.0b"
        self.answers: list[tuple[str, str]] = []
        self.registrations = 0
        self.admits = True
        self.fingerprint: str | None = None
        self._port, self._options = port, options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.server: Any = None

    def start(self) -> None:
        self._thread.start()
        self._do(self._begin())

    def stop(self) -> None:
        self._do(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def add(self, event_id: str, modification: int = 0, **parts: Any) -> None:
        """Publish an event; the same id replaces it."""

        async def put() -> None:
            events = self.server.events.setdefault(VEN, [])
            events[:] = [old for old in events if _id(old) != event_id]
            self.server.add_raw_event(VEN, event_2b(event_id, modification, **parts), callback=self._answered)

        self._do(put())

    def cancel(self, event_id: str) -> None:
        async def put() -> None:
            self.server.cancel_event(VEN, event_id)
            self.server.event_callbacks[event_id] = (None, self._answered)

        self._do(put())

    async def _begin(self) -> None:
        from openleadr import OpenADRServer

        self.server = OpenADRServer(
            vtn_id="VTN", http_port=self._port, requested_poll_freq=timedelta(0),
            ven_lookup=self._lookup, show_fingerprint=False, **self._options,
        )  # fmt: skip
        self.server.add_handler("on_create_party_registration", self._register)
        await self.server.run()

    async def _lookup(self, ven_id: str) -> dict[str, Any] | None:
        known = {"ven_id": VEN, "ven_name": VEN, "registration_id": "r1", "fingerprint": self.fingerprint}
        return known if self.admits else None

    async def _register(self, info: dict[str, Any]) -> Any:
        self.registrations += 1
        return (VEN, "r1") if self.admits else False

    def _answered(self, ven_id: str, event_id: str, opt_type: str) -> None:
        self.answers.append((event_id, opt_type))

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)


def _id(event: Any) -> str:
    from openleadr import utils

    return str(utils.getmember(event, "event_descriptor.event_id"))


def event_2b(
    event_id: str, modification: int = 0, *, signals: list[Any] | None = None, start: datetime | None = None,
    hours: float = 1.0, priority: int = 0, test: bool = False, program: str = "http://grid.example/dr",
    tolerance: timedelta | None = None,
) -> dict[str, Any]:  # fmt: skip
    """An event as openleadr's templates take it."""
    from openleadr import objects

    start = start or (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
    interval = {"dtstart": start, "duration": timedelta(hours=hours), "signal_payload": 1, "uid": 0}
    simple = objects.EventSignal([interval], "SIMPLE", "level", "s0")
    period: dict[str, Any] = {"dtstart": start, "duration": timedelta(hours=hours)}
    if tolerance is not None:
        period["tolerance"] = {"tolerate": {"startafter": tolerance}}
    return {
        "event_descriptor": {
            "event_id": event_id, "modification_number": modification, "priority": priority,
            "market_context": program, "created_date_time": datetime.now(UTC), "event_status": "far",
            "test_event": test, "modification_date_time": datetime.now(UTC), "vtn_comment": None,
        },
        "active_period": period,
        "event_signals": [asdict(signal) for signal in signals or [simple]],
        "targets": [{"ven_id": VEN}],
        "response_required": "always",
    }  # fmt: skip


class Vtn3Server:
    """A small VTN of OpenADR 3.1: programs, events, reports, tokens."""

    def __init__(self, port: int = 0, secret: str | None = None) -> None:
        self.programs: list[dict[str, Any]] = []
        self.events: list[Any] = []
        self.reports: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.tokens = 0
        self.broken = self.refuses_reports = False
        self.secret = secret
        self.token = "t0"
        vtn = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                vtn.get(self)

            def do_POST(self) -> None:
                vtn.post(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self._thread.join(PATIENCE_S)

    def get(self, call: Any) -> None:
        parts = urlsplit(call.path)
        self.asked.append(call.path)
        if self.broken:
            return _say(call, 500, {"title": "broken", "status": 500})
        if parts.path == "/auth/server":
            return _say(call, 200, {"tokenURL": f"{self.url}/auth/token"})
        if self.secret and call.headers.get("Authorization") != f"Bearer {self.token}":
            return _say(call, 403, {"title": "Forbidden", "status": 403})
        lists = {"/events": self.events, "/programs": self.programs}
        if parts.path in lists:
            asked = {key: int(values[0]) for key, values in parse_qs(parts.query).items()}
            return _say(call, 200, lists[parts.path][asked["skip"] : asked["skip"] + asked["limit"]])
        id = parts.path.removeprefix("/events/")
        found = [event for event in self.events if isinstance(event, dict) and event.get("id") == id]
        return _say(call, 200, found[0]) if found else _say(call, 404, {"title": "Not Found", "status": 404})

    def post(self, call: Any) -> None:
        body = call.rfile.read(int(call.headers["Content-Length"])).decode()
        if call.path == "/auth/token":
            said = {key: values[0] for key, values in parse_qs(body).items()}
            if said.get("client_secret") != self.secret:
                return _say(call, 401, {"error": "invalid_client"})
            self.tokens += 1
            self.token = f"t{self.tokens}"
            return _say(call, 200, {"access_token": self.token, "token_type": "bearer"})
        if self.refuses_reports:
            return _say(call, 400, {"title": "Bad Request", "status": 400})
        self.reports.append(json.loads(body))
        return _say(call, 201, {"id": str(len(self.reports)), **self.reports[-1]})


def _say(call: Any, status: int, said: Any) -> None:
    data = json.dumps(said).encode()
    call.send_response(status)
    call.send_header("Content-Type", "application/json")
    call.send_header("Content-Length", str(len(data)))
    call.end_headers()
    call.wfile.write(data)


def event_3(
    id: str, payloads: Any = None, *, start: datetime | None = None, duration: str = "PT1H", **parts: Any
) -> dict[str, Any]:
    """An event as a VTN of OpenADR 3.1 sends it."""
    start = start or datetime.now(UTC) + timedelta(hours=2)
    return {
        "id": id,
        "createdDateTime": "2026-11-01T00:00:00Z",
        "modificationDateTime": "2026-11-01T00:00:00Z",
        "objectType": "EVENT",
        "programID": "p1",
        "eventName": None,
        "intervalPeriod": {"start": start.isoformat().replace("+00:00", "Z"), "duration": duration},
        "intervals": [{"id": 0, "payloads": payloads or [{"type": "SIMPLE", "values": [1]}]}],
        **parts,
    }


@contextmanager
def vtn_2b(port: int | None = None, **options: Any) -> Iterator[Vtn2bServer]:
    server = Vtn2bServer(port or free_port(), **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def vtn_3(port: int = 0, secret: str | None = None) -> Iterator[Vtn3Server]:
    server = Vtn3Server(port, secret)
    try:
        yield server
    finally:
        server.stop()
