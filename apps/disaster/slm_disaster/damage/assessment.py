"""Everything that a report rests on: files as they were read, figures, what reports say, photos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from slm_core.dataset.source import Rejected
from slm_disaster.damage.figures import Figures
from slm_disaster.damage.photo import Photo
from slm_disaster.damage.said import Account, Told

Kind = Literal["table", "features", "reports", "photo"]


@dataclass(frozen=True)
class Source:
    """A file that was read: how many records it held and what became of them."""

    file: str
    kind: Kind
    sha256: str
    rows: int
    counted: int = 0
    unclear: int = 0
    repeated: int = 0
    rejected: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assessment:
    """The damage as files and incidents tell it; `simulated` and `replayed` if some of it is.."""

    sources: tuple[Source, ...]
    figures: Figures
    accounts: tuple[Account, ...] = ()
    photos: tuple[Photo, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    notes: tuple[str, ...] = ()
    simulated: bool = False
    replayed: bool = False

    @property
    def disputed(self) -> list[tuple[Account, Told]]:
        """The fields on which reports contradict each other."""
        return [(account, told) for account in self.accounts for told in account.told if told.value is None]
