"""The situation in words of code: what stands, who says so, what contradicts, and a draft alert."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

from slm_core.event import Memory
from slm_disaster.alerts import wording
from slm_disaster.alerts.message import KST
from slm_disaster.alerts.romanised import romanised_place
from slm_disaster.alerts.wording import Language
from slm_disaster.situation import incidents
from slm_disaster.situation.aside import aside_count
from slm_disaster.situation.conflicts import COUNTS, Said, conflicts, statements
from slm_disaster.situation.incident import Incident
from slm_disaster.situation.notes import noted
from slm_disaster.situation.scope import Origin, Scoped
from slm_disaster.situation.standing import severity, status
from slm_disaster.situation.suggesting import suggested_draft
from slm_disaster.situation.view import situation

ALERT_FROM = 2
MOST_ARCHIVED = 20


def report(memory: Memory, lang: str) -> str:
    """Return the situation report: incidents by severity, then a draft alert of the most severe open one.

    Args:
        memory: of `handle`.
        lang: `ko` or `en`; quotes stay in the language they were written in.
    """
    language: Language = "en" if lang == "en" else "ko"
    words = brief_words()[language]
    found = sorted(standing_incidents(memory), key=lambda each: (-severity(each), each.first))
    closed = [line for scoped in _scopes(memory) for line in incidents.archived(scoped)]
    aside = sum(aside_count(scoped) for scoped in _scopes(memory))
    left = [words["aside"].format(n=aside)] if aside else []
    if not found and not closed:
        return "\n".join([str(words["none"]), *left])
    lines = [words["title"].format(n=len(found))]
    for incident in found:
        lines += ["", *_incident_lines(incident, language)]
    if closed:
        shown = sorted(closed, key=lambda each: (-each["severity"], each["last"]))[:MOST_ARCHIVED]
        lines += ["", words["archived"].format(n=len(closed), shown=len(shown))]
        lines += [f"  {_archived_line(each, language)}" for each in shown]
    lines += ["", *left] if left else []
    severe = [each for each in found if severity(each) >= ALERT_FROM and status(each) != "released"]
    for incident in severe[:1]:
        lines += ["", *_draft_lines(incident, language)]
    return "\n".join(lines)


def _scopes(memory: Memory) -> list[Scoped]:
    origins: tuple[Origin, ...] = get_args(Origin)
    return [Scoped(memory, origin) for origin in origins]


def standing_incidents(memory: Memory) -> Iterable[Incident]:
    """Yield every incident that is not archived, of each origin."""
    for scoped in _scopes(memory):
        for entry in incidents.entries(scoped):
            incident = incidents.load(entry.id, scoped)
            if incident is not None:
                yield incident


def _incident_lines(incident: Incident, language: Language) -> list[str]:
    words, view = brief_words()[language], situation(incident)
    lines = [f"[{severity(incident)}] {title_of(incident, language)}  {words['status'][status(incident)]}"]
    if incident.origin != "live":
        lines[0] += f"  ({words['origin'][incident.origin]})"
    counts = view["counts"]
    lines.append("  " + words["reports"].format(n=counts["reports"], copies=counts["copies"]))
    for field in (*COUNTS, "level"):
        said = statements(incident.reports, field)
        if said and len({each.value for each in said}) == 1:
            lines.append(f"  {words[field]}: {said[-1].value}  {_source(said[-1])}")
    for conflict in conflicts(incident):
        order = conflict.field.removeprefix("order:")
        lines.append(f"  {words['disputed']} {words['orders'].get(order) or words[conflict.field]}:")
        lines += [
            f"    {_value(each.value, words)}  {_source(each)}{_marks(each, words)}" for each in conflict.said
        ]
    for field in ("needs", "infrastructure"):
        for each in view["fields"][field]:
            value = _value(each["value"], words)
            lines.append(f"  {words[field]}: {value}  “{each['quote']}” {each['source']}")
    for order in (each for each in view["orders"] if each["kind"] != "event"):
        kind, state = words["orders"][order["kind"]], _value(order["state"], words)
        lines.append(f"  {words['order']}: {kind} {state}")
    lines += [f"  {words['sensor']}: {each.title.get(language, each.text)}" for each in incident.evidence]
    lines += [f"  {words['ask']}: {place['name']}" for place in view["places"] if place["ask"]]
    if view["flags"]:
        lines.append(f"  {words['flagged']}: {', '.join(view['flags'])}")
    return lines


def _draft_lines(incident: Incident, language: Language) -> list[str]:
    words = brief_words()[language]
    draft = suggested_draft(incident)
    if draft is None:
        return [words["no_draft"].format(title=title_of(incident, language))]
    lines = [words["draft"].format(title=title_of(incident, language))]
    for name, text in draft.texts.items():
        lines.append(f"  {name} ({text.length}/{text.limit}): {text.text}")
    lines += [f"  ! {words['lacks']}: {each}" for each in draft.missing]
    lines += [f"  ! {noted(each, language, partial(_name, words))}" for each in draft.faults]
    lines += [f"  * {noted(each, language, partial(_name, words))}" for each in draft.notes]
    return lines


def _name(words: Mapping[str, Any], group: str, key: str) -> str:
    table: Mapping[str, Any] = words["orders"] if group == "order" else words
    return str(table.get(key, key))


def _archived_line(line: Mapping[str, Any], language: Language) -> str:
    words = brief_words()[language]
    first, last = (datetime.fromisoformat(line[key]).astimezone(KST) for key in ("first", "last"))
    title = _named(line["hazard"], line["places"], language)
    told = words["told"].format(n=line["reports"])
    return f"[{line['severity']}] {first:%Y-%m-%d %H:%M} - {last:%m-%d %H:%M} {title}, {told}"


def title_of(incident: Incident, language: Language) -> str:
    """Return hazard and places of an incident in words."""
    places = [place.full or place.name for place in incident.all_places()]
    return _named(incident.hazard, places, language)


def _named(hazard: str | None, places: Iterable[str], language: Language) -> str:
    names: Mapping[str, Any] = wording.guidance()["hazard"]
    name = str(hazard or "")
    name = str(names.get(name, {}).get(language) or brief_words()[language]["hazard"].get(name, name))
    shown = ", ".join(_in_words(list(dict.fromkeys(places)), language)[:3])
    return ": ".join(part for part in (name or brief_words()[language]["unknown"], shown) if part)


def _value(value: int | str, words: Mapping[str, Any]) -> str:
    return str(words["value"].get(value, str(value).replace("_", " ")))


def _in_words(places: list[str], language: Language) -> list[str]:
    """Leave out a place around another one; in English the Korean name, which people say, stays beside it."""
    inner = [each for each in places if not any(other.startswith(f"{each} ") for other in places)]
    if language == "ko":
        return inner
    return [each if (name := romanised_place(each)) == each else f"{name} ({each})" for each in inner]


def _source(said: Said) -> str:
    return f"“{said.quote}” {said.source} {_clock(said.time)}"


def _marks(said: Said, words: Mapping[str, Any]) -> str:
    marks = [words[name] for name in ("official", "newest") if getattr(said, name)]
    return f" ({', '.join(marks)})" if marks else ""


def _clock(time: datetime) -> str:
    return f"{time.astimezone(KST):%m-%d %H:%M}"


@cache
def brief_words() -> dict[str, Any]:
    """Return brief.toml: the words of a situation by language."""
    return tomllib.loads((Path(__file__).parent / "brief.toml").read_text(encoding="utf-8"))
