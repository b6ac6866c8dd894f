"""Orders of people while the site is at work: read, held against its devices, shown, confirmed, sent, undone.

| in | payload | out |
|---|---|---|
| `config/devices` | areas and devices, as in command/devices.py | `config/devices/taken` |
| `device/<id>` | the state of a device: `on`, `open`, settings | |
| `command/in` | text | `command/reply`, and `command/out/<device>` where nobody has to confirm |
| `command/decision` (from the page alone) | order, do: confirm, refuse or undo, by | the same |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from slm_core.errors import UserError
from slm_core.event import Event
from slm_energy.command.action import Command, Verb
from slm_energy.command.devices import Home
from slm_energy.command.order import ALIVE, STREAM, Order, confirm, place_order, refuse, tick, undo
from slm_energy.command.resolve import Nothing, Question, Reading, Resolved, State, resolve
from slm_energy.command.rules import read_by_rules
from slm_energy.command.verbs import NO_VERB, is_cancelling
from slm_energy.command.wording import CANCEL, NOTHING, ask_back, dry_run, reading
from slm_energy.ems.book import Book

DECISION = "command/decision"
REPLY = "command/reply"
KEPT_ORDERS = 100
LANGUAGES = ("ko", "en")


def learn_devices(book: Book, payload: Mapping[str, Any]) -> int:
    """Take the home and return how many devices it has.

    Raises:
        ValueError: it is none; the first fault is told.
    """
    try:
        home = Home.model_validate(payload)
    except ValidationError as error:
        fault = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
    book.keep("home", dict(payload))
    return len(home.devices)


def home_of(book: Book) -> Home | None:
    """Return the devices of the site, None while nobody said them."""
    kept = book.get("home")
    return Home.model_validate(kept) if kept else None


def learn_state(book: Book, device: str, payload: Mapping[str, Any]) -> None:
    """Take what a device says of itself; what it does not say stays as it was."""
    plain = {key: value for key, value in payload.items() if isinstance(value, bool | int | float | str)}
    book.keep(f"device/{device}", {**(book.get(f"device/{device}") or {}), **plain})


def states_of(book: Book) -> dict[str, State]:
    """Return what is known of each device by its id."""
    return {key.removeprefix("device/"): state for key, state in book.kept("device/")}


def take_command(
    book: Book,
    text: str,
    id: str,
    now: datetime,
    command: Command | None = None,
    *,
    simulated: bool = False,
) -> list[Event]:
    """Read a text and return the reply, with the orders that go out at once.

    Args:
        book: of the site.
        text: what was said. It can order, it can never confirm.
        id: of the message; it becomes the order's.
        now: of the message.
        command: as the expert and the rules together read it; None is the rules alone.
        simulated: its clock runs fast, so that a person has all of its day to confirm.
    """
    home = home_of(book)
    if home is None:
        words = {
            "ko": "아는 기기가 없습니다. config/devices를 보내십시오.",
            "en": "No devices are known; send config/devices.",
        }
        return [_reply(id, text, "question", words, now)]
    states = states_of(book)
    outcome = resolve(command or read_by_rules(text), text, home, states)
    if isinstance(outcome, Resolved):
        order = place_order(outcome, text, home, states, id=id, now=now)
        if simulated:
            order = order.model_copy(update={"expires": now + timedelta(days=1)})
        return _placed(book, order, home, now)
    kind, words = _answered(outcome, text, home, states)
    if command is None and kind != "reading":
        book.keep("unread", {**(book.get("unread") or {}), id: text[:300]})
    return [_reply(id, text, kind, words, now)]


def ask_expert(text: str) -> bool:
    """Whether the expert may find what the rules did not: a verb, or what it is about."""
    found = read_by_rules(text)
    if found.verb == Verb.NONE:
        return found.because in (NO_VERB.ko, NO_VERB.en)
    return found.device is None and found.area is None


def take_expert(book: Book, payload: Mapping[str, Any], now: datetime) -> list[Event]:
    """Take what the expert and the rules together read in a text that the rules alone could not place.

    Raises:
        ValueError: the reply is none of this domain's.
    """
    waiting = dict(book.get("unread") or {})
    id = str(payload.get("event", ""))
    text = waiting.pop(id, None)
    book.keep("unread", dict(list(waiting.items())[-KEPT_ORDERS:]) or None)
    if text is None:
        return []
    try:
        command = Command.model_validate(payload.get("reply"))
    except ValidationError as error:
        raise ValueError(f"expert/command: {error.errors()[0]['msg']}") from error
    return take_command(book, text, id, now, command) if command.verb != Verb.NONE else []


def take_decision(book: Book, payload: Mapping[str, Any], now: datetime) -> list[Event]:
    """Confirm, refuse or undo an order for a person.

    Raises:
        ValueError: there is no such order, or it waits for no such thing.
    """
    id, do, by = (str(payload.get(key, "")) for key in ("order", "do", "by"))
    kept, home = book.get(f"order/{id}"), home_of(book)
    if kept is None or home is None:
        raise ValueError(f"there is no order {id!r}")
    order = Order.model_validate(kept)
    try:
        if do == "confirm":
            return _placed(book, confirm(order, id, by, now), home, now)
        if do == "undo":
            order, events = undo(order, by, now)
            return [*_kept(book, order, home, now), *_sent(book, events)]
    except UserError as error:
        raise ValueError(str(error)) from error
    if do == "refuse":
        return _kept(book, refuse(order, by), home, now)
    raise ValueError(f"{do!r} is nothing that can be done with an order; confirm, refuse or undo")


def orders_due(book: Book, now: datetime) -> list[Event]:
    """Return what the passing of time brings: orders that begin, end or expire."""
    home, made = home_of(book), list[Event]()
    if home is None:
        return made
    for order in orders(book):
        if order.phase in ALIVE:
            after, events = tick(order, now)
            if after != order:
                made += [*_kept(book, after, home, now), *_sent(book, events)]
    return made


def orders(book: Book) -> Iterator[Order]:
    """Yield the orders that are remembered, oldest first."""
    yield from (
        Order.model_validate(kept) for kept in sorted((kept for _, kept in book.kept("order/")), key=_age)
    )


def _age(kept: Mapping[str, Any]) -> str:
    return str(kept["expires"])


def _placed(book: Book, order: Order, home: Home, now: datetime) -> list[Event]:
    order, events = tick(order, now)
    return [*_kept(book, order, home, now), *_sent(book, events)]


def _kept(book: Book, order: Order, home: Home, now: datetime) -> list[Event]:
    book.keep(f"order/{order.id}", order.model_dump(mode="json"))
    for old in list(orders(book))[:-KEPT_ORDERS]:
        book.keep(f"order/{old.id}", None)
    words = {lang: dry_run(order, home, lang) for lang in LANGUAGES}
    return [_reply(order.id, order.text, "order", words, now, phase=order.phase, reasons=list(order.reasons))]


def _sent(book: Book, events: tuple[Event, ...]) -> list[Event]:
    """What goes out is taken to be so until the device says otherwise."""
    for event in events:
        learn_state(
            book, event.stream.removeprefix(f"{STREAM}/"), {event.payload["field"]: event.payload["value"]}
        )
    return list(events)


def _answered(
    outcome: Reading | Question | Nothing | Resolved, text: str, home: Home, states: Mapping[str, State]
) -> tuple[str, dict[str, str]]:
    if isinstance(outcome, Question):
        return "question", {lang: ask_back(outcome, home, lang) for lang in LANGUAGES}
    if isinstance(outcome, Reading):
        return "reading", {lang: reading(outcome, home, states, lang) for lang in LANGUAGES}
    assert isinstance(outcome, Nothing)
    words = CANCEL if is_cancelling(text) else NOTHING
    return "nothing", {lang: words.of(lang) for lang in LANGUAGES}


def _reply(id: str, text: str, kind: str, words: Mapping[str, str], now: datetime, **more: Any) -> Event:
    payload = {"command": id, "text": text[:300], "outcome": kind, **words, **more}
    return Event(stream=REPLY, kind="reply", source="slm-energy", time=now, payload=payload)
