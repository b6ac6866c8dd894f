"""`handle`: one event in, the events that follow from it out; a function of event and memory alone.

| in | payload | out |
|---|---|---|
| `config/site` | the site (docs/energy.md) | `config/site/taken` |
| `config/devices`, `device/<id>` | what can be ordered, and how it stands | `config/devices/taken` |
| `meter/<quantity>/<name>` | value, unit (load, pv, grid, outdoor, soc, ghi) | `meter/fault`, `peak/guard` |
| `meter/history` | quantity, name, unit, start, step_minutes, values | `meter/history/taken` |
| `price/in`, `weather/in` | start, step_minutes, values; outdoor, ghi | `plan/current` anew |
| `question/in` | text: why, what if | `question/reply` |
| `command/in` | text | `command/reply`, `command/out/<device>` |
| `command/typed`, `command/decision`, `plan/relax` (the page alone) | | the same |
| `openadr/in` (our client of the grid operator alone) | event, decision | `openadr/taken` |
| `expert/command` | what the expert read | `command/reply`, ... |
| `clock/tick` | | what the passing of time brings |

Time brings `plan/current`, `set_point/<part>`, `emhass/<sensor>` (retained), `account/<day>`, `peak/passed`,
`anomaly/<id>`. A payload that cannot be read raises ValueError with the reason, for the dead letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from slm_core.errors import SlmError
from slm_core.event import Event, Memory
from slm_energy.ems import guarding, orders, questions, readings, requests
from slm_energy.ems.book import Book
from slm_energy.ems.intake import take_history, take_prices, take_weather
from slm_energy.ems.made import Made
from slm_energy.ems.planning import want
from slm_energy.ems.stepping import advance
from slm_energy.site import parse_site

STREAMS = (
    "config/site",
    "config/devices",
    "device/+",
    "meter/+/+",
    "meter/history",
    "price/in",
    "weather/in",
    "question/in",
    "command/in",
)
TEXTS = ("question/in", "command/in")
# Nobody but the page may confirm, relax or type; nobody but our client brings a grid operator's event.
INSIDE = (
    "command/typed",
    orders.DECISION,
    "plan/relax",
    "openadr/in",
    "expert/command",
    "clock/tick",
)
SOURCE = "slm-energy"
_BLOCKS = ("config/site", "config/devices", "meter/history", "price/in", "weather/in")


def handle(event: Event, memory: Memory) -> Iterable[Event]:
    """Return what follows from an event; what is to be remembered is put into the memory.

    Raises:
        ValueError: the event cannot be read; nothing was remembered.
    """
    book, recorded = Book(memory), event.simulated or event.kind == "replay"
    taken = _take(event, book)
    made = advance(book, event.time, recorded=recorded, more_comes=event.stream in _BLOCKS)
    events = [*taken, *(_event(each, event) for each in made)]
    events += orders.orders_due(book, event.time)
    return [each.model_copy(update={"simulated": event.simulated}) for each in events]


def _take(event: Event, book: Book) -> list[Event]:
    head, _, rest = event.stream.partition("/")
    take = _TAKEN.get(event.stream)
    if take is not None:
        return [each if isinstance(each, Event) else _event(each, event) for each in take(event, book)]
    if head == "meter":
        return [_event(each, event) for each in (*readings.take(book, event), *guarding.watch(book, event))]
    if head == "device":
        orders.learn_state(book, rest, event.payload)
        return []
    raise ValueError(f"{event.stream}: no such stream; expected {', '.join((*STREAMS, *INSIDE))}")


def _take_site(event: Event, book: Book) -> list[Made]:
    try:
        site = parse_site(event.payload, event.stream)
    except SlmError as error:
        raise ValueError(str(error)) from error
    _check_tariff(site.tariff)
    if site == book.site:
        return []
    taken = {"name": site.name, "tariff": site.tariff, "step_minutes": site.step_minutes}
    if book.site is not None and book.site.step_minutes != site.step_minutes:
        taken["note"] = (
            f"readings in steps of {book.site.step_minutes} min are kept, and not used with this step"
        )
    book.learn(site)
    want(book, "the site has changed")
    return [Made("config/site/taken", taken, 1 if "note" in taken else 0)]


def _check_tariff(name: str) -> None:
    from slm_energy.ems.pricing import GIVEN
    from slm_energy.tariff.finding import id_of
    from slm_energy.tariff.reading import read_book

    if name != GIVEN:
        try:
            id_of(read_book(None), name)
        except SlmError as error:
            raise ValueError(str(error)) from error


def _take_devices(event: Event, book: Book) -> list[Made]:
    return [Made("config/devices/taken", {"devices": orders.learn_devices(book, event.payload)})]


def _take_block(
    kind: str, take: Callable[[Book, dict[str, Any]], int]
) -> Callable[[Event, Book], list[Made]]:
    def taken(event: Event, book: Book) -> list[Made]:
        count = take(book, event.payload)
        want(book, f"new {kind}")
        return [Made(f"{event.stream}/taken", {"values": count})]

    return taken


def _take_command(event: Event, book: Book) -> list[Event]:
    return orders.take_command(book, _text(event), event.id, event.time, simulated=event.simulated)


def _take_decision(event: Event, book: Book) -> list[Event]:
    return orders.take_decision(book, event.payload, event.time)


def _text(event: Event) -> str:
    text = event.payload.get("text")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{event.stream}: no text")
    return text


_TAKEN: dict[str, Callable[[Event, Book], Iterable[Event | Made]]] = {
    "config/site": _take_site,
    "config/devices": _take_devices,
    "meter/history": _take_block("history", take_history),
    "price/in": _take_block("prices", take_prices),
    "weather/in": _take_block("weather", take_weather),
    "question/in": lambda event, book: questions.take(book, _text(event), event.id),
    "command/in": _take_command,
    "command/typed": _take_command,
    orders.DECISION: _take_decision,
    "plan/relax": lambda event, book: requests.relax(book, event.payload),
    "openadr/in": lambda event, book: requests.take(book, event.payload),
    "expert/command": lambda event, book: orders.take_expert(book, event.payload, event.time),
    "clock/tick": lambda event, book: [],
}


def _event(made: Made, cause: Event) -> Event:
    """Return an event that follows from another: at its time, and marked as what it is."""
    return Event(
        stream=made.stream,
        kind="replay" if cause.kind == "replay" else made.stream.partition("/")[0],
        source=SOURCE,
        time=cause.time,
        payload=made.payload,
        severity=made.severity,
        retained=made.retained,
    )
