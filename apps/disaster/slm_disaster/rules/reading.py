"""The deterministic reader: one report to a situation record, Korean or English."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from slm_core.grounding import occurrences, revoked
from slm_disaster.rules.casualties import count
from slm_disaster.rules.places import places
from slm_disaster.rules.tables import labelled, masked, sayings, span, table
from slm_disaster.schema import Found, Hazard, Infrastructure, Level, Need, Record, Stage
from slm_disaster.times import find_time, time_value

LONGEST = 40
_KOREAN_LEVEL = re.compile(r"[가-힣]{0,6}(?P<level>주의보|경보)(?!기|음|벨)")
DRILL = "the report says of itself that it is a drill or a test"
# `영화 촬영 중입니다` tells of a film; `영화 촬영장 화재`, `영화 촬영 중 폭발` tell of what happened at one.
_UNREAL = re.compile(
    r"[(\[](?:fictional|simulated|simulation|hypothetical)\b"
    r"|(?:영화|드라마)\s?촬영(?!\s?(?:장|소|지|팀|현장|세트|버스|차|감독|스태프"
    r"|도중|후|을 마|중\s[가-힣]|중이던|중에))",
    re.IGNORECASE,
)
_NOT_SO = re.compile(r"\s?(?:중|용)?(?:이|은|가|도)?\s?아(?:니|닌|님|닙)")
_KOREAN_STEPS = {"관심": Level.ATTENTION, "주의": Level.CAUTION, "경계": Level.ALERT, "심각": Level.SERIOUS}
_PEOPLE = (
    r"(?:\d\s?여?\s?명|주민|사람|승객|등산객|관광객|야영객|피서객"
    r"|낚시객|낚시꾼|시민|운전자|학생|작업자|근로자|가족|어린이|노인)"
)
_CUT_OFF = re.compile(
    rf"(?:{_PEOPLE}[^.!?;\n]{{0,10}}?(?P<word>고립)|(?P<before>고립)(?=\s?(?:된|중인)?\s?{_PEOPLE}))"
    rf"(?!됐던|됐다가|되었던|되었다가|\s?(?:될|된\s{_PEOPLE}|자)?[은는이가]?\s?"
    r"(?:우려|위험|주의|예상|가능|수 있|방지|예방|대비|없|해소)"
    r"|[^.!?;\n\d]{0,20}?구조\s?(?:완료|됐|되었|돼|됨|했|하였))"
)
_QUOTED = r"[‘'\"“(<]?\s?"
_STEP = r"(?:관심|주의|경계|심각)"
_CRISIS = (
    re.compile(
        rf"(?:위기경보|위기단계|위기 단계|대응단계|위험수준|정보|예보)(?:를|가|는|수준을?|단계를?)?\s?"
        rf"(?:{_QUOTED}{_STEP}[’'\"”)>]?\s?(?:단계)?(?:→|에서|->)\s?)?{_QUOTED}(?P<step>{_STEP})"
        r"(?!하|를? 부탁|바라|가 필요)"
    ),
    re.compile(rf"[‘'\"“(<](?P<step>{_STEP})[’'\"”)>]\s?(?:단계|경보|수준|발령|격상)"),
    re.compile(rf"(?P<step>{_STEP})\s?단계"),
)
_NO_LEVEL = re.compile(r"(?:실종|민방위|화재|지진|공습|경계|위기)경보$")
_ENGLISH_LEVELS = {
    "warning": Level.WARNING,
    "warnings": Level.WARNING,
    "watch": Level.ADVISORY,
    "advisory": Level.ADVISORY,
}
_ENGLISH_STEPS = re.compile(
    r"\b(?:alert|crisis)\b[^.!?]{0,40}\b(?:raised|set|lowered|upgraded|moved|moves|stays?)\b[^.!?]{0,12}?\b(?:to|at)\s+"
    r"[‘'\"“]?(?P<level>attention|caution|alert|serious)\b|\b(?:to|at)\s+[‘'\"“](?P<quoted>attention|caution|alert|serious)\b",
    re.IGNORECASE,
)


def read_by_rules(text: str) -> Record:
    """Return what the rules find in a report; every field carries the words that give it.

    A drill gives an empty record, and so does a message without hazard, people, need, damage or warning.
    """
    words = table("lexicon")
    if is_drill(text):
        return Record(dropped=[DRILL])
    plain = sayings(text)
    clean = masked(plain)
    record = Record(
        hazard=hazard(text, clean),
        dead=count(text, "dead"),
        missing=count(text, "missing"),
        injured=count(text, "injured"),
        needs=record_needs(text, clean),
        infrastructure=infrastructure(text, clean),
        level=level(plain),
        stage=stage(plain),
        dropped=["a sentence gives orders to the reader: it was read over"] if plain != text else [],
    )
    restored = bool(labelled(clean, words["infrastructure"]["things"])) or "대피" in clean
    if not record_is_about_something(record, restored):
        return Record(dropped=record.dropped)
    time = find_time(plain)
    found = Found[str](value=time_value(time.quote), span=time) if time else None
    return record.model_copy(update={"place": places(plain), "time": found})


def is_drill(text: str) -> bool:
    """Whether a report says of itself that nothing in it is real; `훈련 상황이 아닙니다` denies it."""
    said = occurrences(text, table("lexicon")["drill"]["words"])
    said += [match.span() for match in _UNREAL.finditer(text)]
    return any(not _NOT_SO.match(text, end) for _, end in said)


def record_is_about_something(record: Record, restored: bool) -> bool:
    """Whether there is more than place, time and stage; `restored`: a thing that can break is named."""
    counts = any(found is not None for found in (record.dead, record.missing, record.injured))
    over = record.stage is not None and record.stage.value is Stage.RELEASE and restored
    return bool(record.hazard or counts or record.needs or record.infrastructure or record.level or over)


def hazard(text: str, clean: str) -> Found[Hazard] | None:
    """Return the hazard: one under a warning first, else the earliest, else one said in passing."""
    words = table("lexicon")
    hits = labelled(clean, words["hazard"])
    warned = [
        hit
        for hit in hits
        if re.match(r"\s?(?:주의보|경보|특보)|\s(?:warning|watch|advisory)\b", clean[hit[1] :])
    ]
    for start, end, label in warned or hits or labelled(clean, words["weak_hazard"]):
        return Found[Hazard](value=Hazard(label), span=span(text, start, end))
    return None


def stage(text: str) -> Found[Stage] | None:
    """Return the stage: a release beats all, an explicit update a start, and 현재 alone is the weakest."""
    words = table("lexicon")["stage"]
    releases = [hit for hit in occurrences(text, words["release"]) if not _not_yet(text, *hit)]
    releases += [hit for hit in occurrences(text, words["release_of_order"]) if _of_order(text, *hit)]
    no_starts = occurrences(text, words["no_start"])
    starts = [
        hit for hit in occurrences(text, words["start"]) if not any(a <= hit[0] < b for a, b in no_starts)
    ]
    choices = (
        (Stage.RELEASE, releases),
        (Stage.UPDATE, occurrences(text, words["update"])),
        (Stage.START, starts),
        (Stage.UPDATE, occurrences(text, words["weak_update"])),
    )
    for value, hits in choices:
        for start, end in hits:
            return Found[Stage](value=value, span=span(text, start, end))
    return None


def _of_order(text: str, start: int, end: int) -> bool:
    """Whether it is a warning or an order that is cancelled, not a flight."""
    orders = table("lexicon")["stage"]["orders"]
    return bool(
        occurrences(text[max(0, start - 25) : start], orders) or occurrences(text[end : end + 25], orders)
    )


def _not_yet(text: str, start: int, end: int) -> bool:
    """Whether a release lies in the future: 해제 시까지, until it is lifted."""
    words = table("lexicon")["stage"]
    after = re.match(r"[가-힣]{0,2}\s?", text[end:])
    rest = text[end + (after.end() if after else 0) :]
    close = any(text[end:].startswith(word) or rest.startswith(word.strip()) for word in words["not_yet"])
    return close or bool(occurrences(text[max(0, start - 25) : start], words["not_yet_before"]))


def level(text: str) -> Found[Level] | None:
    """Return the warning or crisis level; `주의 바랍니다` is none."""
    for pattern in _CRISIS:
        crisis = pattern.search(text)
        if crisis:
            value = _KOREAN_STEPS[crisis["step"]]
            return Found[Level](value=value, span=span(text, *crisis.span("step")))
    for match in _KOREAN_LEVEL.finditer(text):
        if not _NO_LEVEL.search(match[0]):
            value = Level.ADVISORY if match["level"] == "주의보" else Level.WARNING
            return Found[Level](value=value, span=span(text, *match.span()))
    return _english_level(text)


def _english_level(text: str) -> Found[Level] | None:
    match = _english_warning().search(text)
    if match:
        return Found[Level](value=_ENGLISH_LEVELS[match["level"].lower()], span=span(text, *match.span()))
    step = _ENGLISH_STEPS.search(text)
    if step is None:
        return None
    group = "level" if step["level"] else "quoted"
    return Found[Level](value=Level(step[group].lower()), span=span(text, *step.span(group)))


@cache
def _english_warning() -> re.Pattern[str]:
    words = table("lexicon")
    kinds = {kind for kinds in words["hazard"].values() for kind in kinds if kind.isascii()}
    kinds |= set(words["level"]["english_kinds"])
    either = "|".join(re.escape(kind) for kind in sorted(kinds, key=len, reverse=True))
    return re.compile(rf"\b(?:{either})\s+(?P<level>warnings?|watch|advisory)\b", re.IGNORECASE)


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
        part = _without(clean[start:end], words["words"]["not_needs"])
        asks = occurrences(part, words["words"]["asks"])
        alone = {*occurrences(part, words["words"]["alone"]), *_people_cut_off(part)}
        for a, b, label in labelled(part, words["things"]):
            asked = any(_asks(part, a, b, *ask) for ask in asks if ask != (a, b))
            mention = part[a:b].casefold() in words["words"]["mentions"]
            if (asked and not mention) or (a, b) in alone:
                found.setdefault(label, (start + a, start + b - len(part[a:b]) + len(part[a:b].rstrip())))
    order = sorted(found.items(), key=lambda item: item[1])[:6]
    return [Found[Need](value=Need(label), span=span(text, *at)) for label, at in order]


def _people_cut_off(part: str) -> set[tuple[int, int]]:
    """Return each `고립` of people, not of a village or a road, that no rescue or mere risk takes back."""
    return {match.span("word" if match["word"] else "before") for match in _CUT_OFF.finditer(part)}


def _asks(part: str, start: int, end: int, left: int, right: int) -> bool:
    """Whether a word asks for a thing: in Korean it follows, in English it mostly precedes."""
    if not part[left:right].isascii():
        return 0 <= left - end <= 20
    return 0 <= start - right <= 60 or (0 <= left - end <= 30 and ":" not in part[end:left])


def _without(text: str, phrases: Sequence[str]) -> str:
    for start, end in occurrences(text, phrases):
        text = text[:start] + "\0" * (end - start) + text[end:]
    return text


def _sentences(text: str) -> Sequence[tuple[int, int]]:
    ends = [match.end() for match in re.finditer(r"[.!?\n;]+(?=\s|$)|(?<=[다요])\.", text)] + [len(text)]
    return [(a, b) for a, b in zip([0, *ends], ends, strict=False) if a < b]
