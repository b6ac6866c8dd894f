"""The deterministic reader: one report to a situation record, Korean or English."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slm_core.grounding import occurrences, revoked
from slm_disaster.rules.casualties import FIELDS, count
from slm_disaster.rules.places import places
from slm_disaster.rules.tables import labelled, masked, span, table
from slm_disaster.schema import Found, Hazard, Infrastructure, Level, Need, Record, Stage
from slm_disaster.times import find_time, time_value

LONGEST = 40
_KOREAN_LEVEL = re.compile(r"[가-힣]{0,6}(?P<level>주의보|경보)(?![가-힣]*(?:기|음)\b)")
_CRISIS = re.compile(
    r"(?:위기|경보|단계|수준|정보|예보)[가-힣]{0,3}\s?[‘'\"“(<]?\s?(?P<a>관심|주의|경계|심각)(?![가-힣]*(?:하|부탁|바라))"
    r"|[‘'\"“(<](?P<b>관심|주의|경계|심각)[’'\"”)>]?\s?(?:단계|경보|수준|$|\)|발)"
    r"|(?P<c>관심|주의|경계|심각)[’'\"”)>]?\s?단계"
)
_NO_LEVEL = re.compile(r"(?:실종|민방위|화재|지진|공습|경계)경보$")
_ENGLISH_LEVELS = {
    "warning": Level.WARNING,
    "warnings": Level.WARNING,
    "watch": Level.ADVISORY,
    "advisory": Level.ADVISORY,
}
_ENGLISH_STEPS = re.compile(
    r"\b(?:alert|crisis)(?:\s+(?:level|status|stage))?\s+(?:(?:was|is|has been)\s+)?(?:raised|set|at|to|upgraded|of)?\s*(?:to\s+)?"
    r"[‘'\"“]?(?P<level>attention|caution|alert|serious)\b",
    re.IGNORECASE,
)


def read_by_rules(text: str) -> Record:
    """Return what the rules find in a report; every field carries the words that give it."""
    clean = masked(text)
    time = find_time(text)
    return Record(
        hazard=hazard(text, clean),
        place=places(text),
        time=Found[str](value=time_value(time.quote), span=time) if time else None,
        needs=record_needs(text, clean),
        infrastructure=infrastructure(text, clean),
        level=level(text),
        stage=stage(text),
        **{field: count(text, field) for field in FIELDS},
    )


def hazard(text: str, clean: str) -> Found[Hazard] | None:
    """Return the hazard: one under a warning first, else the earliest; words said in passing only where none else is."""
    words = table("lexicon")
    hits = labelled(clean, words["hazard"])
    warned = [
        hit for hit in hits if re.match(r"\s?(?:주의보|경보)|\s(?:warning|watch|advisory)\b", clean[hit[1] :])
    ]
    for start, end, label in warned or hits or labelled(clean, words["weak_hazard"]):
        return Found[Hazard](value=Hazard(label), span=span(text, start, end))
    return None


def stage(text: str) -> Found[Stage] | None:
    """Return the stage: a release beats all, an explicit update a start, and 현재 or "still" is the weakest."""
    words = table("lexicon")["stage"]
    for key, value in (("release", Stage.RELEASE), ("update", Stage.UPDATE), ("start", Stage.START)):
        for start, end in occurrences(text, words[key]):
            if value is not Stage.RELEASE or not _not_yet(text, start, end):
                return Found[Stage](value=value, span=span(text, start, end))
    for start, end in occurrences(text, words["weak_update"]):
        return Found[Stage](value=Stage.UPDATE, span=span(text, start, end))
    return None


def _not_yet(text: str, start: int, end: int) -> bool:
    """Whether a release lies in the future: 해제 시까지, until it is lifted."""
    words = table("lexicon")["stage"]
    after = re.match(r"[가-힣]{0,2}\s?", text[end:])
    rest = text[end + (after.end() if after else 0) :]
    close = any(text[end:].startswith(word) or rest.startswith(word.strip()) for word in words["not_yet"])
    return close or bool(occurrences(text[max(0, start - 25) : start], words["not_yet_before"]))


def level(text: str) -> Found[Level] | None:
    """Return the warning or crisis level; `주의 바랍니다` is none."""
    for match in _KOREAN_LEVEL.finditer(text):
        if not _NO_LEVEL.search(match[0]):
            value = Level.ADVISORY if match["level"] == "주의보" else Level.WARNING
            return Found[Level](value=value, span=span(text, *match.span()))
    crisis = _CRISIS.search(text)
    if crisis:
        group = next(name for name in "abc" if crisis[name])
        steps = {word: Level(name) for name, words in _steps().items() for word in words}
        return Found[Level](value=steps[crisis[group]], span=span(text, *crisis.span(group)))
    return _english_level(text)


def _steps() -> dict[str, list[str]]:
    return {name: table("lexicon")["level"][name] for name in ("attention", "caution", "alert", "serious")}


def _english_level(text: str) -> Found[Level] | None:
    kinds = "|".join(
        re.escape(kind) for kind in sorted(table("lexicon")["level"]["english_kinds"], key=len, reverse=True)
    )
    match = re.search(rf"\b(?:{kinds})\s+(?P<level>warnings?|watch|advisory)\b", text, re.IGNORECASE)
    if match:
        return Found[Level](value=_ENGLISH_LEVELS[match["level"].lower()], span=span(text, *match.span()))
    step = _ENGLISH_STEPS.search(text)
    return (
        Found[Level](value=Level(step["level"].lower()), span=span(text, *step.span("level")))
        if step
        else None
    )


def infrastructure(text: str, clean: str) -> list[Found[Infrastructure]]:
    """Return what is damaged, cut or closed; a mere risk or a closure that was lifted is none."""
    words = table("lexicon")["infrastructure"]
    found: dict[str, tuple[int, int]] = {}
    for start, end, label in labelled(clean, words["whole"]):
        if _real(text, start, end):
            found.setdefault(label, (start, end))
    damages = [hit for hit in occurrences(clean, words["damage"]) if _real(text, *hit)]
    for start, end, label in labelled(clean, words["things"]):
        at = _damage_of(text, start, end, damages)
        if at:
            found.setdefault(label, at)
    ordered = sorted(found.items(), key=lambda item: item[1])[:6]
    return [Found[Infrastructure](value=Infrastructure(label), span=span(text, *at)) for label, at in ordered]


def _real(text: str, start: int, end: int) -> bool:
    words = table("lexicon")
    tail = text[end : end + 8]
    risk = any(word in tail for word in words["infrastructure"]["not_really"])
    return not risk and not revoked(text, start, end, words["stage"]["release"])


def _damage_of(text: str, start: int, end: int, damages: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Return thing and damage together: the damage after the thing, or in English just before it."""
    for left, right in damages:
        between = text[end:left]
        if (
            left >= end
            and len(between) <= 20
            and right - start <= LONGEST
            and not re.search(r"[.!?;,\n/]", between)
        ):
            return start, right
    for left, right in damages:
        if right <= start and text[left].isascii() and re.fullmatch(r"\s(?:\w+\s){0,2}", text[right:start]):
            return left, end
    return None


def record_needs(text: str, clean: str) -> list[Found[Need]]:
    """Return the needs: a thing together with a word that asks for it in the same sentence."""
    words = table("lexicon")["needs"]
    found: dict[str, tuple[int, int]] = {}
    for start, end in _sentences(text):
        part = clean[start:end]
        asks = occurrences(part, words["words"]["asks"])
        alone = set(occurrences(part, words["words"]["alone"]))
        for a, b, label in labelled(part, words["things"]):
            asked = any(_asks(part, a, b, *ask) for ask in asks if ask != (a, b))
            if label not in ("refugees",) and (asked or (a, b) in alone):
                found.setdefault(label, (start + a, start + b - len(part[a:b]) + len(part[a:b].rstrip())))
    order = sorted(found.items(), key=lambda item: item[1])[:6]
    return [Found[Need](value=Need(label), span=span(text, *at)) for label, at in order]


def _asks(part: str, start: int, end: int, left: int, right: int) -> bool:
    hangul = not part[left:right].isascii()
    if hangul:
        return 0 <= left - end <= 15
    return -45 <= start - right <= 45


def _sentences(text: str) -> Sequence[tuple[int, int]]:
    ends = [match.end() for match in re.finditer(r"[.!?\n;]+(?=\s|$)|(?<=[다요])\.", text)] + [len(text)]
    return [(a, b) for a, b in zip([0, *ends], ends, strict=False) if a < b]
