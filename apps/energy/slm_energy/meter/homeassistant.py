"""Home Assistant discovery read the other way: an entity that a device announces becomes a source of ours.

What comes out is a `[[sources]]` table (docs/sources.md) for slm.toml, put there by the user or by a page.
An entity that cannot be read is named with the reason, never guessed at.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from slm_core.source_table import SourceTable
from slm_energy.meter.finding import Choice
from slm_energy.meter.units import find_unit
from slm_energy.said import Said

_TOPIC = re.compile(r"homeassistant/(?P<component>[^/]+)/(?:(?P<node>[^/]+)/)?(?P<object>[^/]+)/config")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_STEP = rf"(?:\.{_NAME}|\[\s*(?:'[^'\"\]]+'|\"[^'\"\]]+\"|\d+)\s*\])"
_TEMPLATE = re.compile(
    rf"\{{\{{-?\s*(?P<root>value_json|value)(?P<path>{_STEP}*)\s*(?:\|\s*float\s*)?-?\}}\}}"
)
_MOST = 64 * 1024


class Unsupported(ValueError):
    """An entity that is not a meter of ours, or that cannot be read; the reason is in both languages."""

    def __init__(self, said: Said) -> None:
        self.said = said
        super().__init__(said.en)


@dataclass(frozen=True)
class MeterSource:
    """An announced meter.

    Args:
        id: of the meter, in our streams. name: for people.
        topic: where its states come. path: of the value in them, as in `[[sources]]`.
        unit: of the value. state_class: as announced.
        quantity: `load`, `pv`, `grid` or `outdoor`, with the reason.
    """

    id: str
    name: str
    topic: str
    path: str
    unit: str
    state_class: str
    quantity: Choice

    def table(self) -> SourceTable:
        """Return the table that reads it."""
        payload = {"state_class": self.state_class} if self.state_class else {}
        return SourceTable(
            topic=self.topic,
            domain="energy",
            stream=f"meter/{self.quantity.value}/{self.id}",
            value=self.path,
            unit=self.unit,
            payload=dict(payload),
        )

    def toml(self) -> str:
        """Return the table as slm.toml has it."""
        lines = ["[[sources]]"]
        for key, value in self.table().model_dump(exclude_defaults=True).items():
            if isinstance(value, dict):
                inner = ", ".join(f"{name} = {_text(each)}" for name, each in value.items())
                lines.append(f"{key} = {{ {inner} }}")
            else:
                lines.append(f"{key} = {_text(value)}")
        return "\n".join(lines) + "\n"


def read_discovery(topic: str, payload: bytes) -> MeterSource | None:
    """Return the meter that a discovery message announces; None where the message removes one.

    Args:
        topic: `homeassistant/sensor/.../config`.
        payload: JSON, with Home Assistant's long or short keys.

    Raises:
        Unsupported: no sensor, no meter, no JSON, or a value template other than a path.
    """
    place = _TOPIC.fullmatch(topic)
    if place is None or place["component"] != "sensor":
        raise Unsupported(Said(f"{topic}: 센서 알림이 아님", f"{topic}: announces no sensor"))
    if not payload.strip():
        return None
    said = _expanded(_object(payload))
    device_class, unit = str(said.get("device_class") or ""), str(said.get("unit_of_measurement") or "")
    found = find_unit(unit)
    wanted = _table()["classes"].get(device_class)
    if (
        wanted is None
        or found is None
        or found.kind not in (wanted, "fahrenheit" if wanted == "temperature" else wanted)
    ):
        raise Unsupported(
            Said(
                f"device_class {device_class!r}, 단위 {unit!r}: 계량기가 아님",
                f"device_class {device_class!r} in {unit!r} is no meter",
            )
        )
    state_topic = said.get("state_topic")
    if not isinstance(state_topic, str) or not state_topic or set("+#") & set(state_topic):
        raise Unsupported(Said("state_topic이 없음", "there is no state_topic"))
    name = " ".join(str(said.get("name") or said.get("object_id") or place["object"]).split())[:80]
    unique = str(said.get("unique_id") or place["object"])
    return MeterSource(
        id=re.sub(r"[^A-Za-z0-9_-]", "_", unique)[:60],
        name=name,
        topic=state_topic,
        path=value_path(str(said.get("value_template") or "")),
        unit=unit,
        state_class=str(said.get("state_class") or "")[:30],
        quantity=_quantity(f"{name} {unique} {_device(said)}", device_class),
    )


def value_path(template: str) -> str:
    """Return the JSONPath of a value template: of `{{ value }}` and of `{{ value_json.a['b'] }}`.

    Raises:
        Unsupported: it does more than to name a value, so that what it gives can only be known by running it.
    """
    if not template.strip():
        return "$"
    found = _TEMPLATE.fullmatch(template.strip())
    if found is None or (found["root"] == "value" and found["path"]):
        raise Unsupported(
            Said(
                f"value_template {template[:80]!r}: 지원하지 않음 (value_json 경로만 읽음)",
                f"value_template {template[:80]!r} is not supported: only paths of value_json are read",
            )
        )
    steps = re.findall(_STEP, found["path"])
    return "$" + "".join(step if step.startswith(".") else _index(step) for step in steps)


def _index(step: str) -> str:
    inner = step[1:-1].strip()
    return f"[{inner}]" if inner.isdigit() else f"['{inner[1:-1]}']"


def _object(payload: bytes) -> dict[str, Any]:
    try:
        said = json.loads(payload) if len(payload) <= _MOST else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Unsupported(Said("JSON 객체가 아님", "this is no JSON object"))
    return said


def _expanded(said: Mapping[str, Any]) -> dict[str, Any]:
    """The long keys; `~` in a topic stands for the base topic."""
    keys = _table()["keys"]
    long = {keys.get(key, key): value for key, value in said.items()}
    base = long.get("~")
    topic = long.get("state_topic")
    if isinstance(base, str) and isinstance(topic, str):
        if topic.startswith("~"):
            long["state_topic"] = base + topic[1:]
        elif topic.endswith("~"):
            long["state_topic"] = topic[:-1] + base
    return long


def _device(said: Mapping[str, Any]) -> str:
    device = said.get("device")
    return str(device.get("name") or "") if isinstance(device, dict) else ""


def _quantity(names: str, device_class: str) -> Choice:
    text = names.lower()
    if device_class == "irradiance":
        return Choice("quantity", "ghi", Said("일사량계", "a sensor of irradiance"))
    for row in _table()["words"]:
        if (row["quantity"] == "outdoor") != (device_class == "temperature"):
            continue
        word = next((word for word in row["words"] if re.search(rf"(?<![a-z]){word}(?![a-z])", text)), None)
        if word:
            why = Said(f"이름에 {word!r} 들어 있음", f"its name has {word!r}")
            return Choice("quantity", row["quantity"], why)
    if device_class == "temperature":
        raise Unsupported(
            Said("실외 온도라는 표시가 없음", "nothing says that this is the outdoor temperature")
        )
    return Choice("quantity", "load", Said("다른 표시가 없음", "nothing says otherwise"))


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "discovery.toml").read_text(encoding="utf-8"))
