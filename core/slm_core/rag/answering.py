"""Answers from the documents: their own sentences with the passages they stand in, or "not in the documents".

No model is asked. The 0.5B base was measured as chooser of the sentence and as writer of the answer, and was
no better than the rules below at seconds instead of milliseconds (benchmarks/rag_answers.py, docs/rag.md).
What is quoted cannot be wrong about its passage, and one that gives orders has nobody to give them to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from slm_core.rag.documents import clean
from slm_core.rag.embedder import E5
from slm_core.rag.index import Hit, Index
from slm_core.rag.keywords import terms
from slm_core.rag.passage import Passage
from slm_core.rag.splitting import Span, sentence_spans

PASSAGES = 5  # that are searched for an answer and shown below it
# By benchmarks/rag_answers.py on 2026-11-22: of all cosines this one made the fewest errors on every second
# one of 120 questions, half of them without an answer in the documents.
BAR = 0.855
SECOND_WITHIN = 0.01  # of the first passage's cosine: so near, the second one is quoted as well
# Sentences. A short passage is quoted whole: an independent reader found the very next sentence missing, and
# sentences of another hazard beside the right one, worse than a long answer (rag_answer_labels.jsonl).
FROM_FIRST, FROM_SECOND = 4, 1

Lang = Literal["ko", "en"]
Subjects = Callable[[str], frozenset[str]]  # the subjects of its domain that a text names


@dataclass(frozen=True)
class Sentence:
    """Words of a document: characters `start` to `end` (exclusive) of the passage of that id."""

    text: str
    passage: str
    start: int
    end: int


@dataclass(frozen=True)
class Cited:
    """What the documents say to a question.

    Args:
        question: as it was asked.
        lang: of the question.
        sentences: the answer; none where it is not in the documents.
        passages: what was found: the cited ones first, then those near by, then those on other subjects.
        nearness: of question and nearest passage that is on no other subject: the cosine of the bundled e5.
        bar: what `nearness` must reach to count as an answer.
    """

    question: str
    lang: Lang
    sentences: tuple[Sentence, ...]
    passages: tuple[Passage, ...]
    nearness: float
    bar: float = BAR

    @property
    def found(self) -> bool:
        """Whether the documents answer."""
        return bool(self.sentences)

    def cited(self) -> list[Passage]:
        """Return the passages that the sentences stand in; the first is number 1."""
        ids = {sentence.passage for sentence in self.sentences}
        return [passage for passage in self.passages if passage.id in ids]

    def near(self) -> list[Passage]:
        """Return the passages that were found and are not cited."""
        ids = {sentence.passage for sentence in self.sentences}
        return [passage for passage in self.passages if passage.id not in ids]


def answer(question: str, index: Index, subjects: Subjects | None = None) -> Cited:
    """Answer with sentences of the documents, or with none where they do not hold the answer.

    Args:
        question: what is asked.
        index: of the documents.
        subjects: of the domain; a question that names some is not answered by a passage that names others.

    Raises:
        UserError: an empty question.
    """
    question = clean(question).strip()
    found = index.search(question, PASSAGES)
    hits = [hit for hit in found if not (subjects and _on_another(question, hit.passage, subjects))]
    nearness = _nearness(question, hits, index)
    quoted: list[Hit] = _quoted(hits) if nearness >= BAR else []
    counts = (FROM_FIRST, FROM_SECOND)
    sentences = tuple(
        Sentence(hit.passage.text[start:end], hit.passage.id, start, end)
        for hit, count in zip(quoted, counts, strict=False)
        for start, end in _best(question, hit.passage, index, count)
    )
    passages = tuple(hit.passage for hit in (*hits, *(hit for hit in found if hit not in hits)))
    return Cited(question, language(question), sentences, passages, nearness)


def _on_another(question: str, passage: Passage, subjects: Subjects) -> bool:
    """Whether question and passage both name subjects, and none in common."""
    asked, said = subjects(question), subjects(passage.with_heading())
    return bool(asked and said) and asked.isdisjoint(said)


def language(text: str) -> Lang:
    """Return the language that a text is answered in."""
    return "ko" if re.search(r"[가-힣]", text) else "en"


def _nearness(question: str, hits: Sequence[Hit], index: Index) -> float:
    """The bar belongs to the bundled e5, so it measures, whatever embedder has searched."""
    known = [hit.cosine for hit in hits if hit.cosine is not None]
    if not hits or (known and isinstance(index.embedder, E5)):
        return max(known, default=0.0)
    e5 = _e5()
    rows = e5.passages([hit.passage.with_heading() for hit in hits])
    return float((rows @ e5.queries([question])[0]).max())


@cache
def _e5() -> E5:
    return E5()


def _quoted(hits: Sequence[Hit]) -> list[Hit]:
    """The first passage, and the second where it is about as near and of the same subject."""
    first, *rest = hits
    near = (first.cosine or 0.0) - SECOND_WITHIN
    return [
        first,
        *(hit for hit in rest[:1] if (hit.cosine or 0.0) >= near and _subject(hit) == _subject(first)),
    ]


def _subject(hit: Hit) -> tuple[str, str]:
    """The document and the heading that stands above all others there."""
    return hit.passage.document, next(iter(hit.passage.heading), "")


def _best(question: str, passage: Passage, index: Index, count: int) -> list[Span]:
    """Up to `count` sentences, in their order: those that share the rarest words with the question.

    Where none shares any (another language), those that are nearest in meaning.
    """
    spans = sentence_spans(passage.text)
    if len(spans) <= count:
        return spans
    texts = [passage.text[start:end] for start, end in spans]
    rarity = index.rarity(_words(question))
    scores = [sum(rarity.get(word, 0.0) for word in _words(text)) for text in texts]
    if not any(scores):
        scores = (index.embedder.passages(texts) @ index.embedder.queries([question])[0]).tolist()
    best = sorted(range(len(spans)), key=lambda place: -scores[place])[:count]
    return [spans[place] for place in sorted(best)]


def _words(text: str) -> set[str]:
    """A single syllable tells too little about a sentence."""
    return {term for term in terms(text) if len(term) > 1 or term.isdigit()}
