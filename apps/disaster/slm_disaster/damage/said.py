"""What reports say of damage: each source's last word on each quantity, with its quote.

Reports go through `handle` like those of a live stream, so that copies, incidents, releases and orders to the
machine are dealt with in one place. Two sources that differ stay side by side; nothing here is ever added to
what was surveyed, for a report mostly tells of the same things.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from slm_core.dataset.source import Rejected
from slm_core.errors import SlmError
from slm_core.event import Event
from slm_core.expert import Answer
from slm_core.grounding import bindings, occurrences
from slm_disaster.damage.money import read_money
from slm_disaster.pipeline import handle
from slm_disaster.rules.denied import is_denied, without_denied
from slm_disaster.rules.tables import sayings
from slm_disaster.situation.asking import asks
from slm_disaster.situation.brief import standing_incidents
from slm_disaster.situation.conflicts import COUNTS, Said, statements
from slm_disaster.situation.incident import Incident, Report

ARCHIVED = ("released", "quiet", "too many")
FIELDS = (
    *COUNTS,
    *("destroyed", "major", "minor", "flooded", "damaged", "displaced", "households", "loss_krw", "loss_usd"),
)
_FAR = 45
_STOP = re.compile(r"[!?。;\n]|\.(?=\s|$)")
_FIGURES = r"\d[\d,]*(?:\.\d+)?"
_SCALE = r"(?:\s(?:thousand|million|billion))"
_MONEY = re.compile(
    rf"(?:US\$|\$|₩|\b(?:USD|KRW)\s?){_FIGURES}{_SCALE}?|{_FIGURES}{_SCALE}?\s(?:won|dollars)\b"
    # Nothing is given back: a text of a thousand digits must not take a thousand years.
    rf"|(?<![\d,.])(?:\d[\d,]*+(?:\.\d++)?+\s?+[십백천만억조]*+\s?+)++(?:원|달러)",
    re.IGNORECASE,
)
# One end of a range, an amount below zero, one that is said not to be: none of them is the loss.
_RANGE_BEFORE = re.compile(
    r"(?:[\d십백천만억조원]|(?:million|billion|thousand|won|dollars))\s?(?:[~∼〜–-]|에서|\sto)\s?$|(?<!\S)[-−]$",
    re.IGNORECASE,
)
_RANGE_AFTER = re.compile(r"\s?(?:[~∼〜–-]\s?\d|에서\s?\d|to\s(?:US)?[\d$])", re.IGNORECASE)
Ask = Callable[[str, BaseModel], Answer]


@dataclass(frozen=True)
class Told:
    """What the sources of one incident say of one quantity; `value` is None where they differ."""

    field: str
    said: tuple[Said, ...]

    @property
    def value(self) -> int | None:
        """The number that all sources give."""
        values = {each.value for each in self.said}
        return int(self.said[-1].value) if len(values) == 1 else None


@dataclass(frozen=True)
class Account:
    """An incident and what is said of its damage."""

    incident: Incident
    told: tuple[Told, ...]


@dataclass(frozen=True)
class Reading:
    """The incidents of reports, the reports that cannot be read, and who read beside the rules."""

    incidents: tuple[Incident, ...]
    rejected: tuple[Rejected, ...] = ()
    notes: tuple[str, ...] = ()


class Ledger:
    """A memory for one batch; it keeps the incidents that `handle` puts away."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._values: dict[str, str] = {}
        self.gone: dict[str, str] = {}

    def get(self, key: str) -> Any:
        """Return the value, or None."""
        return json.loads(self._values[key]) if key in self._values else None

    def put(self, key: str, value: Any) -> None:
        """Store a JSON value; None removes the key."""
        if value is not None:
            if key not in self._values:
                insort(self._keys, key)
            self._values[key] = json.dumps(value, ensure_ascii=False)
        elif key in self._values:
            del self._keys[bisect_left(self._keys, key)]
            before = self._values.pop(key)
            if "/incident/" in key:
                self.gone[key.rpartition("/")[2]] = before

    def items(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield the keys that begin with `prefix`, in order, with their values."""
        first, last = (bisect_left(self._keys, each) for each in (prefix, f"{prefix}\U0010ffff"))
        for key in self._keys[first:last]:
            if key in self._values:
                yield key, self.get(key)


def read_reports(events: Iterable[Event], ask: Ask | None = None) -> Reading:
    """Return the incidents of reports, those long over among them.

    Args:
        events: of `report/in`, oldest first.
        ask: the expert; it is asked about each report after the rules have read it.
    """
    memory, closed, notes = Ledger(), dict[str, None](), Counter[str]()
    rejected = []
    for event in events:
        try:
            made = list(handle(event, memory))
            for answer in _answers(event, ask, notes):
                made += handle(answer, memory)
        except ValueError as error:
            rejected.append(Rejected(event.source, str(error), str(event.payload.get("text", ""))[:200]))
            continue
        closed |= {str(each.payload["id"]): None for each in made if each.payload.get("archived") in ARCHIVED}
    over = [Incident.model_validate_json(memory.gone[each]) for each in closed if each in memory.gone]
    told = tuple(f"{note}: {number:,}" for note, number in notes.items())
    return Reading((*over, *standing_incidents(memory)), tuple(rejected), told)


def accounts(incidents: Iterable[Incident]) -> list[Account]:
    """Return what is said of the damage of each incident; those of which nothing is said are left out."""
    found = []
    for incident in sorted(incidents, key=lambda each: (each.first, each.id)):
        told = tuple(
            Told(field, tuple(said)) for field in FIELDS if (said := _statements(incident.reports, field))
        )
        if told:
            found.append(Account(incident, told))
    return found


def quantity(text: str, field: str) -> tuple[int, str] | None:
    """Return the first number that a text binds to the words of a field, with its quote."""
    if field.startswith("loss_"):
        return _loss(text, field.removeprefix("loss_").upper())
    entry = _table()["fields"][field]
    clean = without_denied(sayings(text), entry["units"])
    for bound in bindings(clean, entry["words"], units=entry["units"], rivals=_rivals(field)):
        unit = bound.figures.unit.lower() if bound.figures else ""
        if bound.figures is None or not any(unit.startswith(each) for each in entry["units"]):
            continue  # "no damage" is no count of houses, and 3 without a unit may be anything
        if bound.figures.exact and bound.value == int(bound.value):
            return int(bound.value), text[bound.start : bound.end]
    return None


def _loss(text: str, currency: str) -> tuple[int, str] | None:
    """Return the first amount in a currency to which, in its sentence, a word of loss stands nearest."""
    clean = sayings(text)
    for match in _MONEY.finditer(clean):
        try:
            money = read_money(match[0])
        except ValueError:
            continue  # figures such as 1,2 are no amount
        if _RANGE_BEFORE.search(clean[max(0, match.start() - 20) : match.start()]) or _RANGE_AFTER.match(
            clean, match.end()
        ):
            continue
        if is_denied(clean, *match.span()):
            continue
        word = _nearest_word(clean, *match.span())
        if money.currency == currency and money.amount == int(money.amount) and word is not None:
            start, end = min(word[0], match.start()), max(word[1], match.end())
            return int(money.amount), text[start:end].strip()
    return None


def _nearest_word(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where the word of loss stands that is nearest to an amount, if none of another use is nearer."""
    words = _table()["loss"]
    begins = [match.end() for match in _STOP.finditer(text, 0, start)]
    stop = _STOP.search(text, end)
    left, right = begins[-1] if begins else 0, stop.start() if stop else len(text)
    own = set(occurrences(text, words["words"]))
    near = [
        (min(abs(start - b), abs(a - end)), (a, b))
        for a, b in occurrences(text, (*words["words"], *words["rivals"]))
        if left <= a and b <= right and not (a < end and start < b)
    ]
    distance, at = min(near, default=(_FAR + 1, (0, 0)))
    return at if distance <= _FAR and at in own else None


def _answers(event: Event, ask: Ask | None, notes: Counter[str]) -> Iterator[Event]:
    """What the expert reads in a report; where it cannot, the rules' reading stands."""
    if ask is None:
        return
    for question in asks(event):
        try:
            answer = ask(question.task, question.request)
        except SlmError as error:
            notes[f"reports the expert could not read, the rules stand ({str(error).splitlines()[0]})"] += 1
            continue
        if answer.by == "rules":
            notes["reports read by the rules alone"] += 1
            continue
        notes[f"reports read by the rules and {_reader(answer)}"] += 1
        reply = answer.reply.model_dump(mode="json")
        payload = {"event": event.id, "source": event.source, "task": question.task, "reply": reply}
        yield Event(
            stream=question.stream, kind=event.kind, source="expert", time=event.time, payload=payload
        )


def _reader(answer: Answer) -> str:
    """Name the model and the adapter by their bytes."""
    parts = [f"{answer.model}", *(each[:12] for each in (answer.model_sha256, answer.adapter_sha256) if each)]
    return " ".join(parts)


def _statements(reports: Sequence[Report], field: str) -> list[Said]:
    """Return each source's latest statement, newest last; of reports that give orders to the machine none."""
    trusted = [report for report in reports if report.trusted]
    if field in COUNTS:
        return statements(trusted, field)
    latest: dict[str, Said] = {}
    for report in sorted(trusted, key=lambda each: each.time):
        found = quantity(report.text, field)
        if found is not None:
            latest[report.source] = Said(
                value=found[0],
                quote=found[1],
                report=report.id,
                source=report.source,
                time=report.time,
                official=report.official,
            )
    ordered = sorted(latest.values(), key=lambda said: said.time)
    return [*ordered[:-1], *(said.model_copy(update={"newest": True}) for said in ordered[-1:])]


@cache
def _rivals(field: str) -> tuple[str, ...]:
    table = _table()
    own = set(table["fields"][field]["words"])
    others = [word for name in table["fields"] for word in table["fields"][name]["words"]]
    return tuple(dict.fromkeys(word for word in (*others, *table["rivals"]["words"]) if word not in own))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "said.toml").read_text(encoding="utf-8"))
