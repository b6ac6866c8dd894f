"""`slm run`: a domain at work on a real broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slm_core.bus import Listen, Place, Store, Worker, parse_link
from slm_core.bus.broker import Broker
from slm_core.bus.player import Player
from slm_core.cli.main import main
from slm_core.domain import find_domain
from slm_core.event import Event
from slm_core.expert import Answer, Expert
from slm_core.runtime import Runtime
from slm_core.settings import load_settings


@pytest.fixture(autouse=True)
def no_other_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that happens to run on this machine is none of ours: port 1 answers nobody."""
    monkeypatch.setenv("SLM_BROKER", "mqtt://127.0.0.1:1")


def test_a_simulation_ends_in_a_report_with_both_sides_of_a_contradiction(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "disaster", "--simulate", "--rules-only", "--lang", "en"]) == 0
    said = capsys.readouterr()
    assert "started at mqtt://127.0.0.1:" in said.err
    assert "contradiction dead:" in said.out and "(official" in said.out
    assert "[훈련]" in said.out and "EXERCISE:" in said.out
    assert "0 in the dead letter" in said.out


def test_a_recording_is_played_and_what_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reports.jsonl"
    lines = [
        json.dumps({"text": text, "time": f"2026-07-01T0{hour}:00:00+09:00", "official": True})
        for hour, text in enumerate(
            ["강릉시 옥계면 침수로 2명 실종", "강릉시 옥계면 침수, 실종 2명. 식수가 필요합니다"], 1
        )
    ]
    file.write_text("\n".join([lines[0], "not json", lines[1]]) + "\n", encoding="utf-8")
    assert main(["run", "disaster", "--replay", str(file), "--rules-only", "--lang", "ko"]) == 0
    said = capsys.readouterr()
    assert "상황보고: 사건 1건" in said.out and "보고 2건" in said.out and "실종: 2" in said.out
    assert "reports.jsonl:2" in said.err and "Traceback" not in said.err


@pytest.mark.parametrize("line", ["not json", '{"text": "", "time": "2026-07-01T01:00:00+09:00"}'])
def test_a_recording_of_which_nothing_can_be_handled_is_a_failure(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_text(f"{line}\n" * 3, encoding="utf-8")
    assert main(["run", "disaster", "--replay", str(file), "--rules-only"]) in (1, 2)
    said = capsys.readouterr().err
    assert "reports.jsonl" in said and "Traceback" not in said


def test_a_long_recording_waits_for_the_domain_and_gives_nothing_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "levels.csv"
    rows = [f"2026-07-01 {i // 3600:02}:{i // 60 % 60:02}:{i % 60:02},{2 + i % 7 / 10}" for i in range(3000)]
    file.write_text("time,wl_gauge_m\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert main(["run", "disaster", "--replay", str(file), "--rules-only", "--lang", "en"]) == 0
    assert "3000 messages handled, 0 in the dead letter\n" in capsys.readouterr().out


def test_a_dry_run_shows_the_first_ten_events_and_sends_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "disaster", "--simulate", "--dry-run"]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 11 and "report/in" in said.out
    assert "started" not in said.err


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--rules-only",), "slm broker"),
        (("--broker", "http://x", "--rules-only"), "no broker's address"),
        (("--broker", "mqtt://u:secret@x", "--rules-only"), "SLM_BROKER_PASSWORD"),
        (("--replay", "nowhere.csv"), "nowhere.csv"),
        (("--dry-run",), "slm broker"),
        (("--dry-run", "--seconds", "0"), "--seconds"),
        (("--simulate", "--speed", "-1"), "--speed"),
    ],
)
def test_wrong_use_says_what_is_wrong(
    flags: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "disaster", *flags]) in (1, 2)
    said = capsys.readouterr().err
    assert says in said and "Traceback" not in said


@pytest.mark.parametrize("verb", [("run", "disaster", "--simulate", "--page"), ("demo",), ("broker",)])
@pytest.mark.parametrize("port", ["99999", "-1", "web"])
def test_what_is_no_port_is_refused_before_anything_is_opened(
    verb: tuple[str, ...], port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*verb, "--port", port])
    said = capsys.readouterr().err
    assert "--port" in said and port in said and "started" not in said


def test_a_password_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLM_BROKER_PASSWORD", "hunter2")
    main(["doctor"])
    assert "hunter2" not in capsys.readouterr().out


class ReadsMore(Expert):
    """Stands in for a model: it sees a place where the rules see none."""

    def __init__(self) -> None:
        super().__init__(find_domain("disaster"), None, load_settings())
        self.engine: Any = object()

    def answer(self, task_name: str | None, request: Any, cancel: threading.Event | None = None) -> Answer:
        task = self.domain.task(task_name)
        wire = {"place": ["새말골"]}
        assert task.rules and task.combine
        found = task.combine(task.rules(request), task.read(wire, request))
        return Answer(found, "rules+expert", model="stand-in")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker", port=0) as started:
        yield started


def test_a_recording_begins_afresh_though_an_earlier_one_was_cut_off(
    tmp_path: Path, broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place("site-replay", "disaster")
    with Store(tmp_path / "cut.sqlite") as store:
        worker = Worker(place, parse_link(broker.url), store, lambda *_: (), [Listen("report/in", text=True)])
        thread = threading.Thread(target=worker.run)
        thread.start()
        assert worker.ready.wait(10)
        worker.stop()
        thread.join()
    player = Player(parse_link(broker.url), place)
    told = Event(
        stream="report/in", kind="text", source="s", time=datetime.now(UTC), payload={"text": "강릉시 침수"}
    )
    assert len(list(player.play([told], 0, threading.Event(), no_refusal))) == 1  # waits in the session
    player.close()
    file = tmp_path / "reports.jsonl"
    file.write_text(json.dumps({"text": "해운대구 우동 화재", "time": "2026-07-01T01:00:00+09:00"}), "utf-8")
    assert main(["run", "disaster", "--replay", str(file), "--rules-only", "--broker", broker.url]) == 0
    assert "1 messages handled" in capsys.readouterr().out


def test_what_the_expert_reads_joins_the_incident_after_the_rules_have_answered(
    broker: Broker, tmp_path: Path
) -> None:
    from datetime import UTC, datetime

    domain, link, place = find_domain("disaster"), parse_link(broker.url), Place("here", "disaster")
    seen: list[Event] = []
    with Store(tmp_path / "run.sqlite") as store:
        runtime = Runtime(domain, place, link, store, expert=ReadsMore(), watch=seen.append, tell=print)
        runtime.start()
        runtime.wait(runtime.worker.ready.is_set)
        payload = {"text": "물난리가 난 새말골에서 식수가 부족합니다", "reporter": "이장"}
        report = Event(stream="report/in", kind="report", source="t", time=datetime.now(UTC), payload=payload)
        player = Player(link, place)
        list(player.play([report], 0, threading.Event(), no_refusal))
        player.close()
        runtime.wait(lambda: any(names(each) == ["새말골"] for each in seen))
        runtime.wait(runtime.settled)
        runtime.stop()
    situations = [each for each in seen if each.stream.startswith("situation/")]
    assert names(situations[0]) == [], "the rules answered first"
    assert names(situations[-1]) == ["새말골"]
    (told,) = situations[-1].payload["reports"]
    assert told["spans"]["place"][0]["by"] == "expert"
    backlog = runtime.backlog()
    assert backlog is not None and backlog.answered == 1


def no_refusal(event: Event, why: str) -> None:
    raise AssertionError(f"{event.id}: {why}")


def names(event: Event) -> list[str]:
    return [place["name"] for place in event.payload.get("places", ())]


def test_a_sensor_that_falls_silent_is_noticed_though_nothing_more_arrives(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime, timedelta

    from slm_core import runtime as runtimes

    monkeypatch.setattr(runtimes, "TICK_S", 0.1)
    link, place, seen = parse_link(broker.url), Place("here", "disaster"), list[Event]()
    long_ago = datetime.now(UTC) - timedelta(hours=20)
    with Store(tmp_path / "run.sqlite") as store:
        runtime = Runtime(find_domain("disaster"), place, link, store, watch=seen.append, tell=print)
        runtime.start()
        runtime.wait(runtime.worker.ready.is_set)
        payload = {"value": 2.0, "unit": "m", "place": "강릉시 노암동"}
        sensor = Event(stream="sensor/level/g1", kind="sensor", source="t", time=long_ago, payload=payload)
        player = Player(link, place)
        list(player.play([sensor], 0, threading.Event(), no_refusal))
        player.close()
        runtime.wait(lambda: any(each.payload.get("state") == "silent" for each in seen))
        runtime.stop()


def test_the_first_dead_letter_of_a_reason_is_told_at_once_and_then_every_hundredth(
    broker: Broker, tmp_path: Path
) -> None:
    link, place, log = parse_link(broker.url), Place("here", "disaster"), list[str]()
    with Store(tmp_path / "run.sqlite") as store:
        runtime = Runtime(find_domain("disaster"), place, link, store, tell=log.append)
        runtime.start()
        runtime.wait(runtime.worker.ready.is_set)
        log.clear()
        for number in range(102):
            runtime.worker._arrive(place.topic("sensor/level/g1"), b"no reading %d" % number, False, list)
        said = '{"kind": "quake", "time": "2026-07-01T00:00:00", "payload": {"mag": 5}}'
        runtime.worker._arrive(place.topic("quake/in"), said.encode(), False, list)
        runtime.wait(lambda: store.counters().get("dead", 0) == 103)
        runtime.stop()
    first, hundredth, other = log
    assert "dead letter: not-json" in first and place.topic("sensor/level/g1") in first
    assert "not-json" in hundredth and "number 100" in hundredth
    assert "time-without-zone" in other and "quake/in" in other


def test_what_a_dead_letter_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    from slm_core.bus.effects import Effects
    from slm_core.bus.envelope import Message, Received
    from slm_core.bus.inbound import Delivery

    def refuse(event: Event, memory: Any) -> list[Event]:
        raise ValueError("\x1b[2Jall\nis well")

    log, now = list[str](), datetime.now(UTC)
    event = Event(stream="report/in", kind="text", source="s", time=now, payload={})
    delivery = Delivery(Message("t", "report/in", b"{}", now), (Received(event, "receipt"),), list)
    with Store(tmp_path / "s.sqlite") as store, store.transaction() as transaction:
        Effects(Place("here", "disaster"), refuse, log.append).apply(transaction, delivery)
    assert log == ["dead letter: handler: ValueError: ?[2Jall?is well; topic t"]
