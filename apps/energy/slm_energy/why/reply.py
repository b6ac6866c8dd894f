"""A reason in words of code: ordered sentences, each with the ids of its facts, in Korean or English.

This text is shown at once, and stays where the model is missing, late or wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slm_energy.plan.problem import Limit
from slm_energy.why.conflict import Conflict
from slm_energy.why.fact import Fact
from slm_energy.why.wording import Lang, rounded, shown, table, with_particles

# Sentences in their order; each is said where all its facts are there and the number has its sign.
_ORDER = (
    "peak", "base_load", "charge", "discharge", "run", "heat", "cool",
    "no_charge", "no_discharge", "no_run", "no_heat", "no_cool", "surplus", "no_surplus", "nothing_bought",
    "outside", "fixed", "flat", "price_down", "price_up", "price_same", "cheapest", "dearest", "low_price",
    "high_price", "pv", "stay", "need", "window", "needs_hours", "keep_low", "keep_high",
    "keep_low_always", "keep_high_always", "at_power", "full", "empty", "later_use", "at_peak", "at_import",
    "demand_cost", "cost_down", "cost_up", "cost_same", "peaks",
)  # fmt: skip
_SIGNED = {"price": "price_gap", "cost": "saving"}
_SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")


@dataclass(frozen=True)
class Sentence:
    """One sentence, the ids of the facts it tells, and the key of its pattern in sentences.toml."""

    text: str
    facts: tuple[str, ...]
    key: str = ""


def sentences(facts: Sequence[Fact], lang: Lang) -> list[Sentence]:
    """Return the sentences that tell the facts, in the order in which they are best read."""
    say: Mapping[str, str] = table("sentences")[lang]["say"]
    known = {each.id: each for each in facts}
    told: set[str] = set()
    found = []
    for key in _ORDER:
        needed = {name for name, _ in _SLOT.findall(say[key])} | _of_sign(key)
        own = {name for name in needed if name in known}
        if needed <= {*known} and _fits(key, known) and not own <= told:
            found.append(
                Sentence(
                    filled(say[key], known, lang), tuple(each.id for each in facts if each.id in own), key
                )
            )
            told |= own
    return [*found, *_drawn(facts, lang), *_lower(known, lang), *_change(known, lang)]


def _of_sign(key: str) -> set[str]:
    """Return the facts that a sentence tells without a number of theirs."""
    base, _, sign = key.rpartition("_")
    if sign == "same":
        return {"same_price"} if base == "price" else {"no_saving"}
    return {key} if key in ("flat",) else set()


def _fits(key: str, known: Mapping[str, Fact]) -> bool:
    """Whether the sentence says what is: the direction of a difference, an hour that is known."""
    base, _, sign = key.rpartition("_")
    if sign in ("up", "down", "same") and base in _SIGNED:
        number = known[_SIGNED[base]].number if _SIGNED[base] in known else 0
        return {"up": (number or 0) > 0, "down": (number or 0) < 0, "same": not number}[sign]
    if key in ("keep_low", "keep_high"):
        return bool(known[key].time)
    if key.endswith("_always"):
        return not known[key.removesuffix("_always")].time
    if key == "peak":
        return bool(known["peak"].time)
    return True


def filled(pattern: str, known: Mapping[str, Fact], lang: Lang) -> str:
    """Return a pattern with its slots filled by facts."""

    def slot(match: re.Match[str]) -> str:
        each = known[match[1]]
        if match[2]:
            return str(getattr(each, match[2]))
        return shown(each.number or 0.0, each.unit, lang)

    hours = known.get("hours")
    if hours is not None:  # a count of hours is told as a bare number
        pattern = pattern.replace("{hours}", f"{hours.number or 0:g}")
    return sentence(_SLOT.sub(slot, pattern), lang)


def sentence(text: str, lang: Lang) -> str:
    """Return a filled pattern with its particles, beginning with a capital in English."""
    return with_particles(text) if lang == "ko" else text[:1].upper() + text[1:]


def _drawn(facts: Iterable[Fact], lang: Lang) -> list[Sentence]:
    """Tell who draws at the peak."""
    say, found = table("sentences")[lang]["say"], []
    for each in facts:
        if ":" in each.id and f"drawn_{each.kind}" in say:
            found.append(
                Sentence(
                    filled(say[f"drawn_{each.kind}"], {"drawn": each}, lang),
                    (each.id,),
                    f"drawn_{each.kind}",
                )
            )
    return found


def _lower(known: Mapping[str, Fact], lang: Lang) -> list[Sentence]:
    say = table("sentences")[lang]["say"]
    for key, with_fact in (
        ("lower_peak", "lower_cost"),
        ("lower_same", "lower_same"),
        ("lower_impossible",) * 2,
    ):
        if "lower_peak" in known and with_fact in known:
            return [Sentence(filled(say[key], known, lang), ("lower_peak", with_fact), key)]
    return []


def _change(known: Mapping[str, Fact], lang: Lang) -> list[Sentence]:
    """Tell what the plan solved again differs by: a condition and what follows from it."""
    words: Mapping[str, Mapping[str, str]] = {
        key: table("sentences")[lang][key] for key in ("if", "then", "say", "act")
    }
    key = next((name for name in known if name in words["if"]), None)
    if key is None:
        return []
    asked = known[key]
    condition = words["if"][key].format(hour=asked.time, part=asked.part)
    if "impossible" in known:
        return [
            Sentence(
                sentence(f"{condition} {words['then']['impossible']}", lang),
                (key, "impossible"),
                "impossible",
            )
        ]
    cost, peak = (_sign(known, name) for name in ("more_cost", "more_peak"))
    ends = words["then"]
    then = f"{ends[f'cost_{cost[1]}']}{ends['between']}{ends[f'peak_{peak[1]}']}"
    if cost[1] == peak[1] == "same":
        then = ends["both_same"]
    found = [
        Sentence(
            filled(f"{condition} {then}", known, lang),
            (key, cost[0], peak[0]),
            f"cost_{cost[1]}/peak_{peak[1]}",
        )
    ]
    if "instead" in known:
        act = words["act"][key.partition("_")[2]]
        found.append(
            Sentence(
                filled(words["say"]["instead"].replace("{act}", act), known, lang), ("instead",), "instead"
            )
        )
    return found


def _sign(known: Mapping[str, Fact], name: str) -> tuple[str, str]:
    if name in known:
        return name, "up" if (known[name].number or 0) > 0 else "down"
    return name.replace("more", "same"), "same"


def conflict_sentences(conflict: Conflict | None, lang: Lang) -> tuple[list[Fact], list[Sentence]]:
    """Return the facts of a conflict and the sentences that tell them."""
    say = table("sentences")[lang]["say"]
    if conflict is None:
        return [Fact("solvable")], [Sentence(say["solvable"], ("solvable",), "solvable")]
    if not conflict.sets:
        return [Fact("no_limit")], [Sentence(say["no_limit"], ("no_limit",), "no_limit")]
    known = {limit.id: limit for limit in conflict.limits}
    facts = [_limit_fact("limit", limit, limit.value) for limit in conflict.limits]
    told = [_together(found, lang) for found in conflict.sets]
    if conflict.relaxation:
        changed = {**known, **{name: _named(name, conflict) for name in conflict.relaxation if name in known}}
        pairs = [(changed[name], amount) for name, amount in conflict.relaxation.items() if name in changed]
        facts += [_limit_fact("relax", limit, amount) for limit, amount in pairs]
        listed = table("sentences")[lang]["limit"]["and"].join(
            _way(limit, amount, lang) for limit, amount in pairs
        )
        if lang == "ko":  # 올리면 ... 됩니다; all but the last 올리고
            listed = listed.replace("면고 ", "고 ")
        told.append(
            Sentence(
                sentence(say["relax"].format(list=listed), lang),
                tuple(f"relax:{limit.id}" for limit, _ in pairs),
                "relax",
            )
        )
    alone = [(known[name], amount) for name, amount in conflict.alone.items()]
    facts += [_limit_fact("alone", limit, amount) for limit, amount in alone if amount is not None]
    facts += [
        Fact(f"not_alone:{limit.id}", limit.owner, required=False)
        for limit, amount in alone
        if amount is None
    ]
    told += [_alone(limit, amount, lang) for limit, amount in alone if not _only(conflict, limit, amount)]
    return facts, told


def _named(name: str, conflict: Conflict) -> Limit:
    return next(limit for limit in conflict.limits if limit.id == name)


def _only(conflict: Conflict, limit: Limit, amount: float | None) -> bool:
    """Whether this is what the smallest relaxation says already."""
    return amount is not None and dict(conflict.relaxation) == {limit.id: amount}


def _limit_fact(kind: str, limit: Limit, number: float) -> Fact:
    """A relaxation carries its direction as sign: to lower a need is a negative one."""
    owner = "" if limit.owner == "grid" else limit.owner
    signed = -number if kind != "limit" and limit.relax == "lower" else number
    return Fact(f"{kind}:{limit.id}", owner, "", rounded(signed, limit.unit), limit.unit)


def limit_name(limit: Limit, lang: Lang) -> str:
    """Return a limit with its value in words."""
    kind, _, rest = limit.id.partition(".")
    key = f"{kind}.{rest.rpartition('.')[2]}"
    words: Mapping[str, Any] = table("sentences")[lang]["limit"]
    value = shown(limit.value, limit.unit, lang)
    return str(words[key]).format(value=value, part=limit.owner) if key in words else f"{limit.id} {value}"


def _together(found: Sequence[Limit], lang: Lang) -> Sentence:
    listed = ", ".join(limit_name(limit, lang) for limit in found)
    text = table("sentences")[lang]["say"]["conflict"].format(list=listed)
    return Sentence(sentence(text, lang), tuple(f"limit:{limit.id}" for limit in found), "conflict")


def _direction(limit: Limit) -> str:
    if limit.unit == "h":
        return "lengthen" if limit.relax == "raise" else "shorten"
    return limit.relax


def _way(limit: Limit, amount: float, lang: Lang) -> str:
    words = table("sentences")[lang]["limit"]
    return str(words[_direction(limit)]).format(
        name=limit_name(limit, lang), amount=shown(amount, limit.unit, lang)
    )


def _alone(limit: Limit, amount: float | None, lang: Lang) -> Sentence:
    words = table("sentences")[lang]
    name = limit_name(limit, lang)
    if amount is None:
        return Sentence(
            sentence(words["say"]["not_alone"].format(limit=name), lang),
            (f"not_alone:{limit.id}",),
            "not_alone",
        )
    way = words["limit"][f"{_direction(limit)}_must"]
    text = words["say"]["alone"].format(limit=name, amount=shown(amount, limit.unit, lang), way=way)
    return Sentence(sentence(text, lang), (f"alone:{limit.id}",), "alone")
