"""Where the rows of this domain come from: its own seeds and generator, and published formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slm_core.dataset.row import Row, read_rows
from slm_core.dataset.source import OWN, Importer, Rejected, Source
from slm_core.errors import UserError, nearest
from slm_core.settings import data_folder
from slm_energy.importers import bdg2, citylearn, ha_intents

COMMANDS = 1500
DAYS = 500

IMPORTERS: dict[str, Importer] = {"ha-intents": ha_intents, "citylearn": citylearn, "bdg2": bdg2}


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
    from slm_energy.generator import command_rows
    from slm_energy.generator.days import anomaly_rows

    for path in sorted((data_folder("energy") / "seeds").glob("*.jsonl")):
        yield from read_rows(path)
    yield from command_rows(seed, COMMANDS)
    yield from anomaly_rows(seed, DAYS)
