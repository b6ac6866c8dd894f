"""The life of an order: a dry run, a confirmation where it is heavy or of safety, sent, taken back.

Pure: an order in, an order and the events that follow from it out. Its id is that of the message that gave
it, so a message delivered twice is one order, and every event of it has an id derived from it. A text is
never a confirmation: `confirm` is called for a person who pressed the button of this order, with its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict

from slm_core.errors import UserError
from slm_core.event import Event
from slm_energy.command.action import What, When
from slm_energy.command.devices import Home
from slm_energy.command.resolve import Resolved, State, Step

Phase = Literal["waiting", "ready", "sent", "ended", "undone", "refused", "expired"]
Reason = Literal["power", "safety", "unsure"]
CONFIRM_WITHIN = timedelta(minutes=2)
STREAM = "command/out"
ALIVE: tuple[Phase, ...] = ("waiting", "ready", "sent")


class Change(BaseModel):
    """One device's change; `kw` is that of its electric power, None where code cannot tell."""

    model_config = ConfigDict(frozen=True)

    device: str
    field: str
    before: bool | float | str | None
    after: bool | float | str
    unit: str = ""
    kw: float | None = None


class Order(BaseModel):
    """An order and where it stands.

    Args:
        id: of the message that gave it.
        text: what was said.
        phase: `waiting` for a confirmation, `ready` to be sent at `start`, `sent`, `ended` at `end`, ...
        changes: of each device.
        reasons: why a person has to confirm it; none where nobody has to.
        start: when it is sent; None at once.
        end: when what it changed is set back; None never.
        deadline: by when a charge is to be reached; it is passed on and sets nothing back.
        expires: until when it may be confirmed.
        by: who confirmed, refused or undid it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    phase: Phase
    changes: tuple[Change, ...]
    reasons: tuple[Reason, ...] = ()
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    deadline: AwareDatetime | None = None
    expires: AwareDatetime
    by: str = ""


Told = tuple[Order, tuple[Event, ...]]


def place_order(
    resolved: Resolved, text: str, home: Home, states: Mapping[str, State], *, id: str, now: datetime
) -> Order:
    """Return the order of what was resolved; it has not been sent.

    Args:
        resolved: what is to change and when.
        text: what was said.
        home: ratings and the limit above which a person confirms.
        states: what is known of each device, by its id.
        id: of the message that gave the order; the order keeps it.
        now: aware.
    """
    changes = tuple(_change(step, states.get(step.device.id, {})) for step in resolved.steps)
    reasons = (*_reasons(changes, home), *(() if resolved.sure else ("unsure",)))
    start, end = _window(resolved.when, now, home.zone)
    charging = all(change.field == What.SOC for change in changes)
    return Order(
        id=id,
        text=text,
        phase="waiting" if reasons else "ready",
        changes=changes,
        reasons=reasons,
        start=start,
        end=None if charging else end,
        deadline=end if charging else None,
        expires=now.astimezone(UTC) + CONFIRM_WITHIN,
    )


def confirm(order: Order, id: str, by: str, now: datetime) -> Order:
    """Return the order confirmed by a person, ready to be sent.

    Raises:
        UserError: the id is that of another order, it waits for nothing, or the time has passed.
    """
    if id != order.id:
        raise UserError("this confirms another order", where=id, expected=order.id)
    if order.phase != "waiting":
        raise UserError(f"order {order.id} waits for no confirmation: it is {order.phase}", where=id)
    if not by.strip():
        raise UserError("nobody confirms", where=id, expected="the name of a person")
    if now > order.expires:
        raise UserError(f"the time to confirm order {order.id} has passed", where=id, mend="give it again")
    return order.model_copy(update={"phase": "ready", "by": by})


def refuse(order: Order, by: str) -> Order:
    """Return the order refused; what was sent before stays."""
    if order.phase not in ("waiting", "ready"):
        return order
    return order.model_copy(update={"phase": "refused", "by": by})


def tick(order: Order, now: datetime) -> Told:
    """Return the order as time makes it, with the events that are due: it is sent, it ends, it expires."""
    if order.phase == "waiting" and now > order.expires:
        return order.model_copy(update={"phase": "expired"}), ()
    if order.phase == "ready" and (order.start is None or now >= order.start):
        return order.model_copy(update={"phase": "sent"}), _events(order, order.changes, "do", now)
    if order.phase == "sent" and order.end is not None and now >= order.end:
        return order.model_copy(update={"phase": "ended"}), _events(
            order, _reversed(order.changes), "end", now
        )
    return order, ()


def undo(order: Order, by: str, now: datetime) -> Told:
    """Return the order taken back, with the events that set back what it changed.

    A device whose state before is not known is not touched; `lost` names those.

    Raises:
        UserError: it was not sent, or was taken back already.
    """
    if order.phase not in ("sent", "ended"):
        raise UserError(f"order {order.id} has nothing to take back: it is {order.phase}", where=order.id)
    events = () if order.phase == "ended" else _events(order, _reversed(order.changes), "undo", now)
    return order.model_copy(update={"phase": "undone", "by": by}), events


def lost(order: Order) -> tuple[Change, ...]:
    """Return the changes that cannot be taken back, for nobody knows what was before."""
    return tuple(change for change in order.changes if change.before is None)


def _change(step: Step, state: State) -> Change:
    before = state.get(step.field)
    kw: float | None = None
    if step.field == "on" and before is not None:
        power = step.device.rated_kw if step.value else -step.device.rated_kw
        kw = 0.0 if before == step.value else power
    elif step.field == What.POWER and isinstance(step.value, int | float) and isinstance(before, int | float):
        kw = float(step.value) - float(before)
    return Change(
        device=step.device.id, field=step.field, before=before, after=step.value, unit=step.unit, kw=kw
    )


def _reasons(changes: Iterable[Change], home: Home) -> tuple[Reason, ...]:
    """A change whose power code cannot tell counts as the rating of its device."""
    changes = tuple(changes)
    kw = [abs(home.device(change.device).rated_kw if change.kw is None else change.kw) for change in changes]
    found: list[Reason] = ["power"] if sum(kw) > home.confirm_above_kw else []
    if any(home.device(change.device).safety for change in changes):
        found.append("safety")
    return tuple(found)


def _window(whens: Iterable[When], now: datetime, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Return start and end, UTC; an hour is the next one to come in the zone, unless a day is said."""
    start: datetime | None = None
    end: datetime | None = None
    lasting = timedelta(0)
    for when in whens:
        if when.seconds is not None:
            span = timedelta(seconds=when.seconds)
            start, lasting = (now + span, lasting) if when.kind == "after" else (start, span)
        elif when.kind == "at":
            start = _next(when, now, zone)
        else:
            end = _next(when, now, zone)
    if lasting:
        end = (start or now) + lasting
    return tuple(each.astimezone(UTC) if each else None for each in (start, end))  # type: ignore[return-value]


def _next(when: When, now: datetime, zone: ZoneInfo) -> datetime:
    local = now.astimezone(zone)
    hour, minute = map(int, (when.clock or "00:00").split(":")[:2])
    moment = datetime.combine(local.date() + timedelta(days=when.day or 0), time(hour % 24, minute), zone)
    return moment + timedelta(days=1) if when.day is None and moment <= local else moment


def _reversed(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(
        change.model_copy(update={"before": change.after, "after": change.before})
        for change in changes
        if change.before is not None
    )


def _events(
    order: Order, changes: Iterable[Change], step: Literal["do", "end", "undo"], now: datetime
) -> tuple[Event, ...]:
    return tuple(
        Event(
            stream=f"{STREAM}/{change.device}",
            kind="command",
            source="energy",
            time=now,
            payload={
                "order": order.id, "device": change.device, "field": change.field, "value": change.after,
                "unit": change.unit, "step": step,
                "by": order.deadline.isoformat() if order.deadline else None,
            },
            id=f"{order.id}-{step}-{change.device}-{change.field}",
        )
        for change in changes
    )  # fmt: skip
