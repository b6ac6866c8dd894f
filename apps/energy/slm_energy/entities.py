"""What Home Assistant shows of a site at work: EMHASS's sensors and the figures of the plan."""

from __future__ import annotations

from slm_core.bus.discovery import Entity
from slm_energy.emhass.sensors import entities

# Announced before any site is known; a sensor without a value is `unknown` in Home Assistant.
MOST_DEFERRABLES = 6

ENTITIES: tuple[Entity, ...] = (
    *entities("KRW", panels=True, battery=True, deferrables=[str(n) for n in range(MOST_DEFERRABLES)]),
    Entity("plan_status", "계획 상태", "plan/current", value="{{ value_json.payload.status }}"),
    Entity("cost_before", "계획 전 비용", "plan/current", value="{{ value_json.payload.cost_before }}"),
    Entity("cost_after", "계획 후 비용", "plan/current", value="{{ value_json.payload.cost_after }}"),
    Entity(
        "peak_after", "계획 피크", "plan/current", value="{{ value_json.payload.peak_after_kw }}",
        device_class="power", unit="kW",
    ),
)  # fmt: skip
