"""What the tests of the energy domain share: a memory in a dictionary, and a small site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slm_energy.site import Site, parse_site


class Kept:
    """A memory in a dictionary."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self.values.get(key)

    def put(self, key: str, value: Any) -> None:
        self.values[key] = value
        if value is None:
            del self.values[key]

    def items(self, prefix: str) -> Iterator[tuple[str, Any]]:
        return iter([(key, self.values[key]) for key in sorted(self.values) if key.startswith(prefix)])


def site(**more: Any) -> Site:
    return parse_site({"name": "집", **more}, "test")
