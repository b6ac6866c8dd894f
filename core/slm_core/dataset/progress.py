"""A progress bar on stderr for steps that take longer than a second at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from typing import TypeVar

T = TypeVar("T")


def steps(items: Collection[T], what: str) -> Iterator[T]:
    """Yield the items; where it takes long and somebody looks on, a bar shows how far it is."""
    from tqdm import tqdm

    bar: Iterator[T] = iter(tqdm(items, desc=what, file=sys.stderr, disable=None, delay=1, leave=False))
    yield from bar
