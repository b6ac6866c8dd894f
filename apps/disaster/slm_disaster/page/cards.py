"""The list of incidents: each with its severity, where it stands, and both quotes of what contradicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from slm_disaster.page.room import Snapshot
from slm_disaster.page.words import Words
from slm_disaster.situation.aside import Aside
from slm_disaster.situation.brief import title_of
from slm_disaster.situation.conflicts import COUNTS, Conflict, Said, conflicts, statements
from slm_disaster.situation.incident import Incident
from slm_disaster.situation.standing import severity, status

MOST_SAID = 6  # statements of one contradiction; fifty would push every other incident off the screen


def incident_list(snapshot: Snapshot, chosen: str, words: Words) -> str:
    """Return the list as HTML, or the empty state."""
    if not snapshot.incidents:
        return f'<p class="slm-empty">{escape(words["no_incidents"])}</p>'
    shown = snapshot.incident(chosen)
    cards = "".join(_card(each, each is shown, words) for each in snapshot.incidents)
    heading = f"<h2>{escape(words['incidents'])} {len(snapshot.incidents)}</h2>"
    return f'<section class="slm-list">{heading}<div>{cards}</div></section>'


def aside_list(snapshot: Snapshot, words: Words) -> str:
    """Return the reports from which no incident came, newest first and folded."""
    if not snapshot.aside:
        return ""
    told = words["aside_heading"].format(n=snapshot.aside_count)
    shown = words["aside_shown"].format(n=len(snapshot.aside))
    note = f" ({shown})" if snapshot.aside_count > len(snapshot.aside) else ""
    rows = "".join(_aside(origin, each, words) for origin, each in snapshot.aside)
    return f'<details class="slm-aside"><summary>{escape(told + note)}</summary>{rows}</details>'


def _aside(origin: str, one: Aside, words: Words) -> str:
    mark = ""
    if origin != "live":
        mark = f'<span class="slm-badge slm-origin">{escape(words.of("origin", origin))}</span>'
    why = f'<span class="slm-badge">{escape(words.of("aside_why", one.why))}</span>'
    return (
        f'<article class="slm-report"><p class="slm-quiet"><b>{escape(one.source)}</b> '
        f"{words.clock(one.time)} {why}{mark}</p>"
        f"<p>{escape(one.text)}</p></article>"
    )


def badges(incident: Incident, words: Words) -> str:
    """Return severity, standing and origin of an incident, and which of its reports are flagged."""
    now = status(incident)
    parts = [
        f'<b class="slm-badge">{escape(words["severity"])} {severity(incident)}</b>',
        f'<span class="slm-badge slm-is-{now}">{escape(words.of("standing", now))}</span>',
    ]
    if incident.origin != "live":
        parts.append(
            f'<span class="slm-badge slm-origin">{escape(words.of("origin", incident.origin))}</span>'
        )
    for flag, count in Counter(each for report in incident.reports for each in report.flags).items():
        told = words["flagged_reports"].format(flag=words.of("flag", flag), n=count)
        parts.append(f'<span class="slm-badge slm-is-disputed">{escape(told)}</span>')
    return "".join(parts)


def conflict_box(conflict: Conflict, words: Words) -> str:
    """Return a contradiction with the words of everybody who is part of it."""
    name = field_name(conflict.field, words)
    shown = _foremost(conflict.said)
    lines = "".join(f"<li>{quote(each, words)}</li>" for each in shown)
    if len(conflict.said) > len(shown):
        more = words["more_said"].format(n=len(conflict.said) - len(shown))
        lines += f'<li class="slm-quiet">{escape(more)}</li>'
    return (
        f'<div class="slm-conflict"><b>{escape(words["disputed"])}: {escape(name)}</b><ul>{lines}</ul></div>'
    )


def _foremost(said: Sequence[Said]) -> list[Said]:
    """Return what there is room for, authorities first, then the newest.

    Six that agree would hide the contradiction, so each value's foremost voice goes before a second one.
    """
    ranked = sorted(said, key=lambda each: (each.official, each.newest, each.time), reverse=True)
    voices: dict[int | str, Said] = {}
    for each in ranked:
        voices.setdefault(each.value, each)
    newest = max(said, key=lambda each: each.newest)
    wanted = dict.fromkeys(each.report for each in [ranked[0], newest, *voices.values(), *ranked])
    chosen = list(wanted)[:MOST_SAID]
    return [each for each in ranked if each.report in chosen]


def left_out(incident: Incident, words: Words) -> str:
    """Return how many reports had to go from an incident, or nothing."""
    if not incident.left_out:
        return ""
    return f'<p class="slm-quiet">{escape(words["left_out"].format(n=incident.left_out))}</p>'


def quote(said: Said, words: Words) -> str:
    """Return what somebody said, in their words, with who and when."""
    marks = [words[name] for name in ("official", "newest") if getattr(said, name)]
    value = words.of("value", said.value) if isinstance(said.value, str) else str(said.value)
    tail = f" ({', '.join(marks)})" if marks else ""
    return (
        f"<b>{escape(value)}</b> <q>{escape(said.quote)}</q> "
        f'<span class="slm-quiet">{escape(said.source)} {words.clock(said.time)}{escape(tail)}</span>'
    )


def field_name(field: str, words: Words) -> str:
    """Return the name of a field or of the state of an order."""
    group, _, kind = field.partition(":")
    return words.of("order", kind) if group == "order" else words.of("field", field)


def _card(incident: Incident, chosen: bool, words: Words) -> str:
    kinds = f"slm-card slm-severity-{severity(incident)}{' chosen' if chosen else ''}"
    if status(incident) == "released":
        kinds += " faded"
    count = words["reports"].format(
        n=len(incident.reports) + incident.left_out, copies=sum(each.seen - 1 for each in incident.reports)
    )
    boxes = "".join(conflict_box(each, words) for each in conflicts(incident))
    return (
        f'<article class="{kinds}" data-choose="{escape(incident.id)}" tabindex="0" role="button">'
        f"<h3>{escape(title_of(incident, words.lang))}</h3><p>{badges(incident, words)}</p>"
        f"<p>{_agreed(incident, words)}</p>{boxes}"
        f'<p class="slm-quiet">{escape(count)} · {words.clock(incident.last)}</p>'
        f"{left_out(incident, words)}</article>"
    )


def _agreed(incident: Incident, words: Words) -> str:
    """What all sources say alike of the counts."""
    parts = []
    for field in COUNTS:
        said = statements(incident.reports, field)
        if len({each.value for each in said}) == 1:
            parts.append(f"{escape(words.of('field', field))} <b>{said[-1].value}</b>")
    return " · ".join(parts)
