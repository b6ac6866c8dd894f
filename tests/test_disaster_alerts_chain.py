"""A person approves, updates and cancels; the log remembers it and notices what is done to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("lxml")

from slm_core.errors import UserError
from slm_disaster.alerts.cap import parse_alert
from slm_disaster.alerts.chain import AlertChain, Approved, Author, preview
from slm_disaster.alerts.draft import Cancelling, Draft, choices_of, draft_alert
from slm_disaster.alerts.log import LogBroken, open_log, read_log
from slm_disaster.alerts.message import KST, MsgType, Status
from slm_disaster.rules import read_by_rules

REPORT = "오늘 06시 강릉시 옥계면 침수로 사망 2명, 부상 3명. 도로 통제"
NOW = datetime(2026, 11, 22, 7, 0, tzinfo=KST)


def draft(report: str = REPORT, status: str = "Actual", expires: str = "2026-11-22T19:00:00+09:00") -> Draft:
    choices = choices_of(
        status=status,
        sender="room@gangneung.example",
        agency_ko="강릉시",
        agency_en="Gangneung City",
        urgency="Immediate",
        severity="Severe",
        certainty="Observed",
        expires=expires,
    )
    return draft_alert(read_by_rules(report), choices)


@pytest.fixture
def chain(tmp_path: Path) -> AlertChain:
    return AlertChain(tmp_path / "alerts.jsonl")


def after(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def references(approved: Approved) -> list[str]:
    return [str(each) for each in parse_alert(approved.xml.encode()).references]


def test_disaster_function_02_an_approved_draft_is_valid_cap_in_both_languages(chain: AlertChain) -> None:
    alert = parse_alert(chain.approve(draft(), "kim.h", NOW).xml.encode())
    assert (alert.status, alert.msg_type, alert.sent) == ("Actual", "Alert", "2026-11-22T07:00:00+09:00")
    assert [info.language for info in alert.info] == ["ko-KR", "en-US"]
    assert alert.note is None


def test_disaster_function_02_a_preview_is_valid_cap_that_nobody_can_take_for_actual() -> None:
    alert = parse_alert(preview(draft(), NOW))
    assert (alert.status, len(alert.info)) == (Status.DRAFT, 2)
    with pytest.raises(UserError, match="missing: where"):
        preview(draft("오늘 06시 침수"), NOW)


def test_disaster_function_02_a_failing_draft_cannot_be_approved(chain: AlertChain) -> None:
    with pytest.raises(UserError, match="missing: where"):
        chain.approve(draft("오늘 06시 침수"), "kim.h", NOW)
    assert read_log(chain.path) == []


def test_disaster_function_04_update_and_cancel_keep_every_message_in_force_in_references(
    chain: AlertChain,
) -> None:
    first = chain.approve(draft(expires="2026-11-22T08:00:00+09:00"), "kim.h", NOW)
    second = chain.update(
        first.identifier, draft("오늘 07시 강릉시 옥계면 침수로 사망 4명"), "lee.j", after(10)
    )
    third = chain.update(second.identifier, draft("오늘 07시 30분 강릉시 옥계면 침수"), "lee.j", after(30))
    assert references(second) == [f"room@gangneung.example,{first.identifier},2026-11-22T07:00:00+09:00"]
    assert references(third) == [str(first.reference()), str(second.reference())]
    cancelled = chain.cancel(first.identifier, Cancelling.ENDED, "kim.h", after(120))
    assert references(cancelled) == [str(second.reference()), str(third.reference())]  # the first has expired
    alert = parse_alert(cancelled.xml.encode())
    assert (alert.msg_type, alert.info[0].urgency, alert.info[0].response_type) == (
        "Cancel",
        "Past",
        ("AllClear",),
    )
    assert "상황이 끝나 알림을 취소합니다" in cancelled.draft.texts["sms_90"].text
    assert chain.in_force(after(121)) == []


def test_disaster_function_04_cancelling_an_unknown_or_ended_alert_is_refused(chain: AlertChain) -> None:
    with pytest.raises(UserError, match="no alert 'slm-1' was ever approved here"):
        chain.cancel("slm-1", Cancelling.ERROR, "kim.h", NOW)
    first = chain.approve(draft(), "kim.h", NOW)
    with pytest.raises(UserError, match=f"did you mean {first.identifier}"):
        chain.cancel(first.identifier[:-1], Cancelling.ERROR, "kim.h", NOW)
    chain.cancel(first.identifier, Cancelling.ERROR, "kim.h", after(1))
    with pytest.raises(UserError, match="was cancelled at 2026-11-22T07:01:00"):
        chain.cancel(first.identifier, Cancelling.ENDED, "kim.h", after(2))
    with pytest.raises(UserError, match="was cancelled"):
        chain.update(first.identifier, draft("오늘 08시 강릉시 옥계면 침수"), "kim.h", after(2))


def test_disaster_function_04_what_has_expired_is_neither_updated_nor_approved(chain: AlertChain) -> None:
    first = chain.approve(draft(), "kim.h", NOW)
    with pytest.raises(UserError, match="has expired"):
        chain.cancel(first.identifier, Cancelling.ENDED, "kim.h", after(24 * 60))
    with pytest.raises(UserError, match="before its approval"):
        chain.approve(draft("오늘 08시 강릉시 침수"), "kim.h", after(24 * 60))


def test_disaster_function_05_an_exercise_stays_an_exercise_along_its_chain(chain: AlertChain) -> None:
    exercise = chain.approve(draft(status="Exercise"), "kim.h", NOW)
    with pytest.raises(UserError, match="of status Exercise, the draft of status Actual"):
        chain.update(exercise.identifier, draft("오늘 08시 강릉시 침수"), "kim.h", after(1))
    alert = parse_alert(chain.cancel(exercise.identifier, Cancelling.ENDED, "kim.h", after(2)).xml.encode())
    assert (alert.status, alert.note) == (Status.EXERCISE, "[훈련] EXERCISE")
    assert all("훈련" in (info.headline or "") or "EXERCISE" in (info.headline or "") for info in alert.info)


def test_disaster_function_05_a_status_exchanged_in_a_draft_is_refused(chain: AlertChain) -> None:
    exercise = draft(status="Exercise")
    leaked = exercise.model_copy(
        update={"choices": exercise.choices.model_copy(update={"status": Status.ACTUAL})}
    )
    with pytest.raises(UserError, match="was not filled in for status Actual"):
        chain.approve(leaked, "kim.h", NOW)
    renumbered = leaked.choices.model_copy(update={"entry": "Actual-1"})
    with pytest.raises(UserError, match="was changed after it was made"):
        chain.approve(leaked.model_copy(update={"choices": renumbered}), "kim.h", NOW)
    assert read_log(chain.path) == []


def test_disaster_function_05_what_a_running_exercise_says_is_not_approved_as_actual(
    chain: AlertChain,
) -> None:
    exercise = chain.approve(draft(status="Exercise"), "kim.h", NOW)
    with pytest.raises(UserError, match="it cannot become Actual"):
        chain.approve(draft(status="Actual"), "kim.h", after(1))
    chain.cancel(exercise.identifier, Cancelling.ENDED, "kim.h", after(2))
    assert chain.approve(draft(status="Actual"), "kim.h", after(3)).status is Status.ACTUAL


def test_disaster_function_10_approving_twice_gives_one_id_and_one_line(chain: AlertChain) -> None:
    same = draft()
    first = chain.approve(same, "kim.h", NOW)
    restored = Draft.model_validate_json(same.model_dump_json())  # as after a restart
    again = AlertChain(chain.path).approve(restored, "kim.h", after(5))
    assert again == first
    assert len(read_log(chain.path)) == 1
    gone = chain.cancel(first.identifier, Cancelling.ENDED, "kim.h", after(6))
    assert chain.cancel(first.identifier, Cancelling.ENDED, "kim.h", after(7)) == gone
    assert [line.kind for line in read_log(chain.path)] == ["approved", "approved"]


def test_disaster_function_10_the_same_text_in_a_new_form_is_a_duplicate_for_24_hours(
    chain: AlertChain,
) -> None:
    far = "2026-11-30T00:00:00+09:00"
    first = chain.approve(draft(expires=far), "kim.h", NOW)
    with pytest.raises(UserError, match=f"approved at {first.sent} by kim.h".replace("+", r"\+")):
        chain.approve(draft(expires=far), "lee.j", after(60))
    assert chain.approve(draft(expires=far), "lee.j", after(24 * 60)).identifier != first.identifier


def test_disaster_function_12_the_log_says_who_approved_what_when_and_which_model_wrote_it(
    chain: AlertChain,
) -> None:
    author = Author(model="a" * 64, adapter="b" * 64)
    chain.approve(draft(), "kim.h", NOW, author)
    chain.approve(draft("오늘 06시 속초시 산불"), "lee.j", after(1))
    first, second = (line.content for line in read_log(chain.path))
    assert (first["operator"], first["at"]) == ("kim.h", "2026-11-22T07:00:00+09:00")
    assert first["author"] == {"model": "a" * 64, "adapter": "b" * 64}
    assert "강릉시 옥계면" in first["draft"]["texts"]["sms_90"]["text"]
    assert second["author"] == {"model": "rules", "adapter": "rules"}


@pytest.mark.parametrize("operator", ["", " ", "a", "kim h", "x\n"])
def test_an_approval_without_an_operator_is_refused(chain: AlertChain, operator: str) -> None:
    with pytest.raises(UserError, match="no operator id"):
        chain.approve(draft(), operator, NOW)


def test_disaster_function_12_an_edited_line_is_noticed_and_nothing_is_written_after_it(
    chain: AlertChain,
) -> None:
    chain.approve(draft(), "kim.h", NOW)
    chain.approve(draft("오늘 06시 속초시 산불"), "lee.j", after(1))
    chain.approve(draft("오늘 06시 춘천시 산불"), "lee.j", after(2))
    whole = chain.path.read_text()
    lines = whole.splitlines(keepends=True)
    for changed, line in (
        (whole.replace("kim.h", "lim.h"), 2),
        (lines[0] + lines[2], 2),
        (lines[1] + lines[0] + lines[2], 1),
        (lines[0] + "\n" + lines[1], 2),
        (whole.replace("춘천", "원주"), 3),
        (lines[0] + lines[1], 2),
        ("", 0),
    ):
        chain.path.write_text(changed)
        with pytest.raises(LogBroken) as broken:
            chain.approve(draft("오늘 06시 원주시 산불"), "kim.h", after(3))
        assert broken.value.line == line
        assert chain.path.read_text() == changed


@pytest.mark.parametrize("kept", [1, 20, 500, -2, -1])
def test_disaster_function_12_a_half_written_line_is_set_aside_and_said(chain: AlertChain, kept: int) -> None:
    chain.approve(draft(), "kim.h", NOW)
    whole = chain.path.read_bytes()
    head = chain.path.with_name("alerts.jsonl.head").read_bytes()
    second = draft("오늘 06시 속초시 산불")
    chain.approve(second, "lee.j", after(1))
    torn = chain.path.read_bytes()[len(whole) :][:kept]
    chain.path.write_bytes(whole + torn)
    chain.path.with_name("alerts.jsonl.head").write_bytes(head)
    lines = read_log(chain.path)
    assert [line.kind for line in lines] == ["approved", "recovered"]
    assert chain.path.with_name(lines[1].content["file"]).read_bytes() == torn
    assert chain.approve(second, "lee.j", after(1)).operator == "lee.j"
    assert [line.kind for line in read_log(chain.path)] == ["approved", "recovered", "approved"]


WRITER = """
import sys
from pathlib import Path
from slm_disaster.alerts.log import open_log
for number in range(100_000):
    with open_log(Path(sys.argv[1])) as log:
        log.append("approved", {"number": number, "text": "홍수" * 400})
    print(number, flush=True)
"""


def test_disaster_function_12_a_process_killed_while_writing_loses_nothing_it_has_confirmed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "alerts.jsonl"
    confirmed = -1
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(10):
            confirmed = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.communicate()[0].split()
        confirmed = int(rest[-1]) if rest else confirmed
        lines = read_log(path)
        assert confirmed in [line.content.get("number") for line in lines[-3:]]
    with open_log(path) as log:
        assert log.append("approved", {"number": -1}).n == len(lines) + 1


def test_two_rooms_on_one_log_see_each_other(chain: AlertChain) -> None:
    first = chain.approve(draft(), "kim.h", NOW)
    other = AlertChain(chain.path)
    other.update(first.identifier, draft("오늘 07시 강릉시 옥계면 침수"), "lee.j", after(1))
    assert [each.msg_type for each in chain.in_force(after(2))] == [MsgType.UPDATE]


def test_the_log_is_plain_json_lines(chain: AlertChain) -> None:
    chain.approve(draft(), "kim.h", NOW)
    line = json.loads(chain.path.read_text())
    assert list(line) == ["n", "previous", "kind", "content"]
    assert line["previous"] == "0" * 64
