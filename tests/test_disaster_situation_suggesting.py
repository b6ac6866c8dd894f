"""The draft that an incident suggests: what of its report goes into a Korean and an English text."""

from __future__ import annotations

import pytest
from disaster_stream import Room

from slm_disaster.alerts.draft import Draft
from slm_disaster.situation import incidents
from slm_disaster.situation.notes import noted
from slm_disaster.situation.scope import Scoped
from slm_disaster.situation.suggesting import suggested_draft


def drafted(*texts: str, **rest: str) -> Draft:
    room = Room()
    for minute, text in enumerate(texts):
        room.tell(text, minute, official=True, **rest)
    incident = incidents.load(room.only["id"], Scoped(room.memory, "live"))
    draft = suggested_draft(incident) if incident else None
    assert draft is not None
    return draft


def unnamed(draft: Draft) -> list[str]:
    return [note for note in draft.notes if "no Korean name" in note]


def test_an_english_report_names_its_place_in_korean_in_the_korean_text() -> None:
    draft = drafted("Flooding in Samcheok, 3 people dead. Residents are ordered to evacuate.")
    for name in ("sms_90", "sms_157", "caption_ko"):
        assert "강원특별자치도 삼척시" in draft.texts[name].text and "Samcheok" not in draft.texts[name].text
    assert "Samcheok-si" in draft.texts["caption_en"].text
    assert draft.info[0].area[0].area_desc == "강원특별자치도 삼척시"
    assert not unnamed(draft) and any("romanised by rule" in note for note in draft.notes)


def test_of_a_place_and_its_province_the_korean_text_says_the_place_once() -> None:
    draft = drafted("A wildfire broke out near Samcheok, Gangwon Province, on Tuesday. 3 people dead.")
    assert (
        draft.texts["sms_157"].text.count("강원특별자치도") == 1 and "삼척시" in draft.texts["sms_157"].text
    )


def test_a_place_written_in_both_languages_is_said_once() -> None:
    draft = drafted("삼척시 침수로 사망 3명. Flooding in Samcheok, 3 people dead.")
    assert draft.texts["sms_157"].text.count("삼척시") == 1 and "Samcheok" not in draft.texts["sms_157"].text


def test_a_place_without_a_korean_name_is_kept_and_noted_in_both_languages() -> None:
    draft = drafted("Earthquake in Leogane, Haiti. 20 people dead.")
    assert "Leogane" in draft.texts["sms_157"].text
    assert unnamed(draft)[0] == "the place Leogane has no Korean name here: check it"
    assert "지명 Leogane" in noted(unnamed(draft)[0], "ko", lambda _, key: key)


@pytest.mark.parametrize(("rest", "says"), [({}, "Jung-gu"), ({"place": "부산"}, "부산광역시 중구")])
def test_an_ambiguous_name_is_only_taken_where_something_decides(rest: dict[str, str], says: str) -> None:
    draft = drafted("Flooding in Jung-gu, 3 people dead.", **rest)
    assert says in draft.texts["sms_157"].text and bool(unnamed(draft)) == (not rest)


def test_a_korean_report_keeps_its_own_words_for_a_place() -> None:
    draft = drafted("강릉시 옥계면 침수로 사망 3명")
    assert "강릉시 옥계면" in draft.texts["sms_157"].text and "강원" not in draft.texts["sms_157"].text
