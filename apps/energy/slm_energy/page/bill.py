"""The bill tab: a tariff and its days, the month so far, a reform replayed, days that are over."""

from __future__ import annotations

from datetime import date
from typing import Any

from slm_core.errors import SlmError, UserError
from slm_core.ui.frame import Frame
from slm_energy.ems.book import Book
from slm_energy.page.billview import account_list, month_view, replay_view, required, tariff_view
from slm_energy.page.month import month_so_far
from slm_energy.page.room import Room, Snapshot
from slm_energy.page.shown import empty, fault
from slm_energy.page.words import Words
from slm_energy.tariff import Progressive, find_tariff, replay, tariff_names
from slm_energy.tariff.table import Tariff

MARCH, MAY = date(2026, 3, 15), date(2026, 5, 15)


def add_bill(frame: Frame, room: Room, site_line: Any, words: Words) -> None:
    """Add the tab; `site_line` changes when the site does."""
    import gradio as gr

    desk = Desk(room, words)
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            tariff = gr.Dropdown(titles(words), label=words["tariff"])
            day = gr.Textbox(label=words["tariff_day"], placeholder="2026-05-15", max_length=10)
            table = gr.HTML(empty(words["tariff_empty"]))
        with gr.Column(scale=5, min_width=320):
            count = gr.Button(words["count_bill"], variant="primary")
            month = gr.HTML(empty(words["bill_empty"]))
            with gr.Row():
                first = gr.Textbox(label=words["tables_of"], max_length=10, min_width=120)
                second = gr.Textbox(label=words["and_of"], max_length=10, min_width=120)
                again = gr.Button(words["replay"], min_width=120)
            replayed = gr.HTML(empty(words["replay_empty"]))
            frame.watch(room.shown(account_list, words))
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    small: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
    site_line.change(desk.of_site, None, [tariff, day, first, second], **hidden)
    gr.on([tariff.change, day.change], desk.table, [tariff, day], table, **hidden)
    tariff.input(desk.reform_of, [tariff, day], [first, second], **hidden)
    count.click(desk.month, tariff, month, **small)
    again.click(desk.replay, [tariff, first, second], replayed, **small)


def titles(words: Words) -> list[tuple[str, str]]:
    """Return the tariffs by title and id; the newest table of each names it."""
    from slm_energy.tariff.reading import read_book

    known = {each.id: each for each in sorted(read_book(None).tariffs, key=lambda each: each.valid_from)}
    return [(f"{known[id].title.said(words.lang)} ({id})", id) for id in tariff_names()]


def reform_days(name: str, day: date) -> tuple[date, date]:
    """Return two days between which the tables changed: March and May 2026, else around the last change.

    Raises:
        UserError: no table holds on one of the days.
    """
    tables: list[Tariff] = [find_tariff(name, each) for each in (MARCH, MAY)]
    if tables[0].valid_from != tables[1].valid_from:
        return MARCH, MAY
    last = find_tariff(name, max(day, MAY)).valid_from
    return MARCH, max(MAY, last)


class Desk:
    """What the fields and buttons do."""

    def __init__(self, room: Room, words: Words) -> None:
        self._room, self._words = room, words

    def of_site(self) -> tuple[Any, ...]:
        """Return tariff and day of the site, and the days of a reform of it."""
        import gradio as gr

        snapshot = self._room.now()
        known = tariff_names()
        name = snapshot.site.tariff if snapshot.site and snapshot.site.tariff in known else None
        day = snapshot.now.date().isoformat()
        if name is None:
            return gr.update(), day, MARCH.isoformat(), MAY.isoformat()
        return name, day, *self.reform_of(name, day)

    def reform_of(self, name: str | None, day: str | None) -> tuple[str, str]:
        """Return two days between which the tables of a tariff changed."""
        try:
            days = reform_days(name or "", day_of(day))
        except SlmError:
            days = (MARCH, MAY)
        return days[0].isoformat(), days[1].isoformat()

    def table(self, name: str | None, day: str | None) -> str:
        """Return the table of a tariff that holds on a day, or why there is none."""
        if not name:
            return empty(self._words["tariff_empty"])
        try:
            return tariff_view(find_tariff(name, day_of(day)), day_of(day), self._words)
        except SlmError as error:
            return fault(error, self._words.lang)

    def month(self, name: str | None) -> str:
        """Return the bill of the running month as far as it was metered."""
        words = self._words
        try:
            id, snapshot = required(name, words), self._sited()
            month = self._room.live.read(lambda memory: month_so_far(Book(memory), snapshot.now))
            tariff = find_tariff(id, month.bought.start.date())
            return month_view(id, tariff, month, snapshot, words)
        except SlmError as error:
            return fault(error, words.lang)

    def replay(self, name: str | None, first: str, second: str) -> str:
        """Return the last full days of a month under the tables of two days."""
        words = self._words
        try:
            id, snapshot, days = required(name, words), self._sited(), (day_of(first), day_of(second))
            if isinstance(find_tariff(id, days[0]), Progressive):
                raise UserError(words["no_replay"])
            month = self._room.live.read(
                lambda memory: month_so_far(Book(memory), snapshot.now, whole_days=True)
            )
            assert snapshot.site is not None
            metered = month.metered(snapshot.site.contract_kw, snapshot.peaks)
            return replay_view(replay(id, metered, days), month, words)
        except SlmError as error:
            return fault(error, words.lang)

    def _sited(self) -> Snapshot:
        snapshot = self._room.now()
        if snapshot.site is None:
            raise UserError(self._words["no_site"])
        return snapshot


def day_of(text: str | None) -> date:
    """Return the day that was typed.

    Raises:
        UserError: it is none.
    """
    try:
        return date.fromisoformat((text or "").strip())
    except ValueError as error:
        raise UserError(f"{text or ''!r} is no day", expected="2026-05-15") from error
