"""Sources to a dataset on disk: read, scrub, check, remove repeats, split, measure leakage, write.

Every record that comes in ends in exactly one of `train.jsonl`, `dev.jsonl`, `test.jsonl` and
`rejected.jsonl` (with its place and the reason). The same sources and seed give the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from slm_core.dataset import leakage
from slm_core.dataset.card import card
from slm_core.dataset.contract import DomainShape
from slm_core.dataset.dedup import find_duplicates
from slm_core.dataset.folder import swap_in
from slm_core.dataset.report import BuildReport, Reject
from slm_core.dataset.row import Row
from slm_core.dataset.scrub import scrub_row, scrub_text
from slm_core.dataset.source import OWN, TABLE, Rejected, Source
from slm_core.dataset.split import SIDES, By, Policy, Side, split
from slm_core.dataset.table import import_table
from slm_core.dataset.validity import Validity
from slm_core.errors import UserError, did_you_mean
from slm_core.files import sha256_of
from slm_core.settings import Settings


def dataset_folder(settings: Settings, domain: str) -> Path:
    """Return where a domain's dataset lies unless another place is named."""
    return settings.home / "datasets" / domain


def build(
    domain: DomainShape,
    sources: Sequence[Source],
    *,
    out: Path,
    seed: int = 0,
    by: By = "group",
    test: float = 0.2,
    dev: float = 0.1,
    hold_out: str | None = None,
) -> BuildReport:
    """Build a domain's dataset into the folder `out`, which appears whole or stays as it was.

    Args:
        domain: says what a valid row is, and reads its own formats.
        sources: none means the domain's own seeds and generator.
        out: the dataset's folder.
        seed: of the generator and the split.
        by, test, dev, hold_out: see `split.Policy`.

    Raises:
        UserError: an unknown format, a wrong map, no usable row, or a folder that holds other files.
    """
    policy = Policy(seed, by, test, dev, hold_out)
    policy.check()
    sources = tuple(sources) or (Source(OWN),)
    _check_formats(domain, sources)
    work = _Work(Validity(domain))
    for where, item in _gather(domain, sources, seed):
        work.take(where, item)
    if not work.rows:
        first = "; ".join(f"{r.where}: {r.reason}" for r in work.rejects[:3]) or "the sources gave no record"
        raise UserError("no usable row", where=", ".join(_name(source) for source in sources), expected=first)
    sides = work.split(policy)
    report = BuildReport(
        domain=domain.name,
        folder=out,
        policy=policy,
        sources=tuple(_described(source) for source in sources),
        sides=sides,
        rejects=tuple(sorted(work.rejects, key=lambda reject: reject.kind)),
        scrubbed=dict(sorted(work.scrubbed.items())),
        worst=next(iter(leakage.leaks({str(side): rows for side, rows in sides.items()})), None),
    )
    return _write(report, domain, out)


@dataclass
class _Work:
    """The rows on their way, where each came from, and what fell out."""

    validity: Validity
    rows: list[Row] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    scrubbed: Counter[str] = field(default_factory=Counter)

    def take(self, where: str, item: Row | Rejected) -> None:
        """Keep a valid row without its personal data; record anything else."""
        if isinstance(item, Rejected):
            content = scrub_text(item.content, "ko" if _is_korean(item.content) else "en").text
            self.rejects.append(Reject("invalid", item.where, item.reason, content))
            return
        row, counts = scrub_row(item)
        self.scrubbed.update(counts)
        reason = self.validity.fault(row)
        if reason is None:
            self.rows.append(row)
            self.places.append(where)
        else:
            spoilt = counts and self.validity.fault(item) is None
            self.rejects.append(
                Reject(
                    "invalid", where, f"without its personal data: {reason}" if spoilt else reason, _dump(row)
                )
            )

    def split(self, policy: Policy) -> dict[Side, list[Row]]:
        """Return the rows of each side; repeats, contradictions and leaks are rejected."""
        duplicates = find_duplicates(self.rows)
        sides = split(self.rows, duplicates, policy)
        for number, side in enumerate(sides):
            if side is not None:
                continue
            if number in duplicates.exact:
                self._reject(number, "exact duplicate", f"repeats {self._of(duplicates.exact[number])}")
            elif number in duplicates.near:
                self._reject(number, "near duplicate", f"nearly repeats {self._of(duplicates.near[number])}")
            else:
                other = self._of(duplicates.contradictory[number])
                self._reject(
                    number,
                    "contradictory",
                    f"kept out of the test: {other} has the same text, another target",
                )
        for number, reason in _leaking(self.rows, sides).items():
            self._reject(number, "leak", reason)
            sides[number] = None
        return {
            name: [row for row, side in zip(self.rows, sides, strict=True) if side == name] for name in SIDES
        }

    def _of(self, number: int) -> str:
        return f"{self.rows[number].id} ({self.places[number]})"

    def _reject(self, number: int, kind: str, reason: str) -> None:
        self.rejects.append(Reject(kind, self.places[number], reason, _dump(self.rows[number])))


def _leaking(rows: Sequence[Row], sides: Sequence[Side | None]) -> dict[int, str]:
    """Return the rows of training that resemble dev or test beyond the bar, and those of dev that resemble
    the test.

    The splitter's sketch of a text misses some pairs that words or a long common run show; the side that is
    less precious gives way.
    """
    found: dict[int, str] = {}
    for mine, others in (("dev", ("test",)), ("train", ("dev", "test"))):
        numbers = [number for number, side in enumerate(sides) if side == mine]
        against = [number for number, side in enumerate(sides) if side in others and number not in found]
        if not against:
            continue
        matches = leakage.closest(
            [leakage.key(rows[n]) for n in numbers], [leakage.key(rows[n]) for n in against]
        )
        for number, match in zip(numbers, matches, strict=True):
            if match is not None and match.similarity > leakage.BAR:
                other = against[match.number]
                found[number] = f"{match.similarity:.2f} like {rows[other].id} of {sides[other]} ({match.by})"
    return found


def _gather(
    domain: DomainShape, sources: Sequence[Source], seed: int
) -> Iterator[tuple[str, Row | Rejected]]:
    """Yield what the sources hold, each with its place; the domain reads its own formats in one call."""
    own = [source for source in sources if source.format != TABLE]
    if own:
        for item in domain.build_dataset(own, seed):
            yield (item.where if isinstance(item, Rejected) else f"{item.source}:{item.id}"), item
    for source in sources:
        if source.format == TABLE:
            for found in import_table(domain, source):
                yield (found.where, found) if isinstance(found, Rejected) else found


def _check_formats(domain: DomainShape, sources: Sequence[Source]) -> None:
    known = [*sorted(domain.importers), TABLE, OWN]
    for source in sources:
        if source.format not in known:
            mend = did_you_mean(source.format, known)
            raise UserError(
                f"unknown format {source.format!r}", where="--source", expected=", ".join(known), mend=mend
            )


def _write(report: BuildReport, domain: DomainShape, out: Path) -> BuildReport:
    def fill(folder: Path) -> None:
        for side, rows in report.sides.items():
            (folder / f"{side}.jsonl").write_text(
                "".join(f"{_dump(row)}\n" for row in rows), encoding="utf-8"
            )
        rejects = "".join(f"{json.dumps(vars(reject), ensure_ascii=False)}\n" for reject in report.rejects)
        (folder / "rejected.jsonl").write_text(rejects, encoding="utf-8")
        (folder / "README.md").write_text(card(report, domain), encoding="utf-8")
        sums = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
        facts = json.dumps(report.facts() | {"sha256": sums}, ensure_ascii=False, indent=2)
        (folder / "build.json").write_text(f"{facts}\n", encoding="utf-8")

    swap_in(out, fill)
    return replace(report, sha256=_sums(out))


def _sums(folder: Path) -> Mapping[str, str]:
    sums: dict[str, str] = json.loads((folder / "build.json").read_text(encoding="utf-8"))["sha256"]
    return sums


def _described(source: Source) -> Mapping[str, Any]:
    """Return what the build's record keeps of a source: enough to see whether the same one is built again."""
    facts: dict[str, Any] = {"format": source.format}
    if source.path is not None:
        facts |= {"path": str(source.path)}
        if source.path.is_file():
            facts |= {"sha256": sha256_of(source.path)}
    if source.map is not None:
        facts |= {"map": source.map.read_text(encoding="utf-8-sig")}
    return facts


def _name(source: Source) -> str:
    return f"{source.format}={source.path}" if source.path else source.format


def _dump(row: Row) -> str:
    return json.dumps(row.model_dump(mode="json"), ensure_ascii=False)


def _is_korean(text: str) -> bool:
    return any("가" <= sign <= "힣" for sign in text)
