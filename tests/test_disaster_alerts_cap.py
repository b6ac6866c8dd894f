"""CAP 1.2 messages: read and written without loss, and refused by the name of their fault."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("lxml")

import slm_disaster.alerts as alerts
from slm_disaster.alerts.cap import MOST_BYTES, build_alert, clock_flags, parse_alert
from slm_disaster.alerts.faults import CapRefused, Fault
from slm_disaster.alerts.message import Alert, Area, Circle, Info, Pair, Reference, Resource

# A folder with published test messages, which are no part of this repository.
PUBLISHED = Path(os.environ.get("CAP_TESTDATA", "no such folder"))
CAP = "urn:oasis:names:tc:emergency:cap:1.2"


def message(*, head: str = "", info: str = "", area: str = "", **fields: str) -> bytes:
    """A small valid message with some of its fields exchanged."""
    given = {
        "ns": CAP,
        "identifier": "a-1",
        "sender": "room@example.org",
        "sent": "2026-11-22T14:00:00+09:00",
        "status": "Actual",
        "msgType": "Alert",
        "scope": "Public",
        "severity": "Severe",
    } | fields
    return f"""<?xml version="1.0" encoding="UTF-8"?>{head}
<alert xmlns="{given["ns"]}">
<identifier>{given["identifier"]}</identifier><sender>{given["sender"]}</sender><sent>{given["sent"]}</sent>
<status>{given["status"]}</status><msgType>{given["msgType"]}</msgType><scope>{given["scope"]}</scope>
{given.get("references", "")}
<info><category>Met</category><event>홍수</event><urgency>Immediate</urgency>
<severity>{given["severity"]}</severity><certainty>Observed</certainty>{info}
<area><areaDesc>강릉시</areaDesc>{area}</area></info></alert>""".encode()


def fault_of(data: bytes) -> Fault:
    with pytest.raises(CapRefused) as caught:
        parse_alert(data, "in.cap")
    assert caught.value.exit_code == 2
    assert "in.cap" in str(caught.value)
    return caught.value.fault


def test_the_schema_is_the_one_of_oasis_unmodified_and_lies_beside_its_notice() -> None:
    folder = Path(alerts.__file__).parent
    digest = hashlib.sha256((folder / "cap12.xsd").read_bytes()).hexdigest()
    assert digest == "f6c6ed7537a463968b7b36110f7e8bba1f86ad2257a8b84619d7dce530e57401"
    assert "Copyright © OASIS Open 2010" in (folder / "cap12.NOTICE").read_text()


@pytest.mark.parametrize("name", ["australia.cap", "earthquake-iso8859-1.cap"])
def test_published_messages_survive_reading_and_writing(name: str) -> None:
    if not PUBLISHED.is_dir():
        pytest.skip("the published messages are not here")
    from lxml import etree

    data = (PUBLISHED / name).read_bytes()
    alert = parse_alert(data)
    again = build_alert(alert)
    assert parse_alert(again) == alert

    def leaves(xml: bytes) -> list[tuple[str, str]]:
        found = etree.fromstring(xml).iter(f"{{{CAP}}}*")
        return [(each.tag, each.text or "") for each in found if not len(each)]

    assert leaves(again) == leaves(data)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("earthquake.cap", Fault.OTHER_VERSION),
        ("earthquake_signed.cap", Fault.OTHER_VERSION),
        ("weather.cap", Fault.OTHER_VERSION),
        ("invalid.cap", Fault.MISSING_OR_MISPLACED),
    ],
)
def test_published_messages_that_are_no_cap_12_are_refused(name: str, fault: Fault) -> None:
    if not PUBLISHED.is_dir():
        pytest.skip("the published messages are not here")
    assert fault_of((PUBLISHED / name).read_bytes()) is fault


def test_a_message_of_cap_11_is_refused_by_its_version() -> None:
    with pytest.raises(CapRefused, match=r"this is CAP 1\.1") as caught:
        parse_alert(message(ns="urn:oasis:names:tc:emergency:cap:1.1"))
    assert caught.value.fault is Fault.OTHER_VERSION


SQUARE = "37.0,127.0 37.0,128.0 38.0,128.0 38.0,127.0"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"<alert", Fault.MALFORMED),
        (b"", Fault.MALFORMED),
        (b"\x00\xff\xfe not xml", Fault.MALFORMED),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'/>", Fault.NOT_CAP),
        (message(sent="2026-11-22T05:00:00Z"), Fault.WRONG_ZONE),
        (message(sent="2026-11-22T05:00:00"), Fault.WRONG_ZONE),
        (message(info="<expires>2026-11-22T05:00:00.5Z</expires>"), Fault.WRONG_ZONE),
        (message(sent="2026-02-30T05:00:00+09:00"), Fault.WRONG_TIME),
        (message(sent="yesterday"), Fault.WRONG_TIME),
        (message(identifier="a 1"), Fault.IDENTIFIER),
        (message(identifier="a,1"), Fault.IDENTIFIER),
        (message(identifier="a&amp;1"), Fault.IDENTIFIER),
        (message(sender=""), Fault.SENDER),
        (message(severity="Terrible"), Fault.UNKNOWN_VALUE),
        (message(status="actual"), Fault.UNKNOWN_VALUE),
        (message(msgType="Update"), Fault.NO_REFERENCES),
        (message(msgType="Cancel", references="<references> </references>"), Fault.NO_REFERENCES),
        (message(references="<references>a-0</references>"), Fault.REFERENCES),
        (message(references="<references>x,a-0,2026-11-22T05:00:00Z</references>"), Fault.REFERENCES),
        (message(scope="Restricted"), Fault.NO_RESTRICTION),
        (message(scope="Private"), Fault.NO_ADDRESSES),
        (message(area=f"<polygon>{SQUARE}</polygon>"), Fault.POLYGON_OPEN),
        (message(area="<polygon>37,127 38,128 37,127</polygon>"), Fault.POLYGON_SHORT),
        (message(area="<polygon>0,0 1,1 0,1 1,0 0,0</polygon>"), Fault.POLYGON_CROSSING),
        (message(area="<polygon>0,0 1,1 2,0 2,2 1,1 0,2 0,0</polygon>"), Fault.POLYGON_CROSSING),
        (message(area="<polygon>0,0 0,5 0,5 0,0</polygon>"), Fault.POLYGON_CROSSING),
        (message(area="<polygon>127,37 127,38 128,38 127,37</polygon>"), Fault.OUT_OF_RANGE),
        (message(area="<polygon>37;127 38;128</polygon>"), Fault.NUMBER),
        (message(area="<polygon>nan,1 1,1 1,2 nan,1</polygon>"), Fault.NUMBER),
        (message(area=f"<polygon>{'1,1 ' * 6000}</polygon>"), Fault.POLYGON_LONG),
        (message(area="<circle>37.5,127 -3</circle>"), Fault.CIRCLE),
        (message(area="<circle>37.5,127</circle>"), Fault.NUMBER),
        (message(area="<ceiling>100</ceiling>"), Fault.CEILING),
        (message(info="<size>1</size>"), Fault.MISSING_OR_MISPLACED),
    ],
)
def test_disaster_function_11_malformed_cap_is_refused_by_the_name_of_its_fault(
    data: bytes, fault: Fault
) -> None:
    assert fault_of(data) is fault


def test_disaster_function_11_ten_megabytes_are_refused_unread() -> None:
    assert fault_of(b"<" * 10_000_000) is Fault.TOO_LARGE
    assert fault_of(message(info=f"<headline>{'a' * MOST_BYTES}</headline>")) is Fault.TOO_LARGE


def test_disaster_function_11_entities_and_document_types_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the password")
    outside = f'<!DOCTYPE alert [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    laughs = '<!DOCTYPE alert [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY x "&b;&b;&b;">]>'
    for head in (outside, laughs, '<!DOCTYPE alert SYSTEM "http://127.0.0.1:9/alert.dtd">'):
        data = message(head=head, info="<headline>&x;</headline>" if "ENTITY" in head else "")
        assert fault_of(data) is Fault.DOCUMENT_TYPE


def test_disaster_function_11_a_message_from_the_future_is_flagged_not_lost() -> None:
    alert = parse_alert(message(sent="2026-11-22T15:00:00+09:00"))
    assert clock_flags(alert, datetime(2026, 11, 22, 6, 0, tzinfo=UTC)) == []
    assert "future" in clock_flags(alert, datetime(2026, 11, 22, 5, 0, tzinfo=UTC))[0]
    assert "older than a day" in clock_flags(alert, datetime(2026, 11, 24, 5, 0, tzinfo=UTC))[0]


def test_the_place_of_a_fault_is_its_line() -> None:
    with pytest.raises(CapRefused, match=r"in\.cap:3: sent: "):
        parse_alert(message(sent="2026-11-22T05:00:00Z"), "in.cap")


def test_a_ring_over_the_180th_meridian_does_not_cross_itself() -> None:
    ring = "<polygon>10,179 11,-179 12,-178 12,178 11,179.5 10,179</polygon>"
    assert len(parse_alert(message(area=ring)).info[0].area[0].polygon[0]) == 6


def test_a_comment_or_cdata_in_the_middle_leaves_the_text_whole() -> None:
    alert = parse_alert(message(info="<headline>홍수 <!-- no -->경보 <![CDATA[<1>]]></headline>"))
    assert alert.info[0].headline == "홍수 경보 <1>"


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="￾￿"), max_size=30
)
NAME = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12)
TIME = st.sampled_from(
    ["2026-11-22T14:00:00+09:00", "2011-10-05T23:04:00-00:00", "1999-12-31T23:59:59-05:30"]
)
NUMBER = st.decimals(-90, 90, places=4)
PAIR = st.builds(Pair, value_name=TEXT, value=TEXT)


def ring(corner: tuple[Decimal, Decimal]) -> tuple[tuple[Decimal, Decimal], ...]:
    lat, lon = corner
    step = Decimal("0.5") if lat < 80 else Decimal("-0.5")
    return ((lat, lon), (lat, lon + step), (lat + step, lon + step), (lat, lon))


AREA = st.builds(
    Area,
    area_desc=TEXT,
    polygon=st.lists(st.tuples(NUMBER, NUMBER).map(ring), max_size=2).map(tuple),
    circle=st.lists(
        st.builds(Circle, centre=st.tuples(NUMBER, NUMBER), radius_km=st.decimals(0, 50, places=1))
    ).map(tuple),
    geocode=st.lists(PAIR, max_size=2).map(tuple),
    altitude=NUMBER,
)
INFO = st.builds(
    Info,
    language=st.sampled_from([None, "ko-KR", "en-US"]),
    category=st.just(("Met", "Geo")),
    event=TEXT,
    response_type=st.just(("Evacuate",)),
    headline=st.none() | TEXT,
    description=TEXT,
    effective=TIME,
    expires=st.none() | TIME,
    web=st.none(),
    event_code=st.lists(PAIR, max_size=1).map(tuple),
    parameter=st.lists(PAIR, max_size=2).map(tuple),
    resource=st.just(
        (Resource(resource_desc="map", mime_type="image/png", size=12, uri="http://example.org/a"),)
    ),
    area=st.lists(AREA, max_size=2).map(tuple),
)
ALERT = st.builds(
    Alert,
    identifier=NAME,
    sender=NAME,
    sent=TIME,
    scope=st.just("Public"),
    restriction=st.none(),
    addresses=st.none() | TEXT,
    source=st.none() | TEXT,
    note=TEXT,
    code=st.lists(TEXT, max_size=2).map(tuple),
    references=st.lists(
        st.builds(Reference, sender=NAME, identifier=NAME, sent=TIME), min_size=1, max_size=3
    ).map(tuple),
    incidents=st.none(),
    info=st.lists(INFO, max_size=2).map(tuple),
)


@settings(max_examples=10)
@given(ALERT)
def test_what_is_written_is_read_back(alert: Alert) -> None:
    assert parse_alert(build_alert(alert)) == alert


@settings(max_examples=30)
@given(st.binary(max_size=200), st.integers(0, 800))
def test_broken_bytes_are_refused_and_never_trace_back(noise: bytes, at: int) -> None:
    data = message()
    try:
        parse_alert(data[:at] + noise + data[at:])
    except CapRefused as refused:
        assert refused.fault in Fault


def test_control_characters_cannot_be_built_into_a_message() -> None:
    with pytest.raises(ValueError, match=r"U\+0007 cannot stand in XML"):
        Pair(value_name="a", value="bell\x07")
