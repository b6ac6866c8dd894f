"""The parts of a page: marked texts, charts, the map; all of it escaped, none of it from another host."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.ui.chart import Series, Threshold, chart
from slm_core.ui.highlight import Mark, highlighted
from slm_core.ui.sketch import Point, sketch

HOSTILE = "<script>alert(1)</script>&\"'"


def test_a_script_in_a_report_stands_there_as_text() -> None:
    html = highlighted(f"불이야 {HOSTILE}", [Mark(0, 3, "위험", "what")])
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert '<mark class="slm-mark slm-what">불이야<i>위험</i></mark>' in html


def test_of_two_marks_that_overlap_the_longer_stays() -> None:
    html = highlighted("사망 3명", [Mark(0, 2, "short", "a"), Mark(0, 5, "long", "b")])
    assert html.count("<mark") == 1 and "long" in html


@settings(max_examples=50)
@given(st.text(max_size=60), st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=6))
def test_marks_never_change_the_words(text: str, places: list[tuple[int, int]]) -> None:
    html = highlighted(text, [Mark(start, end, "!", "a") for start, end in places])
    from html import unescape

    assert unescape(re.sub(r"<i>!</i>|</?(?:span|mark)[^>]*>", "", html)) == text


def test_a_chart_shows_readings_thresholds_and_their_names() -> None:
    series = Series("수위 <1>", "m", [(0.0, 1.0), (600.0, 4.2)], [Threshold(3.5, "주의 수위 <b>", 2)])
    svg = ElementTree.fromstring(chart(series, "nothing"))
    texts = ["".join(each.itertext()) for each in svg.iter("text")]
    assert "주의 수위 <b>" in texts
    assert {"09:00", "09:10"} <= set(texts)
    assert len(svg.find("polyline").get("points").split()) == 2  # type: ignore[union-attr]


def test_a_chart_of_one_reading_or_of_none_is_drawn() -> None:
    assert "<svg" in chart(Series("t", "m", [(5.0, -3.0)]), "nothing yet")
    assert "nothing yet" in chart(Series("t", "m", []), "nothing yet")


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(-1e6, 1e6)), min_size=1, max_size=20))
def test_every_reading_lies_inside_its_chart(samples: list[tuple[float, float]]) -> None:
    svg = ElementTree.fromstring(chart(Series("t", "m", sorted(samples)), ""))
    for pair in svg.find("polyline").get("points").split():  # type: ignore[union-attr]
        x, y = map(float, pair.split(","))
        assert 0 <= x <= 460 and 0 <= y <= 190


def test_two_incidents_at_one_place_do_not_cover_each_other() -> None:
    points = [Point("a", 37.7, 128.9, "one", 3), Point("b", 37.7, 128.9, HOSTILE, 1, exact=False)]
    html = sketch(points, [((30, 120), (40, 120), (40, 130))], "none", "map")
    circles = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', html)
    assert len(set(circles)) == 2
    assert "<script" not in html and 'data-choose="a"' in html


def test_a_map_without_points_says_so() -> None:
    assert "no known place" in sketch([], [], "no known place", "map")


def test_points_on_both_sides_of_the_earth_fit_on_the_map() -> None:
    html = sketch([Point("a", -41.0, 174.0, "NZ"), Point("b", 61.0, -150.0, "AK")], [], "", "map")
    for x, y in re.findall(r'<circle cx="([-\d.]+)" cy="([-\d.]+)"', html):
        assert 0 <= float(x) <= 640 and 0 <= float(y) <= 400
