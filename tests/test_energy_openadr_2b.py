"""OpenADR 2.0b against openleadr's own VTN."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openadr_vtn import VEN, Vtn2bServer, free_port, until, vtn_2b

from slm_core.errors import UserError
from slm_energy.openadr.deciding import Decision, SiteLimits, decide
from slm_energy.openadr.intake import Intake
from slm_energy.openadr.ledger import Ledger
from slm_energy.openadr.signal import GridEvent
from slm_energy.openadr.v2b import Tls, Ven2b, Vtn2b

pytest.importorskip("openleadr")
# openleadr's server keeps its own name in aiohttp's way of some years ago.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
SITE = SiteLimits(programs=frozenset({"http://grid.example/dr"}))


class Sink:
    def __init__(self) -> None:
        self.told: list[tuple[GridEvent, Decision]] = []
        self.breaks = 0

    def tell(self, event: GridEvent, decision: Decision) -> None:
        if self.breaks:
            self.breaks -= 1
            raise OSError("disk full")
        self.told.append((event, decision))

    def said(self) -> list[tuple[str, int, str]]:
        return [(event.id, event.modification, decision.code) for event, decision in self.told]


def answer(event: GridEvent, standing: Sequence[GridEvent]) -> Decision:
    return decide(event, SITE, datetime.now(UTC), standing)


@contextmanager
def ven(url: str, sink: Sink, ledger: Ledger | None = None, tls: Tls | None = None) -> Iterator[Ven2b]:
    own = ledger or Ledger()
    asked = Vtn2b(url, VEN, tls=tls, least_s=0.02, first_s=0.02, most_s=0.1)
    client = Ven2b(asked, Intake(answer, sink.tell, own))
    client.start()
    try:
        yield client
    finally:
        client.stop()
        if ledger is None:
            own.close()


@pytest.fixture
def server() -> Iterator[Vtn2bServer]:
    with vtn_2b() as running:
        yield running


def test_energy_function_07_an_event_of_2b_is_told_once_and_answered_with_opt_in(server: Vtn2bServer) -> None:
    sink = Sink()
    with ven(server.url, sink) as client:
        until(lambda: client.state().connected)
        server.add("e1")
        until(lambda: server.answers)
        event, decision = sink.told[0]
    assert server.answers == [("e1", "optIn")] and decision.accept
    assert event.source == "openadr2.0b" and event.program == "http://grid.example/dr"
    assert [signal.kind for signal in event.signals] == ["simple_level"]
    (interval,) = event.signals[0].intervals
    assert interval.end and interval.end - interval.start == timedelta(hours=1) and interval.value == 1.0


def test_energy_function_07_another_program_is_declined_with_opt_out_and_a_reason_in_both_languages(
    server: Vtn2bServer,
) -> None:
    sink = Sink()
    server.add("e1", program="http://other.example/dr")
    with ven(server.url, sink):
        until(lambda: server.answers)
    (_, decision) = sink.told[0]
    assert server.answers == [("e1", "optOut")] and decision.code == "program"
    assert "http://other.example/dr" in decision.ko and "http://other.example/dr" in decision.en
    assert decision.ko.startswith("거절") and decision.en.startswith("Declined")


def test_a_changed_event_is_told_again_and_a_cancelled_one_ends_it(server: Vtn2bServer) -> None:
    sink = Sink()
    with ven(server.url, sink) as client:
        server.add("e1")
        until(lambda: len(server.answers) == 1)
        server.add("e1", 1, hours=2)
        until(lambda: len(server.answers) == 2)
        assert len(client.intake.ledger.standing(datetime.now(UTC))) == 1
        server.cancel("e1")
        until(lambda: len(server.answers) == 3)
        assert client.intake.ledger.standing(datetime.now(UTC)) == []
    assert sink.said() == [("e1", 0, "covered"), ("e1", 1, "covered"), ("e1", 2, "cancelled")]


def test_after_a_restart_the_same_modification_is_answered_but_not_told_again(
    server: Vtn2bServer, tmp_path: Path
) -> None:
    sink = Sink()
    server.add("e1")
    ledger = Ledger(tmp_path / "told.sqlite")
    with ven(server.url, sink, ledger):
        until(lambda: server.answers)
    ledger.close()
    again = Ledger(tmp_path / "told.sqlite")
    with ven(server.url, sink, again) as client:
        until(lambda: client.state().counters.get("repeated"))
        until(lambda: client.state().counters.get("answered"))
    again.close()
    assert sink.said() == [("e1", 0, "covered")]


def test_an_event_that_the_sink_could_not_take_comes_again(server: Vtn2bServer) -> None:
    sink = Sink()
    sink.breaks = 2
    server.add("e1")
    with ven(server.url, sink) as client:
        until(lambda: server.answers)
        state = client.state()
    assert state.counters["untold"] == 2 and len(sink.told) == 1
    assert "disk full" in state.faults[0].what and state.faults[0].id == "e1"


def test_a_signal_that_means_nothing_here_is_named_and_the_event_declined(server: Vtn2bServer) -> None:
    from openleadr import objects

    start = datetime.now(UTC) + timedelta(hours=1)
    interval = {"dtstart": start, "duration": timedelta(hours=1), "signal_payload": 5, "uid": 0}
    sink = Sink()
    server.add("e1", start=start, signals=[objects.EventSignal([interval], "BID_LOAD", "setpoint", "s0")])
    with ven(server.url, sink):
        until(lambda: server.answers)
    event, decision = sink.told[0]
    assert event.unread == ("BID_LOAD setpoint",) and decision.code == "unknown_signal"
    assert "BID_LOAD setpoint" in decision.ko and server.answers == [("e1", "optOut")]


def kilowatts() -> Any:
    from openleadr import objects

    mains = objects.PowerAttributes(60, 220, True)
    return objects.Measurement("powerReal", "RealPower", "W", scale="k", power_attributes=mains)


def test_prices_and_power_are_read_in_their_units(server: Vtn2bServer) -> None:
    from openleadr import objects

    start = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    spans = [
        {"dtstart": start, "duration": timedelta(minutes=30), "signal_payload": value, "uid": 0}
        for value in (120.5, 99)
    ]
    price = objects.Measurement("currencyPerKWh", "currencyPerKWh", "KRW", scale="none")
    sink = Sink()
    signals = [
        objects.EventSignal(spans, "ELECTRICITY_PRICE", "price", "s0", measurement=price),
        objects.EventSignal(spans, "LOAD_DISPATCH", "setpoint", "s1", measurement=kilowatts()),
    ]
    server.add("e1", start=start, signals=signals)
    with ven(server.url, sink):
        until(lambda: sink.told)
    read = {signal.kind: signal for signal in sink.told[0][0].signals}
    assert read["price"].unit == "KRW/kWh" and read["dispatch"].unit == "kW"
    assert [interval.value for interval in read["price"].intervals] == [120.5, 99.0]
    assert [interval.start for interval in read["price"].intervals] == [start, start + timedelta(minutes=30)]


def test_the_vtn_may_come_late_and_go_and_come_again() -> None:
    sink, port = Sink(), free_port()
    with ven(f"http://127.0.0.1:{port}/OpenADR2/Simple/2.0b", sink) as client:
        until(lambda: client.state().failures >= 2)
        assert not client.state().connected and "no answer" in client.state().faults[0].what
        with vtn_2b(port) as server:
            server.add("e1")
            until(lambda: server.answers)
            assert client.state().connected and client.state().failures == 0
        until(lambda: client.state().failures >= 1)
        with vtn_2b(port) as server:
            server.add("e2")
            until(lambda: server.answers)
    assert [event.id for event, _ in sink.told] == ["e1", "e2"]


def test_a_vtn_that_does_not_register_us_is_asked_at_growing_distances(server: Vtn2bServer) -> None:
    server.admits = False
    with ven(server.url, Sink()) as client:
        until(lambda: client.state().failures >= 3)
        assert "refuses to register" in client.state().faults[-1].what
        server.admits = True
        until(lambda: client.state().connected)


def test_a_test_event_is_accepted_and_marked(server: Vtn2bServer) -> None:
    sink = Sink()
    server.add("drill", test=True)
    with ven(server.url, sink):
        until(lambda: sink.told)
    assert sink.told[0][0].test and sink.told[0][1].code == "test"


def test_an_event_without_any_sense_is_answered_opt_out_counted_and_named(server: Vtn2bServer) -> None:
    sink = Sink()
    from openleadr import objects

    start = datetime.now(UTC) + timedelta(hours=1)
    below = {"dtstart": start, "duration": timedelta(hours=1), "signal_payload": -7, "uid": 0}
    kind = ("LOAD_CONTROL", "x-loadControlCapacity", "s0")
    server.add("bad", start=start, signals=[objects.EventSignal([below], *kind, measurement=kilowatts())])
    with ven(server.url, sink) as client:
        until(lambda: server.answers)
        state = client.state()
    assert server.answers == [("bad", "optOut")] and sink.told == []
    assert state.counters["bad/value"] == 1 and "-7 kW is below 0" in state.faults[0].what


def test_our_share_of_the_start_window_is_the_same_every_time(server: Vtn2bServer) -> None:
    start = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    sink = Sink()
    server.add("e1", start=start, tolerance=timedelta(minutes=10))
    with ven(server.url, sink):
        until(lambda: sink.told)
        server.add("e1", 1, start=start, tolerance=timedelta(minutes=10))
        until(lambda: len(sink.told) == 2)
    one, two = (event for event, _ in sink.told)
    assert one.start == two.start and 0 <= one.delay_s <= 600
    assert one.start == start + timedelta(seconds=one.delay_s)


def certificates(folder: Path, *names: str) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    for name in names:
        subprocess.run(
            [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
             f"{name}.pem", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip


def test_tls_with_certificates_of_both_sides_and_signed_messages(tmp_path: Path) -> None:
    certificates(tmp_path, "vtn", "ven")
    vtn_cert, ven_cert = tmp_path / "vtn.pem", tmp_path / "ven.pem"
    from openleadr.utils import certificate_fingerprint

    seen = certificate_fingerprint(vtn_cert.read_bytes())
    options: dict[str, Any] = {
        "cert": str(vtn_cert), "key": str(tmp_path / "vtn.key"), "http_cert": str(vtn_cert),
        "http_key": str(tmp_path / "vtn.key"), "http_ca_file": str(ven_cert),
    }  # fmt: skip
    tls = Tls(ven_cert, tmp_path / "ven.key", vtn_cert, fingerprint=seen)
    other = Tls(ven_cert, tmp_path / "ven.key", vtn_cert, fingerprint="00:" * 9 + "00")
    with vtn_2b(**options) as server:
        own = tls.own_fingerprint()
        server.fingerprint = own
        url = server.url.replace("http:", "https:")
        sink = Sink()
        server.add("e1")
        with ven(url, sink, tls=tls):
            until(lambda: server.answers)
        with ven(url, Sink(), tls=other) as client:
            until(lambda: client.state().failures >= 1)
            assert not client.state().connected
    assert server.answers[0] == ("e1", "optIn") and len(own.split(":")) == 10


def test_what_is_set_wrongly_is_told_before_the_network_is_touched(tmp_path: Path) -> None:
    intake = Intake(answer, Sink().tell, Ledger())
    with pytest.raises(UserError, match="no address"):
        Ven2b(Vtn2b("vtn.example", VEN), intake)
    with pytest.raises(UserError, match="offline"):
        Ven2b(Vtn2b("https://vtn.example/x", VEN), intake, offline=True)
    with pytest.raises(UserError, match="cert: no such file"):
        Tls(tmp_path / "no.pem", tmp_path / "no.key", tmp_path / "ca.pem")
    (tmp_path / "bad.sqlite").write_text("not a database, but long enough to be read as one " * 40)
    with pytest.raises(UserError, match="cannot be opened"):
        Ledger(tmp_path / "bad.sqlite")
    intake.ledger.close()
