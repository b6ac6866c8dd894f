"""The energy page: what a person sees, asks and decides. The browser has test_ui_energy_browser.py."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import energy_page
import pytest
from energy_page import (
    DEVICES,
    LOW_KW,
    MIDNIGHT,
    NOW,
    SCRIPT,
    at_work,
    handled,
    live_of,
    planned,
    problem_of,
    put,
)

import slm_energy.page.words as words_module
from slm_core.bus import Store
from slm_core.errors import UserError
from slm_core.event import Event
from slm_core.ui.live import Live
from slm_energy.ems.book import Book
from slm_energy.page.bill import Desk as BillDesk
from slm_energy.page.billview import account_list
from slm_energy.page.data import Desk as DataDesk
from slm_energy.page.dataview import reading_view
from slm_energy.page.grid import Desk as GridDesk
from slm_energy.page.grid import grid_view
from slm_energy.page.layout import line_of_site
from slm_energy.page.month import month_so_far
from slm_energy.page.orders import Desk as OrderDesk
from slm_energy.page.orders import order_list
from slm_energy.page.planview import plan_view
from slm_energy.page.room import Room
from slm_energy.page.saving import Desk as SavingDesk
from slm_energy.page.telling import tell
from slm_energy.page.whatif import Desk as SliderDesk
from slm_energy.page.whatif import Wish, wished
from slm_energy.page.why import Desk as WhyDesk
from slm_energy.page.why import suggestions
from slm_energy.page.words import Words
from slm_energy.page.working import at_work as working_on
from slm_energy.plan.store import to_json
from slm_energy.tariff import bill
from slm_energy.why.explaining import explain

pytest.importorskip("cvxpy", reason="the extra energy is not installed")
pytest.importorskip("gradio", reason="the extra ui is not installed")
KO, EN = Words("ko"), Words("en")
BOTH = pytest.mark.parametrize("words", [KO, EN], ids=["ko", "en"])


@pytest.fixture
def told() -> list[Event]:
    """What the page handed to the runtime."""
    return []


@pytest.fixture
def live(slm_home: Path, told: list[Event]) -> Iterator[Live]:
    with Store(slm_home / "energy.sqlite") as store:
        yield live_of(store, slm_home, told, recorded=True)


@pytest.fixture
def room(live: Live) -> Room:
    """The site at work."""
    put(live, at_work)
    return Room(live)


def text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<svg.*?</svg>", "", html))).split())


def last(lines: Iterator[Any]) -> Any:
    return list(lines)[-1]


@BOTH
def test_a_page_opened_before_anything_happened_says_what_is_missing(live: Live, words: Words) -> None:
    room = Room(live)
    now = room.now()
    assert words["no_site"] in text(plan_view(now, words)) and words["no_site"] in text(
        line_of_site(now, words)
    )
    assert words["no_orders"] in text(order_list(now, words))
    assert words["no_readings"] in text(reading_view(now, words))
    assert words["no_accounts"] in text(account_list(now, words))
    assert suggestions(now, words) == ""
    assert words["no_plan"] in text(last(WhyDesk(room, words).answer("왜?"))[0])
    assert words["no_plan"] in text(last(SliderDesk(room, words).solve(*SLIDERS)))
    assert words["no_devices"] in text(OrderDesk(room, words).look("불 꺼 줘"))
    assert words["no_site"] in text(BillDesk(room, words).month("general-b-hv-a-2"))


@BOTH
def test_the_plan_stands_beside_the_same_hours_without_planning(room: Room, words: Words) -> None:
    plan = planned()
    assert plan.cost is not None
    html = plan_view(room.now(), words)
    seen = text(html)
    for cost in (plan.cost_before, plan.cost):
        assert words.amount(cost.total, "원") in seen and words.amount(cost.peak_kw, "kW") in seen
    assert words.amount(plan.cost.total - plan.cost_before.total, "원", signed=True).startswith("-")
    assert words["schedule"] in seen and "건조기" in seen and "전기차" in seen
    assert html.count('<svg class="slm-chart"') == 3
    assert f">{words['peak_limit'].format(kw='15.0 kW')}</text>" in html
    assert '<line class="now"' in html and words["charge"] in seen
    assert ("부하: 지난주와 같게" if words is KO else "load: as last week") in seen


def test_the_last_safe_plan_is_said_to_be_one_and_where_to_ask_why(live: Live, room: Room) -> None:
    said = {
        "ko": "모든 제한을 지키는 계획이 없음: 마지막 안전 계획을 따름",
        "en": "-",
        "status": "fallback",
        "at": "-",
    }

    def fail(book: Book) -> None:
        book.keep("plan/said", said)
        book.keep("plan/current", to_json(replace(planned(), status="fallback")).decode())
        book.keep("plan/asked", to_json(planned(LOW_KW)).decode())

    put(live, fail)
    html = plan_view(room.now(), KO)
    assert '<p class="slm-warning" role="status">모든 제한을 지키는 계획이 없음: 마지막 안전' in html
    assert "'왜?' 탭" in text(html) and text(html).count("계획 없이") > 2, (
        "the figures of what is followed stay"
    )


def test_guard_and_requests_of_the_grid_operator_are_on_the_plan(live: Live, room: Room) -> None:
    request = {
        "name": f"절감 {SCRIPT}", "start": "2026-07-15T05:00:00+00:00", "end": "2026-07-15T06:00:00+00:00",
        "accept": False, "ko": "예비량이 모자랍니다", "en": "not enough in reserve",
    }  # fmt: skip

    def put_both(book: Book) -> None:
        book.keep("guard", {"severity": 2, "ko": "이 15분의 예상 평균 20.0 kW", "en": "heading for 20.0 kW"})
        book.keep("grid_event/vtn/1", request)

    put(live, put_both)
    html = plan_view(room.now(), KO)
    assert "예상 평균 20.0 kW" in text(html) and "slm-severity-2" in html
    assert "07-15 14:00–15:00 거절 예비량이 모자랍니다" in text(html)
    assert "declined not enough in reserve" in text(plan_view(room.now(), EN))
    assert "<script" not in html


def test_a_script_in_any_name_never_becomes_markup(live: Live, room: Room) -> None:
    def poison(book: Book) -> None:
        book.learn(energy_page.small_site(name=SCRIPT.replace("/", "|")))
        book.keep(
            "findings", [{"time": NOW.isoformat(), "meter": SCRIPT, "code": "x", "ko": SCRIPT, "en": SCRIPT}]
        )
        book.keep("anomaly/1", {"start": NOW.isoformat(), "end": NOW.isoformat(), "ko": SCRIPT, "en": SCRIPT})
        book.keep("home", {**DEVICES, "ko": SCRIPT})
        book.keep("plan/notes", [{"ko": SCRIPT, "en": SCRIPT}])

    put(live, poison)
    handled(
        live,
        Event(
            stream="command/in",
            kind="command",
            source="t",
            time=NOW,
            payload={"text": f"에어컨 꺼 줘 {SCRIPT}"},
        ),
    )
    now = room.now()
    pages = [view(now, KO) for view in (plan_view, line_of_site, reading_view, order_list)]
    pages += [OrderDesk(room, KO).look(SCRIPT), last(WhyDesk(room, KO).answer(SCRIPT))[0]]
    pages += [
        BillDesk(room, KO).table(SCRIPT, SCRIPT),
        BillDesk(room, KO).replay("residential-low", SCRIPT, ""),
    ]
    assert not any("<script" in each for each in pages)
    assert "&lt;script&gt;" in pages[0] and "&lt;script&gt;" in pages[2]


SLIDERS = (True, 15.0, 10.0, "전기차", 20.0, 7.0, 1.0)


def test_the_sliders_change_the_problem_and_nothing_else() -> None:
    problem = problem_of(energy_page.small_site())
    asked = wished(problem, Wish(False, 99.0, 30.0, "전기차", 12.0, 6.5, 1.5))
    assert asked.site.peak_kw is None and asked.site.battery is not None
    assert asked.site.battery.reserve == pytest.approx(0.3)
    assert (asked.site.cars[0].needs_kwh, f"{asked.site.cars[0].leaves:%H:%M}") == (12.0, "06:30")
    assert asked.price.values[0] == pytest.approx(150.0) and asked.load == problem.load
    with pytest.raises(UserError, match="reserve must be below full"):
        wished(problem, Wish(True, 15, 100.0, None, 0, 0, 1))


@BOTH
def test_what_if_is_solved_beside_the_plan_in_force_and_never_followed(
    live: Live, room: Room, told: list[Event], words: Words
) -> None:
    before = live.read(lambda memory: memory.get("plan/current"))
    steps = list(SliderDesk(room, words).solve(True, 15.0, 10.0, "전기차", 0.0, 7.0, 1.0))
    assert words["working"].split("{")[0].strip() in text(steps[0]), "it says that it works before it does"
    plan = planned()
    assert plan.cost is not None
    assert words.amount(plan.cost.total, "원") in text(steps[-1]) and words["not_followed"] in text(steps[-1])
    assert words.amount(-20 / 0.92, "kWh", signed=True) in text(steps[-1]), "a car that needs nothing"
    assert live.read(lambda memory: memory.get("plan/current")) == before and told == []


def test_a_what_if_that_nothing_keeps_names_the_limits_and_the_smallest_relaxation(room: Room) -> None:
    shown = text(last(SliderDesk(room, KO).solve(True, LOW_KW, *SLIDERS[2:])))
    assert "이 조건을 모두 지키는 계획은 없습니다" in shown
    assert "피크 한도 5.0 kW" in shown and "올리면 됩니다" in shown


@BOTH
def test_every_question_that_the_page_proposes_is_one_that_the_plan_answers(room: Room, words: Words) -> None:
    asked = [
        unescape(each)
        for each in re.findall(r'data-choose="question:([^"]+)"', suggestions(room.now(), words))
    ]
    assert len(asked) >= 4
    for question in asked:
        reason = explain(question, planned(), words.lang)
        assert reason.facts, f"{question}: {reason.text}"


@BOTH
def test_a_reply_shows_the_facts_it_is_made_of(room: Room, words: Words) -> None:
    shown, conflict, _, _ = last(WhyDesk(room, words).answer(words["why_cost"]))
    plan = planned()
    assert plan.cost is not None and conflict is None
    assert text(shown).count(words.amount(plan.cost.total, "원")) == 2, "in the sentence and in the table"
    assert words.of("fact_kind", "cost_before") in text(shown) and words["by_code"] in text(shown)


def relaxing(live: Live, room: Room, words: Words = KO) -> tuple[WhyDesk, Any, Any]:
    def fail(book: Book) -> None:
        book.learn(energy_page.small_site(peak_kw=LOW_KW))
        book.keep("plan/asked", to_json(planned(LOW_KW)).decode())

    put(live, fail)
    desk = WhyDesk(room, words)
    shown, asked, radio, column = last(desk.answer(words["why_none"]))
    assert column["visible"] and words["facts"] in text(shown)
    return desk, asked, radio


def test_a_conflict_is_relaxed_with_a_click_by_somebody_who_gives_a_name(
    live: Live, room: Room, told: list[Event]
) -> None:
    desk, asked, radio = relaxing(live, room)
    (label, smallest), *_ = radio["choices"]
    assert label.startswith("가장 작은 완화: 피크 한도 5.0 kW +") and radio["value"] == smallest
    tried = text(last(desk.try_out(asked, smallest)))
    assert "지금 계획과 나란히" in tried and "아무도 따르지 않습니다" in tried and told == []
    assert "이름을 쓰십시오" in desk.apply(asked, smallest, "  ") and told == []
    assert "적용했습니다" in desk.apply(asked, smallest, "김에너지")
    (event,) = told
    assert (event.stream, event.payload["by"]) == ("plan/relax", "김에너지")
    handled(live, event)
    site = room.now().site
    assert site is not None and site.peak_kw == pytest.approx(LOW_KW + event.payload["amounts"]["grid.peak"])


def test_what_was_asked_of_an_older_plan_is_not_applied_to_a_newer_one(
    live: Live, room: Room, told: list[Event]
) -> None:
    desk, asked, radio = relaxing(live, room)
    put(live, lambda book: book.keep("plan/asked", None))
    assert "계획이 바뀌었습니다" in desk.apply(asked, radio["value"], "김에너지") and told == []
    assert "고르십시오" in desk.apply(asked, "no.such", "김에너지")
    assert "고르십시오" in last(desk.try_out(None, "all"))


@BOTH
def test_a_tariff_is_shown_with_the_days_it_holds_and_a_day_without_table_is_told(
    room: Room, words: Words
) -> None:
    desk = BillDesk(room, words)
    shown = desk.table("general-b-hv-a-2", "2026-07-15")
    assert words["holds"].format(first="2026-06-01", last="2026-12-31") in text(shown)
    assert "222.3" in text(shown) and "15–21" in text(shown) and shown.count("slm-band-peak") == 6
    assert "11–12" in text(desk.table("general-b-hv-a-2", "2026-05-15")), "before the reform"
    lacking = {"ko": "1999-01-01의 요금제 'general-b-hv-a-2'", "en": "no tariff 'general-b-hv-a-2' is known"}
    assert lacking[words.lang] in text(desk.table("general-b-hv-a-2", "1999-01-01"))
    assert "2026-05-15" in text(desk.table("general-b-hv-a-2", "내일"))
    assert words.of("season", "summer") in text(desk.table("residential-low", "2026-07-15"))
    assert words["tariff_empty"] in desk.table(None, "2026-07-15")


@BOTH
def test_the_bill_of_the_month_so_far_is_that_of_the_readings(live: Live, room: Room, words: Words) -> None:
    put(live, lambda book: book.put_all("load", "main", MIDNIGHT - timedelta(days=3), [float("nan")]))
    month = live.read(lambda memory: month_so_far(Book(memory), NOW))
    assert month.bought.start == MIDNIGHT - timedelta(days=14) and month.missing == 0
    assert month.bought.values[-1] == 5.0 and month.bought.values[0] == 4.0, "as it was run, before that load"
    found = bill("general-b-hv-a-2", date(2026, 7, 1), month.metered(100, {}))
    shown = text(BillDesk(room, words).month("general-b-hv-a-2"))
    assert words.amount(found.total, "원") in shown and words.amount(month.kwh, "kWh") in shown
    assert words["demand"] in shown and "2026-07" in shown
    assert "kWh" in text(BillDesk(room, words).month("residential-low"))
    assert words["choose_tariff"] in BillDesk(room, words).month(None)


def test_steps_that_nobody_read_are_left_out_of_the_bill_and_counted(live: Live) -> None:
    def silent(book: Book) -> None:
        book.learn(energy_page.small_site())
        book.keep("told_at", NOW.isoformat())
        book.put_all("load", "main", MIDNIGHT, [4.0, 4.0, float("nan"), float("nan"), 4.0])

    put(live, silent)
    assert "값이 없어 뺀 구간 6개" in text(BillDesk(Room(live), KO).month("general-b-hv-a-2"))


@BOTH
def test_the_reform_of_2026_is_replayed_on_the_full_days(room: Room, words: Words) -> None:
    desk = BillDesk(room, words)
    assert desk.of_site()[2:] == ("2026-03-15", "2026-06-01"), "this tariff changed in June"
    assert desk.reform_of("industrial-b-hv-a-2", "2026-07-15") == ("2026-03-15", "2026-05-15")
    shown = text(desk.replay("industrial-b-hv-a-2", "2026-03-15", "2026-05-15"))
    assert "07-01 00:00 ~ 07-15 00:00" in shown.replace(" to ", " ~ ") and words["replay_note"] in shown
    assert words["same_tables"] in text(desk.replay("industrial-b-hv-a-2", "2026-05-15", "2026-05-16"))
    assert words["no_replay"] in text(desk.replay("residential-low", "2026-03-15", "2026-05-15"))


def test_a_day_that_is_over_stands_beside_the_same_day_without_planning(live: Live, room: Room) -> None:
    day = {
        "day": "2026-07-14", "cost": 900.0, "cost_before": 1000.0, "peak_kw": 9.0, "peak_before_kw": 12.0,
        "bought_kwh": 80.0, "missing": 0,
    }  # fmt: skip
    put(live, lambda book: book.keep("account/2026-07-14", day))
    assert "2026-07-14 1,000원 900원 -100원 12.0 → 9.0" in text(account_list(room.now(), KO))
    assert "1,000 won 900 won -100 won" in text(account_list(room.now(), EN))


@pytest.fixture
def home(live: Live, room: Room) -> Room:
    """The site at work with devices."""
    put(live, lambda book: book.keep("home", DEVICES))
    return room


def test_a_preview_says_what_would_change_and_sends_nothing(home: Room, told: list[Event]) -> None:
    shown = text(OrderDesk(home, KO).look("사무실 에어컨 꺼 줘"))
    assert "아직 보내지 않음" in shown and "꺼짐" in shown and "확인이 필요합니다" in shown
    assert "되묻습니다" in text(OrderDesk(home, KO).look("옥상 분수 꺼 줘"))
    assert EN["no_order"] in text(OrderDesk(home, EN).look("good morning"))
    assert told == []


def test_an_order_is_handed_over_confirmed_by_name_and_taken_back(
    live: Live, home: Room, told: list[Event]
) -> None:
    desk = OrderDesk(home, KO)
    put(live, lambda book: book.keep("device/ac", {"on": True}))
    assert desk.give("사무실 에어컨 꺼 줘")[1] == "", "the box is empty again"
    handled(live, told.pop())
    (order,) = home.now().orders
    assert f'data-choose="confirm:{order.id}"' in order_list(home.now(), KO)
    assert "이름을 쓰십시오" in desk.decide(f"confirm:{order.id}", "") and told == []
    assert "확인: 사무실 에어컨 꺼 줘" in text(desk.decide(f"confirm:{order.id}", "김에너지"))
    made = handled(live, told.pop())
    assert [each.stream for each in made if each.stream.startswith("command/out")] == ["command/out/ac"]
    listed = order_list(home.now(), EN)
    assert "sent" in text(listed) and "김에너지" in listed and "confirm:" not in listed
    assert "할 수 없는" in desk.decide(f"confirm:{order.id}", "김에너지"), "twice"
    desk.decide(f"undo:{order.id}", "김에너지")
    handled(live, told.pop())
    assert "되돌림" in text(order_list(home.now(), KO))


def test_an_order_that_is_none_stays_in_the_box_with_the_question_back(home: Room, told: list[Event]) -> None:
    shown, left = OrderDesk(home, KO).give("옥상 분수 꺼 줘")
    assert "되묻습니다" in shown and left == "옥상 분수 꺼 줘"
    assert [each.stream for each in told] == ["command/typed"], "it was said, and the log of the site has it"


def test_an_order_whose_time_to_confirm_has_passed_has_no_button(
    live: Live, home: Room, told: list[Event]
) -> None:
    OrderDesk(home, KO).give("사무실 에어컨 꺼 줘")
    handled(live, told.pop())
    put(live, lambda book: book.keep("told_at", (NOW + timedelta(minutes=3)).isoformat()))
    assert "confirm:" not in order_list(home.now(), KO)


def test_what_is_decided_on_a_recording_carries_the_time_of_the_recording(
    live: Live, home: Room, told: list[Event]
) -> None:
    tell(home, "command/typed", {"text": "불 꺼 줘"})
    tell(home, "command/typed", {"text": "불 꺼 줘"})
    assert told[0].time == NOW and told[0].kind == "replay" and told[0].id != told[1].id


def test_findings_and_anomalies_are_listed_newest_first(live: Live, room: Room) -> None:
    def two(book: Book) -> None:
        fault = {"meter": "load/main", "code": "gap", "severity": 1}
        times = [(NOW + timedelta(hours=hour)).isoformat() for hour in (0, 1)]
        book.keep(
            "findings",
            [{**fault, "time": time, "ko": f"빠짐 {n}", "en": f"gap {n}"} for n, time in enumerate(times)],
        )
        book.keep("anomaly/a", {"start": NOW.isoformat(), "ko": "밤에 부하", "en": "load at night"})

    put(live, two)
    shown = text(reading_view(room.now(), KO))
    assert (
        shown.index("빠짐 1") < shown.index("빠짐 0")
        and "07-15 10:00 load/main" in shown
        and "밤에 부하" in shown
    )
    assert "load at night" in text(reading_view(room.now(), EN))


def meter_file(folder: Path, days: int, lost: range = range(0)) -> Path:
    rows = ["time,load (kW)"]
    for hour in range(24 * days):
        at = MIDNIGHT - timedelta(days=days) + timedelta(hours=hour)
        value = "abc" if hour == 30 else f"{5 + (hour % 24 in range(8, 18)) * 10 + hour % 7 / 10:.1f}"
        if hour not in lost:
            rows.append(f"{at:%Y-%m-%d %H:%M},{value}")
    path = folder / "meter.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@BOTH
def test_a_meter_file_is_told_its_faults_by_row_and_foretells_the_next_day(
    room: Room, tmp_path: Path, words: Words
) -> None:
    shown = last(DataDesk(room, words).look(str(meter_file(tmp_path, 15))))
    seen = text(shown)
    assert "meter.csv" in seen and "'abc'" in seen and " 32 " in seen, "row 32 of the file"
    assert words["forecast_day"] in seen and shown.count("<svg") >= 2
    assert words.of("quantity", "load") in seen


def test_a_file_with_too_much_missing_is_refused_for_planning_and_foretells_nothing(
    room: Room, tmp_path: Path
) -> None:
    shown = text(last(DataDesk(room, KO).look(str(meter_file(tmp_path, 15, range(100, 160))))))
    assert "계획에 쓰지 않음" in shown and "다음 날 예측" not in shown


def test_a_file_that_is_none_is_told_by_its_name_alone(room: Room, tmp_path: Path) -> None:
    path = tmp_path / "메모.txt"
    path.write_text("안녕하세요", encoding="utf-8")
    shown = text(last(DataDesk(room, KO).look(str(path))))
    assert "메모.txt" in shown and str(tmp_path) not in shown
    assert "파일을 올리십시오" in text(last(DataDesk(room, KO).look(None)))


def test_a_saving_is_a_report_to_keep_in_both_languages(room: Room, tmp_path: Path) -> None:
    pytest.importorskip("fpdf")
    path = str(meter_file(tmp_path, 140))
    days = ("2026-02-26", "2026-06-01", "2026-06-05", "2026-07-14")
    desk = SavingDesk(room, KO)
    shown, files = last(desk.make(path, None, *days, 120))
    assert files is not None, text(shown)
    assert sorted(Path(each).name for each in files) == [
        f"saving.{lang}.{kind}" for lang in ("en", "ko") for kind in ("html", "md", "pdf")
    ]
    assert "수치 추적표" in text(shown) and "기온 자료가 없어" in text(shown)
    shown, files = last(desk.make(path, None, "2026-02-26", "2026-03-01", *days[2:], None))
    assert "4일로는 절감을 말하기에 적습니다" in text(shown) and str(tmp_path) not in shown and files is None
    assert "2026-05-15" in text(last(desk.make(path, None, "어제", *days[1:], None))[0])


def test_a_network_shows_picture_violations_and_measures_and_is_never_touched() -> None:
    pytest.importorskip("pandapower")
    from slm_energy.grid.report import grid_report

    report = grid_report("case33bw", 1.4, outages=False, most_options=4)
    for words, never in (
        (KO, "아무것도 조작하거나 설정하지 않았습니다"),
        (EN, "nothing was switched or set"),
    ):
        html = grid_view(report, words)
        assert '<svg xmlns="http://www.w3.org/2000/svg" class="slm-grid"' in html
        assert f"{len(report.violations)}" in text(html) and "0.874 pu" in text(html)
        assert never in text(html)


def test_the_grid_button_runs_the_power_flow_and_a_wrong_file_is_told_by_its_name(tmp_path: Path) -> None:
    pytest.importorskip("pandapower")
    steps = list(GridDesk(KO).look("simple_mv_open_ring_net", 1.0, False, None))
    assert "계산하고 있습니다" in steps[0] and "운전 메모" in steps[-1]
    path = tmp_path / "망.json"
    path.write_text("{}", encoding="utf-8")
    shown = text(last(GridDesk(KO).look(None, 1.0, False, str(path))))
    assert "망.json" in shown and str(tmp_path) not in shown
    assert "전력망을 고르십시오" in text(last(GridDesk(KO).look(None, 1.0, False, None)))


def test_long_work_says_so_and_ends_when_nobody_waits_any_more() -> None:
    from threading import Event as Flag

    seen, given_up = Flag(), Flag()

    def endless(task: Any) -> str:
        task.doing = "3/7"
        seen.set()
        while not task.given_up():
            pass
        given_up.set()
        return ""

    lines = working_on(endless, KO)
    assert "계산하고 있습니다" in str(next(lines)) and seen.wait(10)
    assert "3/7" in str(next(lines))
    lines.close()  # type: ignore[attr-defined]
    assert given_up.wait(10)


def test_what_the_work_raises_is_raised_to_whoever_waits() -> None:
    def broken(_: Any) -> str:
        raise UserError("no such thing")

    with pytest.raises(UserError, match="no such thing"):
        last(working_on(broken, KO)).result()


def test_every_word_of_the_page_is_there_in_both_languages() -> None:
    table = tomllib.loads((Path(words_module.__file__).parent / "words.toml").read_text(encoding="utf-8"))
    assert table["ko"].keys() == table["en"].keys()
    for name, found in table["ko"].items():
        other = table["en"][name]
        if isinstance(found, dict):
            assert found.keys() == other.keys(), name
        else:
            holes = [sorted(re.findall(r"{(\w+)", each)) for each in (found, other)]
            assert holes[0] == holes[1], name


def test_every_fact_of_a_reason_has_a_name_on_the_page() -> None:
    import slm_energy.why.wording as wording

    kinds = set(wording.table("cues")["told"]) - {"forbid", "force"}
    kinds |= {f"{what}_{act}" for what in ("forbid", "force") for act in ("charge", "run", "heat", "cool")}
    table = tomllib.loads((Path(words_module.__file__).parent / "words.toml").read_text(encoding="utf-8"))
    assert kinds <= set(table["ko"]["fact_kind"])


@BOTH
def test_a_battery_without_a_name_is_called_by_its_kind(words: Words) -> None:
    from energy_page import PARTS, problem_of, small_site

    from slm_energy.page.planview import charts, schedule
    from slm_energy.plan.solve import solve

    nameless = {key: value for key, value in PARTS["battery"].items() if key != "name"}
    plan = solve(problem_of(small_site(battery=nameless)))
    shown = text("".join([*charts(plan, words, None), schedule(plan, words)]))
    assert {"ko": "배터리 방전", "en": "battery discharges"}[words.lang] in shown
    assert words.lang == "en" or "battery" not in shown
