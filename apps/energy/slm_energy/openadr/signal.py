"""One event of a grid operator, whichever protocol brought it: what is asked, when, and of whom.

`read_2b` and `read_3` in the modules beside this one make it; what they cannot read is a `BadEvent` with a
reason, so that it can be counted, shown and answered.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

Kind = Literal[
    "price", "export_price", "simple_level", "import_limit", "export_limit", "dispatch", "dispatch_change",
    "charge_state", "emissions", "alert",
]  # fmt: skip
UNITS: Mapping[str, str] = {
    "simple_level": "level", "import_limit": "kW", "export_limit": "kW", "dispatch": "kW",
    "dispatch_change": "kW", "charge_state": "share", "emissions": "g/kWh", "alert": "",
}  # fmt: skip
MAX_INTERVALS = 10_000
ENDLESS_YEARS = 9000  # P9999Y means without end (OpenADR 3 User Guide)
_SHOWN = 3


class BadEvent(ValueError):
    """An event that cannot be read.

    Args:
        reason: short and stable, for counters: `times`, `value`, `shape`, ...
        what: one sentence for a person.
        id: of the event, where it has one that can be read.
    """

    def __init__(self, reason: str, what: str, id: str = "") -> None:
        super().__init__(what)
        self.reason, self.id = reason, id


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Interval(_Part):
    """A stretch with one value. `end` is None where it has none."""

    start: AwareDatetime
    end: AwareDatetime | None
    value: Annotated[float, Field(allow_inf_nan=False)]

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError("an interval ends after it starts")
        return self


class Signal(_Part):
    """One kind of wish and its values.

    Args:
        kind: what is meant, in our words; signals.toml lists them.
        sent_as: in the words of the protocol, e.g. `PRICE` or `LOAD_DISPATCH delta`.
        unit: of the values: `kW`, `level`, `KRW/kWh`, ...
        intervals: in order of time.
        text: what an alert says. It is data from outside.
    """

    kind: Kind
    sent_as: str
    unit: str
    intervals: Annotated[tuple[Interval, ...], Field(min_length=1, max_length=MAX_INTERVALS)]
    text: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        for interval in self.intervals:
            if self.kind == "simple_level" and interval.value not in (0, 1, 2, 3):
                raise ValueError(f"level {interval.value:g} is none of 0, 1, 2 and 3")
            if self.kind in ("import_limit", "export_limit") and interval.value < 0:
                raise ValueError(f"a limit of {interval.value:g} kW is below 0")
            if self.kind == "charge_state" and not 0 <= interval.value <= 1:
                raise ValueError(f"a state of charge of {interval.value:g} is not within 0 and 1")
        return self


class GridEvent(_Part):
    """What a grid operator asks for.

    Args:
        id: the sender's.
        modification: grows when the event is changed: the modification number of 2.0b, milliseconds of the
            time of modification in 3.
        status: `cancelled` ends what was asked before under the same id.
        program: market context of 2.0b, program id of 3. name: what a person reads.
        priority: a lower number goes first; None is last (2.0b says 0 for none).
        test: nothing is to be switched for it.
        targets: names of those it is for; empty means everyone who receives it.
        received: when we read it.
        source: which protocol brought it.
        answer: whether the sender wants to know.
        delay_s: seconds by which every start was put off, as the sender allowed, so that not all act at once.
        unread: signals that mean nothing to us, as they were sent.
    """

    id: Annotated[str, Field(min_length=1, max_length=200)]
    modification: Annotated[int, Field(ge=0)]
    status: Literal["active", "cancelled"] = "active"
    program: Annotated[str, Field(max_length=500)]
    name: Annotated[str, Field(max_length=500)] = ""
    signals: tuple[Signal, ...]
    priority: Annotated[int, Field(ge=0)] | None = None
    test: bool = False
    targets: tuple[str, ...] = ()
    received: AwareDatetime
    source: Literal["openadr2.0b", "openadr3"]
    answer: bool = True
    delay_s: Annotated[float, Field(ge=0)] = 0.0
    unread: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same for the same modification of the same event: what makes a message come once."""
        said = f"{self.source}\n{self.id}\n{self.modification}\n{self.status}"
        return hashlib.sha256(said.encode()).hexdigest()[:24]

    @property
    def start(self) -> datetime | None:
        """When the first interval begins; None where it has none."""
        starts = [signal.intervals[0].start for signal in self.signals]
        return min(starts) if starts else None

    @property
    def end(self) -> datetime | None:
        """When the last interval ends; None where one does not end, or there is none."""
        ends = [signal.intervals[-1].end for signal in self.signals]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None


def build(id: str, **parts: Any) -> GridEvent:
    """Return the event of these parts.

    Raises:
        BadEvent: one of them is not as it must be; the first fault is told.
    """
    try:
        return GridEvent(id=id, **parts)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise BadEvent("value", f"{place}: {fault['msg']}" if place else fault["msg"], id[:200]) from error


def signal(
    kind: Kind, sent_as: str, unit: str, spans: list[tuple[datetime, datetime | None, float]], text: str = ""
) -> Signal:
    """Return the signal of these intervals, in order of time.

    Raises:
        BadEvent: there is none, they overlap, or a value is not plausible.
    """
    spans = sorted(spans, key=lambda span: span[0])
    for (_, end, _), (start, _, _) in pairwise(spans):
        if end is None or end > start:
            raise BadEvent("times", f"{sent_as}: two intervals overlap at {start.isoformat()}")
    try:
        intervals = tuple(Interval(start=start, end=end, value=value) for start, end, value in spans)
        return Signal(kind=kind, sent_as=sent_as, unit=unit, intervals=intervals, text=text)
    except ValidationError as error:
        raise BadEvent("value", f"{sent_as}: {error.errors()[0]['msg']}") from error


def after(start: datetime, duration: str) -> datetime | None:
    """Return the end of an ISO 8601 duration from `start`, None where it is endless (`P9999Y`).

    Years and months are those of the calendar, in UTC.

    Raises:
        BadEvent: it is no duration, negative or nothing at all, or it ends beyond the year 9999.
    """
    import pendulum

    try:
        length = pendulum.parse(duration, exact=True)
    except (ValueError, OverflowError, TypeError) as error:
        raise BadEvent("times", f"{duration!r:.60} is no duration such as PT1H") from error
    if not isinstance(length, pendulum.Duration):
        raise BadEvent("times", f"{duration!r:.60} is no duration such as PT1H")
    if length.years >= ENDLESS_YEARS:
        return None
    try:
        end = pendulum.instance(start).in_timezone("UTC") + length
    except (ValueError, OverflowError) as error:
        raise BadEvent("times", f"{duration!r:.60} from {start.isoformat()} passes the year 9999") from error
    if end <= start:
        raise BadEvent("times", f"{duration!r:.60} lasts no time")
    return datetime.fromtimestamp(end.timestamp(), UTC)


def delay(window: timedelta, event: str, ven: str) -> timedelta:
    """Return our share of a window in which starts may be put off: the same for the same event and name."""
    drawn = int.from_bytes(hashlib.sha256(f"{ven}\n{event}".encode()).digest()[:4], "big") / 2**32
    return timedelta(seconds=int(max(window, timedelta(0)).total_seconds() * drawn))


@cache
def known() -> dict[str, Any]:
    """Return the tables of signals.toml."""
    found = tomllib.loads((Path(__file__).parent / "signals.toml").read_text(encoding="utf-8"))
    unknown = (set(found["v3"].values()) | set(found["v2b"].values())) - set(get_args(Kind))
    if unknown:
        raise ValueError(f"signals.toml names kinds that there are not: {', '.join(sorted(unknown))}")
    return found


def scale(kind: Kind, unit: str, currency: str, sent_as: str) -> tuple[float, str]:
    """Return the factor to our unit of a kind, and that unit.

    Raises:
        BadEvent: the unit is missing or none that the kind can have; a price has no currency.
    """
    factors = known()["units"][kind]
    if unit.upper() not in factors:
        said = repr(unit[:20]) if unit else "no unit"
        expected = ", ".join(name for name in factors if name) or "none"
        raise BadEvent("unit", f"{sent_as} in {said}; expected: {expected}")
    if kind not in ("price", "export_price"):
        return factors[unit.upper()], UNITS[kind]
    if not (len(currency) == 3 and currency.isalpha()):
        raise BadEvent("unit", f"{sent_as} without an ISO 4217 currency")
    return factors[unit.upper()], f"{currency.upper()}/kWh"


def brief(names: tuple[str, ...]) -> str:
    """Return a few of the names, each cut, and how many more there are."""
    shown = ", ".join(name[:60] for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} (+{len(names) - _SHOWN})"
