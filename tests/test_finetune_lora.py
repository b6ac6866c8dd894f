"""`finetune lora` end to end on a tiny random base: adapter, gate, resumption, what lies in the folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="needs the extra train")

import numpy as np
from tiny_gguf import write_tiny_model

from slm_core.dataset.row import Row, write_rows
from slm_core.engine import open_engine
from slm_core.files import sha256_of
from slm_core.settings import load_settings
from slm_finetune.base import dequantized_base
from slm_finetune.parity import Parity, measure

SYSTEM = {"role": "system", "content": "needs"}


def rows(count: int) -> list[Row]:
    pairs = [
        ("water is out at camp", '["water"]'),
        ("음식이 필요합니다 구역", '["food"]'),
        ("all quiet in sector", "[]"),
    ]
    return [
        Row(
            messages=[
                SYSTEM,
                {"role": "user", "content": f"{pairs[i % 3][0]} {i}"},
                {"role": "assistant", "content": pairs[i % 3][1]},
            ],
            task="needs",
            lang="en",
            source="test",
            licence="CC0-1.0",
        )
        for i in range(count)
    ]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_rows(tmp_path / "data" / "train.jsonl", rows(96))
    write_rows(tmp_path / "data" / "dev.jsonl", rows(24)[12:])
    return tmp_path / "data"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("base") / "tiny.gguf")


def command(base: Path, data: Path, out: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "slm_finetune.cli",
        "lora",
        "--domain",
        "disaster",
        "--model",
        str(base),
        "--task",
        "needs",
        "--data",
        str(data),
        "--out",
        str(out),
        "--set",
        "learning_rate=0.02",
        "--set",
        "train_layers=1",
        *more,
    ]


def lora(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=600)


def test_rows_become_an_adapter_that_the_device_runs_and_nothing_in_it_names_this_machine(
    base: Path, data: Path, tmp_path: Path
) -> None:
    done = lora(*command(base, data, tmp_path / "out", "--set", "epochs=4", "--json"))
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["parity"]["verdict"] == "passed"
    assert record["training"]["layers"] == 1
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"adapter.gguf", "adapter_config.json", "README.md", "run.json", "rows.json"}
    for text in ("adapter_config.json", "README.md", "run.json"):
        assert str(tmp_path) not in (tmp_path / "out" / text).read_text(encoding="utf-8")
    assert str(tmp_path).encode() not in (tmp_path / "out" / "adapter.gguf").read_bytes()
    assert not list((Path(os.environ["SLM_HOME"]) / "runs").glob("*/checkpoint-*"))


@pytest.mark.parametrize(
    ("kl", "on_off", "verdict"),
    [
        (0.001, 0.5, "passed"),
        (0.00008, 0.0113, "passed"),  # e.g. a pruned expert that learns back
        (0.0113, 0.0113, "not decided"),  # lost on the way, or too small to tell
        (0.3, 0.5, "failed"),
        (0.025, 9.0, "failed"),
        (0.0, 0.0, "not decided"),
    ],
)
def test_the_gate_passes_what_the_device_repeats_however_little_it_moved(
    kl: float, on_off: float, verdict: str
) -> None:
    assert Parity(20, 20, 20, kl, on_off).verdict == verdict
    assert Parity(20, 20, 19, kl, on_off).verdict == "failed"


def test_an_adapter_that_moved_too_little_is_kept_but_not_used(
    base: Path, data: Path, tmp_path: Path
) -> None:
    done = lora(*command(base, data, tmp_path / "out", "--set", "learning_rate=1e-9", "--max-steps", "2"))
    assert done.returncode == 1
    assert "not decided" in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "out" / "REFUSED").is_file() and (tmp_path / "out" / "adapter.gguf").is_file()


def test_a_refused_run_leaves_the_adapter_in_use_where_it_is(base: Path, data: Path, tmp_path: Path) -> None:
    in_use = tmp_path / "out"
    in_use.mkdir()
    (in_use / "adapter.gguf").write_bytes(b"the one in use")
    lora(*command(base, data, in_use, "--set", "learning_rate=1e-9", "--max-steps", "2"))
    assert (in_use / "adapter.gguf").read_bytes() == b"the one in use"
    assert (tmp_path / "out.refused" / "REFUSED").is_file()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_a_killed_run_goes_on_from_its_checkpoint(
    base: Path, data: Path, tmp_path: Path, how: signal.Signals
) -> None:
    words = command(
        base, data, tmp_path / "out", "--set", "epochs=40", "--set", "evaluations=40", "--set", "patience=99"
    )
    runs = Path(os.environ["SLM_HOME"]) / "runs"
    first = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not list(runs.glob("*/checkpoint-*/trainer_state.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert first.poll() is None, "the run was over before it could be killed"
    first.send_signal(how)
    said = first.communicate()[1]
    if how is signal.SIGTERM:
        assert first.returncode == 130
        assert "finetune: stopped" in said and "Traceback" not in said
    second = lora(*words)
    assert second.returncode == 0, second.stderr
    assert "going on from checkpoint-" in second.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--set", "rank=8"], "unknown key 'rank'"),
        (["--task", "nonsense"], "no task 'nonsense'"),
        (["--max-steps", "0"], "--max-steps"),
        (["--data", "/nowhere"], "no such file"),
        (["--domain", "disastr"], "disaster"),
        (["--model", "smolm2"], "smollm2-135m-instruct"),
    ],
)
def test_a_wrong_use_is_one_clear_message(
    base: Path, data: Path, tmp_path: Path, more: list[str], said: str
) -> None:
    done = lora(*command(base, data, tmp_path / "out", *more))
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_a_folder_that_holds_something_else_is_never_replaced(base: Path, data: Path, tmp_path: Path) -> None:
    done = lora(*command(base, data, data))
    assert done.returncode == 2 and "something else" in done.stderr
    assert (data / "train.jsonl").is_file()


@pytest.fixture(scope="module")
def pair(base: Path, tmp_path_factory: pytest.TempPathFactory):
    """A random PEFT adapter in Transformers and the same one in llama.cpp."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from slm_finetune.adapter_gguf import Shape, write_adapter
    from slm_finetune.training import LINEAR, adapter_tensors

    folder = tmp_path_factory.mktemp("pair")
    hf = dequantized_base(base, sha256_of(base), folder)
    model = AutoModelForCausalLM.from_pretrained(hf, dtype=torch.float32)
    peft = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules=list(LINEAR), task_type="CAUSAL_LM")
    )
    torch.manual_seed(3)
    for name, weight in peft.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2)
    peft.eval()
    tensors = adapter_tensors(peft)
    (folder / "adapter").mkdir()
    write_adapter(
        folder / "adapter" / "adapter.gguf",
        tensors,
        Shape.of(model.config),
        alpha=8,
        name="test",
        metadata={},
    )
    (folder / "adapter" / "adapter_config.json").write_text("{}")
    engine = open_engine(
        load_settings(home=folder), model=str(base), adapters={"disaster": folder / "adapter"}
    )
    yield peft, AutoTokenizer.from_pretrained(hf), engine
    engine.close()


def gate(pair, adapter: str | None) -> Parity:
    peft, tokenizer, engine = pair
    return measure(peft, tokenizer, engine, adapter, [row.prompt() for row in rows(6)])


def test_the_gate_passes_where_both_programs_run_the_adapter(pair) -> None:
    result = gate(pair, "disaster")
    assert result.verdict == "passed", result.line()


def test_the_gate_fails_where_llama_cpp_leaves_the_adapter_out(pair) -> None:
    result = gate(pair, None)
    assert result.verdict == "failed"
    assert np.isclose(result.kl, result.on_off, rtol=0.05)


def test_the_gate_fails_where_the_template_differs(pair) -> None:
    peft, tokenizer, engine = pair

    class OtherTemplate:
        def render(self, messages):
            return engine.render(messages) + " "

        tokenize = staticmethod(engine.tokenize)
        next_token_distribution = staticmethod(engine.next_token_distribution)

    result = measure(peft, tokenizer, OtherTemplate(), "disaster", [row.prompt() for row in rows(3)])
    assert result.text_equal == 0 and result.verdict == "failed"
