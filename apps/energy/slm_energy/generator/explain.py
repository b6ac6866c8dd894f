"""Training rows of the task `explain`: solved random sites, questions, and their reason in fluent words.

Every plan is solved, every fact computed from it; the target is put together from the phrasings of
explain.toml, and what the checker of replies (why/checking.py) would refuse becomes no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from math import pi, sin
from random import Random
from zoneinfo import ZoneInfo

from slm_core.dataset.row import Message, Row
from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Schedule
from slm_energy.plan.solve import solve
from slm_energy.series import Series
from slm_energy.site import Battery, Car, Deferrable, Panels, Room, Site
from slm_energy.why.checking import check_reply
from slm_energy.why.explaining import Reason, explain
from slm_energy.why.fact import Fact
from slm_energy.why.parts import NOTHING_KW, Part, clock, parts, power
from slm_energy.why.reply import Sentence, filled
from slm_energy.why.task import EXPLAIN, Explanation, request_of
from slm_energy.why.wording import Lang, table, with_particles

SOURCE = "ondevice-slm own generator"
LICENCE = "Apache-2.0"
_ALTERNATIVES = re.compile(r"<([^<>]*)>")
_QUESTIONS = 3  # of one plan
_ZONE = ZoneInfo("Asia/Seoul")


def explain_rows(seed: int, count: int) -> Iterator[Row]:
    """Yield `count` different rows, Korean and English in turn; the same seed gives the same rows."""
    rng, made, seen = Random(seed), 0, set[str]()
    plan = 0
    while made < count:
        lang: Lang = "ko" if plan % 2 == 0 else "en"
        for reason in random_reasons(rng, lang, _QUESTIONS):
            row = _row(reason, lang, rng, f"explain/plan-{seed}-{plan}")
            if row is not None and row.user not in seen and made < count:
                seen.add(row.user)
                made += 1
                yield row
        plan += 1


def random_reasons(rng: Random, lang: Lang, count: int) -> Iterator[Reason]:
    """Yield up to `count` answered questions about one random plan that could be solved."""
    schedule = solve(random_problem(rng, lang))
    if schedule.flows is None:
        return
    for _ in range(count):
        text = random_question(schedule, lang, rng)
        reason = explain(text, schedule, lang)
        if reason.facts:
            yield reason


def _row(reason: Reason, lang: Lang, rng: Random, group: str) -> Row | None:
    request = request_of(reason)
    if request is None:
        return None
    text = put_freely(reason, lang, rng)
    if check_reply(text, reason.facts):
        return None
    wire = EXPLAIN.write(Explanation(text=text), request)
    messages = (
        Message(role="system", content=EXPLAIN.prompt),
        Message(role="user", content=EXPLAIN.user_text(request)),
        Message(role="assistant", content=wire),
    )
    return Row(messages=messages, task=EXPLAIN.name, lang=lang, source=SOURCE, licence=LICENCE, group=group)


def random_problem(rng: Random, lang: Lang) -> Problem:
    """Return a site of random parts with a day of prices, load and sun; hourly, from a random hour on."""
    start = datetime(
        2026, rng.randint(1, 12), rng.randint(1, 28), rng.choice((0, 6, 12, 16, 18, 20)), tzinfo=_ZONE
    )
    hours = [(start.hour + step) % 24 for step in range(24)]
    site = _site(rng, lang)
    sun = site.panels.kwp if site.panels else 0.0
    base = rng.uniform(0.3, 2.5)
    load = [base * (1 + rng.uniform(0, 0.4) + 0.7 * (8 <= hour < 22) * rng.random()) for hour in hours]
    pv = [
        max(0.0, sun * sin((hour - 6) / 12 * pi)) * rng.uniform(0.5, 0.9) if 6 < hour < 18 else 0.0
        for hour in hours
    ]

    def series(name: str, unit: str, values: Sequence[float]) -> Series:
        return Series(name, unit, start, timedelta(hours=1), tuple(round(value, 3) for value in values))

    warm = 27.0 if site.rooms and site.rooms[0].mode == "cool" else 3.0
    outdoor = [warm + 4 * sin((hour - 9) / 12 * pi) for hour in hours]
    return Problem(
        site,
        series("load", "kW", load),
        series("pv", "kW", pv),
        series("price", f"{site.currency}/kWh", _prices(rng, hours, site.currency)),
        outdoor=series("outdoor", "°C", outdoor) if site.rooms else None,
        soc_kwh=round(rng.uniform(0.1, 0.6) * site.battery.capacity_kwh, 1) if site.battery else None,
        demand_price=rng.choice((0.0, 0.0, 250.0)) if site.currency == "원" else 0.0,
    )


def _prices(rng: Random, hours: Sequence[int], currency: str) -> list[float]:
    scale = 1.0 if currency == "원" else 0.001
    night, day, peak = rng.uniform(70, 110), rng.uniform(110, 150), rng.uniform(160, 260)
    if rng.random() < 0.4:  # a price for each hour, as on a market
        return [scale * rng.uniform(night, peak) for _ in hours]
    first, last = rng.choice(((15, 21), (10, 12), (13, 17), (17, 21)))
    return [
        scale * (night if hour >= 22 or hour < 8 else peak if first <= hour < last else day) for hour in hours
    ]


def _site(rng: Random, lang: Lang) -> Site:
    names = table_of()[lang]["names"]
    size = rng.choice((4.0, 6.0, 8.0, 10.0, 13.5))
    battery = Battery(
        name=rng.choice(names["battery"]),
        capacity_kwh=size,
        charge_kw=size / 3,
        discharge_kw=size / 3,
        reserve=0.1,
        wear_per_kwh=rng.choice((0.0, 0.005)),
    )
    arrives, leaves = time(rng.randint(16, 21)), time(rng.randint(5, 9))
    car = Car(
        name=rng.choice(names["car"]),
        charge_kw=rng.choice((3.3, 7.0, 11.0)),
        needs_kwh=rng.choice((6.0, 9.5, 12.0, 18.0)),
        arrives=arrives,
        leaves=leaves,
    )
    load = Deferrable(
        name=rng.choice(names["load"]),
        kw=rng.choice((0.8, 1.2, 2.0)),
        hours=rng.choice((1.0, 2.0, 3.0)),
        earliest=time(rng.randint(8, 20)),
        latest=time(rng.randint(0, 7)),
    )
    cool = rng.random() < 0.5
    band = (
        {"mode": "cool", "low": 22.0, "high": 26.0} if cool else {"mode": "heat", "low": 20.0, "high": 24.0}
    )
    room = Room.model_validate(
        {
            "name": rng.choice(names["room"]),
            "kw": 3.0,
            **band,
            "loss_kw_per_k": 0.2,
            "capacity_kwh_per_k": 2.0,
            "from": time(9),
            "to": time(18),
        }
    )
    take = [rng.random() < share for share in (0.8, 0.7, 0.6, 0.3, 0.6)]
    return Site(
        name="site",
        currency=rng.choice(("원", "원", "원", "EUR")),
        battery=battery if take[0] or not any(take[1:4]) else None,
        cars=(car,) if take[1] else (),
        deferrables=(load,) if take[2] else (),
        rooms=(room,) if take[3] else (),
        panels=Panels(kwp=rng.choice((3.0, 5.0, 8.0))) if take[4] else None,
        peak_kw=rng.choice((None, None, 9.0)),
        step_minutes=60,
    )


def random_question(schedule: Schedule, lang: Lang, rng: Random) -> str:
    """Return a question: of an hour at which a part does much, at which it does nothing, or of the whole."""
    part = rng.choice(parts(schedule.problem.site))
    act = rng.choice(part.acts)
    assert schedule.flows is not None
    values = power(schedule.flows, part, act)
    busy = [step for step, kw in enumerate(values) if kw > NOTHING_KW]
    idle = [step for step, kw in enumerate(values) if kw <= NOTHING_KW]
    kind = rng.choice(
        ("why_at", "why_at", "why_at", "why_not", "what_if", "what_if_until", "why_peak", "cost")
    )
    endless = part.kind not in ("car", "load")
    if (kind == "why_at" and not busy) or (kind == "what_if_until" and endless):
        kind = "what_if"
    steps = busy if kind == "why_at" else idle or busy
    return _asked(kind, part, act, clock(schedule.problem, rng.choice(steps)), lang, rng)


def _asked(kind: str, part: Part, act: str, hour: str, lang: Lang, rng: Random) -> str:
    pattern = rng.choice(table_of()[lang]["questions"][kind])
    noun = table("sentences")[lang]["act"][act]
    verb = table_of()["ko"]["verbs"][act]
    text = re.sub(r"\{([가-힣]+/[가-힣]+)\}", r"\1", pattern).format(
        part=part.name, hour=hour, noun=noun, verb=verb
    )
    return with_particles(text) if lang == "ko" else text


def put_freely(reason: Reason, lang: Lang, rng: Random) -> str:
    """Return a reason in other words than those of code: its sentences by explain.toml, some two at once."""
    known = {each.id: _spoken(each, lang, rng) for each in reason.facts}
    said, left = [], list(reason.sentences)
    while left:
        first = left.pop(0)
        pair = next((each for each in left if _joint(first.key, each.key) in table_of()[lang]["say"]), None)
        if pair is not None and rng.random() < 0.6:
            left.remove(pair)
            said.append(_filled(table_of()[lang]["say"][_joint(first.key, pair.key)], known, lang, rng))
        else:
            said.append(_one(first, known, lang, rng))
    return " ".join(said)


def _joint(one: str, other: str) -> str:
    return "+".join(sorted((one, other)))


def _one(sentence: Sentence, known: Mapping[str, Fact], lang: Lang, rng: Random) -> str:
    words = table_of()[lang]
    if sentence.key.startswith("drawn_"):
        return _filled(words["say"][sentence.key], {"drawn": known[sentence.facts[0]]}, lang, rng)
    asked = next((each for each in sentence.facts if each in words["if"]), None)
    if asked is None:
        patterns = words["say"].get(sentence.key)
        if patterns is None:
            return sentence.text
        act = next(
            (
                table("sentences")[lang]["act"][key.partition("_")[2]]
                for key in known
                if key in words["if"] and "_" in key
            ),
            "",
        )
        return _filled([pattern.replace("{act}", act) for pattern in patterns], known, lang, rng)
    if sentence.key == "impossible":
        return sentence.text
    cost, peak = (each.rpartition("_")[2] for each in sentence.key.split("/"))
    condition = rng.choice(words["if"][asked]).format(hour=known[asked].time, part=known[asked].part)
    then = (
        rng.choice(words["cost"][cost])
        + rng.choice(words["joint"]["between"])
        + rng.choice(words["peak"][peak])
    )
    if cost == peak == "same":
        then = rng.choice(words["peak"]["both"])
    return _filled([f"{condition} {then}"], known, lang, rng)


def _filled(patterns: Sequence[str], known: Mapping[str, Fact], lang: Lang, rng: Random) -> str:
    pattern = rng.choice(list(patterns))
    while found := _ALTERNATIVES.search(pattern):
        pattern = pattern[: found.start()] + rng.choice(found[1].split("|")) + pattern[found.end() :]
    return filled(pattern, known, lang)


def _spoken(each: Fact, lang: Lang, rng: Random) -> Fact:
    """Return the fact with its hour as people say it, in some of the cases."""
    if not re.fullmatch(r"\d\d:00", each.time) or rng.random() < 0.5:
        return each
    hour = int(each.time[:2])
    if hour in (0, 12):
        names = {"ko": ("자정", "정오"), "en": ("midnight", "noon")}[lang]
        return each._replace(time=names[hour // 12])
    if lang == "en":
        return each._replace(time=f"{hour % 12 or 12} {'am' if hour < 12 else 'pm'}")
    half = "새벽" if 0 < hour < 6 else "오전" if hour < 12 else "오후"
    return each._replace(time=f"{half} {hour % 12 or 12}시")


def table_of() -> Mapping[str, Mapping[str, Mapping[str, list[str]]]]:
    """Return explain.toml."""
    from slm_energy.generator.pattern import load_table

    return load_table("explain")
