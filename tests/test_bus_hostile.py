"""Hundreds of hostile messages through a real broker into the domain of disasters: each in its place."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from bus_bench import Peer, peer, until
from hostile_cases import Case, cases, event

from slm_core.bus import Place, Store, parse_link
from slm_core.bus.broker import MAX_PAYLOAD, Broker, Choice, choose_broker
from slm_core.bus.effects import ORIGINAL
from slm_core.event import Event
from slm_core.runtime import Runtime
from slm_disaster import DOMAIN
from slm_disaster.situation.incidents import entries, load
from slm_disaster.situation.reports import report_key
from slm_disaster.situation.scope import Scoped

IOTCORE = Choice("iotcore", None, "the test says so", "nothing")
GOOD = "정상 메시지: 강릉시 옥계면 침수로 2명 실종"


@dataclass
class Ended:
    """What was there when every message had been dealt with."""

    sent: list[Case]
    counters: dict[str, int]
    letters: dict[tuple[str, str], dict[str, Any]]
    flagged: set[str]
    said: list[Event]
    store: Store
    failure: BaseException | None


@pytest.fixture(scope="module", params=["mosquitto", "iotcore"])
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """Every case, and a good message after each, through a broker into a real runtime."""
    choice = IOTCORE if request.param == "iotcore" else choose_broker()
    if choice.program != request.param:
        pytest.skip("mosquitto is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    # iotcore ends the connection of whoever sends more than it takes, so that never comes to us
    sent = [each for each in cases() if choice.program == "mosquitto" or len(each.payload) < MAX_PAYLOAD]
    with Broker(folder / "broker", 0, choice) as broker, Store(folder / "d.sqlite") as store:
        link, place, said = parse_link(broker.url), Place("hostile", "disaster"), list[Event]()
        runtime = Runtime(DOMAIN, place, link, store, watch=said.append, tell=lambda _: None)
        runtime.start()
        try:
            with peer(link, place) as device:
                until(runtime.worker.ready.is_set)
                _send(device, sent)
                until(lambda: _received(store) == _expected(sent), 120)
                until(runtime.settled)
                until(lambda: len(device.on("deadletter")) == store.counters()["dead"])
                letters = _letters(device)
            flagged = {each.payload["report"] for each in said if each.stream == "report/flagged"}
            yield Ended(sent, store.counters(), letters, flagged, said, store, runtime.failure)
        finally:
            runtime.stop()


def _send(device: Peer, sent: list[Case]) -> None:
    for number, case in enumerate(sent):
        if case.before:
            device.send(case.before, case.stream)
        device.send(case.payload, case.stream)
        device.send(event({"text": GOOD, "reporter": f"good-{number}"}, id=f"good-{number}"))


def _expected(sent: list[Case]) -> int:
    return sum(1 + bool(case.before) + (case.fate != "ignored") for case in sent)


def _received(store: Store) -> int:
    return store.counters().get("received", 0)


def _letters(device: Peer) -> dict[tuple[str, str], dict[str, Any]]:
    prefix = device.place.prefix
    return {
        (each["topic"].removeprefix(prefix), each["sha256"]): each for each in device.events("deadletter")
    }


def _letter(ended: Ended, case: Case) -> dict[str, Any] | None:
    return ended.letters.get((case.stream, hashlib.sha256(case.payload).hexdigest()))


def _report(case: Case) -> str:
    """The name under which the domain knows the report of a case."""
    try:
        return report_key("report/in", json.loads(case.payload)["id"])
    except (ValueError, KeyError, TypeError):
        return ""


def test_there_are_more_than_two_hundred_cases_and_no_two_are_the_same() -> None:
    found = list(cases())
    assert len(found) >= 200
    assert (
        len({case.name for case in found})
        == len({(case.stream, case.payload) for case in found})
        == len(found)
    )
    assert min(Counter(case.fate for case in found).values()) >= 10


def test_each_message_has_exactly_its_one_end(ended: Ended) -> None:
    fates = Counter(case.fate for case in ended.sent)
    before = sum(bool(case.before) for case in ended.sent)
    handled = ended.counters["handled"] - ended.counters.get("inside", 0)
    assert ended.failure is None and not [name for name in ended.counters if name.startswith("shed/")]
    assert ended.counters["dead"] == fates["dead"] == len(ended.letters)
    assert handled == len(ended.sent) + before + fates["flagged"] + fates["data"]


def test_what_cannot_be_read_lies_in_the_dead_letter_with_its_reason_and_its_bytes(ended: Ended) -> None:
    wrong = []
    for case in (each for each in ended.sent if each.fate == "dead"):
        letter = _letter(ended, case)
        kept = base64.b64decode(letter["payload_base64"]) if letter else b""
        if letter is None or letter["reason"] != case.reason or kept != case.payload[:ORIGINAL]:
            wrong.append((case.name, case.reason, letter and (letter["reason"], letter["detail"])))
        elif letter["size"] != len(case.payload) or letter["cut"] != (len(case.payload) > ORIGINAL):
            wrong.append((case.name, "size", letter["size"]))
    assert wrong == []


def test_nothing_else_lies_there(ended: Ended) -> None:
    assert [case.name for case in ended.sent if case.fate != "dead" and _letter(ended, case)] == []


def test_a_report_that_gives_orders_is_flagged_and_no_order_is_taken_from_it(ended: Ended) -> None:
    hostile = {_report(case): case for case in ended.sent if case.fate == "flagged"}
    assert [case.name for key, case in hostile.items() if key not in ended.flagged] == []
    with ended.store.transaction() as memory:
        scoped = Scoped(memory, "live")
        incidents = [load(entry.id, scoped) for entry in entries(scoped)]
    kept = [report for each in incidents if each for report in each.reports if report.id in hostile]
    assert [(r.text, r.orders) for r in kept if any(order.kind != "event" for order in r.orders)] == []
    assert not any(report.trusted for report in kept)
    assert [(r.text, r.record.dead) for r in kept if r.record.dead] == [], (
        "a count in the same breath is no report"
    )


def test_no_hostile_report_brings_an_alert(ended: Ended) -> None:
    assert [each.payload for each in ended.said if each.stream.startswith("alert/")] == []


def test_code_in_a_text_stays_text(ended: Ended) -> None:
    with ended.store.transaction() as memory:
        known = {key: value for key, value in memory.items("live/report/")}
    texts = {
        key.removeprefix("live/report/"): kept.get("report", {}).get("text") for key, kept in known.items()
    }
    wrong = []
    for case in (each for each in ended.sent if each.fate == "data" and _report(each)):
        said = json.loads(case.payload)["payload"].get("text")
        key = _report(case)
        if said and (key not in texts or texts[key] not in (None, said.strip())):
            wrong.append((case.name, texts.get(key)))
    assert wrong == []


def test_an_absurd_clock_is_not_believed(ended: Ended) -> None:
    absurd = sum(case.name.startswith("clock:") for case in ended.sent)
    assert ended.counters["clock-distrusted"] == absurd


def test_the_good_messages_were_all_handled(ended: Ended) -> None:
    with ended.store.transaction() as memory:
        scoped = Scoped(memory, "live")
        found = [load(entry.id, scoped) for entry in entries(scoped)]
    seen = sum(report.seen for each in found if each for report in each.reports if report.text == GOOD)
    assert seen == len(ended.sent)


def test_nothing_was_written_but_the_store(ended: Ended) -> None:
    folder = ended.store.path.parent
    assert [path.name for path in folder.iterdir() if not path.name.startswith("d.sqlite")] == ["broker"]


@pytest.mark.parametrize("sign", ["\t", "\x00", "\x7f", "\x85", "\ufffe", "\ufdd0", "+", "#"])
def test_a_stream_whose_name_would_end_the_connection_is_never_sent(sign: str) -> None:
    """In the outbox it would end each new connection again."""
    with pytest.raises(ValueError, match="no name of a stream"):
        Place("hostile", "disaster").topic(f"gauge/level/a{sign}b")
