"""MT-Bench and LogicKor: answers are written; only a judge that agrees with people scores them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from suite_files import write_jsonl, write_logickor, write_mt_bench

from slm_core.engine.contract import Reply, Usage
from slm_core.errors import UserError
from slm_finetune.cli import main
from slm_finetune.suites import chatting, logickor, mt_bench
from slm_finetune.suites.command import open_kept
from slm_finetune.suites.judge import Judge, measure_agreement, read_verdicts


class Rater:
    """A judge that rates by the length of the last answer: seven characters or more are a 9, fewer a 3."""

    model, model_sha256 = "rater", "ab" * 32

    def __init__(self, *, right: bool = True, says: str = "Rating: [[{}]]") -> None:
        self.right, self.says, self.asked = right, says, 0

    def chat(self, messages: Any, **_: Any) -> Reply:
        self.asked += 1
        long = len(messages[-1]["content"].rpartition("]\n")[2]) >= 7
        text = self.says.format(9 if long == self.right else 3)
        return Reply(text, None, Usage(1, 0, 1, 0.0, 0.0), self.model_sha256, None)

    def __enter__(self) -> Rater:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def rater(monkeypatch: pytest.MonkeyPatch) -> Rater:
    judge = Rater()
    monkeypatch.setattr(chatting, "_judge_engine", lambda name, settings: judge)
    return judge


def said(user: str, assistant: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]


def pairs(folder: Path, count: int = 40, ties: int = 0) -> Path:
    """People hold the longer answer better."""
    rows: list[dict[str, Any]] = []
    for n in range(count):
        answers = ("a long answer", "no") if n % 2 else ("no", "a long answer")
        a, b = (said(f"question {n}", answer) for answer in answers)
        rows.append(
            {"conversation_a": a, "conversation_b": b, "turn": 1, "winner": f"model_{'a' if n % 2 else 'b'}"}
        )
    rows += [{**rows[0], "winner": "tie"}] * ties
    write_jsonl(folder / "people.jsonl", rows)
    return folder / "people.jsonl"


def evaluate(suite: str, folder: Path, model: Path, *more: str) -> int:
    return main(["eval", "--suite", suite, "--data-dir", str(folder), "--model", str(model), "--json", *more])


def outcome(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture(autouse=True)
def short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (mt_bench, logickor):
        monkeypatch.setattr(module, "SUITE", chatting.replace(module.SUITE, max_tokens=12))


def test_without_a_judge_the_answers_are_written_and_nothing_is_scored(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suite, folder, turns in (
        ("mt-bench", write_mt_bench(tmp_path / "mt"), [2, 1]),
        ("logickor", write_logickor(tmp_path / "lk"), [2, 2]),
    ):
        out = tmp_path / f"{suite}.jsonl"
        assert evaluate(suite, folder, tiny_model, "--out", str(out)) == 0
        found = outcome(capsys)
        assert (found["score"], found["reason"]) == (None, "no --judge is named")
        head, *answers = map(json.loads, out.read_text("utf-8").splitlines())
        assert head["suite"] == suite and head["model_sha256"]
        assert [len(answer["answers"]) for answer in answers] == turns
        assert all(text for answer in answers for text in answer["answers"])


def test_a_judge_without_verdicts_of_people_scores_nothing(
    tmp_path: Path, tiny_model: Path, rater: Rater, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_mt_bench(tmp_path / "mt")
    assert evaluate("mt-bench", folder, tiny_model, "--judge", "rater") == 0
    assert "no --agreement with people" in outcome(capsys)["reason"]
    few = pairs(tmp_path, 29)
    assert evaluate("mt-bench", folder, tiny_model, "--judge", "rater", "--agreement", str(few)) == 0
    assert "only 29 verdicts of people" in outcome(capsys)["reason"]
    tied = pairs(tmp_path, 29, ties=20)
    assert evaluate("mt-bench", folder, tiny_model, "--judge", "rater", "--agreement", str(tied)) == 0
    assert "fewer than 30 verdicts of people name a winner" in outcome(capsys)["reason"]
    assert rater.asked == 0


def test_a_judge_that_agrees_with_people_scores_every_turn(
    tmp_path: Path, tiny_model: Path, rater: Rater, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--judge", "rater", "--agreement", str(pairs(tmp_path)))
    folder = write_mt_bench(tmp_path / "mt")
    assert evaluate("mt-bench", folder, tiny_model, *flags) == 0
    found = outcome(capsys)
    assert found["agreement"] == "agreement 1.00 on 40 pairs (bar 0.7)"
    assert found["figures"]["all"]["n"] == 3 and found["judge"] == "rater"
    records = map(json.loads, Path(found["answers"]).read_text("utf-8").splitlines()[1:])
    expected = [
        [9 if len(text.rpartition("]\n")[2]) >= 7 else 3 for text in one["answers"]] for one in records
    ]
    assert found["score"] == pytest.approx(sum(sum(each) / len(each) for each in expected) / 2)
    asked = rater.asked
    assert evaluate("mt-bench", folder, tiny_model, *flags) == 0
    assert rater.asked == asked  # ratings are kept too
    assert outcome(capsys)["score"] == found["score"]


def test_a_judge_that_disagrees_scores_nothing(
    tmp_path: Path, tiny_model: Path, rater: Rater, capsys: pytest.CaptureFixture[str]
) -> None:
    rater.right = False
    folder, verdicts = write_mt_bench(tmp_path / "mt"), str(pairs(tmp_path))
    assert evaluate("mt-bench", folder, tiny_model, "--judge", "rater", "--agreement", verdicts) == 0
    found = outcome(capsys)
    assert found["score"] is None and not found["figures"]
    assert found["reason"] == "the judge does not agree with people: agreement 0.00 on 40 pairs (bar 0.7)"


def test_ratings_of_people_count_within_one(
    tmp_path: Path, tiny_model: Path, rater: Rater, capsys: pytest.CaptureFixture[str]
) -> None:
    rater.says = "좋은 답변입니다.\n**점수: {}**"
    # The judge gives 9: within one of 8 and 10, not of 7.
    rows = [
        {"conversation": said(f"질문 {n}", "긴 대답을 합니다"), "turn": 1, "rating": [8, 10, 7][n % 3]}
        for n in range(30)
    ]
    write_jsonl(tmp_path / "people.jsonl", rows)
    flags = ("--judge", "rater", "--agreement", str(tmp_path / "people.jsonl"))
    assert evaluate("logickor", write_logickor(tmp_path / "lk"), tiny_model, *flags) == 0
    assert "agreement 0.67 on 30 ratings" in outcome(capsys)["reason"]


def test_a_judge_that_just_agrees_is_listened_to(
    tmp_path: Path, tiny_model: Path, rater: Rater, capsys: pytest.CaptureFixture[str]
) -> None:
    rater.says = "좋은 답변입니다.\n**점수: {}**"  # 9, within one of 8 and not of 7
    rows = [
        {"conversation": said(f"질문 {n}", "긴 대답을 합니다"), "turn": 1, "rating": 8 if n < 21 else 7}
        for n in range(30)
    ]
    write_jsonl(tmp_path / "people.jsonl", rows)
    flags = ("--judge", "rater", "--agreement", str(tmp_path / "people.jsonl"))
    assert evaluate("logickor", write_logickor(tmp_path / "lk"), tiny_model, *flags) == 0
    found = outcome(capsys)
    assert found["agreement"] == "agreement 0.70 on 30 ratings (bar 0.7)" and found["score"] is not None


def test_a_judge_that_gives_no_ratings_scores_nothing(
    tmp_path: Path, tiny_model: Path, rater: Rater, capsys: pytest.CaptureFixture[str]
) -> None:
    rater.says = "I like it."
    folder, verdicts = write_mt_bench(tmp_path / "mt"), str(pairs(tmp_path))
    assert evaluate("mt-bench", folder, tiny_model, "--judge", "rater", "--agreement", verdicts) == 0
    assert outcome(capsys)["score"] is None


def test_a_model_does_not_judge_itself(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--judge", str(tiny_model), "--agreement", str(pairs(tmp_path)))
    assert evaluate("mt-bench", write_mt_bench(tmp_path / "mt"), tiny_model, *flags) == 2
    assert "a model does not judge itself" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            {"conversation_a": [], "conversation_b": [], "turn": 1, "winner": "model_c"},
            "people.jsonl:2: winner",
        ),
        ({"conversation": [], "turn": 1}, "people.jsonl:2: rating: Field required"),
        ({"conversation": [], "turn": 1, "rating": 5}, "people.jsonl:2: pairs and ratings in one file"),
    ],
)
def test_a_bad_verdict_is_told_with_its_line(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str], row: dict[str, Any], told: str
) -> None:
    path = pairs(tmp_path, 1)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    flags = ("--judge", "x", "--agreement", str(path))
    assert evaluate("mt-bench", write_mt_bench(tmp_path / "mt"), tiny_model, *flags) == 2
    assert told in capsys.readouterr().err


def test_the_judge_sees_the_reference_of_a_math_question(tmp_path: Path) -> None:
    conversations, file = mt_bench.read(write_mt_bench(tmp_path, reference=True))
    prompts, answers = mt_bench.Prompts(tmp_path), ["{question_1} two", "2"]
    assert file == "question.jsonl"
    first = prompts.messages(conversations[0], answers, 1)[1]["content"]
    assert first == "[[5]] is fair.\nWrite about water. {question_1} two Shorter.\n[Answer]\n2"
    assert "[Reference]\n2\n" in prompts.messages(conversations[1], answers, 0)[1]["content"]
    assert [c.temperature for c in conversations] == [0.7, 0.0]
    assert prompts.rating("Explanation [[7]] then Rating: [[8]]") == 7 and prompts.rating("no") is None


def test_people_are_held_against_a_judge_that_sees_the_same_references(tmp_path: Path) -> None:
    conversations, _ = mt_bench.read(write_mt_bench(tmp_path, reference=True))
    math = next(c for c in conversations if c.references)
    rows = [
        {"conversation": said(question, "2"), "turn": 1, "rating": 5, "references": ["not the suite's"]}
        for question in (f" {math.turns[0]}\n", "Another question?")
    ]
    write_jsonl(tmp_path / "people.jsonl", rows)
    found = read_verdicts(tmp_path / "people.jsonl", conversations)
    assert [verdict.references for verdict in found] == [math.references, ()]
    asked: list[Any] = []

    class Seen(Rater):
        def chat(self, messages: Any, **words: Any) -> Reply:
            asked.append(messages[-1]["content"])
            return super().chat(messages, **words)

    with open_kept(tmp_path / "kept.jsonl", {"suite": "mt-bench"}) as kept:
        measure_agreement(Judge(Seen(), mt_bench.Prompts(tmp_path), kept), list(found) * 15)
    assert ["[Reference]\n2\n" in text for text in asked] == [True, False]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"question_id": 1, "turns": ["a"]}', "question.jsonl:1: no category"),
        ('{"question_id": 1, "category": "x", "turns": []}', "question.jsonl:1: turns []"),
        ('{"question_id": 1, "category": "x", "turns": ["a", 2]}', "question.jsonl:1: turns"),
        ("question", "question.jsonl:1: no JSON"),
        ("", "question.jsonl: the file is empty"),
    ],
)
def test_a_bad_line_of_questions_is_told(tmp_path: Path, line: str, told: str) -> None:
    (tmp_path / "question.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(UserError) as error:
        mt_bench.read(tmp_path)
    assert told in str(error.value)


def test_a_wrong_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no question file of MT-Bench in this folder"):
        mt_bench.read(tmp_path)
    with pytest.raises(UserError, match=r"questions\.jsonl: no such file"):
        logickor.read(tmp_path)
