"""What the model is asked next, and what it is not asked at all."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slm_core.domain import Domain, TextRequest, find_domain
from slm_core.event import Event
from slm_core.expert import Answer, Expert
from slm_core.schedule import Desk, Inquiry, Queue
from slm_core.settings import load_settings

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def inquiry(key: str, severity: int = 0, deadline: float = 1000.0) -> Inquiry:
    return Inquiry(key, "record", TextRequest(text=key), severity, deadline, "answer", (asker(key),))


def asker(id_: str) -> Event:
    return Event(stream="report/in", kind="report", source="t", time=NOW, payload={}, id=id_)


def order(queue: Queue) -> list[str]:
    taken = []
    while (next_ := queue.take(0)) is not None:
        taken.append(next_.key)
    return taken


def test_life_and_limb_goes_first_and_then_the_earlier_deadline() -> None:
    queue = Queue(clock=Clock())
    for key, severity, deadline in (("a", 0, 200.0), ("b", 3, 900.0), ("c", 3, 300.0), ("d", 1, 250.0)):
        queue.put(inquiry(key, severity, deadline))
    assert order(queue) == ["c", "b", "d", "a"]


def test_a_burst_of_routine_reports_does_not_delay_a_critical_one() -> None:
    queue = Queue(clock=Clock())
    for number in range(299):
        queue.put(inquiry(f"routine-{number}"))
    queue.put(inquiry("trapped", 3))
    first = queue.take(0)
    assert first is not None and first.key == "trapped"
    assert queue.backlog().waiting == 299


def test_equal_questions_are_asked_once_and_all_askers_are_known() -> None:
    queue = Queue(clock=Clock())
    for id_, severity, deadline in (("first", 0, 500.0), ("second", 2, 400.0)):
        queue.put(replace(inquiry("same", severity, deadline), askers=(asker(id_),)))
    taken = queue.take(0)
    assert taken is not None and [each.id for each in taken.askers] == ["first", "second"]
    assert (taken.severity, taken.deadline) == (2, 500.0)
    assert queue.backlog().merged == 1 and queue.take(0) is None


def test_what_cannot_be_answered_in_time_is_left_to_the_rules_and_counted() -> None:
    clock = Clock()
    queue = Queue(clock=clock)
    for number in range(3):
        queue.put(inquiry(f"before-{number}"))
        queue.take(0)
        queue.done(5.0)
    queue.put(inquiry("hopeless", 3, deadline=104.0))
    queue.put(inquiry("possible", 0, deadline=106.0))
    assert order(queue) == ["possible"]
    assert queue.backlog().late == 1


def test_a_full_line_gives_up_the_least_severe_and_says_so() -> None:
    queue = Queue(bound=2, clock=Clock())
    for key, severity in (("a", 1), ("b", 3), ("c", 2)):
        queue.put(inquiry(key, severity))
    assert queue.backlog().shed == 1
    assert order(queue) == ["b", "c"]


class SlowExpert(Expert):
    """Stands in for a model of minutes: the answer comes when the test says so."""

    def __init__(self, domain: Domain, gate: threading.Event, fails: bool = False) -> None:
        super().__init__(domain, None, load_settings())
        self.engine: Any = object()
        self.gate, self.fails = gate, fails

    def answer(self, task_name: str | None, request: Any, cancel: threading.Event | None = None) -> Answer:
        from slm_core.errors import CouldNot

        self.gate.wait(10)
        if self.fails:
            raise CouldNot("it broke")
        return Answer(request, "expert")


@pytest.fixture
def disaster() -> Domain:
    return find_domain("disaster")


def test_the_desk_hands_each_answer_to_who_asked(disaster: Domain) -> None:
    gate, delivered, done = threading.Event(), [], threading.Event()

    def deliver(asked: Inquiry, answer: Answer) -> None:
        delivered.append((asked.key, answer.by))
        if len(delivered) == 2:
            done.set()

    desk = Desk(SlowExpert(disaster, gate), deliver, tell=print)
    deadline = desk.queue.now() + 60
    desk.ask(inquiry("routine", 0, deadline))
    desk.ask(inquiry("urgent", 3, deadline))
    desk.start()
    gate.set()
    assert done.wait(10)
    desk.stop()
    assert delivered == [("urgent", "expert"), ("routine", "expert")]
    assert desk.backlog().answered == 2 and desk.idle


def test_a_model_that_fails_leaves_the_rules_standing_and_the_next_is_asked(disaster: Domain) -> None:
    gate, told, said = threading.Event(), [], threading.Event()
    gate.set()

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == 2:
            said.set()

    desk = Desk(
        SlowExpert(disaster, gate, fails=True), deliver=lambda *_: told.append("delivered"), tell=tell
    )
    desk.ask(inquiry("a", 0, desk.queue.now() + 60))
    desk.ask(inquiry("b", 0, desk.queue.now() + 60))
    desk.start()
    assert said.wait(10)
    desk.stop()
    assert all("the rules stand" in line for line in told)


def test_without_a_model_nothing_is_put_into_the_line(disaster: Domain, tmp_path: Path) -> None:
    desk = Desk(Expert(disaster, None, load_settings()), deliver=lambda *_: None, tell=print)
    desk.ask(inquiry("a"))
    assert not desk.wanted and desk.backlog().waiting == 0
    desk.stop()
