"""Two tries for a typed reply: greedy as asked, then a little warmer with another seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from slm_core.engine.contract import InvalidReply, Reply, Sampling, Usage
from slm_core.engine.schema import parse

WARMER = 0.4  # temperature of the second try


def settle(ask: Callable[[Sampling], Reply], sampling: Sampling, schema: Mapping[str, Any]) -> Reply:
    """Return a reply whose `value` is valid.

    Args:
        ask: draws one reply.
        sampling: of the first try.
        schema: compacted; both tries are held against it.

    Raises:
        InvalidReply: neither try is valid; the message carries both texts.
    """
    first = ask(sampling)
    try:
        return replace(first, value=parse(first.text, schema))
    except ValueError:
        second = ask(replace(sampling, temperature=max(WARMER, sampling.temperature), seed=sampling.seed + 1))
    try:
        value = parse(second.text, schema)
    except ValueError as error:
        raise InvalidReply(
            f"no valid reply in two tries ({error})\n  first:  {first.text}\n  second: {second.text}"
        ) from error
    return replace(second, value=value, usage=_sum(first.usage, second.usage), retried=True)


def _sum(one: Usage, two: Usage) -> Usage:
    return Usage(
        prompt=one.prompt + two.prompt,
        cached=one.cached + two.cached,
        generated=one.generated + two.generated,
        first_token_s=one.first_token_s,
        total_s=one.total_s + two.total_s,
    )
