"""Where the rows of this domain come from: its own seeds and generator, and published formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slm_core.dataset.row import Row, read_rows
from slm_core.dataset.source import Importer, Rejected, Source, rows_of
from slm_core.settings import data_folder
from slm_energy.importers import bdg2, citylearn, ha_intents

COMMANDS = 1500
DAYS = 500
EXPLAINED = 90  # each is a plan that is solved, so that a build takes a minute

IMPORTERS: dict[str, Importer] = {"ha-intents": ha_intents, "citylearn": citylearn, "bdg2": bdg2}


def build_dataset(sources: Sequence[Source], seed: int) -> Iterator[Row | Rejected]:
    """Return the rows of all sources in turn; no sources at all means `own`.

    Raises:
        UserError: a format is unknown, or a file is not of it.
    """
    return rows_of(sources, lambda: _own(seed), IMPORTERS)


def _own(seed: int) -> Iterator[Row]:
    from slm_energy.generator import command_rows
    from slm_energy.generator.days import anomaly_rows
    from slm_energy.generator.explain import explain_rows

    for path in sorted((data_folder("energy") / "seeds").glob("*.jsonl")):
        yield from read_rows(path)
    yield from command_rows(seed, COMMANDS)
    yield from anomaly_rows(seed, DAYS)
    yield from explain_rows(seed, EXPLAINED)
