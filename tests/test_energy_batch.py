"""`slm batch energy`: a site and meter files in, a plan with what it costs out; what is wrong is named."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from slm_core.cli.main import main
from slm_core.domain import BatchOptions
from slm_core.errors import UserError
from slm_core.settings import load_settings
from slm_energy.daily.batch import batch

SITE = """\
name = "본관"
tariff = "general-b-hv-a-2"
contract_kw = 100
step_minutes = 60
[battery]
capacity_kwh = 60
charge_kw = 20
discharge_kw = 20
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    rows = [
        f"2026-07-{day:02} {hour:02}:00,{20 + (30 if 8 <= hour < 19 else 0)}"
        for day in range(1, 15)
        for hour in range(24)
    ]
    (tmp_path / "meter.csv").write_text("일시,사용량(kWh)\n" + "\n".join(rows) + "\n", encoding="cp949")
    return tmp_path


def planned(*paths: Path) -> Any:
    return batch(paths, BatchOptions(("ko", "en"), load_settings()))


def test_energy_function_01_a_meter_file_becomes_a_plan_with_cost_and_peak_before_and_after_it(
    files: Path,
) -> None:
    done = planned(files / "site.toml", files / "meter.csv")
    assert done.fault == "" and done.summary["status"] == "optimal"
    assert done.summary["cost_after"] < done.summary["cost_before"]
    rows = list(csv.DictReader(io.StringIO(done.files["plan.csv"].decode("utf-8-sig"))))
    assert len(rows) == 48 and {"start", "load_kw", "buy_kw", "soc_kwh"} <= set(rows[0])
    for row in rows:
        kw = {name: float(value) for name, value in row.items() if name != "start"}
        used = kw["load_kw"] + kw["charge_kw"] - kw["discharge_kw"] - kw["pv_kw"]
        assert kw["buy_kw"] - kw["sell_kw"] == pytest.approx(used, abs=2e-3)
    ko, en = (done.files[f"report.{lang}.md"].decode() for lang in ("ko", "en"))
    assert "본관" in ko and "하루 비용(기본요금 제외)" in ko and "without planning" in en
    assert done.files["report.ko.pdf"].startswith(b"%PDF")


def test_a_file_that_is_none_does_not_keep_the_others_from_being_read(files: Path) -> None:
    (files / "empty.csv").write_text("")
    done = planned(files / "site.toml", files / "meter.csv", files / "empty.csv")
    assert done.fault == "" and any("empty.csv" in each.where for each in done.rejected)
    with pytest.raises(UserError, match="no meter file could be read"):
        planned(files / "site.toml", files / "empty.csv")


def test_the_same_load_twice_is_said_to_be_added_up(files: Path) -> None:
    (files / "again.csv").write_bytes((files / "meter.csv").read_bytes())
    done = planned(files / "site.toml", files / "meter.csv", files / "again.csv")
    assert any("파일 2개를 더함" in line for line in done.lines)


def test_without_a_plan_the_report_is_written_and_the_exit_code_is_1(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "site.toml").write_text(SITE.replace("general-b-hv-a-2", "general-b-hv-a2"), encoding="utf-8")
    monkeypatch.setenv("SLM_HOME", str(files / "home"))
    out = files / "out"
    assert (
        main(
            ["batch", "energy", str(files / "site.toml"), str(files / "meter.csv"), str(out), "--rules-only"]
        )
        == 1
    )
    assert "did you mean general-b-hv-a-2" in (out / "report.en.md").read_text(encoding="utf-8")
    assert "no plan was made" in capsys.readouterr().err


def test_a_site_and_a_meter_file_are_needed(files: Path) -> None:
    with pytest.raises(UserError, match="one site is needed"):
        planned(files / "meter.csv")
    with pytest.raises(UserError, match="no meter file is given"):
        planned(files / "site.toml")
    with pytest.raises(UserError, match="no site and no meter file"):
        planned(files / "x.xlsx")
