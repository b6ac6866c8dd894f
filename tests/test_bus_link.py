"""The address of a broker, names on the bus, and the bounded queue: the parts that need no broker."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from slm_core.bus import Entity, Listen, Place, parse_link
from slm_core.bus.envelope import Message, Received, Refused
from slm_core.bus.inbound import Delivery, Inbound
from slm_core.cli.main import main
from slm_core.errors import UserError
from slm_core.event import Event
from slm_core.settings import load_settings

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "user"),
    [
        ("mqtt://localhost", "localhost", 1883, False, None),
        ("mqtts://gauge%201@broker.example:8884", "broker.example", 8884, True, "gauge 1"),
        ("mqtt://[::1]:1884/", "::1", 1884, False, None),
    ],
)
def test_an_address_names_host_port_tls_and_user(
    url: str, host: str, port: int, tls: bool, user: str | None
) -> None:
    link = parse_link(url)
    assert (link.host, link.port, link.tls, link.user) == (host, port, tls, user)
    assert parse_link(str(link).replace(" ", "%20")) == link


@pytest.mark.parametrize(
    "url", ["", "localhost", "http://localhost", "mqtt://", "mqtt://h:port", "mqtt://h/x", "mqtt://h?x=1"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="expected: mqtt://"):
        parse_link(url)


@pytest.mark.parametrize("url", ["mqtt://me:s3cret@host", "mqtt://me:s3cret@host:port"])
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_link(url)
    assert "s3cret" not in str(refused.value)


def test_settings_never_show_the_password(slm_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (slm_home / "slm.toml").write_text('broker_password = "s3cret"\n')
    settings = load_settings()
    assert settings.broker_password and settings.broker_password.get_secret_value() == "s3cret"
    assert "s3cret" not in f"{settings!r}{settings}"
    assert main(["doctor"]) == 0 and "s3cret" not in capsys.readouterr().out
    (slm_home / "slm.toml").write_text("broker_password = 987654\n")
    with pytest.raises(UserError, match="broker_password") as refused:
        load_settings()
    assert "987654" not in str(refused.value)


def test_parts_that_collide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="TLS"):
        parse_link("mqtt://host", ca=tmp_path / "ca.pem")
    with pytest.raises(UserError, match="without a user"):
        parse_link("mqtt://host", password="x")


def test_a_missing_secret_or_certificate_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="password"):
        parse_link("mqtt://me@host", password_file=tmp_path / "none").secret()
    with pytest.raises(UserError, match=r"none\.pem"):
        parse_link("mqtts://host", ca=tmp_path / "none.pem").tls_context()
    with pytest.raises(UserError, match=r"none\.pem"):
        parse_link("mqtts://host", certificate=tmp_path / "none.pem").tls_context()


@pytest.mark.parametrize("name", ["", "a/b", "a+", "#", "강릉 시", "a" * 61])
def test_a_site_that_is_no_topic_level_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="site"):
        Place(name, "disaster")


def test_a_site_may_be_korean() -> None:
    assert Place("강릉", "disaster").topic("report/in") == "slm/강릉/disaster/report/in"


@pytest.mark.parametrize("name", ["", "a+/b", "#/a", "a#", "a\0"])
def test_a_filter_that_mqtt_forbids_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="filter"):
        Listen(name)


@pytest.mark.parametrize("stream", ["", "a/+", "#", "a\0", "x" * 70_000])
def test_a_stream_that_mqtt_forbids_is_not_published(stream: str) -> None:
    with pytest.raises(ValueError, match="stream"):
        Place("s", "d").topic(stream)


def test_an_entitys_key_is_an_identifier() -> None:
    with pytest.raises(UserError, match="key"):
        Entity("수위", "수위", "level")


def delivery(number: int, severity: int | None, size: int = 10) -> Delivery:
    message = Message("t", "t", b"x" * size, NOW)
    if severity is None:
        return Delivery(message, (Refused("empty"),), lambda: None)
    event = Event(stream="t", kind="k", source="s", time=NOW, payload={}, severity=severity, id=str(number))
    return Delivery(message, (Received(event, "sender"),), lambda: None)


def left(queue: Inbound) -> list[str]:
    found = []
    while (one := queue.take(0)) is not None:
        found.append(one.contents[0].event.id if isinstance(one.contents[0], Received) else "refused")
    return found


def test_a_full_queue_lets_the_oldest_of_the_least_severity_go_and_keeps_the_order() -> None:
    queue = Inbound(capacity=4)
    for number, severity in enumerate([3, 1, 0, 1, 2, 3, 1]):
        queue.put(delivery(number, severity))
    assert [gone.severity for gone in queue.take_shed()] == [0, 1, 1]
    assert left(queue) == ["0", "4", "5", "6"] and queue.take_shed() == []


def test_the_newcomer_goes_where_it_is_the_least_severe() -> None:
    queue = Inbound(capacity=2)
    for number, severity in enumerate([2, 2, None]):
        queue.put(delivery(number, severity))
    assert left(queue) == ["0", "1"]


def test_a_queue_is_bounded_in_bytes_as_well_yet_takes_one_message_of_any_size() -> None:
    queue = Inbound(capacity=100, max_bytes=100)
    for number in range(12):
        queue.put(delivery(number, 1))
    assert len(queue) == 10
    queue.put(delivery(99, 1, size=500))
    assert left(queue) == ["99"]
