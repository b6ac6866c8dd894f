"""OpenADR 3 against a small real VTN over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path
from typing import Any

import pytest
from openadr_vtn import Vtn3Server, event_3, free_port, until, vtn_3

from slm_core.errors import CouldNot, UserError
from slm_energy.openadr.deciding import Decision, SiteLimits, decide
from slm_energy.openadr.intake import Intake
from slm_energy.openadr.ledger import Ledger
from slm_energy.openadr.signal import GridEvent
from slm_energy.openadr.v3 import PAGE, Ven3, Vtn3
from slm_energy.series import Series

pytest.importorskip("openadr3")
KW = [{"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "IMPORT_CAPACITY_LIMIT", "units": "KW"}]
WON = [{"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "PRICE", "units": "KWH", "currency": "KRW"}]


class Sink:
    def __init__(self) -> None:
        self.told: list[tuple[GridEvent, Decision]] = []

    def tell(self, event: GridEvent, decision: Decision) -> None:
        self.told.append((event, decision))

    def said(self) -> list[tuple[str, str]]:
        return [(event.id, decision.code) for event, decision in self.told]


def answer(event: GridEvent, standing: Sequence[GridEvent]) -> Decision:
    return decide(event, SiteLimits(), datetime.now(UTC), standing)


@contextmanager
def ven(url: str, sink: Sink, ledger: Ledger | None = None, **options: Any) -> Iterator[Ven3]:
    own = ledger or Ledger()
    asked = Vtn3(url, "site-a", every_s=0.02, first_s=0.02, most_s=0.1, **options)
    client = Ven3(asked, Intake(answer, sink.tell, own))
    client.start()
    try:
        yield client
    finally:
        client.stop()
        if ledger is None:
            own.close()


@pytest.fixture
def server() -> Iterator[Vtn3Server]:
    with vtn_3() as running:
        running.programs.append({"id": "p1", "objectType": "PROGRAM", "programName": "summer-dr"})
        yield running


def test_energy_function_07_an_event_of_3_is_told_once_and_its_answer_is_reported(server: Vtn3Server) -> None:
    sink = Sink()
    server.events.append(event_3("e1", eventName="여름 피크", priority=1))
    with ven(server.url, sink) as client:
        until(lambda: server.reports and client.state().counters.get("repeated", 0) > 2)
    assert sink.said() == [("e1", "covered")] and len(server.reports) == 1
    event = sink.told[0][0]
    assert (event.source, event.program, event.name, event.priority) == (
        "openadr3",
        "summer-dr",
        "여름 피크",
        1,
    )
    (report,) = server.reports
    assert report["eventID"] == "e1" and report["clientName"] == "site-a"
    assert report["resources"][0]["intervals"][0]["payloads"] == [
        {"type": "OPT_STATE", "values": ["optIn", "covered"]}
    ]


def test_energy_function_07_a_limit_that_nobody_can_promise_is_declined_with_its_reason(
    server: Vtn3Server,
) -> None:
    sink = Sink()
    limit = [{"type": "IMPORT_CAPACITY_LIMIT", "values": [30]}]
    server.events.append(event_3("e1", limit, payloadDescriptors=KW))
    with ven(server.url, sink):
        until(lambda: server.reports)
    assert sink.said() == [("e1", "no_forecast")]
    payloads = server.reports[0]["resources"][0]["intervals"][0]["payloads"]
    assert payloads[0]["values"] == ["optOut", "no_forecast"]


def test_prices_take_unit_and_currency_from_the_program_where_the_event_has_none(server: Vtn3Server) -> None:
    sink = Sink()
    server.programs[0]["payloadDescriptors"] = WON
    hours = [{"id": n, "payloads": [{"type": "PRICE", "values": [100 + n]}]} for n in range(24)]
    server.events.append(event_3("day", intervals=hours))
    with ven(server.url, sink):
        until(lambda: sink.told)
    (signal,) = sink.told[0][0].signals
    assert signal.unit == "KRW/kWh" and [each.value for each in signal.intervals] == [*range(100, 124)]
    assert signal.intervals[23].start - signal.intervals[0].start == timedelta(hours=23)


def test_every_page_is_read(server: Vtn3Server) -> None:
    sink = Sink()
    count = 2 * PAGE + 7
    server.events.extend(event_3(f"e{number}") for number in range(count))
    with ven(server.url, sink, answers=False):
        until(lambda: len(sink.told) == count)
    assert {event.id for event, _ in sink.told} == {f"e{number}" for number in range(count)}
    assert any(f"skip={2 * PAGE}" in path for path in server.asked)


def test_a_changed_event_is_told_again_and_a_deleted_one_is_cancelled(server: Vtn3Server) -> None:
    sink = Sink()
    server.events.append(event_3("e1"))
    with ven(server.url, sink) as client:
        until(lambda: len(sink.told) == 1)
        server.events[0] = event_3("e1", duration="PT2H", modificationDateTime="2026-11-02T00:00:00Z")
        until(lambda: len(sink.told) == 2)
        server.events.clear()
        until(lambda: len(sink.told) == 3)
        assert client.intake.ledger.standing(datetime.now(UTC)) == []
    assert [code for _, code in sink.said()] == ["covered", "covered", "cancelled"]


def test_an_event_that_was_missing_for_a_while_and_is_back_stands_again(server: Vtn3Server) -> None:
    sink = Sink()
    found = event_3("e1")
    server.events.append(found)
    with ven(server.url, sink) as client:
        for count in (1, 3):
            until(lambda count=count: len(sink.told) == count)  # type: ignore[misc]
            server.events.clear()
            until(lambda count=count: len(sink.told) == count + 1)  # type: ignore[misc]
            server.events.append(found)
        until(lambda: len(sink.told) == 5)
        assert [event.id for event in client.intake.ledger.standing(datetime.now(UTC))] == ["e1"]
    assert [code for _, code in sink.said()] == ["covered", "cancelled"] * 2 + ["covered"]


def test_the_sink_may_ask_how_things_stand(server: Vtn3Server) -> None:
    seen: list[bool] = []
    ledger = Ledger()
    intake = Intake(answer, lambda event, decision: seen.append(client.state().connected), ledger)
    server.events.append(event_3("e1"))
    client = Ven3(Vtn3(server.url, "site-a", every_s=0.02), intake)
    client.start()
    until(lambda: seen)
    client.stop()
    ledger.close()


def test_after_a_restart_nothing_is_told_twice_and_an_answer_that_failed_is_sent(
    server: Vtn3Server, tmp_path: Path
) -> None:
    sink, path = Sink(), tmp_path / "told.sqlite"
    server.events.append(event_3("e1"))
    server.refuses_reports = True
    first = Ledger(path)
    with ven(server.url, sink, first) as client:
        until(lambda: client.state().counters.get("unreported"))
    first.close()
    server.refuses_reports = False
    second = Ledger(path)
    with ven(server.url, sink, second):
        until(lambda: server.reports)
    second.close()
    assert sink.said() == [("e1", "covered")] and len(server.reports) == 1


BAD = [
    (7, "shape"),
    ({"id": "x"}, "shape"),
    (event_3("no-intervals", intervals=[]), "shape"),
    (event_3("text", [{"type": "SIMPLE", "values": ["high"]}]), "value"),
    (event_3("level", [{"type": "SIMPLE", "values": [9]}]), "value"),
    (event_3("two", [{"type": "SIMPLE", "values": [1, 2]}]), "value"),
    (event_3("long", duration="P3Q"), "times"),
    (event_3("no-zone", intervalPeriod={"start": "2026-12-01T09:00:00", "duration": "PT1H"}), "times"),
    (event_3("no-duration", intervalPeriod={"start": "2026-12-01T09:00:00Z"}), "times"),
    (event_3("nothing", duration="PT0S"), "times"),
    (event_3("program", objectType="PROGRAM"), "shape"),
    (event_3("when", modificationDateTime=None, createdDateTime=None), "shape"),
]


def test_what_makes_no_sense_is_counted_and_named_and_harms_no_other(server: Vtn3Server) -> None:
    sink = Sink()
    server.events.extend([found for found, _ in BAD])
    server.events.append(event_3("good"))
    with ven(server.url, sink) as client:
        until(lambda: sink.told)
        state = client.state()
    assert sink.said() == [("good", "covered")]
    assert len(state.faults) == len(BAD), "each is told once, however often it is sent"
    assert [fault.reason for fault in state.faults] == [f"bad/{reason}" for _, reason in BAD]
    assert "'P3Q' is no duration" in state.faults[6].what and state.faults[6].id == "long"


def test_a_payload_type_that_is_not_known_is_named(server: Vtn3Server) -> None:
    sink = Sink()
    payloads = [{"type": "CTA2045_REBOOT", "values": [0]}, {"type": "SIMPLE", "values": [1]}]
    server.events.append(event_3("e1", payloads))
    server.events.append(event_3("e2", [{"type": "IMPORT_CAPACITY_LIMIT", "values": [5]}]))
    with ven(server.url, sink):
        until(lambda: len(sink.told) == 2)
    (one, _), (two, decision) = sink.told
    assert one.unread == ("CTA2045_REBOOT",) and [signal.kind for signal in one.signals] == ["simple_level"]
    assert two.unread == ("IMPORT_CAPACITY_LIMIT in no unit; expected: KW, W, MW",)
    assert decision.code == "unknown_signal" and "expected: KW" in decision.ko


def test_an_endless_duration_and_a_start_that_means_now(server: Vtn3Server) -> None:
    sink = Sink()
    period = {"start": "0001-01-01T00:00:00Z", "duration": "P9999Y"}
    server.events.append(event_3("e1", intervalPeriod=period))
    before = datetime.now(UTC)
    with ven(server.url, sink):
        until(lambda: sink.told)
    event = sink.told[0][0]
    assert event.end is None and event.start is not None and before <= event.start <= datetime.now(UTC)


def test_intervals_that_repeat_until_the_end_of_the_event_are_named_as_not_followed(
    server: Vtn3Server,
) -> None:
    sink = Sink()
    server.events.extend([event_3("e1", duration="PT1H") | {"duration": "P9999Y"}, event_3("e2")])
    with ven(server.url, sink):
        until(lambda: len(sink.told) == 2)
    assert sink.told[0][0].unread == ("duration P9999Y (repetition)",) and sink.told[1][0].unread == ()


def test_the_vtn_may_come_late_break_and_come_again() -> None:
    sink, port = Sink(), free_port()
    with ven(f"http://127.0.0.1:{port}", sink) as client:
        until(lambda: client.state().failures >= 2)
        with vtn_3(port) as server:
            server.events.append(event_3("e1"))
            until(lambda: sink.told and client.state().connected)
            server.broken = True
            until(lambda: client.state().failures >= 1)
            assert "answered 500" in client.state().faults[-1].what
            server.broken = False
            server.events.append(event_3("e2"))
            until(lambda: len(sink.told) == 2 and client.state().failures == 0)
    assert [event.id for event, _ in sink.told] == ["e1", "e2"], "nothing is cancelled while the VTN is away"


def test_a_token_is_fetched_and_renewed_when_it_is_no_longer_taken() -> None:
    sink = Sink()
    with vtn_3(secret="right") as server:
        server.events.append(event_3("e1"))
        with ven(server.url, sink, client_id="me", client_secret="right") as client:
            until(lambda: sink.told)
            server.token = "another"  # the server forgot ours
            server.events.append(event_3("e2"))
            until(lambda: len(sink.told) == 2)
            assert server.tokens == 2 and client.state().failures == 0
        with ven(server.url, Sink(), client_id="me", client_secret="wrong-guess") as client:
            until(lambda: client.state().failures)
            faults, shown = client.state().faults, repr(client.vtn)
    assert "no token" in faults[0].what and "wrong-guess" not in f"{faults}{shown}"


def test_credentials_are_not_sent_to_a_host_that_the_vtn_names() -> None:
    with vtn_3(secret="right") as server:
        server.url = server.url.replace("127.0.0.1", "elsewhere.invalid")
        here = f"http://127.0.0.1:{server.http.server_port}"
        with ven(here, Sink(), client_id="me", client_secret="right") as client:
            until(lambda: client.state().failures)
            assert "is another host" in client.state().faults[0].what
    assert server.tokens == 0


def test_readings_are_reported_for_an_event(server: Vtn3Server) -> None:
    quarter = Series("meter", "kW", datetime(2026, 12, 1, 9, tzinfo=UTC), timedelta(minutes=15), (40.5, 38.0))
    with ven(server.url, Sink()) as client:
        client.report("e1", "meter", quarter)
        with pytest.raises(UserError, match="1 gaps"):
            client.report("e1", "meter", quarter.with_values([1.0, nan]))
        server.refuses_reports = True
        with pytest.raises(CouldNot, match="answered 400"):
            client.report("e1", "meter", quarter)
    (report,) = server.reports
    (resource,) = report["resources"]
    assert resource["intervalPeriod"] == {"start": "2026-12-01T09:00:00Z", "duration": "PT900S"}
    assert report["payloadDescriptors"][0]["units"] == "KW"
    assert [each["payloads"][0]["values"] for each in resource["intervals"]] == [[40.5], [38.0]]


def test_what_is_set_wrongly_is_told_before_the_network_is_touched() -> None:
    intake = Intake(answer, Sink().tell, Ledger())
    with pytest.raises(UserError, match="go together"):
        Ven3(Vtn3("https://vtn.example", "site-a", client_id="me"), intake)
    with pytest.raises(UserError, match="offline"):
        Ven3(Vtn3("https://vtn.example", "site-a"), intake, offline=True)
    with pytest.raises(UserError, match="no address"):
        Ven3(Vtn3("vtn", "site-a"), intake)
    intake.ledger.close()
