"""What a plan is asked to solve: a site, the hours ahead and what is expected in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Literal

from slm_energy.series import Series
from slm_energy.site import Site


@dataclass(frozen=True)
class Problem:
    """The site and its expected hours. All series have the same start, step and length.

    Args:
        site: what is there and what it may do.
        load: kW that must be met, without the parts of the site that are planned.
        pv: kW that the panels give at most; zeros where there are none.
        price: cost of one kWh bought, `<currency>/kWh`.
        outdoor: degrees Celsius; needed where the site has rooms.
        export_price: paid for one kWh fed in; None takes the site's.
        soc_kwh: energy in the battery at the start; None is its reserve.
        demand_price: cost of one kW by which the highest mean power of a step passes `peak_so_far_kw`;
            0 where the tariff has none.
        peak_so_far_kw: highest mean power that this billing period has already seen.
        billed: whether the mean power of each step counts for the demand; None: it always does. (KEPCO leaves
            out the light-load hours.)
        request: kW in each step that must not be passed, as the grid operator asked; a step without a request
            has more than any connection carries. None: nobody asked.
        done: by name, what the window that runs at the start has already had: kWh of a car, hours of a load.
        running: names of cars and loads that are on just before the start: going on is no new start.
        end_value: worth of one kWh left in the battery at the end. It replaces the charge that the battery
            must end with, where plans follow each other (rolling.py); None keeps that charge.
        relaxed: the limits that were relaxed for it with the amount, so that a plan can say so.
    """

    site: Site
    load: Series
    pv: Series
    price: Series
    outdoor: Series | None = None
    export_price: Series | None = None
    soc_kwh: float | None = None
    demand_price: float = 0.0
    peak_so_far_kw: float = 0.0
    billed: tuple[bool, ...] | None = None
    request: Series | None = None
    done: Mapping[str, float] = field(default_factory=dict)
    running: frozenset[str] = frozenset()
    end_value: float | None = None
    relaxed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in (self.pv, self.price, self.outdoor, self.export_price, self.request):
            if each is not None and (each.start, each.step, len(each)) != (
                self.load.start,
                self.load.step,
                len(self.load),
            ):
                raise ValueError(f"{each.name} has other steps than {self.load.name}")
        for each in (self.load, self.pv, self.price, self.outdoor, self.export_price, self.request):
            if each is not None and not all(map(isfinite, each.values)):
                raise ValueError(f"{each.name}: a plan needs a value for every step")
        if self.billed is not None and len(self.billed) != len(self.load):
            raise ValueError("billed says something about other steps")
        if len(self.load) == 0:
            raise ValueError("a plan needs at least one step")

    @property
    def start(self) -> datetime:
        """Beginning of the first step."""
        return self.load.start

    @property
    def step(self) -> timedelta:
        """Length of a step."""
        return self.load.step

    def steps_to(self, moment: datetime) -> int:
        """Return how many whole steps lie between the start and a moment; below zero before the start."""
        return (moment.astimezone(UTC) - self.start.astimezone(UTC)) // self.step

    @property
    def soc_start_kwh(self) -> float:
        """Energy in the battery at the start; 0 where there is none."""
        battery = self.site.battery
        if battery is None:
            return 0.0
        return battery.reserve * battery.capacity_kwh if self.soc_kwh is None else self.soc_kwh

    def part(self, first: int, count: int) -> Problem:
        """Return some of the steps, from number `first` on; what holds at the start is left as it is."""

        def cut(series: Series) -> Series:
            return series.from_step(first, first + count)

        return replace(
            self,
            load=cut(self.load),
            pv=cut(self.pv),
            price=cut(self.price),
            outdoor=cut(self.outdoor) if self.outdoor else None,
            export_price=cut(self.export_price) if self.export_price else None,
            request=cut(self.request) if self.request else None,
            billed=self.billed and self.billed[first : first + count],
        )

    def with_site(self, site: Site) -> Problem:
        """Return the same hours for another site."""
        return replace(self, site=site)


@dataclass(frozen=True)
class Limit:
    """One thing that a plan must keep, by a name that explanations use.

    Args:
        id: `grid.import`, `grid.export`, `grid.peak`, `grid.request`, `battery.end`, `battery.power`,
            `car.<name>.energy`, `car.<name>.power`, `load.<name>.window`, `load.<name>.hours`,
            `room.<name>.comfort`, `room.<name>.power`, ...: owner and what is limited.
        owner: name of the part of the site, or `grid`.
        value: as it stands, in `unit`.
        unit: kW, kWh, h, °C.
        relax: whether a larger or a smaller value makes it easier to keep.
    """

    id: str
    owner: str
    value: float
    unit: str
    relax: Literal["raise", "lower"]
