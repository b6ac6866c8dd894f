"""Where the rows of this domain come from: its own seeds and generator, and published formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slm_core.dataset.row import Row
from slm_core.dataset.source import Importer, Rejected, Source, rows_of
from slm_disaster.alerts.importer import cap
from slm_disaster.importers import crisislex, disaster_response, safetydata

GENERATED = 1000

IMPORTERS: dict[str, Importer] = {
    "disaster-response": disaster_response,
    "crisislext26": crisislex,
    "safetydata": safetydata,
    "cap": cap,
}


def build_dataset(sources: Sequence[Source], seed: int) -> Iterator[Row | Rejected]:
    """Return the rows of all sources in turn; no sources at all means `own`.

    Raises:
        UserError: a format is unknown, or a file is not of it.
    """
    return rows_of(sources, lambda: _own(seed), IMPORTERS)


def _own(seed: int) -> Iterator[Row]:
    from slm_disaster.generator import generate_rows
    from slm_disaster.seeds import seed_rows

    yield from seed_rows()
    yield from generate_rows(seed, GENERATED)
