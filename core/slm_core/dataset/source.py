"""Where rows come from: `--source FORMAT=PATH`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_core.dataset.row import Row
from slm_core.errors import UserError, did_you_mean

OWN = "own"
TABLE = "table"


@dataclass(frozen=True)
class Source:
    """A published format and the file or folder that holds it; `own`, the domain's seeds, has no path."""

    format: str
    path: Path | None = None
    map: Path | None = None


@dataclass(frozen=True)
class Rejected:
    """A record that gave no row: where it stands (`file:line`), why, and what it held."""

    where: str
    reason: str
    content: str = ""


Importer = Callable[[Source], Iterable[Row | Rejected]]


def parse_source(text: str, map_file: Path | None = None) -> Source:
    """Read one `FORMAT=PATH`, or `own`.

    Raises:
        UserError: there is no `=`, or nothing lies at the path.
    """
    if text == OWN:
        return Source(OWN)
    format_, sep, path = text.partition("=")
    if not sep or not format_ or not path:
        raise UserError(f"cannot read {text!r}", where="--source", expected=f"FORMAT=PATH or {OWN}")
    if not Path(path).exists():
        raise UserError("no such file or folder", where=path, expected=f"data in the format {format_}")
    return Source(format_, Path(path), map_file)


def rows_of(
    sources: Sequence[Source],
    own: Callable[[], Iterable[Row | Rejected]],
    importers: Mapping[str, Importer],
) -> Iterator[Row | Rejected]:
    """Yield the rows of all sources in turn; no sources at all means `own`.

    Raises:
        UserError: a format is unknown, or a file is not of it.
    """
    for source in sources or (Source(OWN),):
        if source.format == OWN:
            yield from own()
        elif source.format in importers:
            yield from importers[source.format](source)
        else:
            raise UserError(
                f"unknown format {source.format!r}",
                where="--source",
                expected=", ".join((OWN, *importers)),
                mend=did_you_mean(source.format, (OWN, *importers)),
            )
