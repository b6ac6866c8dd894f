"""What a person approved goes out on the bus, once; nothing that comes over the bus counts as approved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("lxml")

from bus_bench import PATIENCE_S, until

from slm_core.bus import Place, Store, parse_link
from slm_core.bus.broker import Broker
from slm_core.bus.onlooker import Onlooker
from slm_core.bus.player import Player
from slm_core.errors import CouldNot
from slm_core.event import Event
from slm_core.runtime import Runtime
from slm_core.settings import load_settings
from slm_core.ui.live import Chores, Live
from slm_disaster import DOMAIN
from slm_disaster.alerts.cap import parse_alert
from slm_disaster.alerts.chain import About, AlertChain, Approved
from slm_disaster.alerts.draft import Cancelling, Draft, choices_of, draft_alert
from slm_disaster.alerts.message import cap_time
from slm_disaster.alerts.outgoing import LOG, Outgoing
from slm_disaster.alerts.sending import APPROVAL, APPROVED, Passage, approval
from slm_disaster.rules import read_by_rules

HERE = Place("here", "disaster")
TOPIC = "slm/here/disaster/alert/approved"
REPORT = "오늘 06시 강릉시 옥계면 침수로 사망 2명, 부상 3명. 도로 통제"


def draft(report: str = REPORT, status: str = "Actual", hours: float = 6) -> Draft:
    choices = choices_of(
        status=status,
        sender="room@gangneung.example",
        agency_ko="강릉시",
        agency_en="Gangneung City",
        urgency="Immediate",
        severity="Severe",
        certainty="Observed",
        expires=cap_time(datetime.now(UTC) + timedelta(hours=hours)),
    )
    return draft_alert(read_by_rules(report), choices)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker", port=0) as started:
        yield started


class Room:
    """A site: its log and its memory; the pipeline is started and ended at will, the listener stays."""

    def __init__(self, broker: Broker, folder: Path, listener: list[dict[str, Any]]) -> None:
        self.link, self.folder, self.heard = parse_link(broker.url), folder, listener
        self.chain = AlertChain(folder / LOG)

    @contextmanager
    def at_work(self) -> Iterator[tuple[Runtime, Outgoing]]:
        with Store(self.folder / "d.sqlite") as store:
            runtime = Runtime(DOMAIN, HERE, self.link, store, tell=print)
            runtime.start()
            try:
                runtime.wait(runtime.worker.ready.is_set)
                yield runtime, Outgoing(Live(DOMAIN, runtime, store, load_settings(), self.folder))
            finally:
                runtime.stop()

    def approve(self, status: str = "Actual", **more: Any) -> Approved:
        return self.chain.approve(draft(status=status), "kim.h", datetime.now(UTC), **more)


@pytest.fixture
def room(broker: Broker, tmp_path: Path) -> Iterator[Room]:
    heard: list[dict[str, Any]] = []

    def listen(topic: str, payload: bytes, retained: bool) -> None:
        heard.append({"topic": topic, "retained": retained, **json.loads(payload)})

    with Onlooker(parse_link(broker.url), [TOPIC], listen):
        yield Room(broker, tmp_path, heard)


def sent(runtime: Runtime, outgoing: Outgoing, *alerts: Approved) -> Callable[[], bool]:
    return lambda: all(outgoing.sheet().passages[each.identifier] is Passage.SENT for each in alerts)


def publish(room: Room, *events: Event) -> None:
    player = Player(room.link, HERE)
    list(player.play(events, 0, threading.Event(), lambda event, why: None))
    player.close()


def test_an_approved_alert_goes_out_with_texts_cap_and_who_approved_it(room: Room) -> None:
    alert = room.approve(about=About(incident="i-1"))
    with room.at_work() as (runtime, outgoing):
        assert outgoing.topic == TOPIC
        assert outgoing.sheet().passages == {alert.identifier: Passage.WAITING}
        outgoing()
        runtime.wait(sent(runtime, outgoing, alert))
        runtime.wait(lambda: bool(room.heard))
    (told,) = room.heard
    said = told["payload"]
    assert (told["id"], told["retained"], told["simulated"]) == (alert.identifier, False, False)
    assert (said["identifier"], said["status"], said["msgType"]) == (alert.identifier, "Actual", "Alert")
    assert (said["operator"], said["references"], said["exercise"]) == ("kim.h", [], False)
    assert set(said["texts"]) == {"sms_90", "sms_157", "caption_ko", "caption_en"}
    assert len(said["texts"]["sms_90"]) <= 90 and "강릉시 옥계면" in said["texts"]["sms_90"]
    assert (said["model_sha256"], said["adapter_sha256"]) == ("rules", "rules")
    assert said["incident"] == "i-1" and said["approved"] == alert.sent
    assert parse_alert(said["cap"].encode()).identifier == alert.identifier


def test_update_and_cancel_go_out_in_order_with_the_references_of_what_they_replace(room: Room) -> None:
    first = room.approve("Exercise")
    now = datetime.now(UTC)
    second = room.chain.update(first.identifier, draft(status="Exercise"), "lee.s", now)
    third = room.chain.cancel(first.identifier, Cancelling.ENDED, "kim.h", now + timedelta(seconds=1))
    with room.at_work() as (runtime, outgoing):
        outgoing()
        runtime.wait(lambda: len(room.heard) == 3)
    told = [each["payload"] for each in room.heard]
    assert [each["msgType"] for each in told] == ["Alert", "Update", "Cancel"]
    assert [each["identifier"] for each in told] == [first.identifier, second.identifier, third.identifier]
    assert told[1]["references"] == [str(first.reference())]
    assert told[2]["references"] == [str(first.reference()), str(second.reference())]
    assert all(each["exercise"] and each["texts"]["sms_90"].startswith("[훈련]") for each in told)


def test_a_crash_between_log_and_sending_is_healed_at_the_next_start_and_nothing_goes_twice(
    room: Room,
) -> None:
    with room.at_work():
        alert = room.approve()  # and the program ends before any chore
    assert room.heard == []
    with room.at_work() as (runtime, outgoing):
        outgoing()
        runtime.wait(sent(runtime, outgoing, alert))
    with room.at_work() as (runtime, outgoing):
        for _ in range(3):
            outgoing()
        runtime.tell_inside(approval(alert, datetime.now(UTC)))  # as one chore too many would
        later = room.approve("Test")
        outgoing()
        runtime.wait(lambda: any(each["id"] == later.identifier for each in room.heard))
        runtime.wait(runtime.settled)
    assert [each["id"] for each in room.heard] == [alert.identifier, later.identifier]


def test_a_crash_after_the_commit_leaves_the_alert_in_the_outbox_and_says_so(room: Room) -> None:
    alert = room.approve()
    assert DOMAIN.handle is not None
    with Store(room.folder / "d.sqlite") as store:
        with store.transaction() as memory:
            (made,) = DOMAIN.handle(approval(alert, datetime.now(UTC)), memory)
            memory.send(made.id, TOPIC, b"{}")
        runtime: Any = SimpleNamespace(topic=HERE.topic)
        outgoing = Outgoing(Live(DOMAIN, runtime, store, load_settings(), room.folder))
        assert outgoing.sheet().passages == {alert.identifier: Passage.LEAVING}


def test_a_run_without_a_page_sends_what_was_approved_on_an_earlier_page(room: Room) -> None:
    site = room.folder / "home" / "run" / HERE.site
    alert = AlertChain(site / LOG).approve(draft(), "kim.h", datetime.now(UTC))
    command = [sys.executable, "-m", "slm_core.cli.main", "run", "disaster", "--rules-only"]
    command += ["--broker", str(room.link), "--site", HERE.site]
    environment = {**os.environ, "SLM_HOME": str(room.folder / "home")}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: room.heard or process.poll() is not None)
    finally:
        process.terminate()
        said = process.communicate(timeout=PATIENCE_S)[1]
    assert [each["id"] for each in room.heard] == [alert.identifier], said
    assert "alert/approved severity 3" in said


def test_what_a_chore_raises_ends_the_work(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    from slm_core.ui import live as lives

    monkeypatch.setattr(lives, "CHORES_S", 0.01)

    def fail() -> None:
        raise CouldNot("the disk is full")

    with room.at_work() as (runtime, outgoing):
        outgoing._live.chores.append(fail)
        with Chores(outgoing._live), pytest.raises(CouldNot, match="disk is full"):
            runtime.wait(lambda: False)


def test_an_alert_that_expired_before_it_could_go_out_is_not_sent_and_a_line_says_so(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    alert = room.chain.approve(draft(hours=-0.5), "kim.h", hour_ago)
    with room.at_work() as (runtime, outgoing):
        outgoing()
        runtime.wait(lambda: outgoing.sheet().passages[alert.identifier] is Passage.EXPIRED)
        runtime.wait(runtime.settled)
    assert room.heard == []
    assert f"alert {alert.identifier} expired" in capsys.readouterr().err


def test_nothing_that_comes_over_the_bus_is_taken_for_an_approval(room: Room) -> None:
    alert = room.chain.approve(draft(), "kim.h", datetime.now(UTC))
    inside = approval(alert, datetime.now(UTC))
    for name in (LOG, f"{LOG}.head"):
        (room.folder / name).unlink()
    with room.at_work() as (runtime, outgoing):
        publish(room, inside, inside.model_copy(update={"stream": APPROVED, "id": "forged"}))
        report = Event(
            stream="report/in", kind="report", source="t", time=datetime.now(UTC), payload={"text": REPORT}
        )
        publish(room, report)
        runtime.wait(lambda: outgoing._live.store.counters().get("handled", 0) > 0)
        runtime.wait(runtime.settled)
        outgoing()
        known = outgoing._live.read(lambda memory: list(memory.items("alert/")))
        assert outgoing._live.store.counters()["received"] == 1, "the two are not even listened to"
    assert known == [] and outgoing.sheet().alerts == () and not room.chain.path.exists()
    assert [each["id"] for each in room.heard] == ["forged"], "its own sender's word, and nobody else's"


def test_a_stream_of_the_bus_cannot_be_told_from_inside(room: Room) -> None:
    with room.at_work() as (runtime, _), pytest.raises(ValueError, match="no inside stream"):
        runtime.tell_inside(
            Event(stream="report/in", kind="k", source="t", time=datetime.now(UTC), payload={})
        )
    assert APPROVAL in DOMAIN.inside and not any("alert" in name for name in DOMAIN.streams)


@pytest.mark.parametrize("origin", ["replay", "simulated"])
def test_a_recording_sends_its_drill_marked_and_never_anything_actual(room: Room, origin: Any) -> None:
    about = About(incident="i-1", origin=origin)
    with pytest.raises(Exception, match="cannot become Actual"):
        room.approve(about=about)
    drill = room.approve("Exercise", about=about)
    forged = approval(drill.model_copy(update={"identifier": "slm-x", "status": "Actual"}), datetime.now(UTC))
    with room.at_work() as (runtime, outgoing):
        runtime.tell_inside(forged)
        outgoing()
        runtime.wait(sent(runtime, outgoing, drill))
        runtime.wait(lambda: bool(room.heard))
        assert outgoing._live.dead() == 1
    (told,) = room.heard
    assert (told["id"], told["payload"]["status"]) == (drill.identifier, "Exercise")
    assert told["simulated"] is (origin == "simulated") and told["payload"]["origin"] == origin
    assert (told["kind"] == "replay") is (origin == "replay")


def test_a_damaged_log_sends_nothing_ends_nothing_and_is_told_once(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    room.approve()
    room.chain.path.write_bytes(room.chain.path.read_bytes().replace(b"kim.h", b"lee.s"))
    with room.at_work() as (runtime, outgoing):
        outgoing()
        outgoing()
        runtime.wait(runtime.settled)
    assert room.heard == []
    assert capsys.readouterr().err.count("no approved alert is sent") == 1
