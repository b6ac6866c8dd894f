"""Likelihoods of options, on the tiny model and beside Transformers, and the figures made of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from suite_files import write_kobest, write_mmlu
from tiny_gguf import tiny_tokenizer, write_tiny_model

from slm_core.engine.contract import Choice, PromptTooLong, Score, Usage
from slm_core.engine.llama import LlamaEngine
from slm_core.errors import UserError
from slm_finetune.suites import kobest, mmlu
from slm_finetune.suites.figures import accuracy, macro_f1, mean_accuracy, mean_macro_f1
from slm_finetune.suites.question import Question
from slm_finetune.suites.scoring import Answer, by_letter, by_text

TEXT = "강물이 불어나 water and food. Answer:"
LETTERS = (" A", " B", " C", " D")


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Iterator[LlamaEngine]:
    with LlamaEngine(tiny_model, context=512) as engine:
        yield engine


def step_by_step(engine: LlamaEngine, text: str, more: str) -> float:
    """The log-likelihood of a continuation, one whole distribution a token."""
    total, prompt = 0.0, text
    for token in engine.tokenize(text + more)[len(engine.tokenize(text)) :]:
        total += engine.next_token_distribution(prompt)[token]
        prompt += tiny_tokenizer().decode([token])
    return total


def test_letters_get_the_models_own_probabilities_after_raw_text(engine: LlamaEngine) -> None:
    choice = engine.choose_next(TEXT, LETTERS)
    blank = engine.tokenize(" A")[:-1]  # the tiny tokenizer writes the blank on its own
    logs = engine.next_token_distribution(TEXT + " " * len(blank))
    raw = np.array([logs[engine.tokenize(letter)[-1]] for letter in LETTERS])
    expected = raw - np.log(np.exp(raw).sum())
    got = np.log([choice.probabilities[letter] for letter in LETTERS])
    assert np.abs(got - expected).max() < 0.05


def test_the_likelihood_of_a_text_is_the_sum_of_its_single_steps(engine: LlamaEngine) -> None:
    texts = [" water", " water food", " 물과 water", "."]
    for score, text in zip(engine.score_next(TEXT, texts), texts, strict=True):
        assert score.log_likelihood == pytest.approx(step_by_step(engine, TEXT, text), abs=2e-3)


def test_a_shared_head_is_read_once(engine: LlamaEngine) -> None:
    head = "the river is rising and two people are missing near the bridge " * 3
    engine.choose_next(head + "One. Answer:", LETTERS)
    second = engine.choose_next(head + "Two? Answer:", LETTERS)
    assert second.usage.cached >= len(engine.tokenize(head)) - 1


def test_a_model_that_wants_a_begin_token_gets_it_once(tmp_path: Path) -> None:
    with LlamaEngine(write_tiny_model(tmp_path / "bos.gguf", add_bos=True), context=512) as engine:
        asked = engine.choose_next(TEXT, LETTERS).usage.prompt
        assert asked == 1 + len(engine.tokenize(TEXT)) + len(engine.tokenize(" A")) - 1


def test_a_control_token_in_a_question_is_text(engine: LlamaEngine) -> None:
    plain, spelt = (
        engine.choose_next(f"{mark} Answer:", LETTERS).usage.prompt for mark in ("x", "<|im_end|>")
    )
    assert spelt > plain + 3


def test_pieces_that_are_no_choice_are_refused(engine: LlamaEngine) -> None:
    with pytest.raises(UserError):
        engine.choose_next(TEXT, [" A"])
    with pytest.raises(UserError, match="nothing to score"):
        engine.score_next(TEXT, [" water", ""])


class Short:
    """A reader with room for 200 characters that holds the letter likely which the last line tells."""

    def choose_next(self, text: str, pieces: Sequence[str]) -> Choice:
        if len(text) > 200:
            raise PromptTooLong.counted(len(text), 1, 200)
        told = text.splitlines()[-2][-1]
        likely = {piece: 0.7 if piece.strip() == told else 0.1 for piece in pieces}
        return Choice(likely, Usage(1, 0, 1, 0.0, 0.0))

    def score_next(self, text: str, continuations: Sequence[str]) -> list[Score]:
        if len(text) > 200:
            raise PromptTooLong.counted(len(text), 1, 200)
        return [Score(-float(len(more)), 1) for more in continuations]


def test_too_long_prompts_drop_examples_from_the_front() -> None:
    examples = tuple(f"example {n}" + "x" * 50 for n in range(5))
    question = Question("g", "the answer is\nB\nAnswer:", LETTERS, 1, "intro", examples)
    answer = by_letter(Short(), question)
    assert (answer.dropped, answer.predicted, answer.right) == (3, 1, True)


def test_what_does_not_fit_at_all_counts_as_wrong() -> None:
    question = Question("g", "x" * 300, LETTERS, 0)
    for answer in (by_letter(Short(), question), by_text(Short(), question)):
        assert answer.predicted is None and not answer.right
        assert accuracy([(question.answer, answer.predicted)]).value == 0


@pytest.mark.parametrize("wrong", [0, 1])
def test_a_model_that_is_told_the_answers_scores_one_and_less_with_another_key(
    tmp_path: Path, wrong: int
) -> None:
    write_mmlu(tmp_path)
    told = [
        Question(q.group, f"hint\n{'ABCD'[q.answer]}\nAnswer:", q.options, (q.answer + wrong) % 4)
        for q in mmlu.read(tmp_path, "val", 0)
    ]
    figures = mmlu.SUITE.figures([by_letter(Short(), question) for question in told])
    assert [figure.value.value for figure in figures] == [1.0 - wrong] * len(figures)


def test_longer_options_win_per_character_only() -> None:
    question = Question("HellaSwag", "x", (" ab", " abcdef"), 1)
    answer = Answer(question, (-2.0, -3.0))
    assert (answer.predicted, answer.predicted_by_length) == (0, 1)


def test_macro_f1_is_that_of_scikit_learn() -> None:
    keys, said = [0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1]  # the example of its `f1_score`
    assert macro_f1(list(zip(keys, said, strict=True))).value == pytest.approx(0.26667, abs=1e-5)
    assert macro_f1([(0, 0), (3, 3), (0, None)]).value == pytest.approx(
        (2 / 3 + 1) / 2
    )  # 1 and 2 do not occur


def test_intervals_hold_their_figure_and_shrink_with_the_number() -> None:
    random_ = random.Random(3)
    pairs = [(random_.randrange(4), random_.choice([0, 0, 1, 3])) for _ in range(800)]
    for figure in (macro_f1, accuracy):
        few, many = figure(pairs[:200]), figure(pairs)
        assert few.low < few.value < few.high and many.low < many.value < many.high
        assert (few.high - few.low) / (many.high - many.low) == pytest.approx(2, rel=0.15)


def test_wilsons_interval_is_that_of_the_table() -> None:
    found = accuracy([(0, 0)] * 8 + [(0, 1)] * 2)  # Wilson 1927: 8 of 10 is 0.490 to 0.943
    assert (found.low, found.high) == (pytest.approx(0.490, abs=5e-4), pytest.approx(0.943, abs=5e-4))


def test_one_question_a_group_does_not_make_a_mean_certain() -> None:
    groups = {f"g{n}": [(0, n % 4)] for n in range(56)}
    found = mean_accuracy(groups)
    assert found.value == 0.25
    assert 0.2 < found.high - found.low < 0.25


def test_the_mean_over_tasks_is_unweighted(tmp_path: Path) -> None:
    right, wrong = [(0, 0), (1, 1)] * 50, [(0, 1), (1, 0)]
    assert mean_macro_f1({"long": right, "short": wrong}).value == pytest.approx(0.5)
    answers = [by_text(Short(), q) for q in kobest.read(write_kobest(tmp_path), "dev", 0)]
    figures = {(f.group, f.metric): f.value.value for f in kobest.figures(answers)}
    tasks = [figures[task, "macro-F1"] for task in kobest.TASKS]
    assert figures["mean of 5 tasks", "macro-F1"] == pytest.approx(sum(tasks) / 5)
    right_share = sum(answer.right for answer in answers) / len(answers)
    assert figures["all", "accuracy"] == pytest.approx(right_share)


def test_transformers_says_the_same_on_the_same_weights(tiny_model: Path, tmp_path: Path) -> None:
    """Equal choices; letters within 0.05 nat, texts within 0.01 a token; each program tokenizes by itself."""
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from slm_core.files import sha256_of
    from slm_finetune.base import dequantized_base

    folder = dequantized_base(tiny_model, sha256_of(tiny_model), tmp_path)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    letters = mmlu.read(write_mmlu(tmp_path / "mmlu"), "val", 2)[::3]
    texts = kobest.read(write_kobest(tmp_path / "kobest"), "dev", 0)[::2]
    with LlamaEngine(tiny_model, context=1024) as engine, torch.no_grad():
        for question in (*letters, *texts):
            score = by_letter if question.options == LETTERS else by_text
            found = [_transformers(model, tokenizer, question.prompt(), more) for more in question.options]
            theirs, tokens = map(np.array, zip(*found, strict=True))
            if score is by_letter:
                theirs -= np.log(np.exp(theirs - theirs.max()).sum()) + theirs.max()
            ours = score(engine, question)
            assert ours.predicted == int(theirs.argmax())
            bar = 0.05 if score is by_letter else 0.01 * tokens
            assert (np.abs(np.array(ours.log_likelihoods) - theirs) < bar).all()


def _transformers(model: Any, tokenizer: Any, prompt: str, option: str) -> tuple[float, int]:
    """The log-likelihood of the option after the prompt, and its tokens."""
    import torch

    ids = tokenizer(prompt + option, add_special_tokens=False)["input_ids"]
    begin = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    logs = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0].double(), -1)
    return float(sum(logs[at - 1, ids[at]] for at in range(begin, len(ids)))), len(ids) - begin
