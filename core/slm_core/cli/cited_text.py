"""An answer out of the documents for people and for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from slm_core.cli.reply_text import printable
from slm_core.rag import Cited, Passage

_WORDS = {
    "ko": {
        "none": "문서에 없습니다.",
        "near": "가장 가까운 대목:",
        "by": "-- 문서의 문장 그대로이며, 모델이 쓰지 않았습니다",
    },
    "en": {
        "none": "Not in the documents.",
        "near": "The nearest passages:",
        "by": "-- the documents' own words; no model wrote here",
    },
}


def as_json(cited: Cited) -> dict[str, Any]:
    """Return the object that `slm ask --json` prints."""
    return {"found": cited.found, "by": "quotes", **asdict(cited)}


def as_lines(cited: Cited) -> list[str]:
    """Return what `slm ask` prints: the sentences with the numbers of their passages, and the passages."""
    words = _WORDS[cited.lang]
    if not cited.found:
        return [words["none"], words["near"], *(f"- {_place(passage)}" for passage in cited.near())]
    numbers = {passage.id: number for number, passage in enumerate(cited.cited(), 1)}
    return [
        *(printable(f"{sentence.text} [{numbers[sentence.passage]}]") for sentence in cited.sentences),
        "",
        *(f"[{numbers[passage.id]}] {_place(passage)}" for passage in cited.cited()),
        words["by"],
    ]


def _place(passage: Passage) -> str:
    said = ", ".join(part for part in (passage.source, passage.date) if part)
    place = f"{passage.document}, {passage.position}"
    return printable(f"{' > '.join(passage.heading)} ({place}{f'; {said}' if said else ''}) {passage.id}")
