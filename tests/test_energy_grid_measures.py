"""Measures against what is broken, the operator's note, the drawing: each claim held against a power flow."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

pytest.importorskip("pandapower", reason="the extra energy is not installed")

from slm_energy.grid.drawing import look, svg
from slm_energy.grid.flow import solve
from slm_energy.grid.limits import Limits, violations
from slm_energy.grid.markdown import markdown
from slm_energy.grid.measure import KINDS, Option, Step, apply, verified
from slm_energy.grid.network import Element, Lang, Network, at_load, load_network, without
from slm_energy.grid.note import Note, note
from slm_energy.grid.options import Options, options
from slm_energy.grid.report import GridReport, as_json, grid_report, in_language

RING = "simple_mv_open_ring_net"
LANGS: tuple[Lang, ...] = ("ko", "en")


@pytest.fixture(scope="session")
def ring() -> Network:
    return at_load(load_network(RING), 4)


@pytest.fixture(scope="session")
def ring_report() -> GridReport:
    return grid_report(RING, 4.0)


@pytest.fixture(scope="session")
def mesh_report() -> GridReport:
    return grid_report("case30", outages=False, most_options=8)


@pytest.fixture(scope="session")
def reports(ring_report: GridReport, mesh_report: GridReport) -> dict[str, GridReport]:
    return {
        "ring": ring_report,
        "mesh": mesh_report,
        "tap": grid_report("kb_extrem_landnetz_kabel", outages=False),
        "fine": grid_report("case9", outages=False),
        "unsolved": grid_report("case30", 5.0),
        "dark": grid_report(
            without(load_network("create_cigre_network_mv_pv_wind"), "line", 0), outages=False
        ),
    }


def found(network: Network, **bounds: Any) -> Options:
    flow = solve(network)
    return options(network, flow, violations(flow, network), Limits.of(), **bounds)


def cells(network: Network) -> dict[str, Any]:
    return {key: value.copy() for key, value in network.net.items() if hasattr(value, "columns")}


def test_energy_function_10_a_feeder_with_an_open_ring_switch_gets_its_closing_first(ring: Network) -> None:
    (best, *_) = found(ring).ranked
    assert [(step.action, step.element.kind, step.at) for step in best.steps] == [
        ("close", "switch", Element("line", 3, "line 3"))
    ]
    assert best.clears_all and best.before and best.operations == 1
    assert best.meshes  # and the note warns of it


def test_energy_function_10_every_option_claims_what_a_fresh_power_flow_says(
    reports: dict[str, GridReport],
) -> None:
    import pandapower

    checked = 0
    for report in reports.values():
        for option in (*report.options.ranked, *report.options.rejected):
            net = report.network.copy()
            apply(net, option.steps)
            pandapower.runpp(net, numba=False, max_iteration=25)
            losses = sum(float(net[f"res_{kind}"].pl_mw.sum()) for kind in ("line", "trafo"))
            assert option.flow.losses_mw == pytest.approx(losses, rel=1e-5)
            changed = Network("changed", "", "", net)
            again = violations(solve(changed), changed, report.limits)
            assert [each.key for each in option.after] == [each.key for each in again]
            assert [each.value for each in option.after] == pytest.approx(
                [each.value for each in again], rel=1e-5
            )
            checked += 1
    assert checked > 10


def test_energy_function_10_nothing_actuates(ring: Network, ring_report: GridReport) -> None:
    before = cells(ring)
    grid_report(ring)
    verified(ring, ring_report.options.ranked[0].steps, (), ring_report.flow, Limits.of())
    svg(ring_report)
    after = cells(ring)
    assert before.keys() == after.keys()
    assert all(before[key].equals(after[key]) for key in before)
    assert as_json(ring_report)["actuates"] is False


def test_an_option_that_breaks_something_else_is_shown_as_rejected_with_what_it_breaks(ring: Network) -> None:
    rejected = found(ring).rejected
    assert rejected and all(each.rejected in ("new", "worse", "no_solution") for each in rejected)
    assert all(each.new for each in rejected if each.rejected == "new")


def test_order_of_use_rings_stay_open_and_load_comes_last(reports: dict[str, GridReport]) -> None:
    tap = reports["tap"].options
    assert tap.ranked[-1].kind == "load" and tap.ranked[-1].clears_all
    assert tap.ranked[0].kind == "tap" and not tap.ranked[0].clears_all
    for report in reports.values():
        whole = [option for option in report.options.ranked if option.clears_all and option.kind != "load"]
        order = [(option.meshes, KINDS.index(option.kind)) for option in whole]
        assert order == sorted(order)


def test_load_is_left_alone_where_something_else_clears_all(mesh_report: GridReport) -> None:
    kinds = [option.kind for option in mesh_report.options.ranked if option.clears_all]
    assert kinds and "load" not in kinds


def test_redispatch_keeps_generators_within_their_limits(mesh_report: GridReport) -> None:
    gen = mesh_report.network.net.gen
    (option,) = [each for each in mesh_report.options.ranked if each.kind == "redispatch"]
    assert option.clears_all and option.moved_mw > 0
    for step in option.steps:
        if step.action == "redispatch":
            assert gen.min_p_mw[step.element.id] <= step.after <= gen.max_p_mw[step.element.id]
            assert step.before == pytest.approx(gen.p_mw[step.element.id])


def test_a_section_that_lost_its_line_is_fed_again_over_the_tie_and_the_faulty_line_stays_out(
    ring: Network,
) -> None:
    cut = without(load_network(RING), "line", 0)
    dark = violations(solve(cut), cut)
    assert {each.quantity for each in dark} == {"supply"}
    ranked = found(cut).ranked
    best = ranked[0]
    assert best.clears_all and [step.action for step in best.steps] == ["close"]
    assert not best.meshes  # the ring is open at the fault
    assert all(step.element.kind != "line" for option in ranked for step in option.steps)


def test_taps_move_side_by_side_transformers_together() -> None:
    from slm_energy.grid.switching import taps

    net = load_network("kb_extrem_landnetz_kabel").copy()
    import pandas as pd

    net.trafo = pd.concat([net.trafo, net.trafo], ignore_index=True)
    twin = Network("twin", "", "", net)
    assert {len(steps) for steps in taps(twin)} == {2}
    assert {steps[0].after for steps in taps(twin)} == {-2, -1, 1, 2}


def test_the_search_is_bounded_counted_and_can_be_stopped(ring: Network) -> None:
    few = found(load_network("create_cigre_network_mv"), most=1)
    assert few.left_out > 0
    stopped = found(ring, stop=lambda: True)
    assert stopped.stopped and not stopped.ranked
    assert found(load_network("case9")) == Options(())


def test_shed_load_keeps_its_power_factor_and_is_put_back(ring: Network) -> None:
    from slm_energy.grid.measure import put_back

    net = ring.copy()
    before = net.load.copy()
    power = float(before.p_mw.iloc[0])
    done = apply(net, [Step("shed", Element("load", 0), power, 0.0, "MW")])
    assert net.load.p_mw.iloc[0] == 0 and net.load.q_mvar.iloc[0] == 0
    put_back(net, done)
    assert net.load.equals(before)


def numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)


def without_names(text: str, written: Note) -> str:
    """The sentence less the names of elements, which may hold digits that are no figures."""
    names = {fact.element.name for fact in written.facts if fact.element is not None}
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(f"({name})", "") if name else text
    return text


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", ["ring", "mesh", "tap", "fine", "unsolved", "dark"])
def test_energy_function_10_every_number_of_the_note_is_a_fact_of_its_sentence(
    reports: dict[str, GridReport], name: str, lang: Lang
) -> None:
    written = note(reports[name], lang)
    facts = {fact.id: fact for fact in written.facts}
    for sentence in written.sentences:
        shown = [facts[each].shown for each in sentence.facts]
        said = numbers(without_names(sentence.text, written))
        assert sorted(said) == sorted(each.lstrip("-") for each in shown), sentence.text
    used = {each for sentence in written.sentences for each in sentence.facts}
    assert used == facts.keys()


@pytest.mark.parametrize("lang", LANGS)
def test_the_note_quotes_lines_buses_and_switches_and_says_that_nothing_was_done(
    ring_report: GridReport, lang: Lang
) -> None:
    text = note(ring_report, lang).text
    words = {
        "ko": ("개폐기 6", "선로 3", "모선", "조작하거나 설정하지 않았습니다", "보호"),
        "en": ("switch 6", "line 3", "bus", "nothing was switched or set", "protection"),
    }
    for word in words[lang]:
        assert word in text
    assert [fact.value for fact in note(ring_report, "ko").facts] == [
        fact.value for fact in note(ring_report, "en").facts
    ]


def test_a_fact_has_the_value_that_the_flow_has(ring_report: GridReport) -> None:
    written = note(ring_report, "en")
    lowest = min((bus.vm_pu, bus.element) for bus in ring_report.flow.buses if bus.vm_pu is not None)
    fact = next(each for each in written.facts if each.unit == "pu")
    assert (fact.value, fact.element) == lowest and fact.source == "present state"


@pytest.mark.parametrize("lang", LANGS)
def test_a_network_without_solution_reports_that_and_no_voltage(
    reports: dict[str, GridReport], lang: Lang
) -> None:
    report = reports["unsolved"]
    text = note(report, lang).text
    assert {"ko": "수렴하지 않습니다", "en": "does not converge"}[lang] in text
    assert " pu" not in text and "%" in text
    assert not report.options.ranked and as_json(report)["converged"] is False
    assert "<svg" in svg(report, lang) and markdown(report, lang)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", ["ring", "mesh", "tap", "dark"])
def test_the_drawing_is_well_formed_alike_each_time_and_labels_what_is_broken(
    reports: dict[str, GridReport], name: str, lang: Lang
) -> None:
    report = reports[name]
    picture = svg(report, lang)
    root = ET.fromstring(picture)
    assert picture == svg(report, lang)
    labels = [each.text or "" for each in root.iter() if each.get("class") == "label"]
    worst = report.violations[0].element
    assert any(re.search(rf"\b{worst.id}\b", label) for label in labels)
    low = [each for each in report.violations if each.quantity == "low_voltage"]
    assert len([each for each in root.iter() if each.get("class") == "low"]) == len(low)


def test_lines_that_are_open_or_overloaded_are_told_without_colour(ring_report: GridReport) -> None:
    root = ET.fromstring(svg(ring_report))
    lines = [each for each in root.iter() if each.get("class") in ("off", "over")]
    assert lines
    for line in lines:
        assert (
            line.get("stroke-dasharray")
            if line.get("class") == "off"
            else float(line.get("stroke-width", 0)) > 4
        )
    assert {look(branch) for branch in ring_report.flow.branches} >= {"off"}


def test_a_name_from_a_file_stays_text_in_the_drawing_and_in_markdown() -> None:
    net = at_load(load_network(RING), 8).copy()
    net.bus["name"] = "<script>alert(1)</script>|\n# x"
    net.line["name"] = "</svg><b>"
    report = grid_report(Network("bad", "<i>나쁨</i>", "<i>bad</i>", net), outages=False, most_options=2)
    for lang in LANGS:
        picture = svg(report, lang)
        ET.fromstring(picture)
        assert "<script" not in picture and "<i>" not in picture
        page = markdown(report, lang)
        assert "\\<script\\>" in page and "<script" not in page.replace("\\<script", "")
        rows = [line for line in page.splitlines() if line.startswith("| ")]
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in rows if "script" in line}
        assert widths <= {4, 5, 6, 7, 8}


def test_a_network_without_coordinates_is_laid_out_and_says_so() -> None:
    report = grid_report("create_kerber_landnetz_freileitung_1", outages=False, most_options=2)
    assert "좌표가 없는" in svg(report, "ko") and "No coordinates" in svg(report, "en")
    assert "No coordinates" not in svg(grid_report(RING, outages=False), "en")


def test_the_report_is_plain_json_that_says_how_many_there_are(reports: dict[str, GridReport]) -> None:
    for report in reports.values():
        plain = as_json(report)
        assert json.loads(json.dumps(plain, allow_nan=False)) == json.loads(json.dumps(plain))
        assert plain["counts"]["violations"] == len(report.violations)
    assert as_json(reports["ring"])["options"][0]["clears_all"] is True


def test_the_progress_tells_what_is_being_done() -> None:
    seen: list[tuple[str, int, int]] = []
    grid_report(RING, 4.0, progress=lambda *each: seen.append(each))
    assert {phase for phase, *_ in seen} == {"outages", "options"}
    assert all(0 < done <= of for _, done, of in seen)


def test_the_same_report_reads_in_either_language(ring_report: GridReport) -> None:
    english = in_language(ring_report, "en")
    assert note(english).lang == "en" and "Measure" in markdown(english)
    assert "조치" in markdown(ring_report)
    option: Option = english.options.ranked[0]
    assert option is ring_report.options.ranked[0]
