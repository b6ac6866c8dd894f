"""The disaster page in a real browser that can reach nothing but the page itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from browsing import CHROMIUM, browse, page, text_of

from slm_core.bus import Store
from slm_core.event import Event
from slm_core.settings import load_settings
from slm_core.ui import Live, PageServer
from slm_disaster import DOMAIN

pytest.importorskip("gradio", reason="the extra ui is not installed")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on PATH"),
    pytest.mark.filterwarnings("ignore"),  # Gradio's own, in its threads
]
HOSTILE = (
    "강릉시 교동 화재 <img src=x onerror=\"document.title='taken'\"> ${document.title='taken'} {{value}}"
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page after the simulated stream and one hostile report."""
    home = tmp_path_factory.mktemp("browser")
    assert DOMAIN.simulate is not None and DOMAIN.handle is not None
    stream = list(DOMAIN.simulate(0))
    payload = {"text": HOSTILE, "reporter": "<b>someone</b>"}
    report = Event(
        stream="report/in", kind="report", source="t", time=stream[-1].time, payload=payload, simulated=True
    )
    with Store(home / "d.sqlite") as store:
        for event in [*stream, report]:
            with store.transaction() as memory:
                list(DOMAIN.handle(event, memory))
                memory.count("handled")
        runtime = SimpleNamespace(failure=None, backlog=lambda: None, topic=str)
        live = Live(DOMAIN, runtime, store, load_settings(home=str(home)), home, simulated=True)
        with PageServer(live, port=0) as server:
            yield server.url


def test_the_korean_page_works_with_the_network_cut(url: str, tmp_path: Path) -> None:
    dom = page(f"{url}/ko/", tmp_path, "7명 사망")
    seen = text_of(dom)
    assert "모의 데이터: 실제 상황이 아닙니다" in seen
    assert "엇갈림: 사망" in seen and "사망 2명" in seen and "7명 사망" in seen
    assert len(re.findall(r'class="slm-card ', dom)) >= 4
    assert '<mark class="slm-mark' in dom and '<svg class="slm-map"' in dom
    assert "규칙만 (모델 없음)" in seen


def test_the_sensors_have_an_address_of_their_own(url: str, tmp_path: Path) -> None:
    dom = page(f"{url}/en/?tab=sensors", tmp_path, "fault: stuck")
    assert dom.count('<svg class="slm-chart"') >= 3
    assert "water level namdae-1" in text_of(dom) and "fault: stuck" in text_of(dom)


def test_a_hostile_report_is_shown_as_it_was_written_and_runs_nothing(url: str, tmp_path: Path) -> None:
    first = page(f"{url}/ko/", tmp_path, "화재")
    chosen = re.findall(r'data-choose="(\w+)"[^>]*><h3>화재[^<]*교동', first)
    dom = page(f"{url}/ko/?chosen={chosen[0]}", tmp_path, "{{value}}")
    assert "<title>재난안전</title>" in dom
    assert "<img src=" not in dom
    seen = text_of(re.sub(r"<i>[^<]*</i>", "", dom))
    assert HOSTILE in seen and "<b>someone</b>" in seen


@pytest.mark.parametrize(("lang", "size"), [("ko", (1300, 1000)), ("ko", (390, 844)), ("en", (390, 844))])
def test_a_picture_of_the_page_is_taken(url: str, tmp_path: Path, lang: str, size: tuple[int, int]) -> None:
    from PIL import Image

    picture = tmp_path / "page.png"
    browse(
        f"{url}/{lang}/",
        tmp_path / "profile",
        f"--window-size={size[0]},{size[1]}",
        f"--screenshot={picture}",
    )
    with Image.open(picture) as image:
        assert image.size == size
        colours = image.convert("RGB").getcolors(maxcolors=1 << 20) or []
    assert len(colours) > 200, "an empty page has few colours"
    mark = (124, 58, 237)  # of simulated data
    assert sum(count for count, colour in colours if colour == mark) > 1000
