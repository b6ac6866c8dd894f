"""The grid report as Markdown: the note, tables of what was calculated, and the facts behind the note."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from slm_energy.grid.limits import Violation
from slm_energy.grid.measure import Option, Step
from slm_energy.grid.network import Lang
from slm_energy.grid.note import note
from slm_energy.grid.report import GridReport, named_steps
from slm_energy.grid.wording import Wording, number

MOST_ROWS = 40
MOST_STEPS = 12
_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|!~&])")


def markdown(report: GridReport, lang: Lang | None = None, picture: str = "") -> str:
    """Return the report; `picture` is the file of a drawing to show, if any."""
    words = Wording(lang or report.lang)
    page: Callable[[str], str] = lambda key: words.of("page", key)  # noqa: E731
    written = note(report, words.lang)
    title = report.network.title(words.lang)
    parts = [
        f"# {_plain(page('title'))}: {_plain(title)}",
        f"![{_plain(title)}]({picture})" if picture else "",
        f"## {page('note')}",
        "\n".join(f"- {_plain(each.text)}" for each in written.sentences),
        _plain(_limits(report, words)),
        *_section(page("violations"), *violation_rows(report.violations, words), words),
        *(_section(page("outages"), *outage_rows(report, words), words) if report.outages else ()),
        *_section(page("options"), *option_rows(report.options.ranked, words), words),
        *(
            _section(page("rejected"), *option_rows(report.options.rejected, words), words)
            if report.options.rejected
            else ()
        ),
        f"## {page('facts')}",
        _table(
            [page("fact"), page("value"), page("element"), page("source")],
            [
                [
                    each.id,
                    _value(each.shown, each.unit),
                    words.element(each.element) if each.element else "",
                    each.source,
                ]
                for each in written.facts
            ],
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _limits(report: GridReport, words: Wording) -> str:
    loading = number(report.limits.loading_percent, "%")
    said = words.of("page", "limits").format(band=report.limits.band.source(words.lang), loading=loading)
    return f"{said} {words.of('page', 'own')}" if report.limits.own else said


def _section(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], words: Wording
) -> Iterator[str]:
    yield f"## {title}"
    if not rows:
        yield words.of("page", "none")
        return
    yield _table(header, rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        yield words.of("page", "all").format(n=len(rows), shown=MOST_ROWS)


def violation_rows(found: Sequence[Violation], words: Wording) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of what is broken."""
    header = [words.of("page", key) for key in ("element", "value", "limit")]
    rows = [
        [
            words.element(each.element),
            _of(each, each.value),
            "" if each.unit == "MW" else _of(each, each.limit),
        ]
        for each in found
    ]
    return header, rows


def outage_rows(report: GridReport, words: Wording) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the outages that break something; they must have been tried."""
    header = [words.of("page", key) for key in ("element", "lost", "violations", "worst")]
    assert report.outages is not None
    rows = [
        [
            words.element(each.element),
            number(each.lost_mw, "MW"),
            str(len(each.violations)),
            words["no_solution"] if not each.converged else _said(each.worst, words),
        ]
        for each in report.outages.insecure
    ]
    return header, rows


def _said(each: Violation | None, words: Wording) -> str:
    if each is None:
        return ""
    parts = {"element": words.element(each.element), "value": number(each.value, each.unit)}
    return words[each.quantity].format(**parts, limit=number(each.limit, each.unit))


def option_rows(found: Sequence[Option], words: Wording) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of measures; what speaks against them where any was rejected."""
    keys = ("measure", "steps", "left", "operations", "moved", "losses", "why")
    rejected = any(each.rejected for each in found)
    rows = []
    for each in found:
        row = [
            words.of("measure", each.kind),
            _steps(each, words),
            f"{len(each.before)}→{len(each.after)}",
            str(each.operations),
            number(each.moved_mw, "MW"),
            f"{number(each.losses_before_mw, 'MW')}→{number(each.flow.losses_mw, 'MW')}",
        ]
        rows.append([*row, _said(next(iter(each.new or each.worse), None), words)] if rejected else row)
    return [words.of("page", key) for key in (keys if rejected else keys[:-1])], rows


def _steps(option: Option, words: Wording) -> str:
    steps = named_steps(option)
    said = [_step(each, words) for each in steps[:MOST_STEPS]]
    if len(steps) > MOST_STEPS:
        said.append(words["and_more"].format(n=len(steps) - MOST_STEPS))
    return ", ".join(said)


def _step(step: Step, words: Wording) -> str:
    element = words.element(step.element)
    if step.at is not None and step.action in ("close", "open"):
        element = f"{element} [{words.element(step.at)}]"
    values = {"before": "", "after": ""}
    if step.unit:
        values = {"before": number(step.before, step.unit), "after": number(step.after, step.unit)}
    return words.of("step", step.action).format(element=element, **values)


def _of(each: Violation, value: float) -> str:
    return _value(number(value, each.unit), each.unit)


def _value(shown: str, unit: str) -> str:
    return f"{shown} {unit}" if unit in ("pu", "%", "MW", "Mvar") else shown


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header)]
    body = [[_plain(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [*lines, *body])


def _plain(text: str) -> str:
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
