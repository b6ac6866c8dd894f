"""Whether the facts bear out what a reply denies."""

from __future__ import annotations

import re
from functools import cache

from slm_energy.why.direction import words_of
from slm_energy.why.scene import Place, Scene, minutes
from slm_energy.why.wording import table

_RIGHTS = {
    "same": ("same_cost", "same_peak", "lower_same", "no_saving", "flat", "same_price"),
    "impossible": ("impossible", "outside", "lower_impossible"),
    "empty": ("empty",),
    "safety": ("fixed",),
    "limit": ("lower_impossible",),
    "import": ("nothing_bought",),
    "surplus": ("no_surplus",),
    "solar": ("no_surplus",),
}
_BESIDE = 3  # characters between a word and its denial: `계획하지 않`
_OUTSIDE = re.compile(r"\boutside\b|밖|이외", re.I)
_DUTIES = ("need", "needs_hours", "window", "keep_low", "keep_high")
_BOUND = re.compile(
    r"넘지|벗어나지|떨어지지|내려가지|올라가지|낮아지지|높아지지"
    r"|(?:낮아|높아|내려|올라|넘어|떨어)(?:지|가)?면 ?안"
    r"|not (?:be|become|get) (?:colder|cooler|lower|warmer|hotter|higher)"
    r"|not (?:\w+ )?(?:exceed|above|below|fall|drop|rise|go)"
    r"|no (?:less|more|lower|higher)",
    re.I,
)


def may_deny(scene: Scene, place: Place) -> bool:
    """Whether the facts bear out a denial: one of them denies this, or it is a condition that was tried."""
    if _denies_affirmed(scene, place):
        return False
    clause = scene.clause_at(place[0])
    begin = scene.sentence_at(place[0])[0]  # `낮아지면 안 됩니다` is one verb of two clauses
    if _BOUND.search(scene.text, max(begin, place[0] - 8), min(clause[1], place[1] + 12)):
        return any(each.kind in _DUTIES for each in scene.facts)
    names, kinds = scene.names_in(clause), {each.kind for each in scene.facts}
    numbers = {
        name.partition(":")[0]
        for name, every in scene.told.items()
        for mention in every
        if not mention.is_time and clause[0] <= mention.start < clause[1]
    }
    if numbers & {*_DUTIES}:
        return False
    if any(name in names and kinds & {*given} for name, given in _RIGHTS.items()):
        return True
    if _is_unplanned(scene, place, kinds) or _has_no_room(scene, clause, names, kinds):
        return True
    if _is_no_extreme(scene, clause, names) or _is_outside(scene, clause):
        return True
    if numbers & {"price_gap", "more_cost", "more_peak", "saving"}:
        return True  # which way a difference goes is held against the denial elsewhere
    if numbers:
        return False
    if any(each.kind.startswith("no_") and each.kind[3:] in names for each in scene.facts):
        return True
    if _is_instead(scene, clause):
        return False
    tried = any(each.kind.startswith("forbid") for each in scene.facts)
    conditional = words_of("frame", "conditional").search(scene.text, *scene.sentence_at(place[0]))
    return tried and "forbid" in names and conditional is not None


@cache
def _affirmed() -> re.Pattern[str]:
    """Return the pattern of words that tell a fact as it is, denied: `그대로가 아닙`, `does not reach`."""
    forms = table("direction")["affirmed"]["words"]
    korean = "|".join(form for form in forms if re.search("[가-힣]", form))
    english = "|".join(form for form in forms if not re.search("[가-힣]", form))
    return re.compile(
        rf"(?:{korean})[가-힣]{{0,4}}(?: (?:것|건|게)[은이도]?)? ?(?:않|아니|아닙|아닌|못)"
        r"|(?:\b(?:not|never|no longer|hardly|barely|cannot|fail\w* to|far from|nowhere near"
        r"|anything but|without)|n't)"
        rf"(?:\s\w+){{0,3}}\s(?:{english})\b"
        rf"|\b(?:neither|nor)(?:\s\w+){{0,8}}\s(?:{english})\b",
        re.I,
    )


def _denies_affirmed(scene: Scene, place: Place) -> bool:
    """Whether what is denied is a fact's own word, or another denial."""
    sentence = scene.sentence_at(place[0])
    return any(
        match.start() <= place[0] < match.end()
        for pattern in (_affirmed(), words_of("denial", "double"))
        for match in pattern.finditer(scene.text, *sentence)
    )


def _is_unplanned(scene: Scene, place: Place, kinds: set[str]) -> bool:
    """`without a plan`, `load that is not planned`: the denial stands in the words for it."""
    given = {"before": {"cost_before", "peak_before"}, "base": {"base_load"}}
    return any(
        kinds & given[word.name] and word.start <= place[1] and place[0] <= word.end + _BESIDE
        for word in scene.concepts
        if word.name in given
    )


def _has_no_room(scene: Scene, clause: Place, names: set[str], kinds: set[str]) -> bool:
    """`no more can be bought`: a limit that is reached leaves nothing above it."""
    reached = kinds & {"at_peak", "at_import", "at_power"}
    return (
        bool(reached)
        and "limit" in names
        and words_of("denial", "above").search(scene.text, *clause) is not None
    )


def _is_instead(scene: Scene, clause: Place) -> bool:
    """Whether a clause is of the hour that is used instead, and not of the one that was forbidden."""
    hours = {m.value for m in scene.mentions if m.is_time and clause[0] <= m.start < clause[1]}
    instead, barred = (
        {minute for each in scene.facts if each.kind.startswith(kind) for minute in minutes(each)}
        for kind in ("instead", "forbid")
    )
    return bool(hours & instead) and not hours & barred


def _is_no_extreme(scene: Scene, clause: Place, names: set[str]) -> bool:
    """`03:00 is not the cheapest`: its rank says so, and no hour of the clause is the cheapest."""
    for word, rank, extreme in (
        ("cheapest", "rank", ("cheapest", "low_price")),
        ("dearest", "high_rank", ("dearest", "high_price")),
    ):
        if word in names and any(each.kind == rank and (each.number or 0) > 1 for each in scene.facts):
            hours = {m.value for m in scene.mentions if m.is_time and clause[0] <= m.start < clause[1]}
            best = {minute for each in scene.facts if each.kind in extreme for minute in minutes(each)}
            return not hours & best
    return False


def _is_outside(scene: Scene, clause: Place) -> bool:
    """`outside 19:00~07:00 it is not at its charger`: the window of a stay or a load, told from without."""
    if not _OUTSIDE.search(scene.text, *clause):
        return False
    hours = {m.value for m in scene.mentions if m.is_time and clause[0] <= m.start < clause[1]}
    return any(each.kind in ("stay", "window") and hours == {*minutes(each)} for each in scene.facts)
