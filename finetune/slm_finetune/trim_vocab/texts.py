"""The texts of all installed domains, whose tokens stay whatever their script.

Prompts, instructions, documents and the rows that are learnt from. Rows of `test.jsonl` are left out, so that
what is measured on them holds for texts that nobody has seen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from slm_core.dataset.row import Row, read_rows
from slm_core.domain import Domain, domain_names, find_domain
from slm_core.engine.prompt import PromptFormat
from slm_core.errors import UserError
from slm_core.settings import Settings

LEARNT, HELD_OUT = ("train.jsonl", "dev.jsonl"), "test.jsonl"


def domain_texts(
    form: PromptFormat, settings: Settings, datasets: Mapping[str, Path]
) -> dict[str, list[str]]:
    """Return the texts of each installed domain, rows rendered as the model reads them.

    Args:
        form: chat template of the model.
        settings: say where datasets are.
        datasets: folders of the user's own instead, by domain.
    """
    return {name: list(_texts(find_domain(name), form, settings, datasets)) for name in domain_names()}


def held_out_texts(settings: Settings, datasets: Mapping[str, Path]) -> list[str]:
    """Return questions and replies of all installed domains that nothing was learnt from."""
    files = [_dataset(find_domain(name), settings, datasets) / HELD_OUT for name in domain_names()]
    return [f"{row.user}\n{row.target}" for file in files if file.is_file() for row in read_rows(file)]


def own_text(file: Path) -> str:
    """Return a text file of the user's.

    Raises:
        UserError: there is none, or it is no text.
    """
    from slm_core.rag.documents import Unreadable, decode

    if not file.is_file():
        raise UserError("no such file", where=file, expected="a text file")
    try:
        return decode(file.read_bytes())
    except Unreadable as error:
        raise UserError(str(error), where=file, expected="a text file") from error


def _texts(
    domain: Domain, form: PromptFormat, settings: Settings, datasets: Mapping[str, Path]
) -> Iterator[str]:
    yield from domain.titles.values()
    for prompt in domain.chat_prompt.values():
        yield form.render([{"role": "system", "content": prompt}, {"role": "user", "content": ""}])
    for task in domain.tasks:
        yield from task.titles.values()
        for system in (task.prompt, task.instructions):
            yield form.render([{"role": "system", "content": system}, {"role": "user", "content": ""}])
    yield from _documents(domain, settings)
    folder = _dataset(domain, settings, datasets)
    for file in (folder / side for side in LEARNT):
        yield from (_rendered(row, form) for row in (read_rows(file) if file.is_file() else ()))


def _rendered(row: Row, form: PromptFormat) -> str:
    return form.render(row.prompt()) + form.defuse(row.target)


def _documents(domain: Domain, settings: Settings) -> Iterator[str]:
    from slm_core.rag import knowledge_folder
    from slm_core.rag.documents import Unreadable, kinds, read_passages

    folder = knowledge_folder(domain, settings)
    for file in sorted(folder.rglob("*")) if folder else ():
        if file.suffix in kinds():
            try:
                yield from (passage.text for passage in read_passages(file.name, file.read_bytes()))
            except Unreadable as error:
                print(f"{file}: left out, {error}", file=sys.stderr)


def _dataset(domain: Domain, settings: Settings, datasets: Mapping[str, Path]) -> Path:
    """Return the folder of rows; the default one is built from own seeds where it is not there yet.

    Raises:
        UserError: the folder that was named has no `train.jsonl`.
    """
    from slm_core.dataset.build import build, dataset_folder

    if named := datasets.get(domain.name):
        if not (named / LEARNT[0]).is_file():
            raise UserError("no rows to learn from", where=named / LEARNT[0], expected="a dataset's folder")
        return named
    folder: Path = dataset_folder(settings, domain.name)
    if not (folder / LEARNT[0]).is_file():
        print(f"no rows in {folder}: building them from the project's own seeds", file=sys.stderr)
        build(domain, [], out=folder)
    return folder
