"""Small files in the formats of the public suites, with questions of our own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

LETTERS = "ABCD"
SUBJECTS = ("anatomy", "astronomy", "world_religions")


def mmlu_row(subject: str, n: int, key: str) -> list[str]:
    return [f"Which number, {subject}, is {n}?", f"{n}", f"{n + 1}", f"two, {n}", f"3 {n}", key]


def write_mmlu(folder: Path, keys: str = "ABCDAB", *, examples: int = 5) -> Path:
    """Three subjects; `keys` are the answers of each subject's questions."""
    for subject in SUBJECTS:
        dev = [mmlu_row(subject, 90 + n, LETTERS[n % 4]) for n in range(examples)]
        write_csv(folder / "data" / "dev" / f"{subject}_dev.csv", dev)
        rows = [mmlu_row(subject, n, key) for n, key in enumerate(keys)]
        write_csv(folder / "data" / "val" / f"{subject}_val.csv", rows)
    return folder


def write_kmmlu(folder: Path, *, split: str = "test") -> Path:
    header = ["question", "answer", "A", "B", "C", "D", "Category", "Human Accuracy"]
    for subject in ("Korean-History", "Law"):
        for part, count in (("dev", 5), (split, 3)):
            rows = [
                [
                    f"{subject} {part} {n}번 문제의 답은?",
                    str(n % 4 + 1),
                    "가",
                    "나, 다",
                    "라",
                    "마",
                    subject,
                    "0.5",
                ]
                for n in range(count)
            ]
            write_csv(folder / "data" / f"{subject}-{part}.csv", [header, *rows])
    return folder


KOBEST = {
    "BoolQ": """\
ID\tText\tQuestion\tAnswer
1\t물은 흐른다.\t물은 흐르는가?\tTrue
2\t불은 차다.\t불은 뜨거운가?\tFalse
""",
    "COPA": """\
ID\tsentence\tquestion\t1\t2\tAnswer
1\t비가 왔다.\t결과\t길이 젖었다.\t길이 말랐다.\t1
2\t길이 젖었다.\t원인\t눈이 없었다.\t비가 왔다.\t2
""",
    "WiC": """\
ID\tTarget\tSENTENCE1\tDictionary 1\tLink 1\tSENTENCE2\tDictionary 2\tLink2\tANSWER
1\t배\t[배]를 탔다.\t1\t-\t[배]를 먹었다.\t2\t-\tFALSE
2\t물\t[물]을 마셨다.\t1\t-\t[물]이 차다.\t1\t-\tTRUE
""",
    "HellaSwag": """\
context\tchoice1\tchoice2\tchoice3\tchoice4\tlabel
물이 끓는다.\t불을 끈다.\t물을 얼린다.\t잔다.\t책을 본다.\t0
비가 온다.\t잔다.\t춤춘다.\t먹는다.\t우산을 편다.\t3
""",
    "SentiNeg": """\
ID\tLabel\tText
1\t1\t좋아요
2\t0\t안 좋아요
""",
}


def write_kobest(folder: Path, *, split: str = "dev") -> Path:
    for task, rows in KOBEST.items():
        write_text(folder / task / f"{split}.tsv", rows.replace("\n", "\r\n"))
    return folder


def write_mt_bench(folder: Path, *, reference: bool = False) -> Path:
    rows: list[dict[str, object]] = [
        {"question_id": 81, "category": "writing", "turns": ["Write about water.", "Shorter."]},
        {"question_id": 82, "category": "math", "turns": ["What is 1+1?"]},
    ]
    if reference:
        rows[1]["reference"] = ["2"]
    write_jsonl(folder / "question.jsonl", rows)
    math = "[Reference]\n{ref_answer_1}\n"
    first, second = (
        "{question}\n[Answer]\n{answer}",
        "{question_1} {answer_1} {question_2}\n[Answer]\n{answer_2}",
    )
    prompts = {"single-v1": first, "single-v1-multi-turn": second,
               "single-math-v1": math + first, "single-math-v1-multi-turn": math + second}  # fmt: skip
    judge = [
        {
            "name": name,
            "type": "single",
            "system_prompt": "Judge.",
            "prompt_template": f"[[5]] is fair.\n{text}",
        }
        for name, text in prompts.items()
    ]
    write_jsonl(folder / "judge_prompts.jsonl", judge)
    return folder


def write_logickor(folder: Path) -> Path:
    rows = [
        {"id": 1, "category": "수학(Math)", "questions": ["1+1은?", "2+2는?"], "references": ["2", "4"]},
        {
            "id": 2,
            "category": "글쓰기(Writing)",
            "questions": ["물에 대해.", "더 짧게."],
            "references": [None, None],
        },
    ]
    write_jsonl(folder / "questions.jsonl", rows)
    return folder


def write_csv(path: Path, rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(path, text.getvalue())


def write_jsonl(path: Path, rows: Iterable[object]) -> None:
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
