"""From the original files of the suites to the prompts that are asked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from suite_files import (
    LETTERS,
    SUBJECTS,
    mmlu_row,
    write_csv,
    write_kmmlu,
    write_kobest,
    write_mmlu,
    write_text,
)

from slm_core.errors import UserError
from slm_finetune.suites import kmmlu, kobest, mmlu
from slm_finetune.suites.question import Question, sample

DATA = Path(__file__).parents[2] / "shared" / "data"


def test_the_prompt_of_mmlu_is_that_of_the_original_harness(tmp_path: Path) -> None:
    first = mmlu.read(write_mmlu(tmp_path), "val", 2)[0]
    assert first.prompt() == (
        "The following are multiple choice questions (with answers) about  anatomy.\n\n"
        "Which number, anatomy, is 90?\nA. 90\nB. 91\nC. two, 90\nD. 3 90\nAnswer: A\n\n"
        "Which number, anatomy, is 91?\nA. 91\nB. 92\nC. two, 91\nD. 3 91\nAnswer: B\n\n"
        "Which number, anatomy, is 0?\nA. 0\nB. 1\nC. two, 0\nD. 3 0\nAnswer:"
    )
    assert (first.options, first.answer) == ((" A", " B", " C", " D"), 0)
    assert "is 90?" not in first.prompt(dropped=1) and "is 91?" in first.prompt(dropped=1)


def test_the_prompt_of_kmmlu_ends_with_its_korean_cue(tmp_path: Path) -> None:
    questions = kmmlu.read(write_kmmlu(tmp_path), "test", 5)
    assert len(questions) == 6 and {q.group for q in questions} == {"Korean-History", "Law"}
    assert questions[1].text == "Korean-History test 1번 문제의 답은?\nA. 가\nB. 나, 다\nC. 라\nD. 마\n정답："
    assert questions[1].answer == 1
    assert questions[0].prompt().count("정답： ") == 5
    assert "Korean-History dev 4번" in questions[0].prompt()


def test_kobest_is_asked_as_the_lm_evaluation_harness_asks_it(tmp_path: Path) -> None:
    asked = {(q.group, q.answer): q for q in kobest.read(write_kobest(tmp_path), "dev", 0)}
    assert asked["BoolQ", 1].text == "물은 흐른다. 질문: 물은 흐르는가? 답변:"
    assert asked["BoolQ", 1].options == ("  아니오", "  예")
    assert asked["COPA", 0].text == "비가 왔다.  그래서"
    assert asked["COPA", 1].text == "길이 젖었다.  왜냐하면"
    assert (
        asked["WiC", 0].text
        == "문장1: [배]를 탔다. 문장2: [배]를 먹었다. 두 문장에서 배가 같은 뜻으로 쓰였나?"
    )
    assert asked["HellaSwag", 3].options == (" 잔다.", " 춤춘다.", " 먹는다.", " 우산을 편다.")
    assert (asked["SentiNeg", 1].text, asked["SentiNeg", 1].options) == (
        "문장: 좋아요 긍부정:",
        (" 부정", " 긍정"),
    )


def bad_mmlu(folder: Path, row: list[str]) -> str:
    write_mmlu(folder)
    rows = [mmlu_row("anatomy", 0, "A"), ["One,\ntwo?", "1", "2", "3", "4", "B"], row]
    write_csv(folder / "data" / "val" / "anatomy_val.csv", rows)
    with pytest.raises(UserError) as told:
        mmlu.read(folder, "val", 5)
    return str(told.value)


def test_a_row_with_three_options_is_told_with_its_line(tmp_path: Path) -> None:
    said = bad_mmlu(tmp_path, ["Q?", "1", "2", "3", "B"])
    assert "anatomy_val.csv:4: 5 cells (3 options)" in said  # the row before spans two lines


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["Q?", "1", "2", "3", "4", ""], "the answer is missing"),
        (["Q?", "1", "2", "3", "4", "E"], "the answer 'E'\n  expected: A or B or C or D"),
        (["Q?", "1", " ", "3", "4", "A"], "B is empty"),
        (["", "1", "2", "3", "4", "A"], "the question is empty"),
    ],
)
def test_a_bad_row_of_mmlu_is_told_with_its_line(tmp_path: Path, row: list[str], said: str) -> None:
    assert f"anatomy_val.csv:4: {said}" in bad_mmlu(tmp_path, row)


def test_an_unknown_subject_is_told_with_the_nearest(tmp_path: Path) -> None:
    write_csv(write_mmlu(tmp_path) / "data" / "val" / "anatomi_val.csv", [mmlu_row("x", 1, "A")])
    with pytest.raises(
        UserError, match=r"anatomi_val.csv: unknown subject 'anatomi'(.|\n)*did you mean anatomy"
    ):
        mmlu.read(tmp_path, "val", 5)


def test_too_few_examples_and_a_missing_dev_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"anatomy_dev.csv: 3 examples\n  expected: 5"):
        mmlu.read(write_mmlu(tmp_path, examples=3), "val", 5)
    (tmp_path / "data" / "dev" / "anatomy_dev.csv").unlink()
    with pytest.raises(UserError, match=r"anatomy_dev\.csv: no such file"):
        mmlu.read(tmp_path, "val", 1)
    assert len(mmlu.read(tmp_path, "val", 0)) == 18


def test_a_wrong_folder_is_told_with_what_was_looked_for(tmp_path: Path) -> None:
    write_kobest(tmp_path)
    with pytest.raises(UserError, match=r"no files of mmlu in this folder\n  expected: data/val/\*_val.csv"):
        mmlu.SUITE.split(tmp_path, None)
    with pytest.raises(UserError, match="no such folder"):
        mmlu.SUITE.split(tmp_path / "nowhere", None)
    with pytest.raises(UserError, match=r"mmlu has no split 'dev'\n  expected: test, val"):
        mmlu.SUITE.split(tmp_path, "dev")


def test_the_test_split_is_taken_where_it_is_there(tmp_path: Path) -> None:
    write_kobest(tmp_path)
    assert kobest.SUITE.split(tmp_path, None) == "dev"
    write_kobest(tmp_path, split="test")
    assert kobest.SUITE.split(tmp_path, None) == "test"
    assert kobest.SUITE.split(tmp_path, "dev") == "dev"


def test_a_line_separator_inside_a_cell_of_kobest_ends_no_row(tmp_path: Path) -> None:
    lines = "ID\tText\tQuestion\tAnswer\r\n1\t물은\u2028차다\t물은 찬가?\tTrue\r\n"
    write_text(write_kobest(tmp_path) / "BoolQ" / "dev.tsv", lines)
    asked = [q for q in kobest.read(tmp_path, "dev", 0) if q.group == "BoolQ"]
    assert [(q.answer, "물은\u2028차다" in q.text) for q in asked] == [(1, True)]


@pytest.mark.parametrize(
    ("task", "lines", "said"),
    [
        (
            "HellaSwag",
            "context\tchoice1\tchoice2\tchoice3\tlabel\n물\t1\t2\t3\t0\n",
            "dev.tsv:1: no column choice4",
        ),
        ("BoolQ", "ID\tText\tQuestion\tAnswer\n1\t물\t물인가?\n", "dev.tsv:2: 3 cells\n  expected: 4"),
        (
            "COPA",
            "ID\tsentence\tquestion\t1\t2\tAnswer\n1\t물\t이유\tㄱ\tㄴ\t1\n",
            "dev.tsv:2: question '이유'",
        ),
        ("SentiNeg", "ID\tLabel\tText\n1\t\t좋아요\n", "dev.tsv:2: Label is missing"),
        ("WiC", "", "dev.tsv: the file is empty"),
    ],
)
def test_a_bad_file_of_kobest_is_told_with_its_line(tmp_path: Path, task: str, lines: str, said: str) -> None:
    write_text(write_kobest(tmp_path) / task / "dev.tsv", lines)
    with pytest.raises(UserError) as told:
        kobest.read(tmp_path, "dev", 0)
    assert said in str(told.value)


def test_an_answer_of_kmmlu_counts_from_one(tmp_path: Path) -> None:
    header = ["question", "answer", *LETTERS, "Category", "Human Accuracy"]
    rows = [header, ["문제", "0", "가", "나", "다", "라", "Law", "0.1"]]
    write_csv(write_kmmlu(tmp_path) / "data" / "Law-test.csv", rows)
    with pytest.raises(UserError, match=r"Law-test.csv:2: the answer '0'\n  expected: 1 or 2 or 3 or 4"):
        kmmlu.read(tmp_path, "test", 0)


def test_files_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = write_mmlu(tmp_path) / "data" / "val" / "anatomy_val.csv"
    path.write_bytes('"문제'.encode("cp949"))
    with pytest.raises(UserError, match=r"anatomy_val\.csv: no UTF-8"):
        mmlu.read(tmp_path, "val", 0)
    path.write_text('"left open,1,2,3,4,A', encoding="utf-8")
    with pytest.raises(UserError, match=r"anatomy_val\.csv:1: no CSV"):
        mmlu.read(tmp_path, "val", 0)


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    limit=st.integers(1, 100),
    seed=st.integers(0, 5),
)
def test_a_sample_has_its_size_and_every_group_its_share(sizes: list[int], limit: int, seed: int) -> None:
    everything = [
        Question(f"g{g}", f"{n}", (" A", " B"), 0) for g, size in enumerate(sizes) for n in range(size)
    ]
    drawn = sample(everything, limit, seed)
    assert len(drawn) == len(set(drawn)) == min(limit, len(everything))
    assert drawn == [question for question in everything if question in set(drawn)]
    assert drawn == sample(everything, limit, seed)
    taken = Counter(question.group for question in drawn)
    if limit >= len(sizes):
        assert all(taken[f"g{g}"] for g in range(len(sizes)))
        assert all(
            taken[f"g{g}"] <= max(1, limit * size / len(everything) + 1) for g, size in enumerate(sizes)
        )


def test_another_seed_draws_other_questions(tmp_path: Path) -> None:
    everything = mmlu.read(write_mmlu(tmp_path), "val", 0)
    assert {q.id for q in sample(everything, 6, 0)} != {q.id for q in sample(everything, 6, 1)}
    assert {q.group for q in sample(everything, 3, 0)} == set(SUBJECTS)


@pytest.mark.skipif(not (DATA / "mmlu").is_dir(), reason="the shared data is not here")
def test_the_original_files_are_read_whole() -> None:
    assert len(mmlu.read(DATA / "mmlu", "val", 5)) == 1542
    questions = kobest.read(DATA / "kobest", "dev", 0)
    sizes = {"BoolQ": 700, "COPA": 500, "WiC": 610, "HellaSwag": 500, "SentiNeg": 400}
    assert Counter(question.group for question in questions) == sizes
