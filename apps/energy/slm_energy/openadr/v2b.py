"""A VEN of OpenADR 2.0b: asks a VTN for events over HTTP, answers optIn or optOut (openleadr speaks).

Its own thread and its own loop; it registers, fetches all events once, and polls as often as the VTN wishes.
An event of which nothing can be read is answered optOut, where it has an id. Reports and opt schedules
(EiReport, EiOpt) are not offered.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from slm_core.errors import MissingExtra, UserError
from slm_energy.openadr.intake import Intake, State, check_url, pause
from slm_energy.openadr.read_2b import read_2b
from slm_energy.openadr.signal import BadEvent

WHERE = "[energy.openadr2b]"
_OK = 200
_NOT_REGISTERED = 463
_STOP_S = 20.0


class _Lost(Exception):
    """The VTN does not answer, or not as one who knows us."""


class _Again(Exception):
    """The VTN wants us to register anew."""


@dataclass(frozen=True)
class Tls:
    """Who we are and whom we trust.

    Args:
        cert, key: PEM files of ours, which also sign our messages; passphrase of the key.
        ca: PEM file that the VTN's certificate is checked against.
        fingerprint: of the certificate that the VTN signs with; without one signatures are not checked.
        check_hostname: whether the certificate must name the host.
    """

    cert: Path
    key: Path
    ca: Path
    passphrase: str | None = None
    fingerprint: str | None = None
    check_hostname: bool = True

    def __post_init__(self) -> None:
        for name, path in (("cert", self.cert), ("key", self.key), ("ca", self.ca)):
            if not path.is_file():
                raise UserError(f"{name}: no such file", where=path, expected="a PEM file")

    def own_fingerprint(self) -> str:
        """Return the fingerprint that is given to the operator of the VTN."""
        from openleadr.utils import certificate_fingerprint

        return str(certificate_fingerprint(self.cert.read_bytes()))


@dataclass(frozen=True)
class Vtn2b:
    """Where the VTN is and how it is asked.

    Args:
        url: e.g. `https://vtn.example/OpenADR2/Simple/2.0b`.
        ven_name: as it is registered there. ven_id: where the operator gave one.
        tls: None for plain HTTP.
        least_s: shortest distance of two polls, whatever the VTN wishes.
        first_s, most_s: first and longest pause after a failure.
    """

    url: str
    ven_name: str
    ven_id: str | None = None
    tls: Tls | None = None
    least_s: float = 1.0
    first_s: float = 1.0
    most_s: float = 300.0


class Ven2b:
    """The client. `start` returns at once; `stop` waits until the thread has ended."""

    def __init__(self, vtn: Vtn2b, intake: Intake, *, offline: bool = False) -> None:
        """Check what can be checked without the network.

        Raises:
            MissingExtra: openleadr is not installed.
            UserError: no address, or not allowed offline.
        """
        try:
            import openleadr  # noqa: F401
        except ImportError as error:
            raise MissingExtra("OpenADR 2.0b", "energy") from error
        self.vtn, self.intake = vtn, intake
        self._url = check_url(vtn.url, offline, WHERE)
        self._ven_id = vtn.ven_id
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._ready = threading.Event()

    def start(self) -> None:
        """Begin, if it has not begun."""
        if self._thread is None:
            self._ready.clear()
            self._thread = threading.Thread(target=self._run, name="openadr-2.0b", daemon=True)
            self._thread.start()
            self._ready.wait(_STOP_S)

    def stop(self) -> None:
        """End; a request on its way is awaited first."""
        if self._thread and self._loop and self._ending:
            with contextlib.suppress(RuntimeError):  # the loop ended by itself
                self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(_STOP_S)
            self._thread = None

    def state(self) -> State:
        """Return how it stands."""
        return self.intake.state()

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        while not self._ending.is_set():
            try:
                await self._session()
            except _Again:
                self.intake.count("registered_again")
            except _Lost as error:
                self.intake.lost(str(error))
            except Exception as error:  # openleadr at something it did not expect from the VTN
                self.intake.lost(f"{type(error).__name__}: {error}")
            failures = self.intake.state().failures
            wait = pause(failures, self.vtn.first_s, self.vtn.most_s) if failures else self.vtn.least_s
            await self._sleep(wait)

    async def _sleep(self, seconds: float) -> None:
        if self._ending and seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), seconds)

    async def _session(self) -> None:
        """Register, fetch all, poll until told to end."""
        asking = _Asking(self.vtn, self._url, self._ven_id, self.intake)
        try:
            every = await asking.register()
            self._ven_id = asking.client.ven_id
            all_told = False
            while self._ending and not self._ending.is_set():
                question = asking.client.poll() if all_told else asking.client.request_event()
                answer = await asking.ask(question)
                self.intake.reached()
                all_told = await self._events(asking, *answer)
                await self._sleep(max(self.vtn.least_s, every.total_seconds()))
        finally:
            if asking.client.client_session:
                await asking.client.client_session.close()

    async def _events(self, asking: _Asking, kind: str | None, said: dict[str, Any]) -> bool:
        """Take an answer; False where an event could not be told and is to be fetched again."""
        if kind in ("oadrRequestReregistration", "oadrCancelPartyRegistration"):
            await asking.ask(asking.client.send_response("EiRegisterParty"))
            raise _Again
        if kind not in ("oadrDistributeEvent", "oadrResponse", None):
            self.intake.fault("not_offered", f"{kind} is not offered")
        told = [await self._one(asking, found, said) for found in said.get("events") or ()]
        return all(told)

    async def _one(self, asking: _Asking, found: Any, said: dict[str, Any]) -> bool:
        """Decide, tell and answer one event."""
        try:
            event = read_2b(found, datetime.now(UTC), self.vtn.ven_name)
            decision = await asyncio.to_thread(self.intake.take, event)
        except BadEvent as error:
            self.intake.bad(error)
            await asking.answer(said, error.id, _modification(found), accept=False)
            return True
        except Exception as error:  # of the sink, which is not ours: counted, and it comes again
            self.intake.fault("untold", f"{type(error).__name__}: {error}", _id(found))
            return False
        if event.answer:
            await asking.answer(said, event.id, event.modification, accept=decision.accept)
        return True


class _Asking:
    """One connection: openleadr's client, with its silence turned into errors."""

    def __init__(self, vtn: Vtn2b, url: str, ven_id: str | None, intake: Intake) -> None:
        from openleadr import OpenADRClient

        tls = vtn.tls
        self.client = OpenADRClient(
            vtn.ven_name,
            url,
            ven_id=ven_id,
            show_fingerprint=False,
            cert=str(tls.cert) if tls else None,
            key=str(tls.key) if tls else None,
            passphrase=tls.passphrase if tls else None,
            ca_file=str(tls.ca) if tls else None,
            vtn_fingerprint=tls.fingerprint if tls else None,
            check_hostname=tls.check_hostname if tls else True,
        )
        self.client.add_hook("after_receive_xml", self._heard)
        self._intake, self._url, self._bytes = intake, url, False

    def _heard(self, _: str) -> None:
        self._bytes = True

    async def ask(self, question: Any) -> tuple[str | None, dict[str, Any]]:
        """Return kind and content of the answer; no kind where it could not be read.

        Raises:
            _Lost: no answer, or the VTN does not know us any more.
        """
        self._bytes = False
        try:
            answer = await question
        except TypeError:  # openleadr returns None, not two things, for an empty body
            answer = None
        if not self._bytes:
            raise _Lost(f"no answer from {self._url}")
        nothing: tuple[str, dict[str, Any]] = ("oadrResponse", {})
        kind, said = answer or nothing
        if kind is None:
            self._intake.fault("bad/message", f"an answer of {self._url} is no valid message or not trusted")
        response: Any = said.get("response")
        if isinstance(response, dict) and response.get("response_code") == _NOT_REGISTERED:
            raise _Lost("the VTN does not know this VEN (463)")
        return kind, said

    async def register(self) -> timedelta:
        """Make ourselves known; return how often the VTN wants to be asked."""
        kind, said = await self.ask(self.client.query_registration())
        if kind is None:
            raise _Lost("registration: an answer that cannot be read")
        request = (said.get("response") or {}).get("request_id")
        await self.ask(self.client.create_party_registration(ven_id=self.client.ven_id, request_id=request))
        if not self.client.registration_id:
            raise _Lost("the VTN refuses to register this VEN")
        wished: timedelta | None = self.client.poll_frequency
        return timedelta(seconds=10) if wished is None else wished

    async def answer(self, said: dict[str, Any], id: str, modification: int, *, accept: bool) -> None:
        """Send optIn or optOut."""
        if id:
            opt = "optIn" if accept else "optOut"
            await self.ask(self.client.created_event(said.get("request_id"), id, opt, modification))
            self._intake.count("answered")


def _id(found: Any) -> str:
    return str(_descriptor(found).get("event_id", ""))


def _modification(found: Any) -> int:
    number = _descriptor(found).get("modification_number")
    return number if isinstance(number, int) else 0


def _descriptor(found: Any) -> dict[str, Any]:
    descriptor = found.get("event_descriptor") if isinstance(found, dict) else None
    return descriptor if isinstance(descriptor, dict) else {}
