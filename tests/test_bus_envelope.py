from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.bus.envelope import LIMIT, Message, Received, Refused, read, write
from slm_core.event import Event

NOW = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)


def message(said: Any, stream: str = "sensor/level/3") -> Message:
    payload = said if isinstance(said, bytes) else json.dumps(said).encode()
    return Message(f"slm/s/d/{stream}", stream, payload, NOW)


def said(**fields: Any) -> dict[str, Any]:
    return {"kind": "level", "payload": {"value": 3.2}, **fields}


def reason(payload: Any, **how: Any) -> str:
    with pytest.raises(Refused) as refused:
        read(message(payload), **how)
    return refused.value.reason


def test_what_is_left_out_is_filled_in() -> None:
    received = read(message(said()))
    event = received.event
    assert (event.source, event.severity, event.time, event.simulated) == ("sensor/level/3", 0, NOW, False)
    assert received.clock == "receipt" and event.id


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xff\xfe", "not-utf8"),
        (b"{", "not-json"),
        (b"[1]", "not-an-object"),
        (b"12", "not-an-object"),
        (b"x" * (LIMIT + 1), "too-large"),
        (b'{"a":' * 200_00 + b"1" + b"}" * 200_00, "too-deep"),
        (b'{"kind":"k","payload":{"a":' + b"[" * 40 + b"]" * 40 + b"}}", "too-deep"),
        (b'{"kind":"k","payload":{"a":NaN}}', "not-a-number"),
        (b'{"kind":"k","payload":{"a":-Infinity}}', "not-a-number"),
        (b'{"kind":"k","payload":{"a":1e999}}', "out-of-range"),
        (b'{"kind":"k","payload":{"a":' + b"9" * 5000 + b"}}", "out-of-range"),
        (b'{"kind":"k","kind":"l","payload":{}}', "repeated-field"),
        (b'{"kind":"k","payload":{"a":"\\ud800"}}', "half-character"),
        (b'{"kind":"k","payload":{"\\udfff":1}}', "half-character"),
        ({"payload": {}}, "missing-field"),
        ({"kind": "k"}, "missing-field"),
        (said(severityx=1), "unknown-field"),
        (said(stream="other"), "unknown-field"),
        (said(severity=4), "out-of-range"),
        (said(severity=-1), "out-of-range"),
        (said(severity="2"), "wrong-type"),
        (said(severity=True), "wrong-type"),
        (said(simulated="no"), "wrong-type"),
        (said(payload=[1]), "wrong-type"),
        (said(kind=""), "wrong-length"),
        (said(kind="k" * 61), "wrong-length"),
        (said(kind=5), "wrong-type"),
        (said(id=5), "wrong-type"),
        (said(id=""), "wrong-length"),
        (said(id="i" * 201), "wrong-length"),
        (said(time=True), "wrong-type"),
        (said(time=["2026"]), "wrong-type"),
        (said(time="yesterday"), "bad-time"),
        (said(time="2026-11-22T03:04:05"), "time-without-zone"),
    ],
)
def test_what_is_no_event_is_refused_by_its_reason(payload: Any, expected: str) -> None:
    assert reason(payload) == expected


def test_a_mistyped_field_is_told_with_the_nearest() -> None:
    with pytest.raises(Refused, match="severity"):
        read(message(said(severityx=1)))


@pytest.mark.parametrize(
    ("time", "clock"),
    [
        ((NOW - timedelta(hours=23)).isoformat(), "sender"),
        ((NOW + timedelta(seconds=59)).isoformat(), "sender"),
        ("2026-11-22T12:04:05+09:00", "sender"),
        (NOW.timestamp(), "sender"),
        ((NOW + timedelta(seconds=61)).isoformat(), "distrusted"),
        ((NOW - timedelta(days=1, seconds=1)).isoformat(), "distrusted"),
        ("1970-01-01T00:00:03Z", "distrusted"),
        (1e18, "distrusted"),
        (-1e308, "distrusted"),
        ("0001-01-01T00:00:00+14:00", "distrusted"),
    ],
)
def test_a_senders_clock_is_believed_within_a_day_past_and_a_minute_ahead(time: Any, clock: str) -> None:
    received = read(message(said(time=time)))
    assert received.clock == clock
    assert clock == "sender" or received.event.time == NOW
    assert received.event.payload == {"value": 3.2}


def test_a_replay_keeps_its_own_clock() -> None:
    received = read(message(said(time="2011-03-11T05:46:24Z")), live=False)
    assert received.event.time == datetime(2011, 3, 11, 5, 46, 24, tzinfo=UTC) and received.clock == "sender"
    assert reason(said(time=1e18), live=False) == "bad-time"


def test_a_repeat_without_id_is_known_where_its_clock_can_be_trusted() -> None:
    def ids(time: str | None) -> set[str]:
        sent = said() if time is None else said(time=time)
        payload = json.dumps(sent).encode()
        times = (NOW, NOW + timedelta(seconds=5))
        return {read(Message("t", "t", payload, at)).event.id for at in times}

    assert len(ids(NOW.isoformat())) == 1
    assert len(ids(None)) == 2, "two equal readings without a time are two"
    assert len(ids("1970-01-01T00:00:00Z")) == 2, "a clock that stands still makes no repeat"


def test_plain_text_counts_only_where_the_filter_says_so() -> None:
    report = "[긴급] 강릉시 옥계면 침수, 2명 고립".encode()
    assert reason(report) == "not-json"
    event = read(message(report, "report/in"), text=True).event
    assert event.kind == "text" and event.payload == {"text": report.decode()}
    for odd in (b"NaN", b"12", b"{hello", b"[[[[", b"null"):
        assert read(message(odd), text=True).event.payload == {"text": odd.decode()}
    assert read(message(said()), text=True).event.payload == {"value": 3.2}
    assert reason(said(severityx=1), text=True) == "unknown-field"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("id", "time", "kind", "severity", "source", "payload", "simulated", "other")


@settings(max_examples=50)
@given(st.binary(max_size=60) | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8), st.booleans())
def test_any_bytes_are_an_event_or_refused_with_a_reason(said: bytes | dict[str, Any], live: bool) -> None:
    payload = said if isinstance(said, bytes) else json.dumps(said).encode()
    try:
        received = read(Message("t", "t", payload, NOW), live=live)
    except Refused as refused:
        assert refused.reason
    else:
        assert read(Message("t", "t", write(received.event), NOW), live=False).event == received.event


@settings(max_examples=50)
@given(
    st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    st.datetimes(timezones=st.just(UTC)),
    st.integers(0, 3),
)
def test_what_is_written_is_read_as_it_was(payload: dict[str, Any], time: datetime, severity: int) -> None:
    try:
        event = Event(
            stream="t", kind="k", source="나", time=time, payload=payload, severity=severity, id="1"
        )
        data = write(event)
        again: Received = read(Message("t", "t", data, NOW), live=False)
    except ValueError:  # Refused is one: NaN, integers past 64 bits, half characters
        return
    assert again.event == event


def test_an_event_that_nobody_could_read_is_not_written() -> None:
    base = Event(stream="t", kind="k", source="s", time=NOW, payload={})
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"a": deep}
    for payload in ({"a": float("nan")}, {"a": "x" * LIMIT}, deep):
        with pytest.raises(ValueError, match=r"."):
            write(base.model_copy(update={"payload": payload}))
    with pytest.raises(ValueError, match="id"):
        write(base.model_copy(update={"id": "i" * 300}))
