"""Reasons of plans: are the required facts told, and are wrong replies caught?

    python benchmarks/energy_explain.py [--plans 16] [--seed 0] [--model NAME] [--show] [--outsider FILE ...]

Four tables:
* recall: over the answered questions of random solved plans, the share of required facts that the reply of
  code tells, as the checker reads it; with --model that of the joined reply, and how many were refused.
* planted: one error each (number, unit, time, part, two numbers exchanged, two hours exchanged, negation,
  direction, a sentence dropped, one invented, the ends of a range exchanged, a denial of what is so) planted
  into replies of code and into freely put ones.
* faithful: replies in other words that must pass: the generator's phrasings, and energy_explain_pairs.jsonl,
  which we wrote by hand about energy_explain_facts.jsonl; the checker was mended on both.
* outsider: energy_explain_outsider.jsonl and energy_explain_outsider2.jsonl, by two who had not seen
  the checker; it was mended on both since. One JSON object a line: {"id", "facts": an id of
  energy_explain_facts.jsonl or a list of facts, "reply", "faithful", "lang", "kind"}.

An error counts as caught where the checker names any problem. Intervals: Wilson, 95%.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any

from energy_explain_errors import PLANTS, Reply

from slm_energy.generator.explain import put_freely, random_reasons
from slm_energy.why.checking import check_reply
from slm_energy.why.explaining import Reason
from slm_energy.why.fact import Fact
from slm_energy.why.task import Explanation, request_of
from slm_energy.why.wording import Lang

HERE = Path(__file__).parent
OUTSIDERS = (HERE / "energy_explain_outsider.jsonl", HERE / "energy_explain_outsider2.jsonl")
MOST_OF_A_KIND = 3  # errors of one kind in one reply


def reasons_of(plans: int, seed: int) -> list[Reason]:
    """Answer questions about random plans, Korean and English in turn."""
    rng, found = Random(seed), []
    for plan in range(plans):
        lang: Lang = "ko" if plan % 2 == 0 else "en"
        found += [reason for reason in random_reasons(rng, lang, 6) if request_of(reason) is not None]
    return found


def recall_table(reasons: Sequence[Reason], texts: Sequence[str], what: str) -> None:
    needed = missing = 0
    for reason, text in zip(reasons, texts, strict=True):
        lacks = [each for each in check_reply(text, reason.facts) if each.field == "missing"]
        needed += sum(each.required for each in reason.facts)
        missing += len(lacks)
    print(f"recall of required facts, {what}: {needed - missing}/{needed} over {len(reasons)} questions")


def planted_table(replies: Iterable[Reply], seed: int, show: bool) -> None:
    rng, caught, total, times = Random(seed), Counter[str](), Counter[str](), 0
    for reply in replies:
        for kind, plant in PLANTS.items():
            changed = list(dict.fromkeys(text for text in plant(reply, rng) if text != reply.text))
            for text in rng.sample(changed, min(MOST_OF_A_KIND, len(changed))):
                total[kind] += 1
                times += 1
                if check_reply(text, reply.facts):
                    caught[kind] += 1
                elif show:
                    print(f"  MISSED {kind}: {text}\n     from: {reply.text}")
    print(f"planted errors ({times})\n  kind        caught  total   share  95%")
    for kind in [*PLANTS, "all"]:
        c, n = (sum(caught.values()), times) if kind == "all" else (caught[kind], total[kind])
        if n:
            print(f"  {kind:10} {c:7} {n:6} {c / n:7.1%}  {interval(c, n)}")


def faithful_table(name: str, replies: Iterable[Reply], show: bool) -> None:
    refused = count = 0
    for reply in replies:
        problems = check_reply(reply.text, reply.facts)
        count += 1
        refused += bool(problems)
        if problems and show:
            print(f"  REFUSED {reply.text}\n     {[(each.field, each.reason) for each in problems]}")
    print(f"faithful, {name}: refused {refused}/{count}  {interval(refused, count)}")


def interval(hits: int, count: int) -> str:
    """Return Wilson's 95% interval of a share."""
    if not count:
        return ""
    p, z = hits / count, 1.96
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{max(0.0, middle - half):.1%}-{min(1.0, middle + half):.1%}"


def written_facts() -> dict[str, tuple[Fact, ...]]:
    lines = (HERE / "energy_explain_facts.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["id"]: tuple(Fact(**each) for each in row["facts"]) for row in rows}


def written_pairs() -> list[Reply]:
    facts, found = written_facts(), []
    for line in (HERE / "energy_explain_pairs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.append(Reply(row["lang"], facts[row["facts"]], row["reply"]))
    return found


def outsider_table(path: Path, show: bool) -> None:
    if not path.exists():
        print(f"outsider: {path.name} is not there yet")
        return
    facts, counts = written_facts(), Counter[tuple[str, bool]]()
    for line in path.read_text(encoding="utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        given = (
            facts[row["facts"]]
            if isinstance(row["facts"], str)
            else tuple(_fact(each) for each in row["facts"])
        )
        problems = check_reply(row["reply"], given)
        kind = "faithful" if row["faithful"] else row["kind"]
        right = not problems if row["faithful"] else bool(problems)
        counts[kind, right] += 1
        if not right and show:
            print(f"  {'REFUSED' if row['faithful'] else 'MISSED'} {row.get('id')} {kind}: {row['reply']}")
            print(f"     {[(each.field, each.reason) for each in problems]}")
    print(f"outsider, {path.name}\n  kind          right  total")
    for kind in sorted({kind for kind, _ in counts}):
        print(f"  {kind:12} {counts[kind, True]:6} {counts[kind, True] + counts[kind, False]:6}")


def _fact(given: Any) -> Fact:
    return Fact(**given) if isinstance(given, dict) else Fact(*given)


def joined(reasons: Sequence[Reason], model: str, show: bool) -> None:
    """Let a model join the sentences; what fails the check is replaced by those of code."""
    from slm_core.expert import open_expert
    from slm_core.settings import load_settings
    from slm_energy.domain import DOMAIN

    expert = open_expert(DOMAIN, load_settings(), model=model)
    texts, by, whys = [], Counter[str](), Counter[str]()
    for reason in reasons:
        request = request_of(reason)
        assert request is not None
        found = expert.answer("explain", request)
        assert isinstance(found.reply, Explanation)
        texts.append(found.reply.text)
        by[found.by] += 1
        whys.update(
            note.rpartition("of no use: ")[2].partition(":")[0]
            for note in found.notes[-1:]
            if found.by == "rules"
        )
        if show:
            print(f"  {found.by}: {texts[-1]}\n     {found.notes}")
    expert.close()
    recall_table(reasons, texts, f"{model} or code")
    print(f"shown: by the model {by['expert']}, by code {by['rules']}; refused for {dict(whys)}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plans", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--outsider", type=Path, nargs="+", default=OUTSIDERS, metavar="FILE")
    args = parser.parse_args()
    reasons = reasons_of(args.plans, args.seed)
    rng = Random(args.seed)
    code = [Reply(each.question.lang, each.facts, each.text) for each in reasons]
    free = [
        Reply(each.question.lang, each.facts, put_freely(each, each.question.lang, rng)) for each in reasons
    ]
    recall_table(reasons, [each.text for each in code], "code")
    planted_table([*code, *free, *written_pairs()], args.seed, args.show)
    faithful_table("code", code, args.show)
    faithful_table("generator's phrasings", free, args.show)
    faithful_table("written by hand", written_pairs(), args.show)
    for path in args.outsider:
        outsider_table(path, args.show)
    if args.model:
        joined(reasons, args.model, args.show)
    return 0


if __name__ == "__main__":
    sys.exit(main())
