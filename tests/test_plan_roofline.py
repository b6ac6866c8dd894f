from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core.catalog import find_model, load_catalog
from slm_core.plan import fit as fitting
from slm_core.plan.architecture import Architecture
from slm_core.plan.calibration import Calibration, Figure, Probe, runs_here, this_machine
from slm_core.plan.claims import check_claim
from slm_core.plan.devices import find_device
from slm_core.plan.footprint import Need, adapter_bytes, parts_of, quantization_of, weights_of
from slm_core.plan.language import measured, stated
from slm_core.plan.memories import find_memory
from slm_core.plan.planning import Place, Plan
from slm_core.plan.points import Point, load_points
from slm_core.plan.recommend import quick_enough, recommend
from slm_core.plan.roofline import Efficiency, Machine, step

WHOLE = Efficiency(bandwidth=1.0, compute=1.0, step_s=0.0, reason="the peaks")
HALF = replace(WHOLE, bandwidth=0.5, step_s=0.01)
BOX = Machine(bandwidth=10e9, compute=1e12, runtime="cpu", room=8e9, near=8e9)
BASE = "qwen2.5-coder-0.5b-instruct"


def place(name: str, memory: str | None = None) -> Place:
    return Place.of(find_device(name), find_memory(memory) if memory else None)


def test_a_step_takes_the_longer_of_reading_and_computing_and_its_fixed_cost() -> None:
    assert step(BOX.reading_s(2e9, 0, 2e9), 1e9, BOX, WHOLE).seconds == pytest.approx(0.2)
    assert step(BOX.reading_s(2e9, 0, 2e9), 1e9, BOX, HALF).seconds == pytest.approx(0.41)
    slow = step(BOX.reading_s(2e9, 0, 2e9), 1e12, BOX, WHOLE)
    assert (slow.seconds, slow.bound) == (pytest.approx(1.0), "compute")


def test_a_prompt_is_bound_by_compute_and_a_step_by_memory_on_a_small_board() -> None:
    plan = Plan.of(find_model(BASE), place("raspberry-pi-5"), Need())
    assert (plan.prompt.bound, plan.step.bound) == ("compute", "memory")


def test_a_longer_prompt_makes_the_first_token_later_and_every_step_slower() -> None:
    short = Plan.of(find_model("phi-3-mini-4k-instruct"), place("laptop-m3"), Need(prompt=100))
    long = Plan.of(find_model("phi-3-mini-4k-instruct"), place("laptop-m3"), Need(prompt=3000))
    assert long.first_token_s > 10 * short.first_token_s
    assert long.tokens_s < 0.8 * short.tokens_s


def test_a_domain_that_was_asked_before_answers_sooner_since_only_new_text_is_read() -> None:
    plan = Plan.of(find_model(BASE), place("raspberry-pi-5"), Need(prompt=400, new=100))
    assert plan.again_s == pytest.approx(plan.first_token_s / 4, rel=0.05)
    whole = Plan.of(find_model(BASE), place("raspberry-pi-5"), Need(prompt=400, new=900))
    assert whole.again_s == pytest.approx(whole.first_token_s)


def test_a_mixture_of_experts_needs_room_for_all_and_reads_the_active_ones() -> None:
    mixtral = find_model("mixtral-8x7b-instruct")
    weights = weights_of(mixtral, Architecture.of(mixtral))
    assert weights.stored > 25e9
    assert weights.read < 0.3 * weights.stored


def test_a_prompt_of_a_mixture_reads_nearly_all_experts_and_not_those_of_one_token() -> None:
    shape = Architecture.of(find_model("mixtral-8x7b-instruct"))  # 8 experts, 2 for a token
    experts = sum(tensor.elements for tensor in shape.tensors if tensor.experts == 8)
    dense = shape.bytes_read_by_prompt("F16", 1) - experts / 8 * 2 * 2
    two = dense + 8 * (1 - 0.75**2) * experts / 8 * 2 + shape.d_model * 2  # and a second row looked up
    assert shape.bytes_read_by_prompt("F16", 1) == shape.bytes_read_per_token("F16")
    assert shape.bytes_read_by_prompt("F16", 2) == pytest.approx(two)
    whole = shape.weight_bytes("Q4_K_M")
    assert shape.bytes_read_per_token("Q4_K_M") < 0.3 * whole
    assert 0.98 * whole < shape.bytes_read_by_prompt("Q4_K_M", 400) < whole


def test_reading_a_prompt_of_a_dense_model_reads_its_weights_once() -> None:
    shape = Architecture.of(find_model("mistral-7b-instruct"))
    once = shape.bytes_read_per_token("Q4_K_M")
    assert shape.bytes_read_by_prompt("Q4_K_M", 400) == pytest.approx(once, rel=0.001)


def test_no_more_tokens_are_said_to_be_new_than_the_prompt_has() -> None:
    plan = Plan.of(find_model(BASE), place("raspberry-pi-5"), Need(prompt=400, new=900))
    again = next(answer for answer in plan.answers() if answer.name == "again")
    assert "only 400 tokens are not cached" in again.reason
    assert not any("900" in answer.reason for answer in plan.answers())


def test_what_does_not_fit_is_read_through_cxl_and_what_fits_is_not() -> None:
    small, large = find_model(BASE), find_model("mistral-7b-instruct")
    need = Need(language="en")
    assert Plan.of(small, place("raspberry-pi-5", "CXL"), need).tokens_s == pytest.approx(
        Plan.of(small, place("raspberry-pi-5"), need).tokens_s
    )
    outside = Plan.of(large, place("raspberry-pi-5", "CXL"), need)
    assert outside.fits
    assert not Plan.of(large, place("raspberry-pi-5"), need).fits
    machine = replace(BOX, near=5e9, link=2e9)
    assert machine.reading_s(8e9, 0, 10e9) == pytest.approx(4e9 / 10e9 + 4e9 / 2e9)


def test_memory_that_computes_speeds_up_the_steps_and_not_the_prompt() -> None:
    model = find_model("mistral-7b-instruct")
    plain, pim = (Plan.of(model, place("laptop-m3", memory), Need(language="en")) for memory in (None, "PIM"))
    assert pim.tokens_s > 4 * plain.tokens_s
    assert pim.first_token_s == pytest.approx(plain.first_token_s)


def test_cells_that_multiply_leave_only_cache_and_compute() -> None:
    plan = Plan.of(find_model("mistral-7b-instruct"), place("nvidia-a100", "CIM"), Need(language="en"))
    assert plan.place.machine.reading_s(4e9, 2.039e9, 6e9) == pytest.approx(0.001)
    assert plan.joules is None


def test_faster_memory_does_not_help_where_compute_is_the_bound() -> None:
    lpddr, hbm = (
        Plan.of(find_model(BASE), place("raspberry-pi-5", name), Need()) for name in ("LPDDR5X", "HBM3E")
    )
    assert hbm.step.bound == "compute"
    assert hbm.tokens_s == pytest.approx(lpddr.tokens_s)


def test_what_aimx_is_said_to_do_stands_inside_the_chips_and_not_through_its_interface() -> None:
    inside, usual, with_steps, outside = check_claim(find_memory("PIM"))
    assert inside.consistent and usual.consistent
    assert inside.times == pytest.approx(16, abs=0.5)
    assert not with_steps.consistent
    assert outside.times == pytest.approx(1, abs=0.05)
    assert not outside.consistent


def point(device: str, gb: float, tokens_s: float) -> Point:
    return Point(
        device=device,
        model="m",
        quantization="q",
        runtime="cpu",
        tokens_s=tokens_s,
        parameters=0.001,
        read_gb=gb,
        read_from="made up",
        source="made up",
    )


@given(st.floats(0.2, 0.95), st.floats(0.0, 0.03))
def test_the_fit_finds_the_efficiency_that_made_the_points(share: float, fixed: float) -> None:
    bandwidth = find_device("raspberry-pi-5").bandwidth_gb_s
    made = [point("raspberry-pi-5", gb, 1 / (gb / (share * bandwidth) + fixed)) for gb in (0.3, 1.0, 4.0)]
    found = fitting.fit(made)
    assert found.bandwidth == pytest.approx(share, rel=0.01)
    assert found.step_s == pytest.approx(fixed, abs=1e-3)


def test_the_fit_stays_within_the_peak_whatever_is_published() -> None:
    found = fitting.fit([point("raspberry-pi-5", gb, 1.3 * 17.1 / gb) for gb in (0.5, 2.0)])
    assert found.bandwidth <= 1
    assert found.step_s >= 0


def test_no_device_is_in_both_halves_of_a_class_and_both_halves_are_there() -> None:
    for runtime in fitting.RUNTIMES:
        own = {p.device for p in load_points() if p.runtime == runtime}
        fitted = fitting.fitted_devices(load_points(), runtime)
        assert fitted and own - fitted
        assert len(fitted) == (len(own) + 1) // 2


def test_the_half_that_was_not_fitted_on_is_met_within_a_quarter_at_the_median() -> None:
    judged = fitting.judge()
    assert len(judged) == len(load_points())
    assert fitting.median_error(judged, "held out") < 0.25
    assert fitting.median_error(fitting.judge(plain=True), "held out") < 0.25
    phi = next(each for each in judged if each.point.device == "apple-a16")
    assert phi.half == "held out"
    assert phi.error < 0.25


def test_a_device_with_points_of_its_own_is_planned_by_them() -> None:
    assert "raspberry-pi-5" in fitting.reached("raspberry-pi-5", "cpu").reason
    assert "snapdragon" in fitting.reached("exynos-2400", "cpu").reason
    orin = fitting.reached("jetson-orin-nano", "gpu")
    assert orin.compute == fitting.efficiency("gpu").compute
    assert "for prompts, of which none is published" in orin.reason


def test_every_part_in_memory_is_counted_once_with_its_reason() -> None:
    model = find_model(BASE)
    architecture = Architecture.of(model)
    parts = parts_of(weights_of(model, architecture), architecture, Need(speech=True, vision=True))
    assert [part.name for part in parts] == [
        "weights",
        "cache",
        "adapters",
        "engine",
        "embedder",
        "recognition",
        "voice",
        "pose",
        "objects",
    ]
    sizes = {part.name: part.bytes for part in parts}
    assert sizes["weights"] == 491_400_064
    assert sizes["recognition"] == 145_217_532
    assert sizes["cache"] == 8 * 4096 * 12_288
    assert all(part.reason for part in parts)
    assert adapter_bytes(architecture) == pytest.approx(17.6e6, rel=0.01)  # as the trained one was measured


@pytest.mark.parametrize(
    ("file", "quantization"),
    [
        ("a-q4_k_m.gguf", "Q4_K_M"),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1"),
        ("b-F16.gguf", "F16"),
        ("c-q4.gguf", None),
        (None, None),
    ],
)
def test_the_quantization_is_read_from_the_name_of_the_file(
    file: str | None, quantization: str | None
) -> None:
    assert quantization_of(find_model(BASE).model_copy(update={"file": file})) == quantization


def test_what_does_not_fit_says_what_is_largest_and_which_context_would_fit() -> None:
    plan = Plan.of(find_model("mistral-7b-instruct"), place("raspberry-pi-5"), Need(language="en"))
    fits = plan.answers()[0]
    assert fits.value is False
    assert "weights" in fits.reason
    mended = plan.context_that_fits
    assert f"--context {mended}" in fits.reason
    assert Plan.of(plan.model, plan.place, Need(language="en", context=mended)).fits
    assert not Plan.of(plan.model, plan.place, Need(language="en", context=mended + 256)).fits


def test_every_answer_has_a_reason_and_korean_is_counted_in_syllables() -> None:
    korean = Plan.of(find_model(BASE), place("jetson-orin-nano"), Need())
    english = Plan.of(find_model(BASE), place("jetson-orin-nano"), Need(language="en"))
    assert all(answer.reason for answer in korean.answers())
    assert "syllables" in {answer.name for answer in korean.answers()}
    assert "words" in {answer.name for answer in english.answers()}
    assert korean.tokens_s == pytest.approx(english.tokens_s)
    assert korean.joules == pytest.approx(25 * korean.reply_s)


def test_the_stated_tokens_a_syllable_are_what_the_tokenizer_makes(smollm2: Path) -> None:
    from slm_core.engine.server import LlamaServer

    server = LlamaServer(smollm2, adapters=[], slots=1, context=256, threads=1)
    try:
        for language in ("ko", "en"):
            found = measured(server.tokenize, language)
            assert found.tokens == pytest.approx(
                stated(find_model("smollm2-135m-instruct"), language).tokens, abs=0.001
            )
    finally:
        server.close()


def test_a_model_whose_tokenizer_is_not_known_says_what_is_assumed() -> None:
    assert "was not measured" in stated(find_model("kanana-1.5-2.1b-instruct"), "ko").reason


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("device", ["apple-a17-pro", "snapdragon-8-gen-3", "raspberry-pi-5", "nvidia-h100"])
def test_a_non_commercial_model_is_never_the_choice(device: str, language: str) -> None:
    advice = recommend(place(device), Need(language=language))
    assert advice.choice is None or advice.choice.model.commercial
    if advice.restricted:
        assert "non-commercial" in advice.answer().reason
        assert advice.restricted.model.name in advice.answer().reason


def test_the_choice_fits_is_quick_enough_and_everything_else_is_accounted_for() -> None:
    advice = recommend(place("snapdragon-8-gen-3"), Need())
    assert advice.choice is not None
    assert advice.choice.fits and quick_enough(advice.choice) is None
    assert advice.choice.model.languages[0] == "ko"
    assert 1 + len(advice.others) + len(advice.refused) == len(load_catalog())


def test_where_nothing_will_do_the_reason_says_so_and_each_model_has_its_own() -> None:
    advice = recommend(place("apple-a11"), Need(context=8192))
    assert advice.choice is None
    assert "left out" in advice.answer().reason
    reasons = {each.model: each.reason for each in advice.refused}
    assert "do not fit" in reasons[BASE]
    assert "not published" in reasons["samsung-gauss"]
    slow = recommend(place("raspberry-pi-5"), Need(context=512))
    assert "first token" in next(each.reason for each in slow.refused if each.model == "qwen3-4b")


def calibration(*probes: Probe) -> Calibration:
    figure = Figure.of([9.0, 10.0, 10.5])
    return Calibration(
        machine="here",
        processor="a processor",
        date="2026-11-28T00:00:00Z",
        threads=2,
        memory_bytes=8 << 30,
        copy_gb_s=figure,
        triad_gb_s=figure,
        read_gb_s=figure,
        matmul_gflops=figure,
        probes=probes,
    )


def test_a_run_of_llama_cpp_here_is_met_by_the_plan_of_the_same_model() -> None:
    found = calibration(ran(BASE, prefill=100, decode=20))
    here = Place.of(this_machine(found), runs=runs_here(found))
    plan = Plan.of(find_model(BASE), here, Need(prompt=96, reply=2))
    assert plan.tokens_s == pytest.approx(20, rel=0.01)
    assert plan.first_token_s == pytest.approx(96 / 100, rel=0.01)
    assert any("llama.cpp here" in answer.reason for answer in plan.answers())


def ran(name: str, *, prefill: float, decode: float) -> Probe:
    model = find_model(name)
    architecture = Architecture.of(model)
    weights = weights_of(model, architecture)
    return Probe(
        model=name,
        quantization=weights.quantization,
        prompt=96,
        prefill=Figure.of([prefill]),
        decode=Figure.of([decode]),
        read_bytes=weights.read + architecture.kv_bytes(96),
        prompt_operations=architecture.prefill_flops(96),
    )


def test_each_model_that_ran_here_is_planned_by_its_own_run_and_others_by_the_nearest() -> None:
    small, large = "smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct"
    found = calibration(ran(small, prefill=185, decode=76), ran(large, prefill=49, decode=16.5))
    here = Place.of(this_machine(found), runs=runs_here(found))
    for name, decode in ((small, 76), (large, 16.5)):
        plan = Plan.of(find_model(name), here, Need(prompt=96, reply=2))
        assert plan.tokens_s == pytest.approx(decode, rel=0.01)
        assert f"llama.cpp here: {name}" in plan.efficiency.reason
    other = Plan.of(find_model("qwen3-1.7b"), here, Need())
    assert large in other.efficiency.reason


def test_a_run_of_one_model_leaves_those_of_others() -> None:
    before = calibration(ran(BASE, prefill=1, decode=1), ran("qwen3-0.6b", prefill=2, decode=2))
    now = calibration(ran(BASE, prefill=3, decode=3)).with_runs_of(before)
    assert [(probe.model, probe.decode.value) for probe in now.probes] == [(BASE, 3), ("qwen3-0.6b", 2)]


def test_without_a_run_this_machine_is_planned_as_its_class() -> None:
    here = Place.of(this_machine(calibration()), runs=runs_here(calibration()))
    assert here.efficiency(1e9) == fitting.efficiency("cpu")
    assert this_machine(calibration(), watts=15).watts == 15


def test_noise_is_told_by_few_runs_or_a_wide_middle_half() -> None:
    assert not calibration().noisy
    assert calibration().model_copy(update={"matmul_gflops": Figure.of([1.0, 2.0, 3.0])}).noisy
    assert calibration().model_copy(update={"matmul_gflops": Figure.of([1.0])}).noisy
