"""What the gate learns from: texts by class, of the installed domains and of none of them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_core.dataset.row import Row, read_rows
from slm_core.dataset.source import Rejected
from slm_core.domain import Domain
from slm_core.errors import UserError
from slm_core.router import NONE
from slm_core.settings import Settings, data_folder
from slm_finetune.cases import read_case
from slm_finetune.jsonl import json_object, read_lines

LONGEST = 400  # characters of a text; e5 reads the beginning
ASKED = "asked.jsonl"
"""In a domain's data folder: what people say to it besides what its tasks read, e.g. cries and questions."""


@dataclass(frozen=True)
class Text:
    """One text and its class; `group` stays on one side of every split."""

    text: str
    label: str
    lang: str
    group: str


def gather(domains: Sequence[Domain], none: Sequence[Path], settings: Settings, most: int) -> list[Text]:
    """Return texts of every domain (what people ask it, rows of its tasks, documents) and of none of them.

    Args:
        domains: the installed ones.
        none: files of texts for no domain, beside the project's own.
        settings: where datasets lie.
        most: texts of one domain and language, drawn with a seed; those of `asked.jsonl` are all taken.

    Raises:
        UserError: a domain has no texts, or a file is none.
    """
    found: list[Text] = []
    for domain in domains:
        texts = [*_of_rows(domain, settings), *_of_documents(domain, settings)]
        asked = _asked(domain, settings)
        if not texts and not asked:
            raise UserError(f"domain {domain.name} has no texts to learn from", mend="slm dataset build")
        found += [*asked, *_capped(texts, most)]
    own = data_folder("router", settings) / "none.jsonl"
    return found + [text for path in (own, *none) for text in read_texts(path, NONE)]


def read_texts(path: Path, label: str) -> list[Text]:
    """Read texts of one class: JSONL with `text` (and `lang`), or plain text, one a line.

    Raises:
        UserError: no such file, it is empty, or a line without text.
    """
    return [_text(line, where, label) for where, line in read_lines(path)]


def _text(line: str, where: str, label: str) -> Text:
    if not line.startswith("{"):
        return Text(line, label, _language(line), f"{label}:{line}")
    value = json_object(line, where)
    if "text" not in value:
        raise UserError("a line without a text", where=where, expected='{"lang": "ko", "text": "..."}')
    text = str(value["text"])
    return Text(text[:LONGEST], label, str(value.get("lang") or _language(text)), f"{label}:{text}")


def _asked(domain: Domain, settings: Settings) -> list[Text]:
    try:
        file = data_folder(domain.name, settings) / ASKED
    except UserError:  # a domain need not bring data along
        return []
    return read_texts(file, domain.name) if file.is_file() else []


def _of_rows(domain: Domain, settings: Settings) -> Iterator[Text]:
    """Texts of the tasks whose request is a text; of the built dataset, else of the domain's own seeds.

    A row that is answered with nothing is left out: domains learn on chatter too that it holds no order.
    """
    tasks = {task.name: task for task in domain.tasks if list(task.request.model_fields) == ["text"]}
    seen: set[str] = set()
    for row in _rows(domain, settings):
        if row.task in tasks and row.user not in seen and read_case(tasks[row.task], row).gold:
            seen.add(row.user)
            yield Text(row.user[:LONGEST], domain.name, row.lang, f"{domain.name}:{row.group or row.id}")


def _rows(domain: Domain, settings: Settings) -> Iterable[Row]:
    file = settings.home / "datasets" / domain.name / "train.jsonl"
    if file.is_file():
        return read_rows(file)
    print(f"no rows in {file}: taking the own seeds of {domain.name}", file=sys.stderr)
    made = domain.build_dataset([], 0)
    return (row for row in made if not isinstance(row, Rejected))


def _of_documents(domain: Domain, settings: Settings) -> Iterator[Text]:
    """A question to the documents is for the domain too: each passage's heading, and its first words."""
    from slm_core.rag.documents import kinds, read_passages

    if domain.knowledge is None:
        return
    folder = data_folder(domain.name, settings) / domain.knowledge
    for path in sorted(path for path in folder.rglob("*") if path.suffix in kinds()):
        for passage in read_passages(path.name, path.read_bytes()):
            words = passage.text[:LONGEST]
            group = f"{domain.name}:{path.name}"
            yield Text(words, domain.name, _language(words), group)
            if passage.heading:
                heading = " ".join(passage.heading)
                yield Text(heading, domain.name, _language(heading), group)


def _capped(texts: Sequence[Text], most: int) -> list[Text]:
    pick, kept = random.Random(0), []
    for lang in sorted({text.lang for text in texts}):
        own = [text for text in texts if text.lang == lang]
        kept += pick.sample(own, min(most, len(own)))
    return kept


def _language(text: str) -> str:
    return "ko" if any("가" <= char <= "힣" for char in text) else "en"
