"""What a report orders, takes back or declares over: `대피명령 해제` ends the order, not the flood."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from slm_disaster.rules.reading import DRILL, stage
from slm_disaster.rules.tables import labelled
from slm_disaster.schema import Record, Span, Stage

Kind = Literal["event", "evacuation", "closure", "warning"]
_REACH = 40
_JOINED = re.compile(r"\s?(?:와|과|및|,|·|/|and|and the)\s?")
_BREAK = re.compile(r"[.!?;\n]")


class Order(BaseModel):
    """One order, warning or closure in force or taken back; `event` is the hazard itself."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    released: bool
    quote: str


def orders(text: str, record: Record) -> list[Order]:
    """Return what the report puts in force and what it releases, one of each kind; a drill does nothing."""
    if DRILL in record.dropped:
        return []
    mentions = labelled(text, _table()["orders"])
    told = record.stage or (stage(text) if mentions else None)
    release = told.span if told and told.value is Stage.RELEASE else None
    taken_back = _taken_back(text, mentions, release) if release else []
    found: dict[Kind, Order] = {}
    for start, end, kind in taken_back:
        left, right = min(start, release.start), max(end, release.end)  # type: ignore[union-attr]
        found[kind] = Order(kind=kind, released=True, quote=text[left:right])  # type: ignore[index,arg-type]
    if release and not taken_back:
        found["event"] = Order(kind="event", released=True, quote=release.quote)
    for start, end, kind in mentions:
        if kind not in found and _in_force(text, start, end, kind):
            found[kind] = Order(kind=kind, released=False, quote=text[start:end])  # type: ignore[index,arg-type]
    if record.level and "warning" not in found:
        found["warning"] = Order(kind="warning", released=False, quote=record.level.span.quote)
    if record.hazard and "event" not in found and not release:
        said = record.stage or record.hazard
        found["event"] = Order(kind="event", released=False, quote=said.span.quote)
    return list(found.values())


def _taken_back(text: str, mentions: list[tuple[int, int, str]], release: Span) -> list[tuple[int, int, str]]:
    """Return the mention nearest to the release in its sentence, and those joined to it by `and`."""
    near = [hit for hit in mentions if _distance(text, hit, release) is not None]
    if not near:
        return []
    best = min(near, key=lambda hit: _distance(text, hit, release) or 0)
    chosen = [best]
    for hit in reversed([hit for hit in mentions if hit[1] <= best[0]]):
        if not _JOINED.fullmatch(text[hit[1] : chosen[0][0]]):
            break
        chosen.insert(0, hit)
    return chosen


def _distance(text: str, hit: tuple[int, int, str], release: Span) -> int | None:
    before = hit[1] <= release.start
    gap = text[hit[1] : release.start] if before else text[release.end : hit[0]]
    korean = not text[hit[0] : hit[1]].isascii()
    if len(gap) > _REACH or _BREAK.search(gap) or (korean and not before):
        return None
    return len(gap)


def _in_force(text: str, start: int, end: int, kind: str) -> bool:
    table = _table()
    if kind == "warning":
        return False  # the record's level says it, with its traps left out
    if kind in table["in_force"] and text[start:end].casefold() not in table["in_force"][kind]:
        return False
    return not any(text[end:].startswith(word) for word in table["conditional"]["after"])


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "orders.toml").read_text(encoding="utf-8"))
