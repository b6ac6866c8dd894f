"""The disaster domain as the core sees it."""

from __future__ import annotations

from pathlib import Path

from slm_core.domain import Domain, Task, TextRequest
from slm_disaster import information, informative, needs, one_label, record
from slm_disaster.alerts.sending import chores
from slm_disaster.damage.batch import batch
from slm_disaster.dataset import IMPORTERS, build_dataset
from slm_disaster.page import page
from slm_disaster.pipeline import INSIDE, STREAMS, handle
from slm_disaster.replay.readers import read_replay
from slm_disaster.replay.simulation import simulate
from slm_disaster.rules import combine, needs_by_rules, read_by_rules
from slm_disaster.rules.subjects import subjects
from slm_disaster.schema import Needs, Record
from slm_disaster.situation.asking import asks
from slm_disaster.situation.brief import report

RECORD = Task(
    name="record",
    titles={"ko": "상황 기록", "en": "Situation record"},
    request=TextRequest,
    reply=Record,
    prompt=record.PROMPT,
    instructions=record.INSTRUCTIONS,
    items=record.record_items,
    metric="micro_f1",
    schema=record.record_schema(),
    encode=record.encode_record,
    decode=record.decode_record,
    rules=lambda request: read_by_rules(request.text),
    combine=combine,
    max_tokens=320,
    severity=2,
)

NEEDS = Task(
    name="needs",
    titles={"ko": "필요한 도움", "en": "Needs"},
    request=TextRequest,
    reply=Needs,
    prompt=needs.PROMPT,
    instructions=needs.INSTRUCTIONS,
    items=needs.needs_items,
    metric="micro_f1",
    schema=needs.SCHEMA,
    encode=needs.encode_needs,
    decode=needs.decode_needs,
    rules=lambda request: needs_by_rules(request.text),
    stop_words=needs.STOP_WORDS,
    max_tokens=64,
    severity=2,
)

INFORMATIVE = Task(
    name="informative",
    titles={"ko": "정보 여부", "en": "Informativeness"},
    request=TextRequest,
    reply=informative.Informativeness,
    prompt=informative.PROMPT,
    instructions=informative.INSTRUCTIONS,
    items=one_label.items,
    metric="accuracy",
    schema=informative.SCHEMA,
    encode=one_label.encode,
    decode=one_label.decoder(informative.Informativeness, informative.Informative),
    rules=lambda request: informative.informative_by_rules(request.text),
    max_tokens=16,
    severity=0,
)

INFORMATION = Task(
    name="information",
    titles={"ko": "정보의 종류", "en": "Kind of information"},
    request=TextRequest,
    reply=information.InformationType,
    prompt=information.PROMPT,
    instructions=information.INSTRUCTIONS,
    items=one_label.items,
    metric="accuracy",
    schema=information.SCHEMA,
    encode=one_label.encode,
    decode=one_label.decoder(information.InformationType, information.Information),
    rules=lambda request: information.information_by_rules(request.text),
    max_tokens=16,
    severity=0,
)

DOMAIN = Domain(
    name="disaster",
    titles={"ko": "재난안전", "en": "Disaster safety"},
    chat_prompt={
        "ko": "당신은 재난 상황실을 돕습니다. 짧고 정확하게 답하고, 모르는 것은 모른다고 말하며, "
        "숫자를 지어내지 않습니다.",
        "en": "You help a disaster operations room. Answer briefly and exactly, say so when you do not know, "
        "and never invent a number.",
    },
    tasks=(RECORD, NEEDS, INFORMATIVE, INFORMATION),
    bases=("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct"),
    min_model="qwen2.5-coder-0.5b-instruct",
    build_dataset=build_dataset,
    package=Path(__file__).parent,
    importers=IMPORTERS,
    knowledge=Path("knowledge"),
    subjects=subjects,
    streams=STREAMS,
    inside=INSIDE,
    texts=("report/in",),
    handle=handle,
    asks=asks,
    replay=read_replay,
    simulate=simulate,
    report=report,
    batch=batch,
    chores=chores,
    page=page,
)
