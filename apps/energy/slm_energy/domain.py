"""The energy domain as the core sees it."""

from __future__ import annotations

from pathlib import Path

from slm_core.domain import Domain
from slm_energy.daily.batch import batch
from slm_energy.dataset import IMPORTERS, build_dataset
from slm_energy.ems.answering import answer
from slm_energy.ems.asking import asks
from slm_energy.ems.brief import report
from slm_energy.entities import ENTITIES
from slm_energy.openadr.clients import chores
from slm_energy.page import page
from slm_energy.pipeline import INSIDE, STREAMS, TEXTS, handle
from slm_energy.replay.readers import read_replay
from slm_energy.replay.simulation import simulate
from slm_energy.tasks import ANOMALY, COMMAND
from slm_energy.why.task import EXPLAIN

DOMAIN = Domain(
    name="energy",
    titles={"ko": "에너지 관리", "en": "Energy management"},
    chat_prompt={
        "ko": "당신은 건물과 공장의 에너지 담당자를 돕습니다. 짧고 정확하게 답하고, 모르는 것은 모른다고 "
        "말하며, 숫자를 지어내지 않습니다.",
        "en": "You help the energy manager of a building or factory. Answer briefly and exactly, say so when "
        "you do not know, and never invent a number.",
    },
    tasks=(COMMAND, EXPLAIN, ANOMALY),
    bases=("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct"),
    min_model="qwen2.5-coder-0.5b-instruct",
    build_dataset=build_dataset,
    package=Path(__file__).parent,
    importers=IMPORTERS,
    knowledge=Path("knowledge"),
    streams=STREAMS,
    inside=INSIDE,
    texts=TEXTS,
    handle=handle,
    asks=asks,
    at_work=answer,
    replay=read_replay,
    simulate=simulate,
    demo_speed=600.0,
    entities=ENTITIES,
    report=report,
    chores=chores,
    batch=batch,
    page=page,
)
