"""Where the rows of this domain come from: its own seeds and generator, and published formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slm_core.dataset.row import Row
from slm_core.dataset.source import OWN, Importer, Rejected, Source
from slm_core.errors import UserError, nearest
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
    """Yield the rows of all sources in turn; no sources at all means `own`.

    Raises:
        UserError: a format is unknown, or a file is not of it.
    """
    for source in sources or (Source(OWN),):
        if source.format == OWN:
            yield from _own(seed)
        elif source.format in IMPORTERS:
            yield from IMPORTERS[source.format](source)
        else:
            raise UserError(
                f"unknown format {source.format!r}",
                where="--source",
                expected=", ".join((OWN, *IMPORTERS)),
                mend=f"did you mean {nearest(source.format, (OWN, *IMPORTERS))[0]}?",
            )


def _own(seed: int) -> Iterator[Row]:
    from slm_disaster.generator import generate_rows
    from slm_disaster.seeds import seed_rows

    yield from seed_rows()
    yield from generate_rows(seed, GENERATED)
