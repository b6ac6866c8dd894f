"""An approved alert onto the bus: `alert/approved`, once, however often the program ends in between.

The log says what was approved, the memory says what was handed to the outbox. What the one has and the other
has not is handed over as `alert/approval`, a stream that the bus cannot write: no message from outside ever
becomes an approval. The id on the bus is the identifier of the alert, so whoever listens knows a repeat.
An approval that expired before it could go out (the pipeline stood still) is not sent: it would call for
something that is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from slm_core.event import Event, Memory
from slm_disaster.alerts.message import Severity, Status
from slm_disaster.situation.scope import origin_of

if TYPE_CHECKING:
    from slm_core.ui.live import Live
    from slm_disaster.alerts.chain import Approved

APPROVAL = "alert/approval"  # inside: from the page to `handle`
APPROVED = "alert/approved"  # to the bus
_KNOWN = "alert/sent/"
_GRAVEST = 3  # the queue sheds what is less severe first
_SEVERITY = {Severity.EXTREME: 3, Severity.SEVERE: 3, Severity.MODERATE: 2, Severity.MINOR: 1}


class Passage(StrEnum):
    """How far an approved alert has come."""

    WAITING = "waiting"
    LEAVING = "leaving"
    SENT = "sent"
    EXPIRED = "expired"


def approval(approved: Approved, at: datetime) -> Event:
    """Return the inside event that asks `handle` to send an approved alert."""
    return Event(
        stream=APPROVAL,
        kind="replay" if approved.about.origin == "replay" else "approval",
        source="page",
        time=at,
        payload=message(approved),
        severity=_GRAVEST,
        simulated=approved.about.origin == "simulated",
        id=approved.identifier,
    )


def message(approved: Approved) -> dict[str, Any]:
    """Return the payload of `alert/approved`."""
    choices = approved.draft.choices
    return {
        "identifier": approved.identifier,
        "status": str(approved.status),
        "msgType": str(approved.msg_type),
        "references": [str(each) for each in approved.references],
        "operator": approved.operator,
        "approved": approved.sent,
        "expires": choices.expires,
        "severity": str(choices.severity),
        "incident": approved.about.incident,
        "origin": approved.about.origin,
        "exercise": approved.status is not Status.ACTUAL,
        "texts": {name: text.text for name, text in approved.draft.texts.items()},
        "cap": approved.xml,
        "model_sha256": approved.author.model,
        "adapter_sha256": approved.author.adapter,
    }


def take_approval(event: Event, memory: Memory) -> list[Event]:
    """Return the message that goes out; none where it went out before, or has expired.

    Raises:
        ValueError: a recording or a simulation says something Actual.
    """
    said = event.payload
    key = _KNOWN + said["identifier"]
    if memory.get(key) is not None:
        return []
    if said["status"] == Status.ACTUAL and (origin_of(event) != "live" or said["origin"] != "live"):
        raise ValueError(f"{said['identifier']}: a {said['origin']} incident cannot become Actual")
    expired = datetime.fromisoformat(said["expires"]) <= event.time
    memory.put(key, {"at": event.time.isoformat(), "expired": expired})
    if expired:
        return []
    outgoing = Event(
        stream=APPROVED,
        kind=event.kind,
        source="slm-disaster",
        time=datetime.fromisoformat(said["approved"]),
        payload=said,
        severity=_SEVERITY.get(said["severity"], 0),
        simulated=event.simulated,
        id=said["identifier"],
    )
    return [outgoing]


def passage(identifier: str, known: Mapping[str, Any], outstanding: set[str]) -> Passage:
    """Return how far an alert has come, by what the memory knows and the broker does not have."""
    if identifier not in known:
        return Passage.WAITING
    if known[identifier]["expired"]:
        return Passage.EXPIRED
    return Passage.LEAVING if identifier in outstanding else Passage.SENT


def known_sent(memory: Memory) -> dict[str, Any]:
    """Return what the memory knows of each alert, by identifier."""
    return {key.removeprefix(_KNOWN): value for key, value in memory.items(_KNOWN)}


def chores(live: Live) -> Iterable[Callable[[], object]]:
    """Return what sends the approved alerts that wait, also those of an earlier run."""
    from slm_disaster.alerts.outgoing import Outgoing

    return (Outgoing(live),)
