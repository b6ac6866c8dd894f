"""The page over HTTP: both languages, the report to keep, the callbacks; nothing names another host."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import pytest

from slm_core.bus import Store
from slm_core.domain import Domain
from slm_core.errors import CouldNot, UserError
from slm_core.event import Event
from slm_core.settings import load_settings
from slm_core.ui import Live, PageServer
from slm_core.ui.frame import footer
from slm_disaster import DOMAIN

pytest.importorskip("gradio", reason="the extra ui is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # Gradio's own, in its threads


class Page:
    """A page that is served, and its memory."""

    def __init__(self, live: Live, server: PageServer) -> None:
        self.live, self.url = live, server.url

    def get(self, path: str) -> str:
        with urlopen(self.url + path) as answer:
            return str(answer.read().decode())

    def tell(self, text: str) -> None:
        assert DOMAIN.handle is not None
        payload = {"text": text, "reporter": "시민-1"}
        event = Event(
            stream="report/in", kind="report", source="t", time="2026-11-22T05:00:00Z", payload=payload
        )
        with self.live.store.transaction() as memory:
            list(DOMAIN.handle(event, memory))
            memory.count("handled")

    def config(self) -> dict[str, Any]:
        found = re.search(r"window\.gradio_config = (\{.*?\});</script>", self.get("/ko/"), re.S)
        assert found
        return dict(json.loads(found[1]))

    def tick(self) -> str:
        """What a browser asks every two seconds, and all HTML that it gets."""
        config = self.config()
        timer = next(each["id"] for each in config["components"] if each["type"] == "timer")
        ticks = next(each for each in config["dependencies"] if [timer, "tick"] in each["targets"])
        data = [None if self._kind(config, each) != "state" else "" for each in ticks["inputs"]]
        body = json.dumps({"fn_index": ticks["id"], "data": data, "session_hash": "test"}).encode()
        request = Request(self.url + "/ko/gradio_api/run/predict", body, {"content-type": "application/json"})
        with urlopen(request) as answer:
            return "".join(each for each in json.load(answer)["data"] if isinstance(each, str))

    @staticmethod
    def _kind(config: dict[str, Any], number: int) -> str:
        return str(next(each["type"] for each in config["components"] if each["id"] == number))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    home = tmp_path_factory.mktemp("page")
    runtime = SimpleNamespace(failure=None, backlog=lambda: None, topic=str)
    with Store(home / "d.sqlite") as store:
        live = Live(DOMAIN, runtime, store, load_settings(home=str(home)), home, simulated=True)
        with PageServer(live, port=0) as server:
            yield Page(live, server)


def test_the_page_names_no_other_host(page: Page) -> None:
    for lang in ("ko", "en"):
        html = page.get(f"/{lang}/")
        hosts = {
            re.sub(r":\d+$", "", host) for host in re.findall(r"(?:https?:)?//([\w.-]+(?::\d+)?)[/\"']", html)
        }
        assert hosts <= {"127.0.0.1", "localhost"}
        styles = re.findall(r'href="\.?(/[^"]+\.css|[^"]+\.css)"', html)
        for name in styles:
            assert not re.search(r"url\([\"']?https?:|@import", page.get(f"/{lang}/{name.lstrip('/')}"))


def test_the_browser_is_told_to_load_from_here_alone(page: Page) -> None:
    with urlopen(page.url + "/ko/") as answer:
        policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "connect-src 'self'" in policy and "http" not in policy


def test_the_first_page_is_in_the_language_of_the_reader(page: Page) -> None:
    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    for asked, home in (("en-GB,en;q=0.9", "/en/"), ("ko-KR", "/ko/"), ("", "/ko/")):
        with pytest.raises(HTTPError) as answer:
            build_opener(Stay).open(Request(page.url + "/", headers={"accept-language": asked}))
        assert answer.value.headers["location"] == home
        answer.value.close()


def test_a_tick_brings_what_was_reported_since(page: Page) -> None:
    assert "아직 들어온 보고가 없습니다" in page.tick()
    page.tell("강릉시 노암동 침수 발생 <script>alert(1)</script>")
    shown = page.tick()
    assert "홍수" in shown and "처리한 메시지: 1" in shown
    assert "<script" not in shown


def test_the_situation_report_is_a_markdown_file_marked_as_simulated(page: Page) -> None:
    with urlopen(page.url + "/report/ko.md") as answer:
        text, headers = answer.read().decode(), answer.headers
    assert text.startswith("# ") and "모의 데이터" in text
    assert headers["content-type"].startswith("text/markdown")
    assert re.search(r'attachment; filename="disaster-\d{8}-\d{6}-ko\.md"', headers["content-disposition"])


def test_no_callback_is_offered_as_an_api(page: Page) -> None:
    assert not json.loads(page.get("/ko/gradio_api/info"))["named_endpoints"]


def test_a_taken_port_is_told_with_a_free_one(slm_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Store(slm_home / "d.sqlite") as store:
        port = taken.getsockname()[1]
        runtime = SimpleNamespace(failure=None, backlog=lambda: None, topic=str)
        with pytest.raises(UserError, match=rf"127.0.0.1:{port}.*\n.*--port \d+ is free"):
            PageServer(Live(DOMAIN, runtime, store, load_settings(), slm_home), port=port)


def test_a_domain_without_a_page_says_so(slm_home: Path) -> None:
    from dataclasses import replace

    bare: Domain = replace(DOMAIN, page=None)
    with Store(slm_home / "d.sqlite") as store, pytest.raises(UserError, match="has no page"):
        runtime = SimpleNamespace(failure=None, backlog=lambda: None, topic=str)
        PageServer(Live(bare, runtime, store, load_settings(), slm_home), port=0)


def test_the_page_ends_with_the_failure_of_the_runtime(slm_home: Path) -> None:
    runtime = SimpleNamespace(failure=None, backlog=lambda: None, topic=str)
    with Store(slm_home / "d.sqlite") as store:
        live = Live(DOMAIN, runtime, store, load_settings(), slm_home)
        with PageServer(live, port=0) as server:
            runtime.failure = CouldNot("the disk is full")
            with pytest.raises(CouldNot, match="disk is full"):
                server.wait()


def test_the_foot_tells_model_latency_and_backlog(slm_home: Path) -> None:
    from slm_core.schedule import Backlog

    line = Backlog(3, 1, 2, answered=7, merged=4, late=1, shed=0, seconds_each=0.512)
    with Store(slm_home / "d.sqlite") as store:
        runtime = SimpleNamespace(failure=None, backlog=lambda: line)
        shown = footer(Live(DOMAIN, runtime, store, load_settings(), slm_home), "ko")
    assert "0.51 s" in shown and "대기: 4 (긴급 2)" in shown and "합침 4" in shown and "규칙만" in shown


def test_the_foot_tells_why_messages_could_not_be_read_the_most_frequent_reason_first(slm_home: Path) -> None:
    runtime = SimpleNamespace(failure=None, backlog=lambda: None)
    with Store(slm_home / "d.sqlite") as store:
        live = Live(DOMAIN, runtime, store, load_settings(), slm_home)
        for reason, count in (("not-json", 3), ("time-without-zone", 4)):
            with store.transaction() as memory:
                memory.count("dead", count)
                memory.count(f"dead/{reason}", count)
        assert "읽지 못한 메시지: 7 (time-without-zone 4, not-json 3)" in footer(live, "ko")
        for reason in ("a", "b", "c", "d"):
            with store.transaction() as memory:
                memory.count(f"dead/{reason}")
        assert "could not be read: 11 (time-without-zone 4, not-json 3, a 1, b 1, c 1, ...)" in footer(
            live, "en"
        )
