"""The hand-written rows of the disaster domain, in `datasets/disaster/seeds/`."""

from __future__ import annotations

from collections.abc import Iterator

from slm_core.dataset.row import Row, read_rows
from slm_core.settings import data_folder


def seed_rows() -> Iterator[Row]:
    """Yield every seed row, file by file.

    Raises:
        UserError: the data folder of the domain is nowhere, or a line is no row.
    """
    for path in sorted((data_folder("disaster") / "seeds").glob("*.jsonl")):
        yield from read_rows(path)
