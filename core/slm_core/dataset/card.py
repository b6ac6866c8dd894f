"""The dataset card in Hugging Face's form: YAML front matter, then what is in the data and how it came."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from slm_core.dataset.contract import DomainShape
from slm_core.dataset.dedup import NEAR
from slm_core.dataset.leakage import BAR
from slm_core.dataset.report import BuildReport
from slm_core.dataset.row import Row
from slm_core.dataset.split import Policy

# The identifiers that the Hub knows and data of our fields use.
_CC_KINDS = ("by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")
_CC = frozenset(f"cc-{kind}-{version}" for kind in _CC_KINDS for version in ("2.0", "2.5", "3.0", "4.0"))
_HUB_LICENCES = _CC | {
    "apache-2.0",
    "mit",
    "bsd-2-clause",
    "bsd-3-clause",
    "cc0-1.0",
    "pddl",
    "odc-by",
    "odbl",
}
_HUB_LICENCES |= {"gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "unlicense"}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card(report: BuildReport, domain: DomainShape) -> str:
    """Return the README.md of a build."""
    rows = [row for side in report.sides.values() for row in side]
    title = domain.titles.get("en", domain.name)
    parts = [
        _front_matter(report, rows, title),
        f"# {title}: dataset\n",
        f"Built by `slm dataset build {domain.name}` of ondevice-slm.\n",
        _korean(report, domain, rows),
        _rows(report),
        _sources(rows),
        _preparation(report),
        _form(rows),
    ]
    return "\n".join(parts)


def hub_licence(licence: str) -> str:
    """Return the Hub's identifier of a licence (`CC BY 4.0` is `cc-by-4.0`), or `other`."""
    name = re.sub(r"[\s_]+", "-", licence.strip().casefold())
    return name if name in _HUB_LICENCES else "other"


def _front_matter(report: BuildReport, rows: Sequence[Row], title: str) -> str:
    licences = sorted({hub_licence(row.licence) for row in rows})
    others = sorted({row.licence for row in rows if hub_licence(row.licence) == "other"})
    lines = ["---", f"pretty_name: {_quoted(f'{title}: dataset')}", *_list("license", licences)]
    if others:
        lines.append(f"license_name: {_quoted(', '.join(others))}")
    lines += _list("language", sorted({row.lang for row in rows}))
    lines += _list("task_categories", ["text-generation"])
    lines += _list("size_categories", [next((name for top, name in _SIZES if len(rows) < top), "n>1M")])
    lines += _list("tags", ["ondevice-slm", report.domain, *sorted({row.task for row in rows})])
    lines += ["configs:", "- config_name: default", "  data_files:"]
    names = {"train": "train", "dev": "validation", "test": "test"}
    for side, count in report.rows.items():
        if count:
            lines += [f"  - split: {names[side]}", f"    path: {side}.jsonl"]
    return "\n".join([*lines, "---", ""])


def _korean(report: BuildReport, domain: DomainShape, rows: Sequence[Row]) -> str:
    counts = report.rows
    languages = ", ".join(sorted({row.lang for row in rows}))
    taken = sum(report.scrubbed.values())
    sentences = (
        f"**요약.** {domain.titles.get('ko', domain.name)} 데이터셋입니다.",
        f"학습 {counts['train']:,}행, 개발 {counts['dev']:,}행, 시험 {counts['test']:,}행입니다.",
        f"언어: {languages}.",
        f"개인정보 {taken:,}건을 표시어로 바꾸었습니다.",
        f"중복·오류 등 {len(report.rejects):,}건은 이유와 함께 `rejected.jsonl`에 있습니다.",
        "거의 같은 글은 언제나 한쪽에만 있습니다.",
        "출처와 이용 조건은 아래 표에 있습니다.",
    )
    return " ".join(sentences) + "\n"


def _rows(report: BuildReport) -> str:
    lines = [(task, *sides.values(), sum(sides.values())) for task, sides in report.by_task().items()]
    lines.append(("all", *report.rows.values(), sum(report.rows.values())))
    return "## Rows\n\n" + _table(("task", "train", "dev", "test", "sum"), lines)


def _sources(rows: Sequence[Row]) -> str:
    counts = Counter((row.source, row.licence, row.lang) for row in rows)
    lines = [(*name, count) for name, count in sorted(counts.items())]
    note = "The licence of each row stands in the row. Whoever passes the data on keeps to each of them.\n"
    return (
        "## Sources and licences\n\n" + _table(("source", "licence", "language", "rows"), lines) + f"\n{note}"
    )


def _preparation(report: BuildReport) -> str:
    taken = ", ".join(f"{kind} {count}" for kind, count in report.scrubbed.items()) or "none was found"
    worst = f"{report.worst.similarity:.2f} ({report.worst.by})" if report.worst else "nothing in common"
    out = Counter(report.rejected)
    points = (
        f"Personal data replaced by placeholders: {taken}. Names and street addresses are not searched for.",
        f"Exact duplicates removed (after Unicode NFC, case and white space): {out['exact duplicate']}.",
        f"Near duplicates with the same target removed (character 5-grams, Jaccard at least {NEAR}): "
        f"{out['near duplicate']}; those with another target stay on one side.",
        f"Rows with the same text and another target, kept out of the test: {out['contradictory']} removed.",
        f"Split (seed {report.policy.seed}): {_policy(report.policy)}.",
        f"Leakage, by word sets and common runs: {out['leak']} rows removed that resembled a later side "
        f"beyond {BAR}; most similar pair left: {worst}.",
        f"Not usable: {out['invalid']}. `rejected.jsonl` has every record left out, with the reason.",
        "`build.json` has the configuration in force, the counts and the sha256 of each file.",
    )
    return "## Preparation\n\n" + "".join(f"- {point}\n" for point in (*points, *report.notes()))


def _policy(policy: Policy) -> str:
    if policy.hold_out is not None:
        return f"the test is the group {_quoted(policy.hold_out)}, near duplicates of it, and nothing else"
    groups = "whole groups and " if policy.by == "group" else ""
    return f"by {groups}near-duplicate clusters; asked for: test {policy.test:g}, dev {policy.dev:g}"


def _form(rows: Sequence[Row]) -> str:
    example = json.dumps(rows[0].model_dump(mode="json"), ensure_ascii=False, indent=1)
    fence = "`" * (3 + max((len(run) for run in re.findall(r"`{3,}", example)), default=0))
    return (
        "## Form\n\nOne JSON object a line; the last message is the target. What has the same `group` "
        f"stays on one side of a split.\n\n{fence}json\n{example}\n{fence}\n"
    )


def _table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"

    return line(head) + line("---" for _ in head) + "".join(line(cells) for cells in lines)


def _list(name: str, values: Iterable[str]) -> list[str]:
    return [f"{name}:", *(f"- {_quoted(value)}" for value in values)]


def _quoted(text: str) -> str:
    """A JSON string is a YAML string, whatever it holds."""
    return json.dumps(text, ensure_ascii=False)
