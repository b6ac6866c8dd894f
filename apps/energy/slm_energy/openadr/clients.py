"""The clients of grid operators that slm.toml names, as chores of the site at work.

    [energy.openadr3]
    url = "https://vtn.example/openadr3/3.1.0"
    ven_name = "factory-1"

    [energy.openadr2b]
    url = "https://vtn.example/OpenADR2/Simple/2.0b"
    ven_name = "factory-1"

Events come in on `openadr/in`, which only this program can send on. What is accepted is what the plan can do:
prices, and limits of what is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import UserError, did_you_mean
from slm_core.event import Event
from slm_energy.ems.book import Book
from slm_energy.ems.running import state

if TYPE_CHECKING:
    from slm_core.ui.live import Live
    from slm_energy.openadr.deciding import Decision, SiteLimits
    from slm_energy.openadr.signal import GridEvent

TABLES = ("openadr3", "openadr2b")
STREAM = "openadr/in"
PATIENCE = timedelta(minutes=5)


def chores(live: Live) -> Iterable[Callable[[], object]]:
    """Return what keeps the clients going; nothing where slm.toml names none.

    Raises:
        UserError: the table has an unknown key or one is missing.
    """
    given = {} if live.recorded else live.settings.tables.get("energy", {})
    where = live.settings.origin("energy")
    for name in given:
        if name not in TABLES:
            known = ", ".join(f"[energy.{each}]" for each in TABLES)
            raise UserError(
                f"unknown table [energy.{name}]",
                where=where,
                expected=known,
                mend=did_you_mean(name, TABLES),
            )
    clients = [_client(name, given[name], live, where) for name in TABLES if name in given]
    return [_Keeper(client, lambda: _has_plan(live)) for client in clients]


def _has_plan(live: Live) -> bool:
    from slm_energy.ems.stepping import current

    return live.read(lambda memory: current(Book(memory)) is not None)


class _Keeper:
    """Starts a client once there is a plan to judge events by, and stops it in the end.

    Without a plan every request for power would be declined for good. A site that waits for prices from the
    grid operator itself has none: after `PATIENCE` the client starts all the same.
    """

    def __init__(self, client: Any, has_plan: Callable[[], bool]) -> None:
        self._client, self._has_plan = client, has_plan
        self._latest = datetime.now(UTC) + PATIENCE
        self._started = False

    def __call__(self) -> None:
        self._started = self._started or self._has_plan() or datetime.now(UTC) >= self._latest
        if self._started:
            self._client.start()

    def close(self) -> None:
        """Stop the client; a request on its way is awaited first."""
        self._client.stop()
        self._client.intake.ledger.close()


def _client(name: str, table: Mapping[str, Any], live: Live, where: str) -> Any:
    from slm_energy.openadr.intake import Intake
    from slm_energy.openadr.ledger import Ledger
    from slm_energy.openadr.v2b import Ven2b, Vtn2b
    from slm_energy.openadr.v3 import Ven3, Vtn3

    def decided(event: GridEvent, standing: Sequence[GridEvent]) -> Decision:
        from slm_energy.openadr.deciding import decide

        now = datetime.now(UTC)
        return decide(event, live.read(lambda memory: site_limits(Book(memory), now)), now, standing)

    def told(event: GridEvent, decision: Decision) -> None:
        payload = {"event": event.model_dump_json(), "decision": vars(decision)}
        now = datetime.now(UTC)
        live.runtime.tell_inside(
            Event(stream=STREAM, kind="openadr", source=event.source, time=now, payload=payload, id=event.key)
        )

    intake = Intake(decided, told, Ledger(live.folder / f"{name}.sqlite"))
    if name == "openadr3":
        return Ven3(_vtn(Vtn3, table, where, name), intake, offline=live.settings.offline)
    return Ven2b(_vtn(Vtn2b, table, where, name), intake, offline=live.settings.offline)


def _vtn(kind: Any, table: Mapping[str, Any], where: str, name: str) -> Any:
    known = [field.name for field in fields(kind)]
    values = dict(table)
    unknown = next((key for key in values if key not in known), None)
    if unknown is not None:
        what, mend = f"[energy.{name}]: unknown key {unknown!r}", did_you_mean(unknown, known)
        raise UserError(what, where=where, expected=", ".join(known), mend=mend)
    missing = [key for key in ("url", "ven_name") if not values.get(key)]
    if missing:
        raise UserError(f"[energy.{name}]: {missing[0]} is missing", where=where, expected=", ".join(known))
    if isinstance(values.get("tls"), dict):
        from slm_energy.openadr.v2b import Tls

        paths = {
            key: Path(value) if key in ("cert", "key", "ca") else value
            for key, value in values["tls"].items()
        }
        values["tls"] = Tls(**paths)
    if isinstance(values.get("programs"), list):
        values["programs"] = tuple(values["programs"])
    try:
        return kind(**values)
    except TypeError as error:
        raise UserError(f"[energy.{name}]: {error}", where=where) from error


def site_limits(book: Book, now: datetime) -> SiteLimits:
    """Return what the site can give, by the plan in force."""
    from slm_energy.ems.publishing import currency_code
    from slm_energy.ems.stepping import current
    from slm_energy.openadr.deciding import SiteLimits

    plan, site = current(book), book.site
    if site is None:
        return SiteLimits(offered=frozenset())
    battery = site.battery
    load = plan.flows.buy if plan and plan.flows else None
    stored = state(book, book.floor(now)).soc_kwh if battery else 0.0
    return SiteLimits(
        offered=frozenset({"price", "import_limit", "emissions", "alert"}),
        currency=currency_code(site.currency),
        load=load,
        discharge_kw=battery.discharge_kw if battery else 0.0,
        stored_kwh=stored or 0.0,
        reserve_kwh=battery.reserve * battery.capacity_kwh if battery else 0.0,
        efficiency=battery.discharge_efficiency if battery else 1.0,
        notice=timedelta(0),
        zone=site.zone,
    )
