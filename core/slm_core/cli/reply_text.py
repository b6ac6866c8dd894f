"""A typed reply for people and for programs; it knows no domain, only the shape of pydantic models."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from typing import Any

from pydantic import BaseModel

from slm_core.engine.contract import Engine, Usage
from slm_core.expert import Answer

_SHOWN_HASH = 12  # characters; the whole one is in the JSON


def as_json(answer: Answer) -> dict[str, Any]:
    """Return the object that `slm ask --json` prints."""
    return {
        "reply": answer.reply.model_dump(mode="json"),
        "by": answer.by,
        "notes": list(answer.notes),
        "usage": asdict(answer.usage) if answer.usage else None,
        "model": answer.model,
        "model_sha256": answer.model_sha256,
        "adapter_sha256": answer.adapter_sha256,
    }


def as_lines(answer: Answer) -> list[str]:
    """Return what `slm ask` prints: the fields that are there, the notes, and who answered at what cost."""
    fields = [
        line for name in type(answer.reply).model_fields for line in _field(name, getattr(answer.reply, name))
    ]
    return [
        *(fields or ["(nothing found)"]),
        *(f"note: {note}" for note in answer.notes),
        f"-- {origin(answer)}",
    ]


def origin(answer: Answer) -> str:
    """Return who answered, with what, and what it cost, in one line."""
    if answer.model is None:
        return answer.by
    adapter = f"adapter {answer.adapter_sha256[:_SHOWN_HASH]}" if answer.adapter_sha256 else "no adapter"
    parts = [f"{answer.by}: {answer.model}", "adapter" if answer.adapter_sha256 == "" else adapter]
    return ", ".join(parts + ([cost(answer.usage)] if answer.usage else []))


def cost(usage: Usage) -> str:
    """Return tokens and times in words."""
    cached = f" ({usage.cached} cached)" if usage.cached else ""
    tokens = f"{usage.prompt} tokens read{cached}, {usage.generated} written"
    return f"{tokens}, first after {usage.first_token_s:.2f} s, all in {usage.total_s:.2f} s"


def choices(engine: Engine | None) -> list[str]:
    """Return what an engine in this process chose, with its reasons."""
    from slm_core.engine.llama import LlamaEngine

    if not isinstance(engine, LlamaEngine):
        return []
    return [
        f"context {engine.context} tokens a slot: {engine.context_reason}",
        f"threads {engine.threads}: {engine.threads_reason}",
    ]


def printable(text: str) -> str:
    """Return text that cannot steer a terminal: control characters but line ends and tabs are replaced."""
    return "".join(mark if mark.isprintable() or mark in "\n\t" else "\ufffd" for mark in text)


def _field(name: str, value: Any) -> list[str]:
    if value is None or value in ([], (), {}, ""):
        return []
    if isinstance(value, list | tuple):
        return [line for item in value for line in _field(name, item)]
    return [printable(f"{name}: {_shown(value)}")]


def _shown(value: Any) -> str:
    """A value found in the text comes with the words that give it."""
    span = getattr(value, "span", None)
    if span is not None and hasattr(span, "quote") and (hasattr(value, "value") or hasattr(value, "shown")):
        plain = value.shown if hasattr(value, "shown") else _shown(value.value)
        return plain if plain == span.quote else f'{plain}  "{span.quote}"'
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, BaseModel) and hasattr(value, "quote"):
        return f'"{value.quote}"'
    return value.model_dump_json() if isinstance(value, BaseModel) else str(value)
