"""`slm demo`: a domain's expert on messages of our own writing."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slm_core.errors import UserError

if TYPE_CHECKING:
    from slm_core.expert import Answer, Expert

EXAMPLES = """\
examples:
  slm demo                                           the disaster expert on 24 messages, Korean and English
  slm demo --once --model smollm2-135m-instruct      below the domain's smallest model: its rules alone,
  and it says so
"""


@dataclass(frozen=True)
class Sample:
    """One message of a domain's `demo.jsonl`; `sender` is its key `from`."""

    id: str
    lang: str
    time: str
    sender: str
    text: str


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    from slm_core.cli.ask import add_model_flags

    parser = subparsers.add_parser(
        "demo",
        help="a domain's expert on messages of our own writing",
        description="Fetch the base once, load it and let an expert read messages of our own writing.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "domain", nargs="?", default="disaster", metavar="D", help="a domain (default: disaster)"
    )
    parser.add_argument("--once", action="store_true", help="run to the end and leave")
    add_model_flags(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a message")


def run(args: argparse.Namespace) -> int:
    """Read every message and print its record."""
    from slm_core.catalog.progress import Bar
    from slm_core.cli import reply_text
    from slm_core.domain import find_domain
    from slm_core.expert import open_expert
    from slm_core.settings import data_folder, load_settings

    settings = load_settings(model=args.model, context=args.context, threads=args.threads)
    domain = find_domain(args.domain)
    samples = list(read_samples(data_folder(domain.name, settings) / "demo.jsonl"))
    expert = open_expert(domain, settings, progress=Bar())
    try:
        for line in (*reply_text.choices(expert.engine), *(f"note: {note}" for note in expert.notes)):
            print(line, file=sys.stderr)
        began, answers = time.monotonic(), []
        for sample in samples:
            answers.append(_show(expert, sample, args.json))
        print(summary(answers, time.monotonic() - began), file=sys.stderr if args.json else sys.stdout)
    finally:
        expert.close()
    return 0


def read_samples(path: Path) -> Iterator[Sample]:
    """Yield the messages of a demo file.

    Raises:
        UserError: there is none, or a line is no message.
    """
    if not path.is_file():
        raise UserError("this domain has no demo messages", where=path)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            yield Sample(row["id"], row["lang"], row["time"], row["from"], row["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"no demo message: {error}", where=f"{path}:{number}") from error


def summary(answers: list[Answer], seconds: float) -> str:
    """Return how many messages were read, by whom, how fast."""
    by = sorted({answer.by for answer in answers})
    usages = [answer.usage for answer in answers if answer.usage]
    line = f"{len(answers)} messages read by {', '.join(by)} in {seconds:.1f} s"
    if not usages:
        return f"{line}; no model was asked"
    read, cached = sum(u.prompt for u in usages), sum(u.cached for u in usages)
    written = sum(u.generated for u in usages)
    median = sorted(u.total_s for u in usages)[len(usages) // 2]
    tokens = f"{read} tokens read ({cached} cached), {written} written"
    return f"{line}; model: median {median:.2f} s a message, {tokens}"


def _show(expert: Expert, sample: Sample, as_json: bool) -> Answer:
    from slm_core.cli import reply_text

    task = expert.domain.task()
    answer = expert.answer(task.name, task.parse_request(sample.text))
    if as_json:
        print(
            json.dumps(
                {"id": sample.id, "text": sample.text, **reply_text.as_json(answer)}, ensure_ascii=False
            )
        )
    else:
        print(f"[{sample.id}] {sample.time[11:16]} {sample.sender}\n  {sample.text}")
        # The notes of the expert stood above once; here only what is special about this message.
        lines = [line for line in reply_text.as_lines(answer) if line[6:] not in expert.notes]
        print("\n".join(f"    {line}" for line in lines) + "\n", flush=True)
    return answer
