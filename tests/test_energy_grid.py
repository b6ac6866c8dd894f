"""The grid: networks by name and file, power flow, limits, outages and readings, all of them real."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("pandapower", reason="the extra energy is not installed")

from slm_core.errors import UserError
from slm_energy.grid.convergence import hints
from slm_energy.grid.flow import Flow, solve
from slm_energy.grid.limits import Limits, violations
from slm_energy.grid.measurements import with_measurements
from slm_energy.grid.network import Network, at_load, load_network, networks, without
from slm_energy.grid.outages import outages

RING = "simple_mv_open_ring_net"
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session")
def ring() -> Network:
    return load_network(RING)


@pytest.fixture(scope="session")
def ring_flow(ring: Network) -> Flow:
    return solve(ring)


def written(network: Network) -> dict[str, Any]:
    """What pandapower writes of a network."""
    import pandapower

    document: dict[str, Any] = json.loads(pandapower.to_json(network.net))
    return document


@pytest.fixture(scope="session")
def ring_text(ring: Network) -> str:
    return json.dumps(written(ring))


def same(one: Network, other: Network) -> bool:
    """Whether two networks are equal to the last cell, results included."""
    import pandas as pd

    if one.net.keys() != other.net.keys():
        return False
    pairs = ((one.net[key], other.net[key]) for key in one.net)
    return all(a.equals(b) if isinstance(a, pd.DataFrame) else repr(a) == repr(b) for a, b in pairs)


def test_energy_function_10_a_planted_overload_is_found_with_its_line_value_and_limit(ring: Network) -> None:
    net = ring.copy()
    net.line.loc[0, "max_i_ka"] = 0.02  # a thin cable at the head of the feeder
    thin = Network("thin", "가는 선", "thin", net)
    found = violations(solve(thin), thin)
    assert [(each.element.kind, each.element.id, each.quantity) for each in found] == [("line", 0, "loading")]
    assert found[0].value > 100 and found[0].limit == 100 and found[0].unit == "%"
    assert found[0].severity == 3


def test_a_planted_low_and_high_voltage_are_told_apart_with_the_rule_they_break(ring: Network) -> None:
    low = at_load(ring, 6)
    found = violations(solve(low), low)
    assert {each.basis for each in found if each.unit == "pu"} == {"plan"}
    assert all(each.value < each.limit == 0.95 for each in found if each.quantity == "low_voltage")
    assert any(each.quantity == "low_voltage" for each in found)
    net = ring.copy()
    net.ext_grid["vm_pu"] = 1.08
    high = Network("high", "높음", "high", net)
    found = violations(solve(high), high)
    assert {each.quantity for each in found} == {"high_voltage"}
    legal = violations(solve(high), high, Limits.of("en50160"))
    assert [each.element.name for each in legal] == ["110 kV bar"]  # that band ends at medium voltage


def test_the_limits_that_a_network_carries_come_before_the_planning_band() -> None:
    case = load_network("case14")
    found = violations(solve(case), case)
    assert {(each.limit, each.basis) for each in found} == {(1.06, "own")}
    other = violations(solve(case), case, Limits.of("en50160"))
    assert {each.basis for each in other} <= {"plan", "en50160"}


def test_a_rating_that_says_no_limit_is_counted_and_not_judged() -> None:
    flow = solve(load_network("case14"))
    assert sum(not branch.rated for branch in flow.branches) == 20
    assert all(branch.loading_percent is None for branch in flow.branches)


def test_the_flow_balances_and_agrees_with_pandapower(ring: Network, ring_flow: Flow) -> None:
    import pandapower

    net = ring.copy()
    pandapower.runpp(net, numba=False)
    fed = sum(source.p_mw for source in ring_flow.sources)
    assert fed == pytest.approx(ring_flow.load_mw + ring_flow.losses_mw, abs=1e-6)
    assert ring_flow.losses_mw == pytest.approx(net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum())
    assert [bus.vm_pu for bus in ring_flow.buses] == pytest.approx(net.res_bus.vm_pu.tolist())
    assert [source.element.kind for source in ring_flow.slack] == ["ext_grid"]


@pytest.mark.parametrize("name", ["case9", "case30", "create_cigre_network_mv", "create_cigre_network_lv"])
def test_every_listed_name_loads_with_the_number_of_buses_it_says(name: str) -> None:
    assert len(load_network(name).net.bus) == networks()[name].buses


def test_an_unknown_name_is_refused_with_the_nearest_and_no_text_picks_a_function() -> None:
    with pytest.raises(UserError, match="case30"):
        load_network("case03")
    for name in ("__init__", "sorted_from_json", "create_dickert_lv_feeders", "pandapower", "os"):
        with pytest.raises(UserError, match="no network is called"):
            load_network(name)


@pytest.mark.parametrize("scale", [-0.1, 11, math.nan, math.inf])
def test_a_load_scale_out_of_range_is_refused(ring: Network, scale: float) -> None:
    with pytest.raises(UserError, match="load scale"):
        at_load(ring, scale)


def test_a_network_without_solution_says_up_to_which_load_it_has_one(ring: Network) -> None:
    heavy = at_load(load_network("case30"), 5)
    flow = solve(heavy)
    assert not flow.converged and not violations(flow, heavy)
    (hint,) = hints(heavy, flow)
    assert hint.kind == "solves_at" and hint.value is not None and 0.7 < hint.value < 0.75
    assert solve(at_load(load_network("case30"), 5 * hint.value)).converged
    assert not hints(ring, solve(ring))


def test_a_network_without_source_says_so(ring: Network) -> None:
    net = ring.copy()
    net.ext_grid["in_service"] = False
    dark = Network("dark", "정전", "dark", net)
    flow = solve(dark)
    assert not flow.converged
    assert [hint.kind for hint in hints(dark, flow)] == ["no_source"]


def test_buses_that_nothing_feeds_are_named_with_the_load_they_lose(ring: Network) -> None:
    cut = without(ring, "line", 0)
    flow = solve(cut)
    assert flow.converged
    lost = {each.id for each in flow.isolated}
    supply = [each for each in violations(flow, cut) if each.quantity == "supply"]
    assert lost and {each.element.id for each in supply} <= lost
    assert sum(each.value for each in supply) == pytest.approx(flow.lost_mw) and flow.lost_mw > 0
    with pytest.raises(UserError, match="no line 99"):
        without(ring, "line", 99)


def test_energy_function_10_every_outage_is_tried_and_the_gravest_comes_first(ring: Network) -> None:
    flow = solve(ring)
    seen: list[tuple[int, int]] = []
    found = outages(ring, flow, Limits.of(), progress=lambda done, of: seen.append((done, of)))
    on = sum(branch.on for branch in flow.branches)
    assert len(found.tried) == on and seen[-1] == (on, on) and not found.left_out
    assert found.tried[0].element.kind == "trafo"  # everything hangs from it
    assert found.tried[0].lost_mw == pytest.approx(flow.load_mw)
    for each in found.tried[:3]:  # each is what a power flow of its own says
        assert solve(without(ring, each.element.kind, each.element.id)).lost_mw == pytest.approx(each.lost_mw)


def test_outages_are_bounded_counted_and_can_be_stopped(ring: Network) -> None:
    flow = solve(ring)
    some = outages(ring, flow, Limits.of(), most=2)
    assert len(some.tried) == 2 and some.left_out == sum(branch.on for branch in flow.branches) - 2
    none = outages(ring, flow, Limits.of(), stop=lambda: True)
    assert none.stopped and not none.tried


def test_an_outage_counts_what_it_makes_worse_not_what_was_broken_before() -> None:
    case = load_network("case30")
    found = outages(case, solve(case), Limits.of(), most=8)
    before = violations(solve(case), case)[0]
    for each in found.tried:
        again = [one for one in each.violations if one.key == before.key]
        assert all(one.value > before.value for one in again)
    worst = next(each.worst for each in found.tried if each.element.id == 9)
    assert worst is not None and worst.element.id != 9


def test_a_reading_of_a_load_and_of_a_bus_stand_in_the_copy_and_not_in_the_network(ring: Network) -> None:
    before = ring.net.load.copy()
    bus = int(ring.net.load.bus.iloc[0])
    measured = with_measurements(ring, {bus: (2.5, 0.5), f"load {ring.net.load.index[1]}": (0.25, -0.1)})
    assert measured.readings == 2
    assert measured.net.load.p_mw.iloc[:2].tolist() == pytest.approx([2.5, 0.25])
    assert measured.net.load.q_mvar.iloc[:2].tolist() == pytest.approx([0.5, -0.1])
    assert ring.net.load.equals(before)


def test_a_bus_reading_is_net_of_the_panels_behind_it() -> None:
    case = load_network("create_cigre_network_mv_pv_wind")
    panel = case.net.sgen[case.net.sgen.bus == 3].p_mw.sum()
    measured = with_measurements(case, {3: (0.4, 0.1)})
    drawn = measured.net.load[measured.net.load.bus == 3].p_mw.sum()
    assert drawn - panel == pytest.approx(0.4)
    feeding = with_measurements(case, {3: (-1.0, 0.0)})
    assert solve(feeding).load_mw == pytest.approx(solve(case).load_mw + (-1.0 - (0.5017 - panel)), abs=1e-3)


def test_unknown_ambiguous_and_impossible_readings_are_all_named_with_the_nearest(ring: Network) -> None:
    case = load_network("create_cigre_network_mv")
    bad: dict[int | str, Any] = {
        99: (1, 1),
        "Load R9": (1, 1),
        "bus 0": (1, 1),
        "load 1": (math.nan, 1),
        "load 2": 3,
    }
    with pytest.raises(UserError) as error:
        with_measurements(case, bad)
    for word in ("no bus 99", "nearest", "external grid", "finite", "not two numbers", "5 of 5"):
        assert word in str(error.value)
    bus = int(case.net.load.bus.iloc[3])
    with pytest.raises(UserError, match="already"):
        with_measurements(case, {f"load {case.net.load.index[3]}": (1, 0), bus: (1, 0)})


KEYS = st.one_of(
    st.integers(-5, 20), st.text(max_size=12), st.sampled_from(["bus 3", "load 0", "load ٣", "Bus 2"])
)
NUMBERS = st.one_of(st.floats(), st.integers(-(10**9), 10**9))


@FEW
@given(st.dictionaries(KEYS, st.tuples(NUMBERS, NUMBERS), max_size=4))
def test_any_readings_are_put_in_or_refused_and_the_network_stays_as_it_was(
    ring: Network, readings: dict[int | str, tuple[float, float]]
) -> None:
    before = ring.net.load.copy()
    try:
        measured = with_measurements(ring, readings)
    except UserError as error:
        assert "readings cannot be put" in str(error)
    else:
        assert len(measured.net.load) >= len(before)
        assert all(math.isfinite(value) for value in measured.net.load.p_mw)
    assert ring.net.load.equals(before)


@pytest.mark.parametrize("name", [RING, "create_cigre_network_mv_pv_wind", "case14", "example_multivoltage"])
def test_a_file_that_pandapower_wrote_gives_the_same_flow(name: str, tmp_path: Path) -> None:
    network = load_network(name)
    (tmp_path / "net.json").write_text(json.dumps(written(network)), encoding="utf-8")
    read = load_network(tmp_path / "net.json")
    assert [bus.vm_pu for bus in solve(read).buses] == pytest.approx(
        [bus.vm_pu for bus in solve(network).buses]
    )


def evil(kind: str) -> dict[str, Any]:
    """Objects that pandapower's own reader would build by importing what they name."""
    return {
        "function": {"_module": "os", "_class": "function", "_object": "getcwd"},
        "class": {"_module": "pandapower.control", "_class": "ConstControl", "_object": "{}"},
        "import": {"_module": "antigravity", "_class": "Anything", "_object": "{}"},
        "enum": {"_module": "pandapower.evil", "_class": "Enum", "_object": "1"},
    }[kind]


@pytest.mark.parametrize("kind", ["function", "class", "import", "enum"])
@pytest.mark.parametrize("where", ["table", "cell", "text in a cell", "value", "escaped"])
def test_a_file_that_names_code_is_refused_before_anything_is_imported(
    ring_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, where: str
) -> None:
    document = json.loads(ring_text)
    body, thing = document["_object"], evil(kind)
    cells = json.loads(body["bus"]["_object"])
    if where == "table":
        body["controller"] = thing
    elif where == "value":
        body["user_pf_options"] = {"init": [thing]}
    else:
        text = json.dumps(thing)
        text = (
            text.replace("_module", "\\u005fmodule").replace("_class", "\\u005fclass")
            if where == "escaped"
            else text
        )
        cells["data"][0][0] = thing if where == "cell" else text
        body["bus"]["_object"] = json.dumps(cells)
    (tmp_path / "net.json").write_text(json.dumps(document), encoding="utf-8")
    import importlib

    def refuse(name: str, *_: object) -> None:
        raise AssertionError(f"the file made it import {name}")

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(UserError, match=r"class|plain"):
        load_network(tmp_path / "net.json")


def test_a_table_that_points_to_another_file_is_refused(ring_text: str, tmp_path: Path) -> None:
    document = json.loads(ring_text)
    (tmp_path / "other.json").write_text(
        '{"columns":["name"],"index":[0],"data":[["secret"]]}', encoding="utf-8"
    )
    document["_object"]["bus"]["_object"] = str(tmp_path / "other.json")
    (tmp_path / "net.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UserError, match="not JSON"):
        load_network(tmp_path / "net.json")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", r"net\.json:1"),
        ("[1, 2]", "not a pandapower network"),
        ('{"bus": {}}', "not a pandapower network"),
        ('{"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": {}}', "plain tables"),
        ("[" * 100_000, "nested|not JSON"),
        ("\ufeff{}", "not JSON"),
    ],
)
def test_an_odd_file_is_refused_in_one_line(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=says):
        load_network(tmp_path / "net.json")


def test_missing_binary_and_huge_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="No such file"):
        load_network(tmp_path / "none.json")
    (tmp_path / "net.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="UTF-8"):
        load_network(tmp_path / "net.json")
    monkeypatch.setattr("slm_energy.grid.file.MOST_BYTES", 2)
    with pytest.raises(UserError, match="too large"):
        load_network(tmp_path / "net.json")


@pytest.mark.parametrize(
    ("kind", "column", "value", "says"),
    [
        ("line", "from_bus", 77, "no bus 77"),
        ("bus", "vn_kv", "high", "no number"),
        ("line", "length_km", None, "no number"),
    ],
)
def test_a_line_to_nowhere_and_a_missing_number_are_named(
    ring_text: str, tmp_path: Path, kind: str, column: str, value: object, says: str
) -> None:
    document = json.loads(ring_text)
    cells = json.loads(document["_object"][kind]["_object"])
    cells["data"][0][cells["columns"].index(column)] = value
    document["_object"][kind]["_object"] = json.dumps(cells)
    document["_object"][kind]["dtype"].pop(column)
    (tmp_path / "net.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UserError, match=says):
        load_network(tmp_path / "net.json")


def test_no_calculation_touches_the_network(ring: Network) -> None:
    kept = Network("kept", "", "", ring.copy())
    flow = solve(ring)
    outages(ring, flow, Limits.of())
    with_measurements(ring, {"load 0": (1.0, 0.0)})
    hints(ring, flow)
    assert same(ring, kept)
