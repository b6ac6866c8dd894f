"""Messages to prompt text, with the model's own chat template.

Training renders with Transformers, the device with this file; both must give the same characters, so the
template runs in the environment that Transformers documents for templates: jinja2's sandbox, trimmed blocks,
loop controls, `tojson` that leaves Hangul alone, `raise_exception`, `strftime_now`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from slm_core.engine.contract import Messages
from slm_core.errors import UserError
from slm_core.gguf_head import Header


class PromptFormat:
    """The chat template of one model.

    Text of a message is data: where it spells a control token of the model (`<|im_end|>`), a space breaks the
    spelling, so that nobody outside can end a turn or open a system one.
    """

    def __init__(self, template: str | None, special: Mapping[str, str], control: Sequence[str]) -> None:
        self._template = _environment().from_string(template) if template else None
        self._special = dict(special)
        self._control = [token for token in control if len(token) > 1]

    @classmethod
    def of(cls, header: Header) -> PromptFormat:
        """Take template and tokens from a GGUF file's head."""
        template = header.values.get("tokenizer.chat_template")
        return cls(template, header.special_tokens(), header.control_tokens)

    def render(self, messages: Messages) -> str:
        """Return the prompt up to where the assistant begins to speak.

        Raises:
            UserError: the model has no chat template, a message is no text, or the template refuses the
                messages.
        """
        if not messages:
            raise UserError("there is no message", where="messages", expected="at least one")
        if self._template is None:
            raise UserError(
                "this model has no chat template (it is a base model, not an instruct one)", where="--model"
            )
        plain = [{"role": message["role"], "content": self.defuse(_text(message))} for message in messages]
        try:
            return self._template.render(
                messages=plain, tools=None, documents=None, add_generation_prompt=True, **self._special
            )
        except jinja2.TemplateError as error:
            raise UserError(
                f"the model's chat template refuses these messages: {error}", where="--model"
            ) from error

    def defuse(self, text: str) -> str:
        """Return `text` with a space inside each control token that it spells."""
        for token in self._control:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text


def _text(message: Mapping[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    kinds = {str(part.get("type")) for part in content if isinstance(part, Mapping)} - {"text"}
    if kinds:
        raise UserError(
            f"this model reads text only and was given {', '.join(sorted(kinds))}",
            where="messages",
            mend="point SLM_ENGINE at a server whose model sees",
        )
    return "".join(part["text"] for part in content)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


class _Generation(jinja2.ext.Extension):
    """`{% generation %}` marks the assistant's words for training; in a prompt it is only its body."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: jinja2.parser.Parser) -> jinja2.nodes.Node | list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _strftime_now(format_: str) -> str:
    return datetime.now().strftime(format_)
