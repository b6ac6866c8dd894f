"""A command as a row of the dataset."""

from __future__ import annotations

from slm_core.dataset.row import Message, Row
from slm_core.domain import TextRequest
from slm_energy.command import action


def command_row(text: str, command: action.Command, lang: str, source: str, licence: str, group: str) -> Row:
    """Return one row of the task `command`.

    Raises:
        ValueError: a span does not quote the text.
    """
    messages = (
        Message(role="system", content=action.PROMPT),
        Message(role="user", content=text),
        Message(role="assistant", content=action.encode_command(command, TextRequest(text=text))),
    )
    return Row(messages=messages, task="command", lang=lang, source=source, licence=licence, group=group)
