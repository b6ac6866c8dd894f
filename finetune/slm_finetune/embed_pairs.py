"""Questions and the passages that answer them: from a file, or made of the documents without a model.

Kinds of pairs, by what asks and what is to be found:

    given      a question of a file (`{"question", "passage"}` or `{"question", "passage_id"}`)  its passages
    question   the cell of a column `question` of a table                                       the row
    heading    the headings of a section                         its passages, embedded without headings
    sentence   a sentence of a passage (inverse cloze task, Lee et al. 2019)       the passage without it
"""

from __future__ import annotations

import codecs
import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from slm_core.errors import UserError
from slm_core.rag import Passage
from slm_core.rag.documents import Unreadable, decode, kinds, read_passages
from slm_core.rag.splitting import sentence_spans
from slm_core.rag.table import delimiter

Kind = Literal["given", "question", "heading", "sentence"]
TABLES = (".csv", ".tsv")
QUESTIONS = ("question", "질문", "물음")
SHORTEST = 10  # characters of a sentence that is left out, and of what must remain


@dataclass(frozen=True)
class Corpus:
    """All passages, and for each the document that it is split by.

    A file is a document; of a table the rows under the same headings are.
    """

    passages: tuple[Passage, ...]
    documents: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """A question, the numbers of the passages that answer it, and one of them as it is embedded."""

    kind: Kind
    question: str
    gold: frozenset[int]
    passage: int
    answer: str


class GivenPair(BaseModel):
    """A line of a pairs file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    question: str
    passage: str | None = None
    passage_id: str | tuple[str, ...] | None = None
    document: str = ""

    @model_validator(mode="after")
    def _complete(self) -> GivenPair:
        if not self.question.strip():
            raise ValueError("the question is empty")
        if (self.passage is None) == (self.passage_id is None) or not (self.passage or self.passage_id):
            raise ValueError("it needs either passage or passage_id")
        return self


def read_corpus(paths: Sequence[Path]) -> tuple[Corpus, list[Pair]]:
    """Read documents, and the pairs of their columns `question`.

    Raises:
        UserError: a path does not exist, a document cannot be read, or there is none.
    """
    passages: list[Passage] = []
    asked: dict[int, str] = {}
    for name, path in _files(paths):
        data = path.read_bytes()
        try:
            found = read_passages(name, data)
        except Unreadable as reason:
            raise UserError(str(reason), where=path, expected="a document that can be read") from reason
        questions = _column(data) if path.suffix.lower() in TABLES else {}
        for number, passage in enumerate(found, len(passages)):
            if question := questions.get(passage.position):
                asked[number] = question
        passages += found
    if not passages:
        raise UserError("no documents", where=", ".join(map(str, paths)), expected=", ".join(kinds()))
    corpus = Corpus(tuple(passages), tuple(_document(passage) for passage in passages))
    whole = ((n, question, passages[n]) for n, question in asked.items())
    return corpus, [_pair("question", q, n, p.with_heading()) for n, q, p in whole if q not in p.text]


def made_pairs(corpus: Corpus) -> Iterator[Pair]:
    """Make pairs of the documents themselves."""
    sections: defaultdict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    for number, passage in enumerate(corpus.passages):
        if passage.heading and passage.heading != (Path(passage.document).stem,):
            sections[passage.document, passage.heading].append(number)
    for (_, heading), numbers in sections.items():
        for number in numbers:
            answer = corpus.passages[number].text
            yield Pair("heading", " ".join(heading), frozenset(numbers), number, answer)
    for number, passage in enumerate(corpus.passages):
        for start, end in sentence_spans(passage.text):
            rest = f"{passage.text[:start].rstrip()} {passage.text[end:].lstrip()}".strip()
            if end - start >= SHORTEST and len(rest) >= SHORTEST:
                left = replace(passage, text=rest).with_heading()
                yield _pair("sentence", passage.text[start:end], number, left)


def read_pairs(path: Path, corpus: Corpus) -> tuple[Corpus, list[Pair]]:
    """Read a pairs file; passages that the documents do not have are added to them.

    Raises:
        UserError: a line is no pair, or names a passage that does not exist (`file:line`).
    """
    if not path.is_file():
        raise UserError("no such file", where=path, expected="a JSONL file of pairs")
    passages, documents = list(corpus.passages), list(corpus.documents)
    by_id = {passage.id: number for number, passage in enumerate(passages)}
    by_text = {text: n for n, p in enumerate(passages) for text in (p.text, p.with_heading())}
    pairs = []
    for where, given in _given(path):
        if given.passage is None:
            numbers = _numbers(given, by_id, where)
        else:
            if given.passage not in by_text:
                by_text[given.passage] = len(passages)
                document = given.document or where
                passages.append(Passage("", document, (), given.passage, where))
                documents.append(document)
            numbers = [by_text[given.passage]]
        pairs += [
            Pair("given", given.question, frozenset(numbers), n, passages[n].with_heading()) for n in numbers
        ]
    return Corpus(tuple(passages), tuple(documents)), pairs


def _pair(kind: Kind, question: str, number: int, answer: str) -> Pair:
    return Pair(kind, question, frozenset({number}), number, answer)


def _given(path: Path) -> Iterator[tuple[str, GivenPair]]:
    with path.open("rb") as lines:  # pydantic refuses what is no UTF-8, with its line
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{path.name}:{number}"
            try:
                yield where, GivenPair.model_validate_json(line.removeprefix(codecs.BOM_UTF8))
            except ValidationError as error:
                raise UserError(
                    error.errors()[0]["msg"],
                    where=f"{path}:{number}",
                    expected='{"question", "passage"} or {"question", "passage_id"}, each a text',
                ) from error


def _numbers(given: GivenPair, by_id: Mapping[str, int], where: str) -> list[int]:
    ids = (given.passage_id,) if isinstance(given.passage_id, str) else given.passage_id or ()
    unknown = [id for id in ids if id not in by_id]
    if unknown:
        raise UserError(
            f"no passage {unknown[0]!r} in the documents",
            where=where,
            expected="an id that slm rag search shows",
            mend="name the documents as they were indexed (--documents)",
        )
    return [by_id[id] for id in ids]


def _files(paths: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Yield name and path as an index would name them, so that the ids of passages are the same."""
    for path in paths:
        if not path.exists():
            raise UserError("no such file or folder", where=path, expected="documents to learn from")
        root = path.resolve()
        inside = sorted(root.rglob("*")) if root.is_dir() else [root]
        for file in inside:
            hidden = any(part.startswith(".") for part in file.relative_to(root.parent).parts[1:])
            if file.is_file() and not hidden and file.suffix.lower() in kinds():
                yield file.relative_to(root.parent).as_posix(), file


def _column(data: bytes) -> dict[str, str]:
    """Return the questions of a table by the position of their rows."""
    text = decode(data)
    rows = csv.reader(text.splitlines(keepends=True), delimiter=delimiter(text), strict=True)
    header = [name.strip().lower() for name in next(rows, [])]
    place = next((header.index(name) for name in QUESTIONS if name in header), None)
    if place is None:
        return {}
    cells = ((n, row[place].strip()) for n, row in enumerate(rows, 1) if len(row) > place)
    return {f"row {n}": cell for n, cell in cells if cell}


def _document(passage: Passage) -> str:
    if Path(passage.document).suffix.lower() not in TABLES:
        return passage.document
    return " > ".join((passage.document, *passage.heading))
