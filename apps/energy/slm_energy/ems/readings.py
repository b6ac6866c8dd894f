"""Readings of meters while the site is at work: messages to finished steps, faults told once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import isnan

from pydantic import ValidationError

from slm_core.event import Event
from slm_energy.ems.book import GONE_DAYS, METERED, SUMMED, Book
from slm_energy.ems.made import Made
from slm_energy.meter.live import Live, Sample, Taken, read_sample
from slm_energy.meter.live import take as take_sample
from slm_energy.meter.live import tick as tick_meter
from slm_energy.said import Said

MOST_FINDINGS = 100
MOST = 1e9  # kW, and kWh of a counter: more than a country draws in an hour
MOST_MISSING = 0.1  # of a day: above it nothing is planned on the readings (docs/energy-data.md)
_SHARE = ("%", "")


def take(book: Book, event: Event) -> list[Made]:
    """Count a reading in; what is wrong with the meter follows.

    Raises:
        ValueError: no such quantity, no number, or a unit that the quantity cannot have.
    """
    _, quantity, name = event.stream.split("/", 2)
    if quantity not in METERED or quantity == "price":
        known = ", ".join(each for each in METERED if each != "price")
        raise ValueError(f"{event.stream}: no such quantity; expected {known}")
    try:
        sample = read_sample(event.payload, event.time)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
    if abs(sample.value) > MOST:
        raise ValueError(f"value: {sample.value:g} {sample.unit} is beyond what any meter says")
    taken = take_sample(_live(book, quantity, name), _fitting(book, quantity, sample), book.step)
    return _counted(book, quantity, name, taken, event.time)


def settle(book: Book, now: datetime) -> list[Made]:
    """Finish the steps that no further message will finish: time alone does."""
    made = []
    for key, kept in list(book.kept("meter/")):
        _, quantity, name = key.split("/", 2)
        live = Live.model_validate(kept)
        taken = tick_meter(live, now, book.step)
        if taken.live != live:
            made += _counted(book, quantity, name, taken, now)
    return made


def holes(book: Book, day: date) -> list[Made]:
    """Tell of each meter that said too little in a day that is over."""
    start, end = book.midnight(day), book.midnight(day + timedelta(days=1))
    made = _gone(book, end)
    for quantity in SUMMED:
        if book.days(quantity)[:1] == [day]:
            continue  # it began in the middle of the day
        for name in book.meters(quantity):
            series = book.history(quantity, start, end, name)
            missing = series.missing / max(1, len(series))
            if MOST_MISSING < missing < 1:
                said = Said(
                    f"{day} {quantity}/{name}: 검침값 {missing:.0%} 빠짐",
                    f"{day} {quantity}/{name}: {missing:.0%} of the readings are missing",
                )
                made.append(tell(book, end, f"{quantity}/{name}", "gap", said, 1))
    return made


def _gone(book: Book, at: datetime) -> list[Made]:
    """Tell once of each meter that counts as taken away from now on."""
    told: dict[str, str] = dict(book.get("meters/gone") or {})
    now = {
        f"{quantity}/{name}": day.isoformat()
        for quantity in SUMMED
        for name, day in book.gone_since(quantity).items()
    }
    made = []
    for meter, day in now.items():
        if told.get(meter) != day:
            said = Said(
                f"{meter}: {day} 뒤로 {GONE_DAYS}일 동안 값이 없어 떼어 낸 것으로 보고 합계에서 뺍니다",
                f"{meter}: no reading in {GONE_DAYS} days after {day}: taken as gone, sums leave it out",
            )
            made.append(tell(book, at, meter, "gone", said, 1))
    if told != now:
        book.keep("meters/gone", now or None)
    return made


def tell(book: Book, at: datetime, meter: str, code: str, said: Said, severity: int) -> Made:
    """Keep a fault for the page and the report, and return it as an event."""
    words = {"ko": said.ko, "en": said.en}
    fault = {"time": at.isoformat(), "meter": meter, "code": code, "severity": severity, **words}
    book.keep("findings", [*(book.get("findings") or []), fault][-MOST_FINDINGS:])
    return Made(f"meter/fault/{meter}", fault, severity)


def _live(book: Book, quantity: str, name: str) -> Live:
    return Live.model_validate(book.get(f"meter/{quantity}/{name}") or {})


def _fitting(book: Book, quantity: str, sample: Sample) -> Sample:
    """Return the sample in the quantity's unit.

    Raises:
        ValueError: it measures something else.
    """
    wanted = METERED[quantity]
    if quantity == "soc":
        battery = book.site.battery if book.site else None
        if battery is None or sample.unit not in _SHARE or sample.kind != "mean":
            raise ValueError("meter/soc: a share in % of a battery that the site has is expected")
        return Sample(sample.at, sample.value * battery.capacity_kwh, "mean", "kWh")
    if sample.unit != wanted:
        raise ValueError(f"meter/{quantity}: {sample.unit or 'a share'}; expected {wanted}, or what makes it")
    return sample


def _counted(book: Book, quantity: str, name: str, taken: Taken, at: datetime) -> list[Made]:
    book.keep(f"meter/{quantity}/{name}", taken.live.model_dump(mode="json", exclude_defaults=True))
    for step in taken.steps:
        if not isnan(step.value):
            book.put(quantity, name, step.start, step.value)
    return [tell(book, at, f"{quantity}/{name}", each.code, each.said, 1) for each in taken.findings]
