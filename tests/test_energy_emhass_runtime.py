"""EMHASS's runtime parameters: what is taken, and what an error says."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core.errors import UserError
from slm_energy.emhass.runtime import Grid, read_runtime

GRID = Grid(datetime(2026, 12, 1, tzinfo=ZoneInfo("Asia/Seoul")), timedelta(minutes=30), 4)


def said(found: Any, loads: int = 0) -> str:
    with pytest.raises(UserError) as refused:
        read_runtime(found if isinstance(found, str) else json.dumps(found), GRID, loads)
    return str(refused.value)


def test_energy_function_07_forecasts_come_in_watts_and_prices_as_they_are() -> None:
    found = {
        "pv_power_forecast": [0, 500, 1500.5, 0], "load_power_forecast": [800, 900, 1000, 1100],
        "load_cost_forecast": [120.5, 120.5, 210, 210], "prod_price_forecast": [-5, 80, 80, 80],
        "soc_init": 0.4, "soc_final": 0.6, "current_period_peak": 7000,
    }  # fmt: skip
    runtime = read_runtime(json.dumps(found), GRID)
    assert runtime.pv_kw == (0.0, 0.5, 1.5005, 0.0) and runtime.load_kw == (0.8, 0.9, 1.0, 1.1)
    assert runtime.price == (120.5, 120.5, 210.0, 210.0) and runtime.sell_price == (-5.0, 80.0, 80.0, 80.0)
    assert (runtime.soc_init, runtime.soc_final, runtime.peak_kw) == (0.4, 0.6, 7.0)
    assert runtime.horizon == 4 and runtime.loads is None


def test_energy_function_07_an_unknown_key_is_an_error_with_the_nearest_known_one() -> None:
    told = said(
        {"load_cost_forecasts": [1, 2, 3, 4]}
    )  # EMHASS's discussion 1082: it was passed over in silence
    assert "unknown key 'load_cost_forecasts'" in told and "did you mean load_cost_forecast?" in told
    assert "did you mean prod_price_forecast?" in said({"production_price_forecast": []})


def test_energy_function_07_a_wrong_length_names_the_expected_one() -> None:
    assert "prod_price_forecast: 3 values" in said({"prod_price_forecast": [1, 2, 3]})
    assert "4 values, one for each step of 30 minutes" in said({"prod_price_forecast": [1, 2, 3]})
    told = said({"prediction_horizon": 48, "load_cost_forecast": [1] * 24})
    assert "24 values" in told and "expected: 48 values" in told
    assert read_runtime('{"prediction_horizon": 2, "load_cost_forecast": [1, 2]}', GRID).horizon == 2


def test_a_key_of_emhass_that_means_nothing_here_says_what_to_use() -> None:
    assert "use the tariff" in said({"capacity_charge_window": [1]})
    assert "EMHASS has it, it means nothing here" in said({"solcast_api_key": "x"})


def test_percent_is_not_taken_for_a_share() -> None:
    assert "give 0.4" in said({"soc_init": 40})
    assert "a number from 0 to 1" in said({"soc_init": -0.1}) and "from 0 to 1" in said({"soc_final": 400})


def test_times_and_values_hold_until_the_next_one() -> None:
    given = {
        "2026-11-30T22:00:00+09:00": 100, "2026-11-30T23:45:00+09:00": 110,
        "2026-11-30T15:30:00Z": 200, "2026-12-01T00:45:00+09:00": 220, "2026-12-01T01:40:00+09:00": 90,
    }  # fmt: skip
    runtime = read_runtime(json.dumps({"load_cost_forecast": given}), GRID)
    assert runtime.price == (110.0, 210.0, 210.0, 90.0)
    late = {"2026-12-01T00:30:00+09:00": 100}
    assert "the first steps have no value" in said({"load_cost_forecast": late})
    assert "no time with a zone" in said({"load_cost_forecast": {"2026-12-01T00:00:00": 1}})


def test_deferrable_loads_have_one_value_each() -> None:
    found = {
        "number_of_deferrable_loads": 2, "nominal_power_of_deferrable_loads": [3000, 750],
        "operating_hours_of_each_deferrable_load": [1.5, 0],
        "start_timesteps_of_each_deferrable_load": [0, 2],
        "end_timesteps_of_each_deferrable_load": [3, 0],
    }  # fmt: skip
    runtime = read_runtime(json.dumps(found), GRID)
    assert runtime.load_kw_each == (3.0, 0.75) and runtime.load_steps_each == (3, 0)
    assert runtime.load_from_each == (0, 2) and runtime.load_until_each == (3, 0)
    told = said({"nominal_power_of_deferrable_loads": [3000]}, loads=2)
    assert "1 values" in told and "a list of 2 values, one for each deferrable load" in told
    assert "1.2 h is no whole number of steps" in said({"operating_hours_of_each_deferrable_load": [1.2]}, 1)
    both = {
        "operating_hours_of_each_deferrable_load": [1], "operating_timesteps_of_each_deferrable_load": [2],
    }  # fmt: skip
    assert "hours are given too" in said(both, 1)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "cannot be parsed"),
        ("[1]", "is no object"),
        ('{"soc_init": NaN}', "NaN is no number"),
        ('{"soc_init": 1e999}', "does not fit"),
        ('{"soc_init": true}', "does not fit"),
        ('{"soc_init": "0.5"}', '"0.5" does not fit'),
        ('{"soc_init": null}', "null does not fit"),
        ('{"soc_init": 0.1, "soc_init": 0.9}', "stands there twice"),
        ('{"prediction_horizon": 2.5}', "a whole number"),
        ('{"prediction_horizon": 0}', "does not fit"),
        ('{"pv_power_forecast": [0, 0, 0, -1]}', "pv_power_forecast[3]: -1 does not fit"),
        ('{"pv_power_forecast": 7}', "no list"),
        ('{"soc_target_timestep": 2}', "there is no soc_target"),
        ('{"soc_target": 0.5, "soc_target_timestep": 4}', "from 0 to 3"),
        ("[" * 100_000, "cannot be parsed"),
    ],
)
def test_what_is_no_runtime_parameter_is_named(text: str, what: str) -> None:
    assert what in said(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["load_cost_forecast", "soc_init", "prediction_horizon", "soc_target", "number_of_deferrable_loads", "x"]
)


@given(st.dictionaries(KEYS, JSON, max_size=3))
def test_whatever_is_given_it_is_read_or_refused_with_a_reason(found: dict[str, Any]) -> None:
    try:
        runtime = read_runtime(json.dumps(found), GRID)
    except UserError as error:
        assert error.where and error.what
    else:
        assert runtime.price is None or len(runtime.price) == runtime.horizon
