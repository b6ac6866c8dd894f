"""The report as a document: sentences, tables and pictures of one assessment, in one language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from slm_core.report.document import Block, Bullets, Document, Heading, Picture, Table, Text
from slm_disaster.damage.assessment import Assessment
from slm_disaster.damage.figures import Counts, Figures
from slm_disaster.damage.pictures import MOST_BARS, class_bars, damage_map, slots, time_bars
from slm_disaster.damage.row import GRADES, UNCLASSED
from slm_disaster.damage.said import Account, Told
from slm_disaster.damage.sentences import sentences
from slm_disaster.damage.wording import Wording, clock
from slm_disaster.situation.brief import title_of
from slm_disaster.situation.conflicts import Said

MOST_ROWS = 30
MOST_LISTED = 40


def report(found: Assessment, lang: str) -> Document:
    """Return the report of an assessment."""
    words = Wording(lang)
    figures = found.figures
    blocks: list[Block] = [Heading(words["summary"]), Bullets(sentences(found, words))]
    marks = [words[name] for name in ("simulated", "replayed") if getattr(found, name)]
    blocks = [*(Text(mark) for mark in marks), *blocks]
    if figures.things:
        blocks += _classes(figures, words)
        blocks += _crossed(words["by_place"], words["place"], figures.places, words.place, words)
        blocks += _crossed(words["by_facility"], words["facility"], figures.facilities, words.facility, words)
        blocks += [*_map(figures, words), *_series(figures, words)]
    blocks += [*_losses(figures, words), *_people(figures, words), *_reported(found.accounts, words)]
    blocks += [*_photos(found, words), *_left_out(found, words), *_sources(found, words)]
    return Document(words["title"], lang, (*blocks, Text(words["made"], quiet=True)))


def _classes(figures: Figures, words: Wording) -> Iterator[Block]:
    names = words.grades()
    yield Heading(words["classes"])
    yield Text(words["scale"], quiet=True)
    yield Picture(class_bars(figures.counts, names, words["classes"]), "")
    header = [words["class"], words["number"], words["share"]]
    header += [words["area"]] if figures.areas_m2 else []
    rows = []
    for grade in (each for each in GRADES if each != UNCLASSED or figures.counts.get(each)):
        number = figures.counts.get(grade, 0)
        area = [f"{figures.areas_m2.get(grade, 0):,}"] if figures.areas_m2 else []
        rows.append([names[grade], f"{number:,}", f"{number / figures.things:.1%}", *area])
    area = [f"{sum(figures.areas_m2.values()):,}"] if figures.areas_m2 else []
    rows.append([words["total"], f"{figures.things:,}", "100.0%", *area])
    yield Table(header, rows, total=True)


def _crossed(
    title: str,
    of: str,
    table: Sequence[tuple[str, Counts]],
    name: Callable[[str], str],
    words: Wording,
) -> Iterator[Block]:
    """One row a place or kind; those beyond the 30 gravest are added up in one."""
    if not any(key for key, _ in table):
        return
    shown = [grade for grade in GRADES if any(counts.get(grade) for _, counts in table)]
    labels = words.grades()
    rows = [_cross(name(key), counts, shown) for key, counts in table[:MOST_ROWS]]
    rest, total = Counter[int](), Counter[int]()
    for place, (_, counts) in enumerate(table):
        total.update(counts)
        if place >= MOST_ROWS:
            rest.update(counts)
    if rest:
        rows.append(_cross(words["others"].format(n=len(table) - MOST_ROWS), rest, shown))
    rows.append(_cross(words["total"], total, shown))
    yield Heading(title)
    yield Table([of, *(labels[grade] for grade in shown), words["total"]], rows, total=True)


def _cross(name: str, counts: Counts, shown: Sequence[int]) -> list[str]:
    return [name, *(f"{counts.get(grade, 0):,}" for grade in shown), f"{sum(counts.values()):,}"]


def _map(figures: Figures, words: Wording) -> Iterator[Block]:
    mapped = damage_map(figures.rows, words.grades(), words["map"])
    if mapped is None:
        return
    caption = words["map_note"].format(exact=mapped.exact, about=mapped.about, nowhere=mapped.nowhere)
    caption += " " + words["map_cut"].format(n=mapped.left_out) if mapped.left_out else ""
    yield Heading(words["map"])
    yield Picture(mapped.drawing, caption)


def _series(figures: Figures, words: Wording) -> Iterator[Block]:
    series = figures.series
    if len(series.bars) < 2:
        return
    yield Heading(f"{words['series']} ({words['step_' + series.step]})")
    cut = [words["series_cut"].format(n=MOST_BARS)] if slots(series)[-1] >= MOST_BARS else []
    cut += [words["undated"].format(n=f"{series.undated:,}")] if series.undated else []
    yield Picture(time_bars(series, words.grades(), words["series"]), " ".join(cut))
    shown = [grade for grade in GRADES if any(counts.get(grade) for _, counts in series.bars)]
    rows = [_cross(words.bucket(start, series), counts, shown) for start, counts in series.bars[-MOST_BARS:]]
    labels = words.grades()
    yield Table([words["step_" + series.step], *(labels[grade] for grade in shown), words["total"]], rows)


def _losses(figures: Figures, words: Wording) -> Iterator[Block]:
    if not figures.losses:
        return
    yield Heading(words["losses"])
    header = [words["currency"], words["amount"], words["amounts"]]
    total = [
        [loss.currency, words.money(loss.currency, loss.amount), f"{loss.amounts:,}"]
        for loss in figures.losses
    ]
    yield Table(header, total)
    placed = [(name, loss) for name, losses in figures.losses_by_place if name for loss in losses]
    if len(placed) > 1:
        placed.sort(key=lambda each: (each[1].currency, -each[1].amount, each[0]))
        rows = [
            [words.place(name), words.money(loss.currency, loss.amount), f"{loss.amounts:,}"]
            for name, loss in placed[:MOST_ROWS]
        ]
        yield Table([words["place"], words["amount"], words["amounts"]], rows)


def _people(figures: Figures, words: Wording) -> Iterator[Block]:
    if figures.people:
        yield Heading(words["people"])
        rows = [[words.of("of_people", name), f"{number:,}"] for name, number in figures.people.items()]
        yield Table([words["field"], words["number"]], rows)


def told_in_reports(accounts: Sequence[Account], lang: str) -> Document:
    """Return what reports tell of damage, alone."""
    words = Wording(lang)
    return Document(words["reported"], lang, tuple(_reported(accounts, words)))


def _reported(accounts: Sequence[Account], words: Wording) -> Iterator[Block]:
    if not accounts:
        return
    yield Heading(words["reported"])
    rows = []
    for account in accounts[:MOST_ROWS]:
        title = title_of(account.incident, "ko" if words.lang == "ko" else "en")
        for told in account.told:
            value = words["disputed"] if told.value is None else f"{told.value:,}"
            rows.append([title, words.of("told", told.field), value, _quotes(told, words)])
            title = ""
    header = [words["incident"], words["field"], words["value"], words["said_by"]]
    yield Table(header, rows, numbers_from=len(header))
    if len(accounts) > MOST_ROWS:
        yield Text(words["more"].format(n=len(accounts) - MOST_ROWS), quiet=True)


def _quotes(told: Told, words: Wording) -> str:
    return " / ".join(_quote(said, words) for said in told.said)


def _quote(said: Said, words: Wording) -> str:
    marks = [words[name] for name in ("official", "newest") if getattr(said, name)]
    mark = f" ({', '.join(marks)})" if marks else ""
    return f"{said.source} {clock(said.time)} “{said.quote}” = {int(said.value):,}{mark}"


def _photos(found: Assessment, words: Wording) -> Iterator[Block]:
    if found.photos:
        yield Heading(words["photos"])
        names = words.grades()
        rows = []
        for photo in found.photos:
            grade = names[UNCLASSED if photo.grade is None else photo.grade] if photo.model else "-"
            said = photo.reason or f"{photo.seen} ({photo.model})"
            rows.append([photo.where, grade if not photo.reason else "-", said])
        header = [words["file"], words["class"], words["by_model"]]
        yield Table(header, rows, numbers_from=len(header))


def _left_out(found: Assessment, words: Wording) -> Iterator[Block]:
    unclear, repeats = found.figures.unclear, found.figures.repeats
    if not unclear and not repeats:
        return
    yield Heading(words["left_out"])
    rows = [
        [each.where, words.of("of_field", each.field), each.said or "-", words.of("of_reason", each.reason)]
        for each in unclear[:MOST_LISTED]
    ]
    rows += [
        [each.where, "id", each.id, f"{words['differing' if each.differs else 'repeated']}: {each.counted}"]
        for each in repeats[:MOST_LISTED]
    ]
    header = [words["where"], words["field"], words["said"], words["reason"]]
    yield Table(header, rows, numbers_from=len(header))
    more = max(0, len(unclear) - MOST_LISTED) + max(0, len(repeats) - MOST_LISTED)
    if more:
        yield Text(words["more"].format(n=more), quiet=True)


def _sources(found: Assessment, words: Wording) -> Iterator[Block]:
    yield Heading(words["sources"])
    header = [words[key] for key in ("file", "kind", "rows", "counted", "repeated", "rejected", "unclear")]
    rows = [
        [
            each.file,
            words[f"kind_{each.kind}"],
            *(
                f"{number:,}"
                for number in (each.rows, each.counted, each.repeated, each.rejected, each.unclear)
            ),
        ]
        for each in found.sources
    ]
    yield Table(header, rows, numbers_from=2)
    read = [
        f"{each.file}: "
        + ", ".join(f"{column} → {_meaning(meaning, words)}" for column, meaning in each.columns.items())
        for each in found.sources
        if each.columns
    ]
    if read:
        yield Text(f"{words['columns']}:", quiet=True)
        yield Bullets(read)
    notes = [f"{each.file}: {words.of('of_reason', note)}" for each in found.sources for note in each.notes]
    notes = [words.note(note) for note in (*notes, *found.notes)]
    if notes:
        yield Bullets(notes)


def _meaning(said: str, words: Wording) -> str:
    """Return what a column was taken for: `class`, `loss (천원)`, `class 3`."""
    field, space, rest = said.partition(" ")
    return f"{words.of('of_field', field)}{space}{rest}"
