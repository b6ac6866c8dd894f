"""What the expert of this domain does: reads commands, names what is wrong with a day of a meter."""

from __future__ import annotations

from slm_core.domain import Task, TextRequest
from slm_energy.command import action
from slm_energy.command.combining import combine
from slm_energy.command.peers import by_hassil
from slm_energy.command.rules import read_by_rules
from slm_energy.daycheck import label
from slm_energy.daycheck.summary import DaySummary

COMMAND = Task(
    name="command",
    titles={"ko": "기기 명령", "en": "Device command"},
    request=TextRequest,
    reply=action.Command,
    prompt=action.PROMPT,
    instructions=action.INSTRUCTIONS,
    items=action.command_items,
    metric="accuracy",
    schema=action.SCHEMA,
    encode=action.encode_command,
    decode=action.decode_command,
    rules=lambda request: read_by_rules(request.text),
    combine=combine,
    max_tokens=96,
    deadline_s=10.0,
    severity=2,
    peers={"hassil": by_hassil},
)

ANOMALY = Task(
    name="anomaly",
    titles={"ko": "하루 이상 징후", "en": "Day anomaly"},
    request=DaySummary,
    reply=label.DayLabel,
    prompt=label.PROMPT,
    instructions=label.INSTRUCTIONS,
    items=label.label_items,
    metric="accuracy",
    schema=label.SCHEMA,
    encode=label.encode_label,
    decode=label.decode_label,
    rules=label.label_by_rules,
    max_tokens=16,
    severity=1,
)
