"""The energy page in a real browser that can reach nothing but the page itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import CHROMIUM, browse, page, text_of
from energy_page import DEVICES, at_work, live_of, put

from slm_core.bus import Store
from slm_core.ui import PageServer

pytest.importorskip("gradio", reason="the extra ui is not installed")
pytest.importorskip("cvxpy", reason="the extra energy is not installed")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on PATH"),
    pytest.mark.filterwarnings("ignore"),  # Gradio's own, in its threads
]
HOSTILE = "정전 <img src=x onerror=\"document.title='taken'\"> ${document.title='taken'} {{value}}"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page of the small site, with one hostile fault of a meter."""
    home = tmp_path_factory.mktemp("browser")
    with Store(home / "energy.sqlite") as store:
        live = live_of(store, home, [], recorded=True)
        put(live, at_work)
        fault = {"time": "2026-07-15T00:00:00+00:00", "meter": "<b>load</b>", "code": "x", "severity": 1}
        put(live, lambda book: book.keep("findings", [{**fault, "ko": HOSTILE, "en": HOSTILE}]))
        put(live, lambda book: book.keep("home", DEVICES))
        with PageServer(live, port=0) as server:
            yield server.url


def test_the_plan_is_there_in_korean_with_the_network_cut(url: str, tmp_path: Path) -> None:
    dom = page(f"{url}/ko/", tmp_path, "계획을 세웠습니다")
    seen = text_of(dom)
    assert "작은 공장" in seen and "계획을 세웠습니다" in seen and "계획 없이" in seen
    assert dom.count('<svg class="slm-chart"') >= 3 and "전기차" in seen and "다시 풀기" in seen
    assert "규칙만 (모델 없음)" in seen
    assert not re.findall(r'(?:src|href)="(?:https?:)?//(?!127\.0\.0\.1)', dom)


@pytest.mark.parametrize(
    ("tab", "expected"),
    [
        ("why", "How much does the plan save?"),
        ("bill", "In force 2026-06-01 to 2026-12-31"),
        ("orders", "Devices that take orders"),
        ("grid", "never actuates or sets anything"),
        ("data", "The last 24 hours"),
        ("ask", "Ask, and sentences of the documents answer"),
    ],
)
def test_each_tab_has_an_address_of_its_own(url: str, tmp_path: Path, tab: str, expected: str) -> None:
    assert expected in text_of(page(f"{url}/en/?tab={tab}", tmp_path, expected))


def test_a_hostile_fault_is_shown_as_it_was_written_and_runs_nothing(url: str, tmp_path: Path) -> None:
    dom = page(f"{url}/ko/?tab=data", tmp_path, HOSTILE)
    assert "<title>에너지 관리</title>" in dom and "<img src=" not in dom
    assert HOSTILE in text_of(dom) and "<b>load</b>" in text_of(dom)


def test_a_picture_is_taken_as_wide_as_a_phone(url: str, tmp_path: Path) -> None:
    from PIL import Image

    picture = tmp_path / "page.png"
    browse(f"{url}/ko/", tmp_path / "profile", "--window-size=390,2400", f"--screenshot={picture}")
    with Image.open(picture) as image:
        assert image.size == (390, 2400)
        colours = image.convert("RGB").getcolors(maxcolors=1 << 20) or []
    assert len(colours) > 200, "an empty page has few colours"
