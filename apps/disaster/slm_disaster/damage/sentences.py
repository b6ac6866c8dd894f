"""The summary in sentences that code composes: each figure in them is a figure of the assessment.

Code and no model, for the sentences say nothing that the figures do not; a model could only reword them, at
seconds a sentence, and each would have to be checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slm_disaster.damage.assessment import Assessment
from slm_disaster.damage.figures import Counts, Figures
from slm_disaster.damage.row import UNCLASSED
from slm_disaster.damage.wording import Wording, clock
from slm_disaster.generator.pattern import fit_particle

MOST_NAMED = 3


def sentences(found: Assessment, words: Wording) -> list[str]:
    """Return the summary."""
    figures = found.figures
    return [
        *_of_things(figures, words),
        *_of_time(figures, words),
        *_of_losses(figures, words),
        *_of_repeats(figures, words),
        *_of_reports(found, words),
        *_of_gaps(found, words),
    ]


def _of_things(figures: Figures, words: Wording) -> Iterator[str]:
    if not figures.things:
        yield words.sentence("none")
        return
    rows = sum(bool(row.counts) for row in figures.rows)
    things, of_rows = words.counted("thing", figures.things), words.counted("row", rows)
    yield words.sentence("counted", things=things, rows=of_rows)
    yield words.sentence(
        "classes", **{f"c{grade}": f"{figures.counts.get(grade, 0):,}" for grade in range(4)}
    )
    if unclassed := figures.counts.get(UNCLASSED, 0):
        yield words.sentence("unclassed", n=f"{unclassed:,}")
    if figures.flooded:
        yield words.sentence("flooded", n=f"{figures.flooded:,}")
    if best := _most(figures.places):
        shown = ", ".join(words.place(name) for name in best[0])
        yield words.sentence("worst_one" if len(best[0]) == 1 else "worst", place=shown, n=f"{best[1]:,}")
    if best := _most(figures.facilities):
        shown = ", ".join(words.facility(name) for name in best[0])
        key = "worst_facility_one" if len(best[0]) == 1 else "worst_facility"
        yield words.sentence(key, facility=shown, n=f"{best[1]:,}", i=fit_particle(shown, "이", "가"))
    if figures.areas_m2:
        number = sum(bool(row.area_m2) and row.things == 1 for row in figures.rows)  # as `areas_m2`
        area = f"{sum(figures.areas_m2.values()):,}"
        yield words.sentence("areas", rows=words.counted("row", number), area=area)


def _most(table: Sequence[tuple[str, Counts]]) -> tuple[list[str], int] | None:
    """Return the names with most things of class 2 and 3, and how many; None where too many share it."""
    grave = {name: counts.get(3, 0) + counts.get(2, 0) for name, counts in table if name}
    most = max(grave.values(), default=0)
    best = [name for name, number in grave.items() if number == most]
    return (best, most) if most and len(grave) > 1 and len(best) <= MOST_NAMED else None


def _of_time(figures: Figures, words: Wording) -> Iterator[str]:
    dated = sorted((row.time, row.day_only) for row in figures.rows if row.time is not None)
    if dated:
        first, last = (clock(time, day_only=day) for time, day in (dated[0], dated[-1]))
        yield words.sentence("span", first=first, last=last)
    bars = figures.series.bars
    if len(bars) > 1:
        totals = [sum(counts.values()) for _, counts in bars]
        if totals.count(max(totals)) == 1:
            at = words.bucket(bars[totals.index(max(totals))][0], figures.series)
            yield words.sentence("peak", at=at, n=f"{max(totals):,}")


def _of_losses(figures: Figures, words: Wording) -> Iterator[str]:
    for loss in figures.losses:
        amount = words.money(loss.currency, loss.amount)
        yield words.sentence("loss", amount=amount, n=words.counted("amount", loss.amounts))
    if len(figures.losses) > 1:
        yield words.sentence("losses_apart")
    if figures.people:
        yield words.sentence("people", people=words.people(figures.people))


def _of_repeats(figures: Figures, words: Wording) -> Iterator[str]:
    if figures.repeats:
        yield words.sentence("repeats", n=f"{len(figures.repeats):,}")
        if differ := sum(each.differs for each in figures.repeats):
            yield words.sentence("repeats_differ", n=f"{differ:,}")
    if figures.without_id and figures.things:
        yield words.sentence("without_id", n=f"{figures.without_id:,}")


def _of_reports(found: Assessment, words: Wording) -> Iterator[str]:
    if found.accounts:
        yield words.sentence("reported", n=words.counted("incident", len(found.accounts)))
    if found.disputed:
        yield words.sentence("disputed", n=f"{len(found.disputed):,}")


def _of_gaps(found: Assessment, words: Wording) -> Iterator[str]:
    if found.figures.unclear:
        yield words.sentence("unclear", n=f"{len(found.figures.unclear):,}")
    if found.rejected:
        yield words.sentence("rejected", n=f"{len(found.rejected):,}")
