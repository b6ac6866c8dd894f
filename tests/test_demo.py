"""`slm demo`: a real broker, the pipeline and the page, with the simulation playing through them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from slm_core import domain as domains
from slm_core.cli.main import main
from slm_disaster import DOMAIN


def test_once_plays_to_the_end_and_prints_situation_report_and_draft(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["demo", "--once", "--rules-only", "--lang", "en"]) == 0
    said = capsys.readouterr()
    assert "started at mqtt://127.0.0.1:" in said.err and "page:" not in said.err
    assert "Situation report, incidents: 4" in said.out and "(simulated)" in said.out
    assert "Draft alert (exercise, not approved)" in said.out and "[훈련]" in said.out
    assert "0 in the dead letter" in said.out


def test_the_draft_leaves_out_what_the_sources_disagree_on_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["demo", "--once", "--rules-only", "--lang", "en"]) == 0
    draft = capsys.readouterr().out.partition("Draft alert")[2]
    texts = [line for line in draft.splitlines() if line.startswith("  sms_") or "caption_" in line]
    assert len(texts) == 4 and not any("사망" in line or "dead" in line for line in texts)
    assert "dead is left out, the sources disagree: 2 (소방서), 7 (제보-301)" in draft
    assert "the evacuation was released by 상황실" in draft


def test_a_domain_without_a_simulation_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(domains, "find_domain", lambda _: replace(DOMAIN, simulate=None))
    assert main(["demo", "--once"]) == 2
    assert "has no simulation" in capsys.readouterr().err


def test_the_page_shows_the_stream_until_ctrl_c(slm_home: Path, tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="the extra ui is not installed")
    command = [sys.executable, "-m", "slm_core.cli.main", "demo", "--rules-only", "--port", "0"]
    log = tmp_path / "stderr"
    with log.open("w") as stderr:
        demo = subprocess.Popen(
            [*command, "--speed", "0"], stdout=subprocess.PIPE, stderr=stderr, env=os.environ, text=True
        )
        try:
            assert demo.stdout is not None
            for line in demo.stdout:  # the report, once the stream has ended
                if "in the dead letter" in line:
                    break
            url = re.search(r"page: (http://127\.0\.0\.1:\d+)", log.read_text())
            assert url, log.read_text()
            with urlopen(f"{url[1]}/report/ko.md") as answer:
                assert "강릉시" in answer.read().decode()
            demo.send_signal(signal.SIGINT)
            assert demo.wait(30) == 0
        finally:
            demo.kill()
            demo.communicate()
    assert "the stream has ended; the page stays until Ctrl-C" in log.read_text()
