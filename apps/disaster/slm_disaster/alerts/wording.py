"""A situation record in words, Korean or English: what, where, when, how bad, and what to do."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from slm_disaster.alerts.message import KST, cap_time
from slm_disaster.alerts.romanised import romanised_place
from slm_disaster.schema import Found, Record, Stage

Language = Literal["ko", "en"]

_HANGUL = re.compile(r"[가-힣]")
_MOMENT = re.compile(
    r"(?:(?:(?P<year>\d{4})-)?(?P<month>\d\d)-(?P<day>\d\d)|---(?P<only_day>\d\d))?"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::\d\d)?)?"
)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


@cache
def guidance() -> dict[str, Any]:
    """Return guidance.toml; what a hazard leaves out of its source is that of `defaults`."""
    words = tomllib.loads((Path(__file__).parent / "guidance.toml").read_text(encoding="utf-8"))
    for name, entry in words["hazard"].items():
        words["hazard"][name] = words["defaults"] | entry
    return words


def hazard_entry(record: Record) -> Mapping[str, Any] | None:
    """Return the row of guidance.toml for the record's hazard."""
    entry: Mapping[str, Any] | None = None
    if record.hazard is not None:
        entry = guidance()["hazard"][record.hazard.value]
    return entry


def hazard_name(record: Record, language: Language) -> str:
    """Return the narrower name that the report uses (침수), else that of the kind (홍수)."""
    entry = hazard_entry(record)
    if entry is None or record.hazard is None:
        return ""
    quote = record.hazard.span.quote.replace(" ", "").casefold()
    for korean, english in sorted(entry.get("words", {}).items(), key=lambda pair: -len(pair[0])):
        if korean.replace(" ", "") in quote or english.replace(" ", "").casefold() in quote:
            return str(korean if language == "ko" else english)
    return str(entry[language])


def event_name(record: Record, language: Language) -> str:
    """Return the name of the event with its warning level: 호우경보, heavy rain warning; empty if unknown."""
    name = hazard_name(record, language)
    if name and record.level is not None:
        return str(guidance()["level"][record.level.value.value][language].format(name=name))
    return name


def what(record: Record, language: Language) -> str:
    """Return the event and its stage: 호우경보 발령, heavy rain warning issued."""
    name = event_name(record, language)
    stage = guidance()["stage"][record.stage.value if record.stage else "none"]
    form = f"level_{language}" if record.level else language
    return str(stage[form].format(what=name)) if name else ""


def where(record: Record, language: Language, names_en: Mapping[str, str]) -> str:
    """Return the places; in English by the operator's names, else in Latin letters by rule."""
    if language == "ko":
        return ", ".join(found.value for found in record.place)
    return "; ".join(names_en.get(found.value) or romanised_place(found.value) for found in record.place)


def when(value: str, language: Language) -> str:
    """Return a time of the record in words; empty where this language has none for it."""
    match = _MOMENT.fullmatch(value)
    if match and value:
        return _moment_ko(match) if language == "ko" else _moment_en(match)
    words: Mapping[str, str] = guidance()["when"]
    if language == "ko":
        back = {english: korean for korean, english in reversed(list(words.items()))}
        return value if _HANGUL.search(value) else back.get(value.casefold(), "")
    return words.get(" ".join(value.split()), "") if _HANGUL.search(value) else value


def casualties(record: Record, language: Language) -> str:
    """Return the people: 사망 2명, 부상 3명; counts of 0 are not said."""
    words = {"dead": ("사망", "dead"), "missing": ("실종", "missing"), "injured": ("부상", "injured")}
    said = []
    for field, (korean, english) in words.items():
        found: Found[int] | None = getattr(record, field)
        if found is not None and found.value > 0:
            said.append(f"{korean} {found.value:,}명" if language == "ko" else f"{found.value:,} {english}")
    return ", ".join(said)


def damage(record: Record, language: Language) -> str:
    """Return what is damaged or closed, in the report's words where they are of this language."""
    names = guidance()["infrastructure"]
    said = []
    for found in record.infrastructure:
        own = bool(_HANGUL.search(found.span.quote)) == (language == "ko")
        name = names[found.value.value][language]
        said.append(found.span.quote if own else f"{name} 피해" if language == "ko" else f"{name} affected")
    return ", ".join(dict.fromkeys(said))


def advice(record: Record, language: Language) -> list[str]:
    """Return what to do, the most important first; after a release, that of the release."""
    entry = guidance()["release"] if is_release(record) else hazard_entry(record)
    if entry is None:
        return []
    return [entry[f"action_{language}"], *entry[f"more_{language}"]]


def is_release(record: Record) -> bool:
    """Whether the record says that the event is over."""
    return record.stage is not None and record.stage.value is Stage.RELEASE


def onset(record: Record) -> str | None:
    """Return the record's time as CAP has it, where a Korean report gives year, day and hour.

    A report names no zone; only one from Korea can be taken to mean Korean time.
    """
    match = _MOMENT.fullmatch(record.time.value) if record.time else None
    korean = any(_HANGUL.search(found.value) for found in record.place)
    if record.time is None or match is None or not (match["year"] and match["hour"] and korean):
        return None
    try:
        return cap_time(datetime.fromisoformat(record.time.value).replace(tzinfo=KST))
    except ValueError:
        return None


def _moment_ko(match: re.Match[str]) -> str:
    day = f"{int(match['only_day'])}일" if match["only_day"] else ""
    if match["month"]:
        day = f"{int(match['month'])}월 {int(match['day'])}일"
    if match["year"]:
        day = f"{match['year']}년 {day}"
    clock = f"{match['hour']}:{match['minute']}" if match["hour"] else ""
    return f"{day} {clock}".strip()


def _moment_en(match: re.Match[str]) -> str:
    clock = f"{match['hour']}:{match['minute']}" if match["hour"] else ""
    day = f"day {int(match['only_day'])} of the month" if match["only_day"] else ""
    if match["month"] and 1 <= int(match["month"]) <= 12:
        day = f"{int(match['day'])} {_MONTHS[int(match['month']) - 1]}"
    if match["year"]:
        day = f"{day} {match['year']}"
    return " on ".join(part for part in (clock, day) if part)
