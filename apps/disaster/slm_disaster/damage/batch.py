"""Files to a damage assessment, and the assessment to the files of `slm batch disaster`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from slm_core.dataset.source import Rejected
from slm_core.domain import Batch, BatchOptions
from slm_core.errors import MissingExtra, UserError
from slm_core.event import Event
from slm_core.files import sha256_of
from slm_core.report.document import Document, Picture
from slm_core.report.drawing import svg
from slm_core.report.html import html
from slm_core.report.markdown import markdown
from slm_core.report.pdf import pdf
from slm_core.settings import Settings
from slm_disaster.damage import photo
from slm_disaster.damage.assessment import Assessment, Source
from slm_disaster.damage.columns import ColumnMap, read_column_map
from slm_disaster.damage.features import is_geojson, read_features
from slm_disaster.damage.figures import add_up
from slm_disaster.damage.record import as_json, summary
from slm_disaster.damage.records import read_table
from slm_disaster.damage.report import report
from slm_disaster.damage.row import Survey
from slm_disaster.damage.said import Ask, accounts, read_reports
from slm_disaster.damage.sentences import sentences
from slm_disaster.damage.wording import Wording
from slm_disaster.replay.readers import read_replay
from slm_disaster.situation.incident import Incident

TABLES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json")
_KNOWN = ", ".join((*TABLES, ".geojson", *photo.KINDS))
_REPORTS = {"text", "msg", "msg_cn", "payload"}
_Read = tuple[Survey, list[Rejected]]


def batch(paths: Sequence[Path], options: BatchOptions) -> Batch:
    """Return the report files of files and folders; `Domain.batch`.

    Raises:
        UserError: nothing in them tells of damage, or the map fits no file.
    """
    given = read_column_map(options.map) if options.map else None
    found = looked_at(assess(paths, given, options.ask), options.settings)
    told = json.dumps(as_json(found), ensure_ascii=False, indent=1) + "\n"
    files = {"damage.json": told.encode(errors="replace")}  # JSON may hold half characters
    lines = list(sentences(found, Wording(options.languages[0])))
    lines += [*found.notes, *(f"{each.where}: {each.reason}" for each in found.photos if each.reason)]
    for lang in options.languages:
        written, problem = reports(report(found, lang), f"report.{lang}")
        files |= written
        lines += [problem] if problem and problem not in lines else []
    missing = [f"report.{lang}.pdf" for lang in options.languages if f"report.{lang}.pdf" not in files]
    return Batch(files, {**summary(found), "not_written": missing}, tuple(lines), found.rejected)


def looked_at(found: Assessment, settings: Settings) -> Assessment:
    """Return the assessment with what a model sees in its photos, or why none looked."""
    photos = photo.look([Path(each.where) for each in found.photos], settings)
    return replace(found, photos=tuple(photos))


def reports(document: Document, name: str, *, pictured: bool = True) -> tuple[dict[str, bytes], str]:
    """Return a document as Markdown, HTML and PDF, and why there is no PDF.

    With `pictured` the pictures of the Markdown lie beside it as files.
    """
    pictures: dict[str, bytes] = {}

    def image(picture: Picture) -> str:
        file = f"{name}.{len(pictures) + 1}.svg"
        pictures[file] = svg(picture.drawing).encode(errors="replace")
        return file

    files = {
        f"{name}.md": markdown(document, image if pictured else None).encode(errors="replace"),
        f"{name}.html": html(document).encode(errors="replace"),
    }
    try:
        files[f"{name}.pdf"] = pdf(document, "disaster")
    except MissingExtra as error:
        return {**files, **pictures}, str(error)
    return {**files, **pictures}, ""


def assess(
    paths: Sequence[Path],
    given: ColumnMap | None = None,
    ask: Ask | None = None,
    standing: Sequence[Incident] = (),
) -> Assessment:
    """Return the assessment of files and of all files in folders; photos are named, not yet looked at.

    Args:
        paths: files and folders.
        given: what columns mean, for the files that have them.
        ask: the expert.
        standing: incidents that are known without any file.

    Raises:
        UserError: nothing in them tells of damage, or the map fits no file.
    """
    reading = _Reading(given)
    for path in _files(paths):
        reading.read(path)
    if paths or not standing:
        reading.check()
    told = read_reports(sorted(reading.events, key=lambda event: event.time), ask)
    figures = add_up(reading.surveys)
    counted = Counter(_file(row.where) for row in figures.rows)
    repeated = Counter(_file(each.where) for each in figures.repeats)
    return Assessment(
        sources=tuple(
            each
            if each.kind in ("reports", "photo")
            else replace(each, counted=counted[each.file], repeated=repeated[each.file])
            for each in reading.sources
        ),
        figures=figures,
        accounts=tuple(accounts([*told.incidents, *standing])),
        photos=tuple(photo.Photo(str(path)) for path in reading.photos),
        rejected=(*reading.rejected, *told.rejected),
        notes=told.notes,
        simulated=any(each.origin == "simulated" for each in (*told.incidents, *standing)),
        replayed=any(each.origin == "replay" for each in standing),
    )


@dataclass
class _Reading:
    """What was read so far, file by file."""

    given: ColumnMap | None
    surveys: list[Survey] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    photos: list[Path] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    misfit: UserError | None = None
    fits: bool = False

    def read(self, path: Path) -> None:
        """Read one file; one that cannot be read is rejected as a whole, with the reason."""
        try:
            self._refuse_copy(path)
            if path.suffix.lower() in photo.KINDS:
                self.photos.append(path)
                self.sources.append(Source(str(path), "photo", sha256_of(path), 1))
            elif is_geojson(path):
                self._survey(path, "features", *self._mapped(read_features, path))
            elif path.suffix.lower() in TABLES:
                self._table(path)
            else:
                raise UserError(f"unknown kind of file {path.suffix!r}", expected=_KNOWN)
        except UserError as error:
            self.rejected.append(Rejected(str(path), _reason(error)))
        except OSError as error:
            self.rejected.append(Rejected(str(path), error.strerror or str(error)))

    def _refuse_copy(self, path: Path) -> None:
        """A copy under another name would count everything twice."""
        sha256 = sha256_of(path)
        same = next((each.file for each in self.sources if each.sha256 == sha256), None)
        if same is not None:
            raise UserError(f"the same bytes as {same}: read once")

    def check(self) -> None:
        """Refuse a batch of which nothing could be read."""
        if self.given is not None and not self.fits and self.misfit is not None:
            raise self.misfit
        if not self.sources:
            first = self.rejected[0] if self.rejected else None
            raise UserError(
                f"nothing here tells of damage: {first.reason}" if first else "nothing to read",
                where=first.where if first else None,
                expected=f"tables, GeoJSON, reports or photos ({_KNOWN})",
                mend="--map map.toml says what the columns mean (slm batch --help)",
            )

    def _mapped(self, read: Callable[[Path, ColumnMap | None], _Read], path: Path) -> _Read:
        """Read with the user's map where the file has its columns, else by the names alone."""
        if self.given is None:
            return read(path, None)
        try:
            found = read(path, self.given)
        except UserError as error:
            if error.where != "--map":
                raise
            self.misfit = error
            survey, rejected = read(path, None)
            return replace(
                survey, notes=(*survey.notes, "the map does not fit: read by column names")
            ), rejected
        self.fits = True
        return found

    def _table(self, path: Path) -> None:
        survey, rejected = self._mapped(read_table, path)
        names = {name.lower() for name in (*survey.columns, *survey.ignored)}
        damage = {each.partition(" ")[0] for each in survey.columns.values()} & {"class", "loss"}
        if damage or not names & _REPORTS:
            self._survey(path, "table", survey, rejected)
            return
        read = list(read_replay(path))
        events = [each for each in read if isinstance(each, Event) and each.stream == "report/in"]
        refused = [each for each in read if isinstance(each, Rejected)]
        if not events and not refused:
            raise UserError("no column of damage, and no reports", expected="see `slm batch --help`")
        self.events += events
        self.rejected += refused
        self.sources.append(
            Source(str(path), "reports", sha256_of(path), len(read), len(events), rejected=len(refused))
        )

    def _survey(self, path: Path, kind: str, survey: Survey, rejected: list[Rejected]) -> None:
        if not survey.rows:
            raise UserError(
                "no column of damage", expected="a class, a loss, people, or numbers by class; or --map"
            )
        self.surveys.append(survey)
        self.rejected += rejected
        self.sources.append(
            Source(
                file=str(path),
                kind="features" if kind == "features" else "table",
                sha256=sha256_of(path),
                rows=len(survey.rows) + survey.sums + len(rejected),
                unclear=len(survey.unclear),
                rejected=len(rejected),
                columns=survey.columns,
                ignored=survey.ignored,
                notes=survey.notes,
            )
        )


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files, those of folders in order of their names; hidden ones are passed over."""
    seen: set[Path] = set()
    for path in paths:
        inside = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for file in inside:
            hidden = path.is_dir() and any(part.startswith(".") for part in file.relative_to(path).parts)
            if not hidden and file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _file(where: str) -> str:
    return where.rpartition(":")[0]


def _reason(error: UserError) -> str:
    return f"{error.what}; expected {error.expected}" if error.expected else error.what
