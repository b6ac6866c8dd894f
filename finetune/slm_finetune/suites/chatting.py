"""MT-Bench and LogicKor: the answers are written down; a judge that agrees with people may score them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slm_core.engine.contract import Engine, PromptTooLong, Sampling
from slm_core.errors import UserError
from slm_core.settings import Settings
from slm_finetune.measure import Progress
from slm_finetune.suites.command import STOPPED, kept_path, open_kept, settings_for
from slm_finetune.suites.conversation import ChatSuite, Conversation, sample
from slm_finetune.suites.figures import Figure, mean
from slm_finetune.suites.judge import BAR, LEAST, Judge, Verdicts, measure_agreement, read_verdicts
from slm_finetune.suites.kept import Kept
from slm_finetune.suites.published import published

if TYPE_CHECKING:
    from slm_core.engine.llama import LlamaEngine
    from slm_core.engine.remote import RemoteEngine

SEED = 0
_OWN = ("question.jsonl", "questions.jsonl")
_UNRATED = 0.05  # more answers without a rating than this, and a mean would speak of another set


@dataclass(frozen=True)
class Outcome:
    """What became of the answers: figures by a judge, or the reason why there are none.

    Args:
        suite: its name.
        file: of the questions.
        model: that answered.
        model_sha256: of its file, empty for a server's.
        form: how it was asked.
        answered: conversations.
        answers: the file that holds them.
        empty: answers without a word.
        judge: its name.
        agreement: with people, in words.
        reason: why there is no score.
        figures: ratings by category, and over all last.
    """

    suite: str
    file: str
    model: str
    model_sha256: str
    form: str
    answered: int
    answers: str
    empty: int
    judge: str | None = None
    agreement: str | None = None
    reason: str | None = None
    figures: tuple[Figure, ...] = ()


def run_chat(args: argparse.Namespace) -> int:
    """Write the answers, score them where that may be done, print."""
    suite = chat_suite(args.suite)
    everything, file = suite.read(args.data_dir)
    conversations = sample(everything, args.limit, args.seed)
    if args.agreement and not args.judge:
        raise UserError("verdicts to hold a judge against, but no judge", where="--judge")
    verdicts = read_verdicts(args.agreement, everything) if args.agreement else []
    settings = settings_for(args.model, suite.context)
    with _engine(settings) as engine:
        name, sha256 = engine.model, engine.model_sha256
        path = args.out or kept_path(settings, suite.name, name, sha256[:8])
        head = {"suite": suite.name, "file": file, "model": name, "model_sha256": sha256, "form": suite.form}
        with open_kept(path, head) as kept:
            stopped = _answer_all(suite, conversations, engine, kept)
    if stopped:
        return _stopped(path)
    answers = {c: list(kept.records[c.id]["answers"]) for c in conversations}
    empty = sum(not text.strip() for texts in answers.values() for text in texts)
    outcome = Outcome(suite.name, file, name, sha256, suite.form, len(answers), str(path), empty, args.judge)
    try:
        outcome = _scored(outcome, suite, args, settings, answers, verdicts)
    except KeyboardInterrupt:
        return _stopped(path)
    print(_json(outcome) if args.json else _table(outcome))
    return 0


def _stopped(path: Path) -> int:
    print(f"stopped; the same command goes on, the answers are in {path}", file=sys.stderr)
    return STOPPED


def chat_suite(name: str) -> ChatSuite:
    """Return the suite of this name."""
    from slm_finetune.suites import logickor, mt_bench

    return {"mt-bench": mt_bench.SUITE, "logickor": logickor.SUITE}[name]


def _answer_all(suite: ChatSuite, conversations: Sequence[Conversation], engine: Engine, kept: Kept) -> bool:
    """Answer what is not kept yet; True where Ctrl-C came."""
    left = [c for c in conversations if c.id not in kept.records]
    progress, tokens = Progress(f"{suite.name} tokens an answer", len(left)), 0
    try:
        for done, conversation in enumerate(left, 1):
            answers, used = _answer(suite, conversation, engine)
            kept.keep(conversation.id, {"group": conversation.group, "answers": answers})
            tokens += used
            progress.show(done, partial(float, tokens / done))
    except KeyboardInterrupt:
        return True
    finally:
        progress.end()
    return False


def _answer(suite: ChatSuite, conversation: Conversation, engine: Engine) -> tuple[list[str], int]:
    """Return the answers of all turns; one whose dialogue does not fit any more is empty."""
    messages: list[dict[str, str]] = []
    answers, tokens = [], 0
    sampling = Sampling(suite.max_tokens, conversation.temperature, SEED)
    for turn in conversation.turns:
        messages.append({"role": "user", "content": turn})
        try:
            reply = engine.chat(messages, sampling=sampling)
        except PromptTooLong:
            answers.append("")
            continue
        answers.append(reply.text)
        tokens += reply.usage.generated
        messages.append({"role": "assistant", "content": reply.text})
    return answers, tokens


def _scored(
    outcome: Outcome,
    suite: ChatSuite,
    args: argparse.Namespace,
    settings: Settings,
    answers: Mapping[Conversation, Sequence[str]],
    verdicts: Verdicts,
) -> Outcome:
    """Score, or say why not."""
    if not args.judge:
        return replace(outcome, reason="no --judge is named")
    if len(verdicts) < LEAST:
        what = f"only {len(verdicts)} verdicts of people" if verdicts else "no --agreement with people"
        return replace(outcome, reason=f"{what}; the judge must be held against at least {LEAST}")
    prompt = suite.judge_prompt(args.data_dir)
    with _judge_engine(args.judge, settings) as engine:
        if (engine.model, engine.model_sha256) == (outcome.model, outcome.model_sha256):
            raise UserError("a model does not judge itself", where="--judge", expected="a larger one")
        head = {"suite": suite.name, "judge": engine.model, "judge_sha256": engine.model_sha256}
        name = "".join(c if c.isalnum() else "_" for c in engine.model)
        with open_kept(Path(outcome.answers).with_suffix(f".judged_by_{name}.jsonl"), head) as kept:
            return _judged(
                replace(outcome, judge=engine.model), Judge(engine, prompt, kept), answers, verdicts
            )


def _judged(
    outcome: Outcome, judge: Judge, answers: Mapping[Conversation, Sequence[str]], verdicts: Verdicts
) -> Outcome:
    agreement = measure_agreement(judge, verdicts)
    if agreement is None:
        return replace(outcome, reason=f"fewer than {LEAST} verdicts of people name a winner")
    outcome = replace(outcome, agreement=agreement.line)
    if agreement.value < BAR:
        return replace(outcome, reason=f"the judge does not agree with people: {agreement.line}")
    ratings = _ratings(judge, answers)
    asked, rated = sum(len(c.turns) for c in answers), sum(map(len, ratings.values()))
    if rated < (1 - _UNRATED) * asked:
        return replace(outcome, reason=f"the judge gave a rating for {rated} of {asked} answers only")
    return replace(outcome, figures=_figures(ratings))


def _ratings(judge: Judge, answers: Mapping[Conversation, Sequence[str]]) -> dict[Conversation, list[float]]:
    progress, found = Progress("judging, mean rating", len(answers)), dict[Conversation, list[float]]()
    for done, (conversation, said) in enumerate(answers.items(), 1):
        rated = [judge.rate(conversation, said, turn) for turn in range(len(conversation.turns))]
        found[conversation] = [value for value in rated if value is not None]
        values = [value for each in found.values() for value in each]
        progress.show(done, partial(float, sum(values) / max(len(values), 1)))
    progress.end()
    return found


def _figures(ratings: Mapping[Conversation, Sequence[float]]) -> tuple[Figure, ...]:
    """By category and over all; the interval is over questions, whose turns depend on each other."""
    groups: dict[str, list[Sequence[float]]] = {}
    for conversation, values in ratings.items():
        if values:
            groups.setdefault(conversation.group, []).append(values)
    groups["all"] = [values for each in list(groups.values()) for values in each]
    return tuple(
        Figure(group, "rating", sum(map(len, each)), mean([sum(values) / len(values) for values in each]))
        for group, each in groups.items()
    )


def _engine(settings: Settings) -> LlamaEngine | RemoteEngine:
    from slm_core.engine import open_engine

    print(f"loading {settings.model}", file=sys.stderr, flush=True)
    return open_engine(settings)


def _judge_engine(name: str, settings: Settings) -> LlamaEngine | RemoteEngine:
    """`http://host:8000/v1`, with `#model` where it has several, or a catalog name or file."""
    from slm_core.engine import open_local
    from slm_core.engine.remote import RemoteEngine

    print(f"loading the judge {name}", file=sys.stderr, flush=True)
    if name.startswith(("http://", "https://")):
        url, _, model = name.partition("#")
        return RemoteEngine(url, model=model or None, offline=settings.offline)
    return open_local(settings, name, {})


def _table(outcome: Outcome) -> str:
    lines = [
        f"{outcome.suite} {outcome.file}: {outcome.answered} conversations answered, in {outcome.answers}",
        f"asked: {outcome.form}",
        f"model: {outcome.model} (sha256 {outcome.model_sha256[:12] or 'not known'})",
    ]
    if outcome.empty:
        lines.append(
            f"{outcome.empty} answers are empty (the model said nothing, or the dialogue did not fit)"
        )
    if outcome.reason:
        lines.append(f"not scored: {outcome.reason}")
    else:
        lines += [f"judged by {outcome.judge}, {outcome.agreement}", ""]
        lines += [_line(figure) for figure in outcome.figures]
    if outcome.file in _OWN:  # Vicuna-80 is no MT-Bench
        known = published(outcome.suite, outcome.model)
        lines += [f"published: {p.value:g} {p.what} ({p.source})" for p in known]
    return "\n".join(lines)


def _line(figure: Figure) -> str:
    value = figure.value
    return (
        f"{figure.group:<14} {figure.n:>4} ratings  {value.value:5.2f}  [{value.low:.2f}, {value.high:.2f}]"
    )


def _json(outcome: Outcome) -> str:
    figures = {
        f.group: {"n": f.n, "value": f.value.value, "ci95": [f.value.low, f.value.high]}
        for f in outcome.figures
    }
    score = figures["all"]["value"] if figures else None
    return json.dumps({**vars(outcome), "figures": figures, "score": score}, ensure_ascii=False)
