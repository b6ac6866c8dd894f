"""The task `information`: the rules answer it, in Korean and English, until an adapter has learnt it."""

from __future__ import annotations

import json

import pytest

from slm_core.adapters import installed_adapter
from slm_core.domain import TextRequest, find_domain
from slm_core.settings import load_settings
from slm_disaster.information import Information, InformationType, information_by_rules

TASK = find_domain("disaster").task("information")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("다리 붕괴로 3명 숨지고 2명 실종", "affected_individuals"),
        ("Two people killed, five injured as the river burst its banks", "affected_individuals"),
        ("정전과 단수로 국도 통제, 복구 중", "infrastructure_and_utilities"),
        ("Highway closed, bridge damaged and no electricity downtown", "infrastructure_and_utilities"),
        ("이재민 돕기 성금과 구호물품을 모읍니다. 자원봉사 신청", "donations_and_volunteering"),
        ("Volunteers needed, please donate to the relief fund", "donations_and_volunteering"),
        ("호우경보 발령. 하천변에서 대피하고 외출을 삼가 바랍니다", "caution_and_advice"),
        ("Flood warning: avoid the river and be prepared to evacuate", "caution_and_advice"),
        ("희생자분들의 명복을 빕니다. 힘내세요, 응원합니다", "sympathy_and_support"),
        ("Praying for everyone, our thoughts are with you", "sympathy_and_support"),
        ("어제 새벽 규모 4.2 지진", "other_useful_information"),
        ("The wildfire is 40% contained", "other_useful_information"),
        ("점심 뭐 먹지", "not_applicable"),
        ("nice jacket", "not_applicable"),
    ],
)
def test_the_rules_tell_what_a_post_is_about(text: str, label: str) -> None:
    assert information_by_rules(text).label == label


@pytest.mark.parametrize("label", list(Information))
def test_each_kind_is_written_and_read_back_and_stands_in_the_instructions(label: Information) -> None:
    request = TextRequest(text="post")
    wire = TASK.write(InformationType(label=label), request)
    assert json.loads(wire) in TASK.wire_schema()["enum"]
    assert TASK.read(json.loads(wire), request).label is label
    assert TASK.items(TASK.read(json.loads(wire), request)) == {label.value}
    assert f"- {label}: " in TASK.instructions


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="weather"):
        TASK.read("weather", TextRequest(text="post"))


def test_the_shipped_adapter_says_that_it_has_not_learnt_this_task() -> None:
    adapter = installed_adapter(find_domain("disaster"), "qwen2.5-coder-0.5b-instruct", load_settings())
    assert adapter is not None and adapter.tasks == {"record", "needs"}


@pytest.mark.parametrize("name", ["information", "informative"])
def test_a_task_of_one_label_reads_back_what_it_wrote_and_refuses_what_is_no_label(name: str) -> None:
    task, request = find_domain("disaster").task(name), TextRequest(text="강릉 산불")
    assert task.schema is not None
    for label in task.schema["enum"]:
        reply = task.read(label, request)
        assert json.loads(task.write(reply, request)) == label and task.items(reply) == {label}
    for wrong in ("floods", ["not_related"], None, 3):
        with pytest.raises(ValueError):
            task.read(wrong, request)
