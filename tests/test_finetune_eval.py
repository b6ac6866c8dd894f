"""`finetune eval`: an expert and its peers on the same rows."""

from __future__ import annotations

import argparse
import json
import random
import shutil
from pathlib import Path

import pytest
from tiny_gguf import write_tiny_adapter, write_tiny_model

from slm_core.dataset.row import Row, read_rows, write_rows
from slm_core.domain import find_domain
from slm_core.engine.adapter import read_adapter
from slm_core.settings import load_settings
from slm_finetune.cli import main
from slm_finetune.gain import add_gain_flags, probe_of
from slm_finetune.learnt import write_learnt
from slm_finetune.merged import merged_expert

DOMAIN = """
from pathlib import Path
from pydantic import BaseModel
from slm_core.domain import Domain, Task, TextRequest

NAMES = ["water", "food", "shelter"]
KOREAN = {"water": "물", "food": "음식", "shelter": "텐트"}

class Aid(BaseModel):
    aid: list[str]

class Quote(BaseModel):
    quote: str

def encode(reply, request):
    import json
    return json.dumps(reply.aid, separators=(",", ":"))

def rules(request):
    return Aid(aid=[n for n in NAMES if n in request.text])

def read_aid(wire, request):
    return Aid(aid=wire)

def both(rules, model):
    return Aid(aid=sorted({*rules.aid, *model.aid}))

AID = Task("aid", {"ko": "구호", "en": "aid"}, TextRequest, Aid, "aid", "Which aid? A JSON list.",
    lambda r: frozenset(r.aid), "micro_f1", {"type": "array", "items": {"enum": NAMES}, "maxItems": 3},
    encode, read_aid, rules, both, stop_words=("[]", '"]'), max_tokens=24, peers={"keywords": rules})
QUOTE = Task("quote", {"ko": "인용", "en": "quote"}, TextRequest, Quote, "quote", "Quote.",
    lambda r: frozenset({r.quote}), max_tokens=24)
DOMAIN = Domain("relief", {"ko": "구호", "en": "relief"}, {"ko": "", "en": ""}, (AID, QUOTE), (), "tiny",
    lambda sources, seed: [], Path(__file__).parent)
"""
WORDS = {
    "en": {"water": "water", "food": "food", "shelter": "tents"},
    "ko": {"water": "물", "food": "음식", "shelter": "텐트"},
}


@pytest.fixture
def relief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a domain of one module, and return a folder with its dataset."""
    site = tmp_path / "site"
    (site / "slm_relief").mkdir(parents=True)
    (site / "slm_relief" / "__init__.py").write_text(DOMAIN, encoding="utf-8")
    info = site / "slm_relief-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slm-relief\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[ondevice_slm.domains]\nrelief = slm_relief:DOMAIN\n")
    monkeypatch.syspath_prepend(str(site))
    draw = random.Random(3)
    data = tmp_path / "data"
    for side, count in (("train", 90), ("dev", 12), ("test", 24)):
        write_rows(data / f"{side}.jsonl", [aid_row(draw, f"{side}-{i}") for i in range(count)])
    return data


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Path, Path]:
    """A random base and an adapter for it."""
    return write_tiny_model(tmp_path / "tiny.gguf"), write_tiny_adapter(tmp_path / "adapter")


def aid_row(draw: random.Random, id_: str) -> Row:
    lang = draw.choice(["en", "ko"])
    aid = [name for name in WORDS[lang] if draw.random() < 0.35]
    filler = ["we", "are", "near", "the", "river"] if lang == "en" else ["우리", "강", "근처", "마을", "지금"]
    words = [WORDS[lang][name] for name in aid] + draw.sample(filler, 3)
    draw.shuffle(words)
    return row("aid", " ".join(words), json.dumps(aid, separators=(",", ":")), lang, id_)


def row(task: str, text: str, target: str, lang: str, id_: str) -> Row:
    turns = [("system", task), ("user", text), ("assistant", target)]
    messages = [{"role": role, "content": content} for role, content in turns]
    return Row.model_validate(
        {"messages": messages, "task": task, "lang": lang, "source": "own", "licence": "CC0-1.0", "id": id_}
    )


def objects(text: str) -> dict[tuple[str, str], dict[str, object]]:
    found = [json.loads(line) for line in text.splitlines()]
    return {(one["system"], one["lang"]): one for one in found}


def evaluate(data: Path, *flags: str) -> int:
    return main(["eval", "--domain", "relief", "--data", str(data / "test.jsonl"), *flags])


PEERS = ("--peers-only", "--baseline", "majority", "--baseline", "rules", "--baseline", "tfidf")


def test_a_peer_that_the_domain_brings_along_stands_in_the_table(
    relief: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(relief, "--peers-only", "--baseline", "keywords", "--baseline", "rules", "--json") == 0
    found = objects(capsys.readouterr().out)
    assert found["keywords", "ko"]["value"] == found["rules", "ko"]["value"]


def test_a_baseline_that_nobody_offers_is_refused_with_the_nearest(
    relief: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(relief, "--peers-only", "--baseline", "keyword") == 2
    assert "did you mean keywords?" in capsys.readouterr().err


def test_the_peers_stand_in_one_table_with_intervals_and_languages(
    relief: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(relief, *PEERS, "--json") == 0
    found = objects(capsys.readouterr().out)
    assert {system for system, _ in found} == {"majority", "rules", "tfidf"}
    assert {lang for _, lang in found} == {"ko+en", "ko", "en"}
    tfidf = found["tfidf", "ko+en"]
    assert tfidf["domain"] == "relief" and tfidf["task"] == "aid" and tfidf["metric"] == "micro_f1"
    assert tfidf["n"] == found["tfidf", "ko"]["n"] + found["tfidf", "en"]["n"] == 24  # type: ignore[operator]
    assert tfidf["value"] > 0.9 > found["majority", "ko+en"]["value"]  # type: ignore[operator]
    low, high = tfidf["ci95"]  # type: ignore[misc]
    assert low <= tfidf["value"] <= high
    assert tfidf["base_sha256"] is None and tfidf["adapter_sha256"] is None
    assert found["rules", "en"]["value"] < found["tfidf", "en"]["value"]  # type: ignore[operator]  # "tents" is no "shelter"


def test_the_table_gives_the_difference_to_the_best_linear_peer(
    relief: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(relief, *PEERS, "--items") == 0
    out = capsys.readouterr().out
    majority = next(line for line in out.splitlines() if " majority " in line)
    tfidf = next(line for line in out.splitlines() if " tfidf " in line)
    assert "-1.000 [-1.000, -1.000]" in majority  # to best linear
    assert " -  " in tfidf  # not to itself
    assert "cross-validated" in out
    assert "shelter" in out  # the table of items


def test_a_classifier_says_that_open_values_are_not_for_it_and_the_rest_goes_on(
    relief: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in ("train", "test"):
        rows = [
            row("quote", f"he said {i}", json.dumps({"quote": f"said {i % 3}"}), "en", f"{side}{i}")
            for i in range(9)
        ]
        write_rows(relief / f"{side}.jsonl", rows)
    assert evaluate(relief, *PEERS) == 0
    out = capsys.readouterr().out
    assert "quote tfidf: not applicable: open values" in out
    assert "quote rules: not applicable: the task has no rules" in out
    assert any(line.startswith("quote") and " majority " in line for line in out.splitlines())


def test_rows_that_were_learnt_from_are_refused(relief: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--train", str(relief / "test.jsonl"), "--peers-only", "--baseline", "majority")
    assert evaluate(relief, *flags) == 2
    assert "24 rows are also in" in capsys.readouterr().err


def test_a_row_whose_target_is_no_reply_of_its_task_is_named(
    relief: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(relief / "test.jsonl", [row("aid", "물", "[water", "ko", "broken-1")])
    assert evaluate(relief, "--peers-only", "--baseline", "rules") == 2
    assert "broken-1" in capsys.readouterr().err


def test_labels_of_a_person_count_without_the_domains_decoder(
    relief: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second label says what the domain could not even write: it must count as missed."""
    lines = [
        {"id": "a", "task": "aid", "lang": "en", "user": "we need water", "items": ["water"], "note": "mine"},
        {"id": "b", "task": "aid", "lang": "en", "user": "we need water", "items": ["water", "a blanket"]},
    ]
    (relief / "test.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert evaluate(relief, "--peers-only", "--baseline", "rules", "--json") == 0
    rules = objects(capsys.readouterr().out)["rules", "en"]
    assert rules["n"] == 2 and rules["value"] == pytest.approx(4 / 5)


def test_a_broken_label_is_named_with_its_line(relief: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = {"id": "a", "task": "aid", "lang": "en", "user": "we need water", "items": "water"}
    (relief / "test.jsonl").write_text("\n" + json.dumps(line), encoding="utf-8")
    assert evaluate(relief, "--peers-only", "--baseline", "rules") == 2
    said = capsys.readouterr().err
    assert "test.jsonl:2" in said and "items" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--peers-only",), "nothing to measure"),
        (("--data", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--tune", "--adapter", "none"), "no adapter to tune"),
        (("--task", "dance", "--peers-only", "--baseline", "rules"), "has no task 'dance'"),
        (("--task", "quote", "--peers-only", "--baseline", "rules"), "no rows of task quote"),
        (("--limit", "-1", "--adapter", "none"), "-1 rows"),
        (("--model", "smollm2-135m-instruct",), "no adapter of relief is installed"),
    ],
)  # fmt: skip
def test_wrong_use_says_what_is_wrong(
    relief: Path, flags: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(relief, *flags) == 2
    assert says in capsys.readouterr().err


def test_without_a_dataset_it_says_how_to_build_one(relief: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--domain", "relief", "--peers-only", "--baseline", "rules"]) == 2
    assert "slm dataset build relief" in capsys.readouterr().err


def test_the_expert_is_measured_with_its_hashes_and_its_cost(
    relief: Path, tiny: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, adapter = tiny
    out = tmp_path / "predictions.jsonl"
    flags = ("--model", str(model), "--adapter", str(adapter), "--limit", "6", "--baseline", "majority")
    assert evaluate(relief, *flags, "--json", "--out", str(out)) == 0
    found = objects(capsys.readouterr().out)
    expert, served = found["expert", "ko+en"], found["expert+rules", "ko+en"]
    assert expert["n"] == 6 and expert["ms_per_reply"] > 0  # type: ignore[operator]
    assert len(str(expert["base_sha256"])) == len(str(expert["adapter_sha256"])) == 64
    assert served["unreadable"] == 0  # the rules answer where the model does not
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["system"] for line in lines] == ["majority"] * 6 + ["expert"] * 6 + ["expert+rules"] * 6
    assert (
        sum(line["predicted"] is None for line in lines if line["system"] == "expert") == expert["unreadable"]
    )
    assert {line["id"] for line in lines} <= {f"test-{i}" for i in range(24)}


def test_the_base_is_measured_without_adapter_beside_few_shot(
    relief: Path, tiny: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--model", str(tiny[0]), "--adapter", "none", "--limit", "3", "--baseline", "few-shot", "--json")
    assert evaluate(relief, *flags) == 0
    captured = capsys.readouterr()
    found = objects(captured.out)
    assert {"base", "few-shot"} <= {system for system, _ in found}
    assert all(one["adapter_sha256"] is None for one in found.values())
    assert "few-shot on 12 dev rows" in captured.err


def test_tuning_keeps_the_bias_in_the_adapter_and_the_next_run_uses_it(
    relief: Path, tiny: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from slm_finetune import bias

    monkeypatch.setattr(bias, "best", lambda curve: -1.5)  # a random model has no best one
    flags = ("--model", str(tiny[0]), "--adapter", str(tiny[1]), "--limit", "6", "--json")
    assert evaluate(relief, *flags, "--tune") == 0
    captured = capsys.readouterr()
    assert captured.err.count("on 12 dev rows") >= 3  # the curve, as far as it rises
    adapter = read_adapter(tiny[1] / "adapter.gguf", "relief", "tiny", "path")
    assert adapter.bias == {"aid": -1.5}
    tuned = objects(captured.out)["expert", "ko+en"]
    assert tuned["adapter_sha256"] == adapter.sha256
    assert evaluate(relief, *flags) == 0
    again = objects(capsys.readouterr().out)["expert", "ko+en"]
    assert "bias -1.5" in str(again["note"])
    assert (again["value"], again["adapter_sha256"]) == (tuned["value"], tuned["adapter_sha256"])


def test_ctrl_c_prints_what_was_measured_and_writes_nothing(
    relief: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from slm_finetune.baselines.majority import Majority
    from slm_finetune.measure import Answer, Case

    whole, asked = Majority.answer, []

    def stopped_at_the_sixth(self: Majority, case: Case) -> Answer:
        asked.append(case)
        if len(asked) == 6:
            raise KeyboardInterrupt
        return whole(self, case)

    monkeypatch.setattr(Majority, "answer", stopped_at_the_sixth)
    out = tmp_path / "predictions.jsonl"
    assert evaluate(relief, *PEERS, "--json", "--out", str(out)) == 130
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["system"] for one in found} == {"majority"}
    assert found[0]["n"] == 5 and found[0]["partial"] is True
    assert not out.exists()


def test_rows_that_the_adapter_has_learnt_are_left_out_for_every_system(
    relief: Path, tiny: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The dataset was built anew, and split otherwise than when the adapter was trained."""
    base, adapter = tiny
    rows = list(read_rows(relief / "test.jsonl"))
    kept = [row for lang in ("en", "ko") for row in [row for row in rows if row.lang == lang][:2]]
    learnt = [row for row in rows if row not in kept]
    write_learnt(adapter, learnt[:15], learnt[15:])
    flags = ("--model", str(base), "--adapter", str(adapter), "--baseline", "rules", "--json")
    assert evaluate(relief, *flags) == 0
    said = capsys.readouterr()
    assert f"20 of 24 rows in {relief / 'test.jsonl'} were learnt by the adapter" in said.err
    found = objects(said.out)
    assert {found[system, "ko+en"]["n"] for system in ("rules", "expert")} == {4}

    write_learnt(adapter, rows, [])
    assert evaluate(relief, *flags) == 2
    assert "all 24 rows were learnt by the adapter" in capsys.readouterr().err
    (adapter / "rows.json").write_text("[]", encoding="utf-8")
    assert evaluate(relief, *flags) == 2
    assert "rows.json: no list of row ids" in capsys.readouterr().err
    assert evaluate(relief, *PEERS, "--json") == 0  # without the adapter all rows count
    assert objects(capsys.readouterr().out)["rules", "ko+en"]["n"] == 24


def test_a_file_that_is_made_smaller_is_not_scored_on_rows_that_its_adapter_has_learnt(
    relief: Path, tiny: tuple[Path, Path]
) -> None:
    base, adapter = tiny
    rows = list(read_rows(relief / "test.jsonl"))
    write_learnt(adapter, rows[:10], [])
    parser = argparse.ArgumentParser()
    parser.add_argument("--adapter")
    add_gain_flags(parser)
    args = parser.parse_args(["--adapter", str(adapter), "--dataset", str(relief)])
    probe = probe_of(args, find_domain("relief"), load_settings(model=str(base)))
    said = {row.user for row in rows[:10]}
    assert {case.row.id for case in probe.cases} == {row.id for row in rows[10:] if row.user not in said}


def test_a_question_that_was_learnt_with_another_reply_is_left_out_too(
    relief: Path, tiny: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A text that the teacher of a distillation replied to has an id of its own."""
    base, adapter = tiny
    first = next(read_rows(relief / "test.jsonl"))
    write_learnt(adapter, [row("aid", first.user, '["replied"]', first.lang, "by-the-teacher")], [])
    assert evaluate(relief, "--model", str(base), "--adapter", str(adapter), "--json") == 0
    said = capsys.readouterr()
    assert "1 of 24 rows" in said.err and objects(said.out)["expert", "ko+en"]["n"] == 23


def test_an_expert_in_one_file_is_measured_as_it_was_trained(
    relief: Path, tiny: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    base, adapter = tiny
    home = load_settings().home / "adapters" / "relief" / "tiny"
    home.parent.mkdir(parents=True)
    adapter.rename(home)
    write_learnt(home, list(read_rows(relief / "test.jsonl"))[:10], [])
    whole = merged_expert(find_domain("relief"), load_settings(model=str(base)), None)
    assert evaluate(relief, "--model", str(whole), "--task", "aid", "--json") == 0
    said = capsys.readouterr()
    found = objects(said.out)["expert", "ko+en"]
    assert found["n"] == 12 and "12 of 24 rows" in said.err, "two have a learnt row's question"
    shutil.rmtree(home)
    assert evaluate(relief, "--model", str(whole), "--adapter", "none", "--task", "aid", "--json") == 0
    said = capsys.readouterr()
    assert objects(said.out)["expert", "ko+en"]["n"] == 24
    assert "which rows its adapter has learnt is not known here" in said.err
    assert evaluate(relief, "--model", str(whole), "--tune") == 2
    assert "there is none to tune" in capsys.readouterr().err
