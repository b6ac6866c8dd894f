"""Planted errors against the sentence checker: how many are caught, how many faithful sentences refused.

    python benchmarks/grounding_mutations.py [--seed 0] [--only mechanical] [--show] [--outsider FILE]

Three suites:
* `mechanical`: replies close to their source, sentences of the disaster domain's knowledge and of its
  generator's reports word by word, alert texts that code makes of a report; every kind of error that fits is
  planted into each (grounding_errors.py).
* `free`: freely worded replies of our own, with planted errors too. The checker was mended on them.
* `outsider`: wrong and faithful replies of somebody who had not seen the checker (grounding_outsider.jsonl).
  Those with odd ids were looked at after the first contact and the checker mended on them; not the even ones.

A planted error counts as caught where the checker names any problem. Intervals: exact binomial, 95%.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p
from pathlib import Path
from random import Random

from grounding_errors import PLANTS, Pair

from slm_core.grounding import unsupported

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """A reply with the error that was planted; kind `faithful` for none."""

    origin: str
    lang: str
    kind: str
    sources: tuple[str, ...]
    reply: str


def written_pairs(*, free: bool) -> Iterator[Pair]:
    """Read our own pairs: those close to their source, or the freely worded ones."""
    for line in (HERE / "grounding_pairs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["free"] == free:
            yield Pair(row["id"], row["lang"], tuple(row["sources"]), row["reply"])


def knowledge_pairs() -> Iterator[Pair]:
    """Each sentence of the knowledge, its passage the source."""
    root = HERE.parent / "datasets" / "disaster" / "knowledge"
    for path in sorted(root.glob("*/*.md")):
        for passage in path.read_text(encoding="utf-8").split("\n## ")[1:]:
            text = passage.partition("\n")[2].strip()
            for sentence in _sentences(text):
                yield Pair("knowledge", path.parent.name, (text,), sentence)


def report_pairs(seed: int, count: int) -> Iterator[Pair]:
    """Each sentence of generated reports, and the alert texts that code makes of them."""
    from slm_disaster.generator import generate_rows

    for row in generate_rows(seed, count):
        text = row.messages[1].content
        for sentence in _sentences(text):
            if len(sentence) >= 12:
                yield Pair("reports", row.lang, (text,), sentence)
        yield from _alert_pairs(text, row.lang)


def _alert_pairs(text: str, lang: str) -> Iterator[Pair]:
    from slm_core.errors import UserError
    from slm_disaster.alerts.draft import choices_of, draft_alert
    from slm_disaster.alerts.wording import advice
    from slm_disaster.rules import read_by_rules

    record = read_by_rules(text)
    form = {
        "status": "Actual", "sender": "room@example.org", "agency_ko": "강릉시",
        "agency_en": "Gangneung City",
        "urgency": "Immediate",
        "severity": "Severe", "certainty": "Observed", "expires": "2026-11-23T00:00:00+09:00",
    }  # fmt: skip
    if record.place is None or record.hazard is None:
        return
    try:
        draft = draft_alert(record, choices_of(**form))
    except UserError:
        return
    given = (
        text,
        ". ".join(advice(record, "ko")),
        ". ".join(advice(record, "en")),
        "강릉시 Gangneung City 발표",
    )
    shown = draft.texts["sms_157" if lang == "ko" else "caption_en"].text
    if draft.ready:
        yield Pair("alerts", lang, given, shown)


def _sentences(text: str) -> list[str]:
    return [
        part.strip()
        for part in re.split(r"(?<=[다요오함음임]\.)\s|(?<=[a-z\d)\"]\.)\s(?=[A-Z가-힣])|\n", text)
        if part.strip()
    ]


def cases(pairs: Iterable[Pair], seed: int) -> Iterator[Case]:
    rng = Random(seed)
    for pair in pairs:
        yield Case(pair.origin, pair.lang, "faithful", pair.sources, pair.reply)
        for kind, plant in PLANTS.items():
            for reply in dict.fromkeys(plant(pair, rng)):
                if reply != pair.reply:
                    yield Case(pair.origin, pair.lang, kind, pair.sources, reply)


def mechanical_cases(seed: int) -> list[Case]:
    """Return every case of the suite: all pairs with all errors that fit."""
    return list(cases([*written_pairs(free=False), *knowledge_pairs(), *report_pairs(seed + 1, 160)], seed))


def free_cases(seed: int) -> list[Case]:
    """Return the freely worded pairs with all errors that fit."""
    return list(cases(written_pairs(free=True), seed))


def outsider_cases(path: Path, parity: int | None = None) -> list[Case]:
    """Return the cases written by somebody who has not seen the checker, or those with odd or even ids."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if parity is not None and int(row["id"][1:]) % 2 != parity:
            continue
        kind = "faithful" if row["supported"] else row["kind"]
        found.append(Case(row["id"], row["lang"], kind, (row["source"],), row["reply"]))
    return found


# --- counting -------------------------------------------------------------------------------------------


def interval(hits: int, total: int) -> tuple[float, float]:
    """Return the exact binomial (Clopper-Pearson) interval of 95%, by bisection."""

    def above(share: float, least: int) -> float:
        if share in (0.0, 1.0):
            return share
        whole, left, right = lgamma(total + 1), log(share), log1p(-share)
        return sum(
            exp(whole - lgamma(k + 1) - lgamma(total - k + 1) + k * left + (total - k) * right)
            for k in range(least, total + 1)
        )

    def solve(target: float, least: int) -> float:
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if above(middle, least) < target else (low, middle)
        return (low + high) / 2

    return (0.0 if hits == 0 else solve(0.025, hits), 1.0 if hits == total else solve(0.975, hits + 1))


def is_flagged(case: Case) -> bool:
    return bool(unsupported(case.reply, case.sources))


def report(found: Sequence[tuple[Case, bool]]) -> None:
    totals, hits = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for case, flagged in found:
        for key in (
            (case.kind, case.lang),
            (case.kind, "all"),
            *([("planted", "all"), ("planted", case.lang)] if case.kind != "faithful" else []),
        ):
            totals[key] += 1
            hits[key] += flagged
    kinds = [*dict.fromkeys(case.kind for case, _ in found if case.kind != "faithful"), "planted", "faithful"]
    print(f"{'kind':<10} {'lang':<4} {'flagged':>11}  share   95% interval")
    for kind in kinds:
        for lang in sorted({lang for each, lang in totals if each == kind}):
            if total := totals[kind, lang]:
                low, high = (
                    interval(hits[kind, lang], total) if total <= 2000 else (float("nan"), float("nan"))
                )
                print(
                    f"{kind:<10} {lang:<4} {hits[kind, lang]:>5}/{total:<5}"
                    f"  {hits[kind, lang] / total:6.1%}  {low:.1%}-{high:.1%}"
                )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--show", action="store_true", help="print what was missed and what was wrongly refused"
    )
    parser.add_argument("--outsider", type=Path, default=HERE / "grounding_outsider.jsonl")
    parser.add_argument("--only", choices=("mechanical", "free", "outsider"))
    asked = parser.parse_args(arguments)
    suites = {
        "mechanical": lambda: mechanical_cases(asked.seed),
        "free": lambda: free_cases(asked.seed),
        "outsider": lambda: outsider_cases(asked.outsider),
        "outsider, odd ids": lambda: outsider_cases(asked.outsider, 1),
        "outsider, even ids": lambda: outsider_cases(asked.outsider, 0),
    }
    for name, read in suites.items():
        suite = name.partition(",")[0]
        if asked.only not in (None, suite) or (suite == "outsider" and not asked.outsider.is_file()):
            continue
        judge(name, read(), asked.show)
    return 0


def judge(name: str, each: Sequence[Case], show: bool) -> None:
    found, seconds = [], []
    for case in each:
        begin = time.process_time()
        found.append((case, is_flagged(case)))
        seconds.append(time.process_time() - begin)
    print(
        f"\n{name}: {len(found)} cases, {statistics.median(seconds) * 1000:.2f} ms median,"
        f" {sorted(seconds)[int(len(seconds) * 0.95)] * 1000:.1f} ms at 95%"
    )
    report(found)
    for case, flagged in found if show else ():
        if flagged == (case.kind == "faithful"):
            print(
                f"\n{case.origin} {case.lang} {case.kind}: {case.reply}"
                f"\n    of: {' | '.join(case.sources)[:600]}"
            )
            for problem in unsupported(case.reply, case.sources):
                print(f"    {problem.field}: {problem.reason}")


if __name__ == "__main__":
    sys.exit(main())
