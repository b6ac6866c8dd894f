"""`finetune distill`: divergences, the teacher's kept views, refusals, rationales, and runs to an adapter."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs the extra train")

import numpy as np
import torch
from tiny_gguf import write_tiny_adapter, write_tiny_model

from slm_core.dataset.row import Row, write_rows
from slm_core.domain import find_domain
from slm_core.engine.adapter import read_adapter
from slm_core.errors import CouldNot, UserError
from slm_core.files import sha256_of
from slm_core.gguf_head import read_header
from slm_core.settings import load_settings
from slm_finetune.base import dequantized_base
from slm_finetune.cli import main
from slm_finetune.distill.divergence import kept_divergence, reverse_divergence
from slm_finetune.distill.forward import ForwardTrainer
from slm_finetune.distill.gained import read_alike
from slm_finetune.distill.kept import keep, kept_of_rows
from slm_finetune.distill.lesson import Lesson
from slm_finetune.distill.prompts import Reading
from slm_finetune.distill.rationales import is_borne_out, rationale_rows, read_rationales
from slm_finetune.distill.replies import Text, read_texts, replied_rows
from slm_finetune.distill.reverse import ReverseTrainer, reply_logits, sample
from slm_finetune.distill.teacher import Teacher, TeacherFile
from slm_finetune.distill.vocabulary import shared_vocabulary
from slm_finetune.examples import Example, encode_row
from slm_finetune.gain.speed import measure_speeds
from slm_finetune.gguf_file import read_file, write_file
from slm_finetune.merged import merge

SIZE = 403  # tokens of the tiny model
TOKENS = "tokenizer.ggml.tokens"
PAIRS = [
    ("en", "water is out at camp", '["water"]'),
    ("ko", "음식이 필요합니다 구역", '["food"]'),
    ("en", "all quiet in sector", "[]"),
]


def rows(count: int) -> list[Row]:
    return [
        row(f"r{i}", f"{text} {i}", target, lang)
        for i, (lang, text, target) in zip(range(count), itertools.cycle(PAIRS))
    ]


def row(id_: str, user: str, target: str, lang: str = "en") -> Row:
    messages = [("system", "needs"), ("user", user), ("assistant", target)]
    return Row(
        messages=[{"role": role, "content": content} for role, content in messages],
        task="needs",
        lang=lang,
        source="test",
        licence="CC0-1.0",
        id=id_,
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.fixture(scope="module")
def teacher_adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_adapter(
        tmp_path_factory.mktemp("teacher") / "adapter", base_sha256=sha256_of(base), std=0.25
    )


@pytest.fixture(scope="module")
def teacher(base: Path, teacher_adapter: Path) -> TeacherFile:
    adapter = read_adapter(teacher_adapter / "adapter.gguf", "disaster", "tiny", "path")
    return TeacherFile(str(base), "tiny", base, sha256_of(base), adapter)


@pytest.fixture(scope="module")
def bare(base: Path) -> TeacherFile:
    return TeacherFile(str(base), "tiny", base, sha256_of(base), None)


@pytest.fixture(scope="module")
def folder(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dequantized_base(base, sha256_of(base), tmp_path_factory.mktemp("dequantized"))


@pytest.fixture(scope="module")
def examples(folder: Path) -> list[Example]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return [encode_row(tokenizer, each, 320) for each in rows(6)]


def views(file: TeacherFile, examples: Sequence[Example]) -> list[torch.Tensor]:
    size = shared_vocabulary(file.path, file.path)
    with closing(Teacher(file, size, max(map(len, examples)), 1)) as opened:
        return [torch.from_numpy(opened.log_probabilities(each.prompt, each.target)) for each in examples]


def random_views(tokens: int, size: int, seed: int) -> torch.Tensor:
    return torch.log_softmax(3 * torch.randn(tokens, size, generator=torch.Generator().manual_seed(seed)), -1)


# Divergences


def test_all_tokens_kept_give_the_whole_divergence_and_fewer_a_lower_bound_of_it() -> None:
    theirs, logits = random_views(5, 40, 0), random_views(5, 40, 1)
    whole = (theirs.exp() * (theirs - logits)).sum(1)
    found = []
    for k in (1, 8, 40):
        kept = keep(theirs.numpy(), [0] * 5, Lesson(top_k=k))
        ids, values = torch.from_numpy(kept.ids).long(), torch.from_numpy(kept.log_probabilities)
        found.append(kept_divergence(logits, ids, values, 1.0))
    assert torch.allclose(found[-1], whole, atol=1e-5)
    assert (found[0] <= found[1] + 1e-6).all() and (found[1] <= whole + 1e-6).all()
    assert found[0].mean() > 0


@pytest.mark.parametrize(("k", "temperature"), [(8, 1.0), (8, 2.0), (40, 2.0)])
def test_a_student_that_thinks_as_the_teacher_has_no_divergence_and_no_gradient(
    k: int, temperature: float
) -> None:
    theirs = random_views(5, 40, 0)
    kept = keep(theirs.numpy(), [0] * 5, Lesson(top_k=k, temperature=temperature))
    logits = (theirs + 7).requires_grad_()
    ids, values = torch.from_numpy(kept.ids).long(), torch.from_numpy(kept.log_probabilities)
    divergence = kept_divergence(logits, ids, values, temperature).sum()
    divergence.backward()
    assert divergence.item() == pytest.approx(0, abs=1e-5)
    assert logits.grad is not None and logits.grad.abs().max() < 1e-5


def test_what_is_kept_are_the_likeliest_tokens_and_sums_to_one() -> None:
    theirs = random_views(4, 50, 2).numpy()
    kept = keep(theirs, [3, 1, 4, 1], Lesson(top_k=5))
    assert {*kept.ids[0].tolist()} == {*np.argsort(-theirs[0])[:5].tolist()}
    assert np.allclose(np.exp(kept.log_probabilities).sum(1), 1, atol=1e-6)
    assert np.allclose(kept.own, theirs[range(4), [3, 1, 4, 1]])


# The teacher


def test_an_adapter_of_the_teacher_is_in_force_as_in_a_merged_file(
    base: Path, teacher: TeacherFile, bare: TeacherFile, examples: list[Example], tmp_path: Path
) -> None:
    assert teacher.adapter is not None
    merged = tmp_path / "merged.gguf"
    write_file(merged, merge(read_file(base), read_file(teacher.adapter.path)))
    whole = TeacherFile(str(merged), "merged", merged, sha256_of(merged), None)
    tuned, same, untuned = (torch.cat(views(file, examples)) for file in (teacher, whole, bare))
    assert reverse_divergence(same, tuned).mean() < 1e-4
    assert reverse_divergence(untuned, tuned).mean() > 0.5


def test_a_teacher_that_was_stopped_goes_on_with_the_rows_that_are_missing(
    teacher: TeacherFile, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, asked, think = load_settings(), [], Teacher.log_probabilities

    def stopped_at_the_fourth(self, prompt, reply):
        asked.append(prompt)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return think(self, prompt, reply)

    monkeypatch.setattr(Teacher, "log_probabilities", stopped_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        kept_of_rows(teacher, examples, Lesson(), SIZE, settings)
    kept = kept_of_rows(teacher, examples, Lesson(), SIZE, settings)
    assert len(asked) == 4 + 3  # three were there
    again = kept_of_rows(teacher, examples, Lesson(), SIZE, settings)
    assert len(asked) == 7
    assert [each.own.tolist() for each in kept] == [each.own.tolist() for each in again]


def test_other_figures_of_the_lesson_are_never_answered_from_what_was_kept(
    teacher: TeacherFile, examples: list[Example]
) -> None:
    settings = load_settings()
    few = kept_of_rows(teacher, examples[:2], Lesson(top_k=4), SIZE, settings)
    more = kept_of_rows(teacher, examples[:2], Lesson(top_k=8), SIZE, settings)
    soft = kept_of_rows(teacher, examples[:2], Lesson(top_k=4, temperature=3.0), SIZE, settings)
    assert (few[0].ids.shape[1], more[0].ids.shape[1]) == (4, 8)
    assert soft[0].mass < few[0].mass


def test_a_prompt_longer_than_the_teacher_reads_is_refused(bare: TeacherFile) -> None:
    with pytest.raises(UserError, match="reads 1024 at most"):
        Teacher(bare, 100, 2000, 1)


# Vocabularies


def with_tokens(base: Path, path: Path, **changes: str) -> Path:
    file = read_file(base)
    tokens = list(file.values[TOKENS].content)
    for place, token in changes.items():
        tokens[int(place.removeprefix("at"))] = token
    write_file(path, file.replaced(values={TOKENS: tokens}))
    return path


def test_a_teacher_of_another_vocabulary_is_refused_with_the_first_difference(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = with_tokens(base, tmp_path / "other.gguf", at300="불")
    write_rows(tmp_path / "train.jsonl", rows(6))
    words = ["distill", "--domain", "disaster", "--teacher", str(other), "--model", str(base)]
    assert main([*words, "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    for part in (
        "different vocabularies",
        "token 300 is '불' there",
        "other.gguf",
        "tiny.gguf",
        "expected:",
        "mend:",
    ):
        assert part in said
    assert not (tmp_path / "out").exists()


def test_padding_at_the_end_of_a_vocabulary_is_no_difference(base: Path, tmp_path: Path) -> None:
    file = read_file(base)
    tokens = list(file.values[TOKENS].content)
    types = list(file.values["tokenizer.ggml.token_type"].content)
    padded = {TOKENS: [*tokens, "[PAD403]", "[PAD404]"], "tokenizer.ggml.token_type": [*types, 5, 5]}
    write_file(tmp_path / "padded.gguf", file.replaced(values=padded))
    assert shared_vocabulary(tmp_path / "padded.gguf", base) == len(tokens)
    assert shared_vocabulary(base, tmp_path / "padded.gguf") == len(tokens)


def test_a_shorter_vocabulary_is_refused_with_both_sizes(base: Path, tmp_path: Path) -> None:
    file = read_file(base)
    tokens = list(file.values[TOKENS].content)
    write_file(tmp_path / "short.gguf", file.replaced(values={TOKENS: tokens[:-1]}))
    with pytest.raises(UserError, match=f"{len(tokens)} tokens against {len(tokens) - 1}"):
        shared_vocabulary(base, tmp_path / "short.gguf")


# Texts, prompts, rationales


def test_texts_get_replies_that_their_task_accepts_and_are_asked_once(
    bare: TeacherFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(find_domain("disaster"), (), None, 0)
    texts = [Text(task="needs", lang=each.lang, user=each.user, licence="CC0-1.0") for each in rows(4)]
    settings = load_settings()
    found, without = replied_rows(bare, texts, reading, settings)
    assert len(found) + without == 4
    for each in found:
        assert isinstance(json.loads(each.target), list)
        assert each.prompt()[0] == {"role": "system", "content": "needs"}
        assert each.source.endswith("replies by tiny") and each.licence == "CC0-1.0"
    monkeypatch.setattr("slm_finetune.distill.replies.open_speaker", None)  # a second question would fail
    assert replied_rows(bare, texts, reading, settings) == (found, without)

    class Asked(Exception):
        """The teacher is loaded again."""

    def refuse(*_: object) -> None:
        raise Asked

    monkeypatch.setattr("slm_finetune.distill.replies.open_speaker", refuse)
    kind = type(reading.domain.task("needs"))
    monkeypatch.setattr(kind, "wire_schema", lambda task: {"type": "array", "maxItems": 1})
    with pytest.raises(Asked):  # a reply under another schema is another reply
        replied_rows(bare, texts, reading, settings)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"task": "needs", "lang": "en"}', "user: Field required"),
        ('{"task": "need", "lang": "en", "user": "a"}', "no task 'need'"),
        ('{"task": "needs", "lang": "en", "user": "a", "target": "[]"}', "target: Extra inputs"),
        ("", "the file is empty"),
    ],
)
def test_a_line_that_is_no_text_is_named(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "texts.jsonl").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"texts\.jsonl|no task") as caught:
        read_texts(tmp_path / "texts.jsonl", find_domain("disaster"))
    assert said in str(caught.value)


def test_an_untuned_teacher_reads_instructions_and_examples_but_never_the_row_itself() -> None:
    domain, labelled = find_domain("disaster"), tuple(rows(4))
    messages = Reading(domain, labelled, 3, 0).messages(labelled[0])
    assert messages[0]["content"] == domain.task("needs").instructions
    assert {each["content"] for each in messages[1:-1:2]} == {each.user for each in labelled[1:]}
    assert messages[-1] == {"role": "user", "content": labelled[0].user}


FLOOD = row("flood", "The river rose 3 m at Marikina, 21 dead. Send water.", '["water"]')
홍수 = row("홍수", "마리키나에서 21명 사망, 물이 3m 불어났습니다. 식수를 보내 주세요.", '["water"]', "ko")


@pytest.mark.parametrize(
    ("given", "why", "borne"),
    [
        (FLOOD, 'They ask to "Send water".', True),
        (FLOOD, "21 people are dead and water is asked for.", True),
        (FLOOD, "25 people are dead and water is asked for.", False),
        (FLOOD, 'They say "send food".', False),
        (FLOOD, "It's water that's asked for.", True),
        (FLOOD, "  ", False),
        (FLOOD, '["water"]', False),
        (FLOOD, 'The answer is ["water"].', False),
        (홍수, "21명이 사망했고 '식수를 보내' 달라고 합니다.", True),
        (홍수, "25명이 사망했고 식수가 필요합니다.", False),
        (홍수, "'음식을 보내' 달라고 합니다.", False),
    ],
)
def test_a_rationale_counts_only_where_its_message_bears_it_out(given: Row, why: str, borne: bool) -> None:
    assert is_borne_out(why, given) is borne


def test_dropped_and_foreign_rationales_are_counted_and_the_rest_are_rows_of_their_own() -> None:
    told = {
        "flood": "Water is asked for.",
        "홍수": "25명이 사망했습니다.",
        "other": "Nobody trains on this row.",
    }
    found = rationale_rows([FLOOD, 홍수], told)
    assert (found.dropped, found.foreign) == (1, 1)
    (why,) = found.rows
    assert (why.prompt()[0]["content"], why.user, why.target) == (
        "needs: why",
        FLOOD.user,
        "Water is asked for.",
    )


def test_a_second_rationale_of_a_row_is_refused_with_its_line(tmp_path: Path) -> None:
    line = json.dumps({"id": "flood", "rationale": "Water is asked for."})
    (tmp_path / "why.jsonl").write_text(f"{line}\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"why\.jsonl:2: a second rationale of row flood"):
        read_rationales(tmp_path / "why.jsonl")


def test_texts_and_rationales_in_another_encoding_are_told_with_file_and_line(tmp_path: Path) -> None:
    first = {
        "texts": '{"task": "needs", "lang": "ko", "user": "물"}',
        "why": '{"id": "a", "rationale": "물"}',
    }
    for name, line in first.items():
        (tmp_path / f"{name}.jsonl").write_bytes(line.encode() + b"\n" + line.encode("cp949") + b"\n")
    with pytest.raises(UserError, match=r"texts\.jsonl:2: no UTF-8"):
        read_texts(tmp_path / "texts.jsonl", find_domain("disaster"))
    with pytest.raises(UserError, match=r"why\.jsonl:2: no UTF-8"):
        read_rationales(tmp_path / "why.jsonl")


# Reverse KL


def test_a_student_that_learns_from_its_own_replies_comes_closer_to_its_teacher_there(
    folder: Path, teacher: TeacherFile, examples: list[Example]
) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    lora = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    student = get_peft_model(model, lora)
    optimizer = torch.optim.Adam([p for p in student.parameters() if p.requires_grad], lr=0.01)
    prompts, end, apart = [each.prompt for each in examples], examples[0].target[-1], []
    with closing(Teacher(teacher, SIZE, max(map(len, prompts)) + 5, 1)) as opened:
        for _ in range(16):
            replies = sample(student, prompts, 5, end)
            assert all(0 < len(reply) <= 5 for reply in replies)
            pairs = zip(prompts, replies, strict=True)
            theirs = torch.cat([torch.from_numpy(opened.log_probabilities(*pair)) for pair in pairs])
            divergence = reverse_divergence(reply_logits(student, prompts, replies), theirs).mean()
            apart.append(divergence.item())
            optimizer.zero_grad()
            divergence.backward()
            optimizer.step()
    assert np.mean(apart[-4:]) < 0.85 * np.mean(apart[:4])


@pytest.mark.parametrize("trainer", [ForwardTrainer, ReverseTrainer])
def test_a_rationale_weighs_what_the_lesson_says_and_a_dev_row_what_it_is(trainer: Any) -> None:
    bare = trainer.__new__(trainer)  # a loss needs no training run
    bare.weights, bare.kept, bare.lesson, bare.size = [1.0, 0.25], [None, None], Lesson(), 5
    logits, targets = torch.randn(3, 5), torch.tensor([1, 2, 3])
    own = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    taught = bare.token_losses(logits, targets, [0, 1], [1, 2])
    assert torch.allclose(taught, own * torch.tensor([1.0, 0.25, 0.25]))
    assert torch.equal(bare.token_losses(logits, targets, [-1, -2], [1, 2]), own)


# Whole runs


@pytest.fixture
def words(base: Path, teacher_adapter: Path, tmp_path: Path) -> list[str]:
    write_rows(tmp_path / "data" / "train.jsonl", rows(24))
    write_rows(tmp_path / "data" / "dev.jsonl", rows(36)[24:])
    return [
        *["distill", "--domain", "disaster", "--task", "needs", "--teacher", str(base), "--model", str(base)],
        *["--teacher-adapter", str(teacher_adapter), "--data", str(tmp_path / "data"), "--json"],
        *["--out", str(tmp_path / "out"), "--set", "learning_rate=0.01", "--set", "train_layers=2"],
    ]


def adapted(base: Path, out: Path) -> TeacherFile:
    adapter = read_adapter(out / "adapter.gguf", "disaster", "tiny", "path")
    return TeacherFile(str(base), "tiny", base, sha256_of(base), adapter)


def test_a_distilled_adapter_says_on_the_device_what_its_teacher_says(
    words: list[str],
    base: Path,
    teacher: TeacherFile,
    bare: TeacherFile,
    examples: list[Example],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    more = ["--alpha", "0", "--max-steps", "24", "--set", "r=16", "--set", "evaluations=1"]
    more += ["--set", "learning_rate=0.02", "--limit", "2"]
    write_rows(tmp_path / "data" / "test.jsonl", rows(40)[20:])  # all but four were learnt from or chosen on
    monkeypatch.setattr("slm_finetune.gain.speed.measure_speeds", partial(measure_speeds, rounds=1))
    assert main([*words, *more]) == 0, capsys.readouterr().err
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    record, (student, distilled) = told[0], told[1:]
    assert record["parity"]["verdict"] == "passed"
    assert record["teaching"]["teacher"] == "tiny with its disaster adapter"
    assert "distilled: teacher_loss" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    theirs = torch.cat(views(teacher, examples))
    before, after = (
        reverse_divergence(theirs, torch.cat(views(file, examples))).mean()
        for file in (bare, adapted(base, tmp_path / "out"))
    )
    assert after < 0.2 * before
    assert (student["name"], distilled["name"]) == ("student", "distilled")
    assert distilled["kl"] < student["kl"]
    assert distilled["bytes"] == base.stat().st_size + (tmp_path / "out" / "adapter.gguf").stat().st_size
    assert distilled["scored"] == 2 and 0 <= distilled["score"]["value"] <= 1
    page = (tmp_path / "out" / "gain.md").read_text(encoding="utf-8")
    assert "| perplexity | KL nat | score |" in page and "micro-f1 over 2 rows" in page
    assert not list((Path(os.environ["SLM_HOME"]) / "runs").glob("*/checkpoint-*"))


def test_an_adapter_whose_gain_cannot_be_measured_is_in_use_all_the_same(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise CouldNot("llama.cpp could not load it")

    write_rows(tmp_path / "data" / "test.jsonl", rows(40)[36:])
    monkeypatch.setattr("slm_finetune.distill.gained.measure_files", fails)
    more = ["--alpha", "0", "--max-steps", "24", "--set", "r=16", "--set", "learning_rate=0.02"]
    assert main([*words, *more, "--set", "evaluations=1"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["parity"]["verdict"] == "passed"
    assert "is in use; what it gained is not measured: llama.cpp could not load it" in err
    assert not (tmp_path / "out" / "gain.md").exists()


def test_a_student_samples_after_its_warm_up_and_texts_and_rationales_are_counted_in_the_record(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches, sampled = list[int](), list[int]()

    def losses(trainer: ReverseTrainer, logits: Any, targets: Any, numbers: Sequence[int], *more: Any) -> Any:
        batches.extend([trainer.state.global_step] * (numbers[0] >= 0))
        return whole(trainer, logits, targets, numbers, *more)

    def replies(*given: Any) -> Any:
        sampled.append(batches[-1])
        return sample(*given)

    whole = ReverseTrainer.token_losses
    monkeypatch.setattr(ReverseTrainer, "token_losses", losses)
    monkeypatch.setattr("slm_finetune.distill.reverse.sample", replies)
    texts = [{"task": "needs", "lang": "ko", "user": f"물이 없습니다 {i}"} for i in range(2)]
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")
    why = {"id": "r0", "rationale": "It says that water is out."}
    (tmp_path / "why.jsonl").write_text(json.dumps(why), encoding="utf-8")
    more = ["--method", "reverse", "--warm", "0.5", "--reply-tokens", "6", "--max-steps", "4"]
    more += ["--texts", str(tmp_path / "texts.jsonl"), "--rationales", str(tmp_path / "why.jsonl")]
    assert main([*words, *more, "--set", "learning_rate=0.05"]) in (0, 1)  # four steps may move too little
    taught = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["teaching"]
    assert (taught["method"], taught["labelled_rows"], taught["rationales"]) == ("reverse", 24, 1)
    assert taught["texts_with_reply"] + taught["texts_without_reply"] == 2
    assert set(batches) == {0, 1, 2, 3}
    assert sampled == [step for step in batches if step >= 2]


def test_the_kl_is_taken_only_from_a_teacher_that_reads_the_same_text(base: Path, tmp_path: Path) -> None:
    file = read_file(base)
    write_file(tmp_path / "bare.gguf", file.replaced(values={}, without=["tokenizer.chat_template"]))
    write_file(tmp_path / "ends.gguf", file.replaced(values={"tokenizer.ggml.eos_token_id": 5}))
    assert "tokenizer.chat_template" not in read_header(tmp_path / "bare.gguf").values
    asked = rows(1)[0]
    alike = [read_alike(base, path, asked) for path in (base, tmp_path / "bare.gguf", tmp_path / "ends.gguf")]
    assert alike == [True, False, False]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--method", "reverse", "--top-k", "8"], "--top-k: it has no meaning with --method reverse"),
        (["--warm", "0.5"], "--warm: it has no meaning with --method forward"),
        (["--alpha", "1.5"], "--alpha: 1.5 is out of range"),
        (["--temperature", "nan"], "--temperature: nan is out of range"),
        (["--rows", "0"], "--rows"),
        (["--limit", "0"], "--limit: 0 rows"),
        (["--method", "reverse", "--shots", "2"], "--shots"),
        (["--teacher", "qwen2.5-coder-1.5b-instrct"], "did you mean qwen2.5-coder-1.5b-instruct"),
        (["--texts", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
    ],
)
def test_a_wrong_use_is_one_clear_message(
    words: list[str], more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *more]) == 2
    assert said in capsys.readouterr().err
