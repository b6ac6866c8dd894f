"""The bus on real brokers: mosquitto where it is installed, iotcore always."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count as numbers
from pathlib import Path

import pytest
from bus_bench import PATIENCE_S, Peer, count, counter_of, peer, said, until, working

from slm_core.bus import Entity, Link, Listen, Place, Store, Worker, parse_link
from slm_core.bus.broker import Broker, Choice, choose_broker, mosquitto_configuration
from slm_core.bus.inbound import Delivery, Inbound
from slm_core.errors import UserError
from slm_core.event import Event

IOTCORE = Choice("iotcore", None, "the test says so", "nothing")
_SITES = numbers(1)


@pytest.fixture(scope="module", params=["mosquitto", "iotcore"])
def link(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Link]:
    choice = IOTCORE if request.param == "iotcore" else choose_broker()
    if choice.program != request.param:
        pytest.skip("mosquitto is not installed")
    with Broker(tmp_path_factory.mktemp(request.param), 0, choice) as broker:
        yield parse_link(broker.url)


@pytest.fixture
def place() -> Place:
    return Place(f"site-{next(_SITES)}", "d")


def test_an_event_goes_in_and_what_follows_comes_out_once_for_each_id(
    link: Link, place: Place, tmp_path: Path
) -> None:
    with peer(link, place) as device, working(link, place, tmp_path) as (_, store, _log):
        for number in (1, 2, 2, 3, 1):
            device.send(said(number, 글="침수"))
        until(lambda: len(device.on("seen")) == 3 and store.counters().get("repeated") == 2)
    assert [event["payload"]["of"] for event in device.events("seen")] == ["m1", "m2", "m3"]
    assert device.events("seen")[0]["id"] == "seen-m1"


def test_three_kills_during_a_stream_of_300_lose_nothing_and_double_nothing(
    link: Link, place: Place, tmp_path: Path
) -> None:
    store_path = tmp_path / "killed.sqlite"
    command = [sys.executable, str(Path(__file__).with_name("bus_worker.py")), str(link), place.site]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([*command, str(store_path)], stderr=subprocess.DEVNULL)

    with peer(link, place) as device:
        process = start()
        until(lambda: b"online" in device.on("available"))
        for number in range(300):
            device.send(said(number))
            if number in (80, 160, 240):
                goal = len(device.on("seen")) + 5
                until(lambda goal=goal: len(device.on("seen")) >= goal)  # type: ignore[misc]
                process.kill()
                process.wait()
                process = start()
        until(lambda: len({event["id"] for event in device.events("seen")}) == 300)
        process.kill()
        process.wait()
        seen = {event["id"]: event["payload"]["number"] for event in device.events("seen")}
    assert sorted(seen.values()) == list(range(1, 301)), "a publish may repeat, with the same id and content"
    with Store(store_path) as store, store.transaction() as memory:
        assert memory.get("count") == 300
        assert {times for _, times in memory.items("times/")} == {1}


def test_a_crash_before_commit_before_acknowledgement_or_before_the_mark_delivers_once(
    link: Link, place: Place, tmp_path: Path
) -> None:
    path = tmp_path / "crashed.sqlite"
    command = [
        sys.executable,
        str(Path(__file__).with_name("bus_worker.py")),
        str(link),
        place.site,
        str(path),
    ]
    with peer(link, place) as device:
        with working(link, place, tmp_path):  # the broker knows the session from here on
            pass
        for number in range(5):
            device.send(said(number))
        for point in ("handle", "acknowledge", "mark"):
            died = subprocess.run([*command, point], stderr=subprocess.DEVNULL, timeout=60, check=False)
            assert died.returncode == -signal.SIGKILL
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until(lambda: len({event["id"] for event in device.events("seen")}) == 5)
        until(lambda: counter_of(path, "repeated"))  # what was committed came again and was known
        process.kill()
        process.wait()
    with Store(path) as store, store.transaction() as memory:
        assert memory.get("count") == 5 and store.counters()["handled"] == 5


HOSTILE = [
    b"",
    b"\xff\x00\xfe",
    b"{",
    b"[" * 100_000,
    b"x" * 300_000,
    b'{"kind":"k","payload":{"a":NaN}}',
    b'{"kind":"k","payload":{"a":"\\ud800"}}',
    b'{"kind":"k","payload":{},"severity":99}',
    b'{"kind":"k","payload":{},"__class__":"os"}',
    b'{"kind":"k","id":1,"payload":{}}',
    b'{"kind":"k","payload":{"a":' + b"9" * 10_000 + b"}}",
    b'{"id":"' + b"i" * 1000 + b'","kind":"k","payload":{}}',
]


def test_hostile_messages_lie_in_the_dead_letter_byte_for_byte_and_the_worker_lives(
    link: Link, place: Place, tmp_path: Path
) -> None:
    with peer(link, place) as device, working(link, place, tmp_path) as (_, store, _log):
        for payload in HOSTILE[1:]:  # an empty payload is MQTT's way to remove, and some brokers drop it
            device.send(payload)
        device.send(said(1))
        until(lambda: len(device.on("deadletter")) == len(HOSTILE) - 1 and len(device.on("seen")) == 1)
        counters = store.counters()
    letters = device.events("deadletter")
    assert [base64.b64decode(letter["payload_base64"]) for letter in letters] == HOSTILE[1:]
    assert {letter["topic"] for letter in letters} == {f"{place.prefix}report/in"}
    assert [letter["reason"] for letter in letters][:4] == ["not-utf8", "not-json", "too-deep", "too-large"]
    assert counters["dead"] == len(HOSTILE) - 1 and counters["dead/too-large"] == 1


def test_one_event_that_the_domain_fails_on_harms_no_other_and_may_be_sent_again(
    link: Link, place: Place, tmp_path: Path
) -> None:
    with peer(link, place) as device:
        with working(link, place, tmp_path):
            for number in (1, 2, 3):
                device.send(said(number, boom=number == 2))
            until(lambda: len(device.on("deadletter")) == 1 and len(device.on("seen")) == 2)
        letter = device.events("deadletter")[0]
        assert letter["reason"] == "handler: KeyError" and not letter["cut"]

        def mended(event: Event, memory: object) -> list[Event]:
            return [event.model_copy(update={"stream": "seen", "id": f"seen-{event.id}"})]

        with working(link, place, tmp_path, handle=mended):
            device.send(base64.b64decode(letter["payload_base64"]))
            until(lambda: len(device.on("seen")) == 3)
    assert device.events("seen")[-1]["id"] == "seen-m2"


def test_available_is_online_then_stopped_and_offline_by_the_last_will(
    link: Link, place: Place, tmp_path: Path
) -> None:
    command = [sys.executable, str(Path(__file__).with_name("bus_worker.py")), str(link), place.site]
    with peer(link, place) as watcher:
        with working(link, place, tmp_path):
            until(lambda: watcher.on("available") == [b"online"])
        until(lambda: watcher.on("available") == [b"online", b"stopped"])
        process = subprocess.Popen([*command, str(tmp_path / "other.sqlite")], stderr=subprocess.DEVNULL)
        until(lambda: watcher.on("available")[2:] == [b"online"])
        process.kill()
        process.wait()
        until(lambda: watcher.on("available")[3:] == [b"offline"])
    with peer(link, place) as late:
        until(lambda: ("available", b"offline", True) in late.heard)


def test_what_was_committed_but_not_published_goes_out_after_a_restart(
    link: Link, place: Place, tmp_path: Path
) -> None:
    with Store(tmp_path / f"{place.site}.sqlite") as before, before.transaction() as memory:
        for number in range(150):  # more than one window
            memory.send(f"e{number}", place.topic("seen"), b'{"id": "e%d"}' % number)
    with peer(link, place) as watcher, working(link, place, tmp_path) as (_, store, _log):
        until(lambda: len(watcher.on("seen")) == 150 and store.backlog() == 0)
    assert [event["id"] for event in watcher.events("seen")] == [f"e{number}" for number in range(150)]


def test_messages_that_came_while_the_worker_was_away_wait_at_the_broker(
    link: Link, place: Place, tmp_path: Path
) -> None:
    with peer(link, place) as device:
        with working(link, place, tmp_path):
            pass
        for number in range(20):
            device.send(said(number))
        with working(link, place, tmp_path) as (_, store, _log):
            until(lambda: len(device.on("seen")) == 20)
            assert store.counters()["handled"] == 20


def test_the_messages_of_one_topic_are_handled_in_the_order_in_which_they_were_sent(
    link: Link, place: Place, tmp_path: Path
) -> None:
    streams = ("report/in", "level/a", "level/b")  # between topics each broker has an order of its own
    listens = [Listen("report/in"), Listen("level/+")]
    with peer(link, place) as device:
        with working(link, place, tmp_path, listens):
            for number in range(60):
                device.send(said(number), streams[number % 3])
            until(lambda: len(device.on("seen")) == 60)
        for number in range(60, 120):  # while it is away
            device.send(said(number), streams[number % 3])
        with working(link, place, tmp_path, listens):
            until(lambda: len(device.on("seen")) == 120)
        told = [int(event["payload"]["of"].removeprefix("m")) for event in device.events("seen")]
    for part in range(3):
        assert [number for number in told if number % 3 == part] == list(range(part, 120, 3))


class Counting(Inbound):
    """Counts what has arrived, whatever became of it."""

    arrived = 0

    def put(self, delivery: Delivery) -> None:
        super().put(delivery)
        self.arrived += 1


def test_a_full_queue_sheds_counts_and_publishes_and_the_rest_is_handled(
    link: Link, place: Place, tmp_path: Path
) -> None:
    gate, inbound = threading.Event(), Counting(capacity=5)

    def slow(event: Event, memory: object) -> list[Event]:
        gate.wait(PATIENCE_S)
        return []

    with (
        peer(link, place) as device,
        working(link, place, tmp_path, handle=slow, inbound=inbound) as (_, store, _log),
    ):
        for number in range(60):
            device.send(said(number) | {"severity": 3 if number == 30 else number % 2})
        until(lambda: inbound.arrived == 60)
        gate.set()

        def shed(counters: dict[str, int]) -> int:
            return sum(value for name, value in counters.items() if name.startswith("shed/"))

        until(lambda: store.counters().get("handled", 0) + shed(store.counters()) == 60)
        counted = store.counters()
        assert counted["shed/0"] > counted.get("shed/1", 0) and "shed/3" not in counted
        until(lambda: any(shed(stats["counters"]) == shed(counted) for stats in device.events("stats")))
        device.send(said("after"))
        until(lambda: store.counters()["handled"] == counted["handled"] + 1)


def test_an_id_that_comes_again_with_another_content_is_not_dropped_in_silence(
    link: Link, place: Place, tmp_path: Path
) -> None:
    with peer(link, place) as device, working(link, place, tmp_path):
        device.send(said(1))
        device.send(said(1) | {"payload": {"number": 2}})
        device.send(said(1) | {"source": "another device"})
        until(lambda: len(device.on("deadletter")) == 1 and len(device.on("seen")) == 2)
    assert device.events("deadletter")[0]["reason"] == "id-reused"


def test_a_domain_does_not_answer_itself_and_a_simulation_stays_one(
    link: Link, place: Place, tmp_path: Path
) -> None:
    def echo(event: Event, memory: object) -> list[Event]:
        return [event.model_copy(update={"id": f"again-{event.id}", "simulated": False})]

    with (
        peer(link, place) as device,
        working(link, place, tmp_path, [Listen("#")], handle=echo) as (_, store, _log),
    ):
        device.send(said(1) | {"simulated": True})
        until(lambda: store.counters().get("own") == 1 and len(device.on("report/in")) == 2)
    assert [event["id"] for event in device.events("report/in")] == ["m1", "again-m1"]
    assert all(event["simulated"] for event in device.events("report/in"))
    assert device.on("deadletter") == []


def test_a_retained_word_is_taken_away_and_whoever_comes_later_hears_nothing_of_it(
    link: Link, place: Place, tmp_path: Path
) -> None:
    def stand(event: Event, memory: object) -> list[Event]:
        payload = {"state": "open"} if event.payload["number"] == 1 else {}
        said = event.model_copy(update={"stream": "state/1", "retained": True, "id": "", "payload": payload})
        return [Event.model_validate(said.model_dump())]

    listens = [Listen("report/in"), Listen("state/#")]  # it hears its own removal, which is no broken message
    with (
        peer(link, place) as device,
        working(link, place, tmp_path, listens, handle=stand) as (_, store, _log),
    ):
        device.send(said(1))
        until(lambda: device.on("state/1"))
        with peer(link, place) as late:
            until(lambda: late.on("state/1"))  # in whichever order the broker tells what it kept
            (retained,) = [kept for name, _, kept in late.heard if name == "state/1"]
            assert (late.events("state/1")[0]["payload"], retained) == ({"state": "open"}, True)
        device.send(said(2))
        until(lambda: device.on("state/1")[-1] == b"" and store.counters().get("own") == 2)
        with peer(link, place) as later:
            device.send(said(2))  # a known one: when it is here, everything retained was
            until(lambda: later.on("report/in"))
            assert later.on("state/1") == []
    assert device.on("deadletter") == []


def test_a_filter_of_an_earlier_run_is_given_up(link: Link, place: Place, tmp_path: Path) -> None:
    with peer(link, place) as device:
        with working(link, place, tmp_path, [Listen("old/in"), Listen("report/in")]) as (_, store, _log):
            until(lambda: store.noted("filters"))
        with working(link, place, tmp_path, [Listen("report/in")]) as (_, store, _log):
            until(lambda: "old/in" not in str(store.noted("filters")))
            device.send(said(1), "old/in")
            device.send(said(2))
            until(lambda: len(device.on("seen")) == 1)
    assert [event["payload"]["of"] for event in device.events("seen")] == ["m2"]


def test_home_assistant_is_told_of_each_entity(link: Link, place: Place, tmp_path: Path) -> None:
    entity = Entity(
        "level_3", "수위", "level/3", device_class="distance", state_class="measurement", unit="m"
    )
    with peer(link, place) as watcher, working(link, place, tmp_path, entities=[entity]):
        topic = entity.remove(place).topic
        until(lambda: watcher.on(topic))
    config = json.loads(watcher.on(topic)[0])
    assert topic.startswith("homeassistant/sensor/") and topic.endswith("/level_3/config")
    assert config["name"] == "수위" and config["state_topic"] == f"{place.prefix}level/3"
    assert config["availability_topic"] == place.available and config["unit_of_measurement"] == "m"
    assert entity.remove(place).payload == b"" and entity.remove(place).retained


def test_mqtt_5_is_spoken_where_the_broker_grants_it(link: Link, place: Place, tmp_path: Path) -> None:
    five = replace(link, version="5")
    with peer(link, place) as device:
        for number in (1, 2):  # the second run resumes the session
            with working(five, place, tmp_path) as (worker, _store, log):
                granted = worker.version
                device.send(said(number))
                until(lambda number=number: len(device.on("seen")) == number)  # type: ignore[misc]
    mosquitto = "connected" in log[0]
    assert granted == ("5" if mosquitto else "3.1.1")
    assert mosquitto or "trying MQTT 3.1.1" in log[0]


def _tell_until_seen(device: Peer, number: int) -> None:
    """Again and again: nobody sees when a worker is subscribed anew at a broker that forgot it."""

    def seen() -> list[bytes]:
        device.send(said(number))
        return device.on("seen")

    until(seen)


def test_a_broker_that_comes_late_or_again_is_found(place: Place, tmp_path: Path) -> None:
    with Broker(tmp_path, 0, IOTCORE) as first:
        port = first.port
    link = parse_link(f"mqtt://127.0.0.1:{port}")
    log: list[str] = []
    with Store(tmp_path / "s.sqlite") as store:
        worker = Worker(place, link, store, count, [Listen("report/in")], tell=log.append)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            until(lambda: log)
            assert "no connection" in log[0]
            for number in (1, 2):
                with Broker(tmp_path, port, IOTCORE), peer(link, place) as device:
                    until(lambda: device.on("available")[-1:] == [b"online"])
                    _tell_until_seen(device, number)
                until(lambda: worker.version is None)
        finally:
            worker.stop()
            thread.join(PATIENCE_S)
    assert sum("is lost" in line for line in log) == 2


@contextmanager
def mosquitto(folder: Path, *extra: str) -> Iterator[int]:
    """A mosquitto with lines of its own in the configuration; yields its port."""
    choice = choose_broker()
    if choice.path is None:
        pytest.skip("mosquitto is not installed")
    with Broker(folder, 0, choice) as probe:
        port = probe.port
    lines = mosquitto_configuration(folder, port).replace("allow_anonymous true", "\n".join(extra))
    (folder / "own.conf").write_text(lines)
    with (folder / "own.log").open("wb") as log:
        process = subprocess.Popen([str(choice.path), "-c", str(folder / "own.conf")], stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def test_a_wrong_password_is_a_users_mistake_and_never_shown(place: Place, tmp_path: Path) -> None:
    users, secret = tmp_path / "users", tmp_path / "secret"
    hasher = shutil.which("mosquitto_passwd")
    if hasher is None:
        pytest.skip("mosquitto_passwd is not installed")
    users.write_text("gauge:right\n")
    subprocess.run([hasher, "-U", str(users)], check=True)
    secret.write_text("right\n")
    with mosquitto(tmp_path, f"password_file {users}") as port:
        link = parse_link(f"mqtt://gauge@127.0.0.1:{port}", password_file=secret)
        with working(link, place, tmp_path) as (_, _store, log):
            pass
        wrong = parse_link(f"mqtt://gauge@127.0.0.1:{port}", password="guess-guess")
        with pytest.raises(UserError, match="refuses") as refused, working(wrong, place, tmp_path):
            pass
    assert "guess-guess" not in f"{refused.value}{wrong!r}{wrong}{log}"


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_checks_the_brokers_certificate(place: Place, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    for name in ("broker", "other"):
        subprocess.run(
            [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=IP:127.0.0.1"],
            cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip
    certificate, key = tmp_path / "broker.pem", tmp_path / "broker.key"
    with mosquitto(tmp_path, "allow_anonymous true", f"certfile {certificate}", f"keyfile {key}") as port:
        url = f"mqtts://127.0.0.1:{port}"
        with working(parse_link(url, ca=certificate), place, tmp_path) as (worker, _store, _log):
            assert worker.version == "3.1.1"
        log: list[str] = []
        with Store(tmp_path / "other.sqlite") as store:
            link = parse_link(url, ca=tmp_path / "other.pem")
            worker = Worker(place, link, store, count, [Listen("report/in")], tell=log.append)
            thread = threading.Thread(target=worker.run)
            thread.start()
            until(lambda: log)
            worker.stop()
            thread.join(PATIENCE_S)
        assert "CERTIFICATE_VERIFY_FAILED" in log[0] and not worker.ready.is_set()
