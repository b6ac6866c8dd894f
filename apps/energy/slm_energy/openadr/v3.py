"""A VEN of OpenADR 3: polls a VTN for events over HTTP and reports its answers (openadr3 speaks).

Its own thread. Every page of `GET /events` is read; an event that has vanished is cancelled once the VTN says
404 for it. OpenADR 3 has no message for accepting: the answer goes out as a report with the private payload
type `OPT_STATE` (`optIn` or `optOut`, and the code of the reason). Webhooks and MQTT notifications are not
used, so a change is noticed at the next poll.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from slm_core.errors import CouldNot, MissingExtra, UserError
from slm_energy.openadr.deciding import Decision
from slm_energy.openadr.intake import Intake, State, check_url, pause
from slm_energy.openadr.read_3 import read_3
from slm_energy.openadr.signal import BadEvent, GridEvent
from slm_energy.series import Series

WHERE = "[energy.openadr3]"
PAGE = 50  # the most that a VTN has to grant (OpenADR 3.1.0, openadr3.yaml, parameter limit)
_PAGES = 200
_READINGS = {"kW": ("DEMAND", "KW"), "kWh": ("USAGE", "KWH")}
_STOP_S = 20.0


class _Lost(Exception):
    """The VTN does not answer, or with an error."""


@dataclass(frozen=True)
class Vtn3:
    """Where the VTN is and how it is asked.

    Args:
        url: its base, e.g. `https://vtn.example/openadr3/3.1.0`.
        ven_name: ours, as clientName of reports and resourceName of what is reported.
        client_id, client_secret: of OAuth 2 client credentials; None where the VTN asks for none.
        token_url: needed where the token server is another host than the VTN.
        programs: ids of programs to ask for; empty asks for every one that the VTN shows us.
        every_s: seconds between polls.
        first_s, most_s: first and longest pause after a failure.
        answers: whether accepting and declining is reported.
    """

    url: str
    ven_name: str
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    token_url: str | None = None
    programs: tuple[str, ...] = ()
    every_s: float = 60.0
    first_s: float = 1.0
    most_s: float = 300.0
    answers: bool = True


class Ven3:
    """The client. `start` returns at once; `stop` waits until the thread has ended."""

    def __init__(self, vtn: Vtn3, intake: Intake, *, offline: bool = False) -> None:
        """Check what can be checked without the network.

        Raises:
            MissingExtra: openadr3 is not installed.
            UserError: no address, half a credential, or not allowed offline.
        """
        try:
            import openadr3.api  # noqa: F401
        except ImportError as error:
            raise MissingExtra("OpenADR 3", "energy") from error
        if (vtn.client_id is None) != (vtn.client_secret is None):
            raise UserError("client_id and client_secret go together", where=WHERE)
        if vtn.token_url:
            check_url(vtn.token_url, offline, WHERE)
        self.vtn, self.intake = vtn, intake
        self._link = _Link(vtn, check_url(vtn.url, offline, WHERE))
        self._programs: dict[str, tuple[str, tuple[Mapping[str, Any], ...]]] = {}
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin, if it has not begun."""
        if self._thread is None:
            self._ending.clear()
            self._thread = threading.Thread(target=self._run, name="openadr-3", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End; a request on its way is awaited first."""
        self._ending.set()
        if self._thread:
            self._thread.join(_STOP_S)
            self._thread = None
        self._link.close()

    def state(self) -> State:
        """Return how it stands."""
        return self.intake.state()

    def report(self, event_id: str, name: str, series: Series, *, forecast: bool = False) -> None:
        """Send readings that belong to an event.

        Args:
            event_id: of the event that asked for them.
            name: of the report.
            series: mean power in kW (DEMAND) or energy in kWh (USAGE), without gaps.
            forecast: whether it is expected rather than measured.

        Raises:
            UserError: another unit, or a step without a value.
            CouldNot: the VTN did not take it.
        """
        if series.unit not in _READINGS or series.missing:
            what = f"{series.name}: {series.missing} gaps, unit {series.unit}"
            raise UserError(what, where="report", expected="kW or kWh, a value for each step")
        kind, units = _READINGS[series.unit]
        reading = "FORECAST" if forecast else "MEAN" if kind == "DEMAND" else "DIRECT_READ"
        intervals = [
            {"id": number, "payloads": [{"type": kind, "values": [value]}]}
            for number, value in enumerate(series.values)
        ]
        period = {"start": _stamp(series.start), "duration": f"PT{int(series.step.total_seconds())}S"}
        try:
            self._post(event_id, name, kind, {"readingType": reading, "units": units}, intervals, period)
        except _Lost as error:
            raise CouldNot(f"report {name!r}: {error}") from error

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self._poll()
                self.intake.reached()
            except _Lost as error:
                self.intake.lost(str(error))
            failures = self.intake.state().failures
            wait = pause(failures, self.vtn.first_s, self.vtn.most_s) if failures else self.vtn.every_s
            self._ending.wait(wait)

    def _poll(self) -> None:
        """Ask once: every event, what has vanished, and the answers that are still owed."""
        seen: set[str] = set()
        for found in self._events():
            self._one(found, seen)
        for event in self.intake.ledger.standing(datetime.now(UTC), "openadr3"):
            if event.id not in seen and self._link.gone(event.id):
                self._take(event.model_copy(update={"status": "cancelled", "signals": (), "unread": ()}))
        if self.vtn.answers:
            for event, decision in self.intake.ledger.unanswered("openadr3", datetime.now(UTC)):
                self._answer(event, decision)

    def _events(self) -> Iterator[Any]:
        for program in self.vtn.programs or ("",):
            yield from self._link.pages("/events", {"programID": program} if program else {}, self.intake)

    def _one(self, found: Any, seen: set[str]) -> None:
        seen.add(str(found.get("id", "")) if isinstance(found, dict) else "")
        name, descriptors = self._program(found)
        try:
            event = read_3(found, datetime.now(UTC), self.vtn.ven_name, name, descriptors)
        except BadEvent as error:
            self.intake.bad(error)
            return
        self._take(event)

    def _take(self, event: GridEvent) -> None:
        try:
            self.intake.take(event)
        except BadEvent as error:
            self.intake.bad(error)
        except Exception as error:  # of the sink, which is not ours: counted, and the event comes again
            self.intake.fault("untold", f"{type(error).__name__}: {error}", event.id)

    def _program(self, found: Any) -> tuple[str, tuple[Mapping[str, Any], ...]]:
        """Return name and payload descriptors of an event's program; they are fetched where it is new."""
        id = str(found.get("programID", "")) if isinstance(found, dict) else ""
        if id and id not in self._programs:
            for program in self._link.pages("/programs", {}, self.intake):
                if isinstance(program, dict):
                    given = program.get("payloadDescriptors") or ()
                    descriptors = tuple(each for each in given if isinstance(each, dict))
                    named = str(program.get("programName", ""))[:200]
                    self._programs[str(program.get("id", ""))] = (named, descriptors)
            self._programs.setdefault(id, ("", ()))
        return self._programs.get(id, ("", ()))

    def _answer(self, event: GridEvent, decision: Decision) -> None:
        opt = "optIn" if decision.accept else "optOut"
        payloads = [{"type": "OPT_STATE", "values": [opt, decision.code]}]
        intervals = [{"id": 0, "payloads": payloads}]
        try:
            self._post(event.id, f"opt {event.id}"[:128], "OPT_STATE", {}, intervals, None)
        except _Lost as error:
            self.intake.fault("unreported", str(error), event.id)
        else:
            self.intake.ledger.answered(event.key)
            self.intake.count("answered")

    def _post(
        self, event_id: str, name: str, kind: str, described: Mapping[str, str],
        intervals: list[dict[str, Any]], period: Mapping[str, str] | None,
    ) -> None:  # fmt: skip
        resource = {"resourceName": self.vtn.ven_name, "intervals": intervals}
        descriptor = {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": kind, **described}
        report = {
            "eventID": event_id,
            "clientName": self.vtn.ven_name,
            "reportName": name,
            "payloadDescriptors": [descriptor],
            "resources": [resource | ({"intervalPeriod": period} if period else {})],
        }
        self._link.ask(lambda client: client.create_report(report))


class _Link:
    """openadr3's client, with a token where one is needed and errors where it only returns a status."""

    def __init__(self, vtn: Vtn3, url: str) -> None:
        self._vtn, self._url = vtn, url
        self._client: Any = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def ask(self, question: Callable[[Any], Any], missing: bool = False) -> Any:
        """Return the answer; a token that is no longer taken is renewed once.

        Args:
            question: client to answer.
            missing: whether 404 is an answer too, as None.

        Raises:
            _Lost: no connection, or an error of the server.
        """
        import httpx

        with self._lock:
            try:
                answer = question(self._open())
                if answer.status_code in (401, 403) and self._vtn.client_id:
                    self._client.close()
                    self._client = None
                    answer = question(self._open())
            except httpx.HTTPError as error:
                raise _Lost(f"no answer from {self._url}: {type(error).__name__}: {error}") from error
        if missing and answer.status_code == 404:
            return None
        if answer.status_code >= 400:
            raise _Lost(f"{self._url} answered {answer.status_code}: {answer.text[:200]}")
        return answer

    def gone(self, id: str) -> bool:
        """Return whether the VTN has no such event."""
        return self.ask(lambda client: client.get_event_by_id(id), missing=True) is None

    def pages(self, path: str, filters: Mapping[str, str], intake: Intake) -> Iterator[Any]:
        """Yield the elements of every page of a list."""
        for page in range(_PAGES):
            params: dict[str, Any] = {**filters, "skip": page * PAGE, "limit": PAGE}
            answer = self.ask(partial(_list, path=path, params=params))
            try:
                found = answer.json()
            except ValueError as error:
                raise _Lost(f"{self._url}{path}: the answer is no JSON") from error
            if not isinstance(found, list):
                raise _Lost(f"{self._url}{path}: the answer is no list")
            yield from found
            if len(found) < PAGE:
                return
        intake.fault("too_many", f"{path}: more than {_PAGES * PAGE:,} elements, the rest is not read")

    def _open(self) -> Any:
        from openadr3.api import OpenADRClient

        if self._client is None:
            self._client = OpenADRClient(self._url, token=self._token(), client_type="ven")
        return self._client

    def _token(self) -> str | None:
        import httpx
        from openadr3.api import OpenADRClient
        from openadr3.auth import fetch_token

        if self._vtn.client_id is None or self._vtn.client_secret is None:
            return None
        url = self._vtn.token_url
        try:
            if url is None:
                with OpenADRClient(self._url) as asking:
                    url = str(asking.get_auth_server().raise_for_status().json()["tokenURL"])
                if urlsplit(url).hostname != urlsplit(self._url).hostname:
                    raise _Lost(f"the token server {url[:200]} is another host; name it as token_url")
            return str(fetch_token(self._url, self._vtn.client_id, self._vtn.client_secret, token_url=url))
        except httpx.HTTPStatusError as error:
            raise _Lost(f"no token from {url or self._url}: {error.response.status_code}") from error
        except (KeyError, ValueError, TypeError) as error:
            raise _Lost(f"no token from {url or self._url}: an answer without one") from error


def _list(client: Any, path: str, params: Mapping[str, Any]) -> Any:
    return (client.get_events if path == "/events" else client.get_programs)(**params)


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
