"""Events of the grid operator at work: decided with a reason, felt by the plan, ended when cancelled."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_energy_pipeline import SITE, START, event, known_site, of, told

from slm_core.errors import UserError
from slm_core.event import Scratch
from slm_core.settings import load_settings
from slm_energy.ems.book import Book
from slm_energy.openadr.clients import chores, site_limits
from slm_energy.openadr.deciding import decide
from slm_energy.openadr.signal import GridEvent, build, signal


def grid_event(kind: Any, value: float, unit: str, **more: Any) -> GridEvent:
    spans = [(START + timedelta(hours=10), START + timedelta(hours=12), value)]
    return build(
        "e1", modification=more.pop("modification", 0), program="p", name="저녁 피크", received=START,
        source="openadr3", signals=(signal(kind, kind.upper(), unit, spans),), **more,
    )  # fmt: skip


def bring(memory: Scratch, asked: GridEvent) -> Any:
    decision = decide(asked, site_limits(Book(memory), START), START)
    payload = {"event": asked.model_dump_json(), "decision": vars(decision)}
    made = told(memory, event("openadr/in", payload, id=asked.key))
    return decision, of(made, "openadr/taken")[0], of(made, "plan/current")


def test_energy_function_07_an_accepted_price_changes_the_plan_and_a_cancelled_one_gives_it_back() -> None:
    memory = known_site()
    (before,) = of(told(memory, event("clock/tick", {})), "plan/current")
    decision, taken, (plan,) = bring(memory, grid_event("price", 2.0, "USD/kWh"))
    assert decision.accept and taken.payload["accept"] and taken.payload["name"] == "저녁 피크"
    assert sum(plan.payload["flows"]["buy"][10:12]) < sum(before.payload["flows"]["buy"][10:12])
    _, _, (plan,) = bring(memory, grid_event("price", 2.0, "USD/kWh", modification=1, status="cancelled"))
    assert plan.payload["cost_after"] == pytest.approx(before.payload["cost_after"], rel=1e-3)


def test_an_accepted_limit_is_kept_in_its_hours() -> None:
    memory = known_site()
    told(memory, event("clock/tick", {}))
    decision, _, (plan,) = bring(memory, grid_event("import_limit", 3.0, "kW"))
    assert decision.accept
    assert max(plan.payload["flows"]["buy"][10:12]) <= 3.0 + 1e-6


def test_a_limit_that_the_site_cannot_bear_is_declined_with_the_reason_and_changes_nothing() -> None:
    memory = known_site()
    told(memory, event("clock/tick", {}))
    del memory._values["plan/current"]  # without a plan nobody knows what will be drawn
    decision, taken, plans = bring(memory, grid_event("import_limit", 0.5, "kW"))
    assert not decision.accept and taken.payload["ko"] and taken.payload["en"] and plans == []


def test_a_table_with_an_unknown_key_is_refused_and_a_recording_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Live:
        recorded = False
        folder = tmp_path

    monkeypatch.chdir(tmp_path)
    for text, told_ in (
        ('[energy.openadr4]\nurl = "http://127.0.0.1"\n', "did you mean openadr3"),
        ('[energy.openadr3]\nurl = "http://127.0.0.1"\nvenname = "x"\n', "did you mean ven_name"),
        ('[energy.openadr3]\nurl = "http://127.0.0.1"\n', "ven_name is missing"),
    ):
        (tmp_path / "slm.toml").write_text(text)
        live: Any = Live()
        live.settings = load_settings()
        with pytest.raises(UserError, match=told_):
            chores(live)
        live.recorded = True
        assert chores(live) == []
    assert SITE["tariff"] == "given"


def test_a_client_of_the_grid_operator_waits_for_a_plan_to_judge_by_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from slm_energy.openadr import clients

    class Client:
        started = 0

        def start(self) -> None:
            self.started += 1

    planned, client = [False], Client()
    keeper = clients._Keeper(client, lambda: planned[0])
    keeper()
    assert client.started == 0, "every request for power would be declined for good"
    planned[0] = True
    keeper()
    planned[0] = False
    keeper()
    assert client.started == 2, "it is kept going, whatever becomes of the plan"
    monkeypatch.setattr(clients, "PATIENCE", timedelta(0))
    late = Client()
    clients._Keeper(late, lambda: False)()
    assert late.started == 1, "a site whose prices come from the operator has no plan before it asks"
